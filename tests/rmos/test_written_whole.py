"""A file that a command writes is there whole, or as it was, however many write it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
import typer

from services.rmos.cli_options import write_whole


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, replace, others = tmp_path / "proof.json", Path.replace, [b"the other's"]

    def meeting(half: Path, target: Any) -> Path:
        if others:
            write_whole(wanted, others.pop())
        return replace(half, target)

    monkeypatch.setattr(Path, "replace", meeting)
    write_whole(wanted, b"mine")
    assert wanted.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [wanted]


def test_it_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_whole(tmp_path / "whole", b"")
    assert stat.S_IMODE(os.stat(tmp_path / "whole").st_mode) == stat.S_IMODE(os.stat(tmp_path / "plain").st_mode)


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(_: Path, __: Any) -> Path:
        raise OSError(28, "No space left on device")

    (tmp_path / "proof.json").write_bytes(b"before")
    monkeypatch.setattr(Path, "replace", refusing)
    with pytest.raises(typer.Exit):
        write_whole(tmp_path / "proof.json", b"after")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]
