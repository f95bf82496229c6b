"""The README's HTTP quick start, run line by line as it is printed there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.docs.test_documents import blocks
from tests.e2e.stack import Stack

README = Path("README.md")


def quick_start() -> str:
    (script,) = [block for block in blocks(README, "bash") if "curl" in block]
    return script


@pytest.mark.skipif(shutil.which("curl") is None, reason="the quick start is written with curl")
def test_the_quick_start_ends_with_a_program_and_its_record(stack: Stack, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", quick_start()],
        cwd=tmp_path,
        env={**os.environ, "RMOS_HOME": str(stack.home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "ALLOW"
    assert said[-1] == "True"
    assert (tmp_path / "rosette.svg").read_text().startswith("<svg")
    assert "G21" in (tmp_path / "rosette.nc").read_text()
    types = [event["type"] for event in json.loads((tmp_path / "events.json").read_text())["items"]]
    assert {"rmos.run_opened.v2", "rmos.candidate_bound.v1", "rmos.toolpaths_decided.v1"} <= set(types)
    assert "rmos.ai_explanation_requested.v1" in types


def test_an_error_looks_as_the_readme_shows_it(stack: Stack) -> None:
    (shown,) = [json.loads(block) for block in blocks(README, "json")]
    headers = {"Authorization": f"Bearer {stack.key('admin')}"}
    answered = httpx.get(f"{stack.url}/api/runs/run_0", headers=headers, timeout=30).json()
    assert answered.keys() >= shown.keys()
    assert {name: answered[name] for name in ("error", "message", "details")} == {
        name: shown[name] for name in ("error", "message", "details")
    }


def test_the_api_describes_itself_where_the_readme_says(stack: Stack) -> None:
    for path in ("/docs", "/openapi.json"):
        assert httpx.get(f"{stack.url}{path}", timeout=30).status_code == 200
