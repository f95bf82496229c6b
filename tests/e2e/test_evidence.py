"""A program's way back to its record, out of the house and through time, with the commands as an auditor runs them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import journey
from tests.e2e.stack import Stack, running_stack


@dataclass(frozen=True, slots=True)
class House:
    """A stack of its own that keeps the models' answers, with one approved program and one refusal."""

    stack: Stack
    program: bytes
    made: dict[str, Any]
    refused_run_id: str

    def rmos(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli.app", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)

    def home(self) -> tuple[str, str]:
        return "--home", str(self.stack.home)


async def worked(stack: Stack) -> House:
    async with stack.client() as client:
        session = await journey.posted(client, "/api/workflow-sessions", {"context": journey.SHOP}, 201)
        run_id = await journey.opened_run(client, workflow_session_id=session["session_id"])
        await journey.generated(client, run_id)
        candidate = await journey.bound(client, run_id)
        await journey.posted(client, "/api/rmos/workflow/approve", {"session_id": session["session_id"]})
        made = await journey.posted(client, "/api/rmos/toolpaths", {"artifact_id": candidate["artifact_id"]})
        thick = {**journey.SHOP, "stock_thickness_mm": 1}
        refused = await journey.opened_run(client, context=thick)
        await journey.generated(client, refused)
        await journey.bound(client, refused)
    return House(stack, made["outputs"]["gcode_text"].encode(), made, refused)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RMOS_AI_CAPTURE", "true")
        with running_stack() as stack:
            yield asyncio.run(worked(stack))


def test_a_file_leads_to_its_run_and_approver(house: House, tmp_path: Path) -> None:
    (tmp_path / "program.nc").write_bytes(house.program)
    found = house.rmos("audit", "who-made", str(tmp_path / "program.nc"), "--json", *house.home())
    assert found.returncode == 0, found.stderr
    (release,) = json.loads(found.stdout)["releases"]
    assert (release["run_id"], release["artifact_id"]) == (house.made["run_id"], house.made["artifact_id"])
    assert release["approval"]["approved_by"]["role"] == "admin"
    assert release["proof"]["signed_by"] == house.stack.state["checkpoint_vkey"]
    (tmp_path / "changed.nc").write_bytes(house.program.replace(b"M30", b"M02"))
    changed = house.rmos("audit", "who-made", str(tmp_path / "changed.nc"), *house.home())
    assert changed.returncode == 1
    assert house.made["artifact_id"] in changed.stdout


def test_a_bundle_is_signed_by_rmos_exported_and_checked_elsewhere(house: House, tmp_path: Path) -> None:
    (tmp_path / "program.nc").write_bytes(house.program)
    bundle, program = str(tmp_path / "bundle.zip"), str(tmp_path / "program.nc")
    exported = house.rmos("audit", "export", program, "--out", bundle, *house.home())
    assert exported.returncode == 0, exported.stderr
    vkey = house.stack.state["checkpoint_vkey"]
    checked = house.rmos("audit", "check-bundle", bundle, "--vkey", vkey, "--program", program, "--json")
    report = json.loads(checked.stdout)
    assert (checked.returncode, report["findings"]) == (0, []), checked.stdout
    assert report["statement"]["predicate"]["run_id"] == house.made["run_id"]
    data = bytearray((tmp_path / "bundle.zip").read_bytes())
    data[data.index(b'{"payload":') + 200] ^= 1
    (tmp_path / "bundle.zip").write_bytes(data)
    tampered = house.rmos("audit", "check-bundle", bundle, "--vkey", vkey)
    assert (tampered.returncode, "statement.dsse.json: " in tampered.stdout) == (1, True)


def test_everything_comes_out_the_same_again_and_nothing_is_recorded(house: House) -> None:
    before = json.loads(house.rmos("store", "status", "--json", *house.home()).stdout)
    one = house.rmos("replay", house.made["run_id"], "--json", *house.home())
    report = json.loads(one.stdout)
    assert one.returncode == 0, one.stdout + one.stderr
    outcomes = Counter((item["what"], item["outcome"]) for item in report["runs"][0]["items"])
    assert outcomes == {
        (what, "same"): number
        for what, number in {
            "svg": 1, "ai_answer": 1, "feasibility": 2, "toolpaths": 1, "gcode": 1, "opplan": 1, "preview": 1,
        }.items()
    }  # fmt: skip
    every = house.rmos("replay", "--all", *house.home())
    assert (every.returncode, every.stdout) == (0, "2 runs: 11 same, 0 drift, 0 not reproducible\n")
    after = json.loads(house.rmos("store", "status", "--json", *house.home()).stdout)
    assert (after["events"], after["blobs"]) == (before["events"], before["blobs"])


@pytest.mark.parametrize(
    "arguments",
    [("replay",), ("replay", "run_1", "--all"), ("replay", "run_none"), ("audit", "who-made", "none.nc")],
    ids=" ".join,
)
def test_wrong_usage_and_what_is_not_there_are_exit_code_2(house: House, arguments: tuple[str, ...]) -> None:
    assert house.rmos(*arguments, *house.home()).returncode == 2


def test_a_name_that_the_log_does_not_have_makes_no_bundle(house: House, tmp_path: Path) -> None:
    found = house.rmos("audit", "export", "run_none", "--out", str(tmp_path / "none.zip"), *house.home())
    assert (found.returncode, (tmp_path / "none.zip").exists()) == (2, False)
