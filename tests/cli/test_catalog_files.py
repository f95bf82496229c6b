"""Files that hold no entries: `rmos catalog add` names the one that is wrong, and asks no system."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import program


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "not UTF-8: invalid start byte (byte 0)"),
        (b'[sources]\nshop = "ours"\n', "there is no [[material]], [[tool]] or [[machine]] in it"),
        (b"[[materials]]\n", "unknown tables ['materials']"),
        (b"[[material\n", "not TOML"),
    ],
)
def test_a_file_that_holds_no_entries_is_named_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_bytes(content)
    result = CliRunner().invoke(program(), ["catalog", "add", str(wrong), "--home", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert f"nothing was added: {wrong}: {reason}" in result.output


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(program(), ["catalog", "add", str(tmp_path / "absent.toml")])
    assert result.exit_code == 1
    assert "absent.toml" in result.output
