"""`rmos import-legacy` against the running system: once, with a report, and verifiable afterwards."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.e2e.stack import Stack
from tests.e2e.test_audit_commands import rmos

RUNS = Path(__file__).parents[1] / "rmos" / "legacy" / "runs"


async def test_a_folder_is_imported_once_and_stays_verifiable(stack: Stack) -> None:
    told = await asyncio.to_thread(rmos, stack, "import-legacy", str(RUNS), "--dry-run", "--json")
    survey = json.loads(told.stdout)
    assert (told.returncode, len(survey["added"]), len(survey["failed"])) == (1, 5, 4), told.stderr
    first = await asyncio.to_thread(rmos, stack, "import-legacy", str(RUNS), "--json")
    report = json.loads(first.stdout)
    assert first.returncode == 1, first.stderr
    assert [item["path"] for item in report["added"]] == [item["path"] for item in survey["added"]]
    assert {item["path"].partition("/")[2]: item["reason"] for item in report["failed"]} == {
        "run_latin.json": "it is not UTF-8",
        "run_list.json": "it is JSON, but no object",
        "run_status.json": "its status is none of OK, BLOCKED and ERROR",
        "run_torn.json": "it is not JSON (line 1)",
    }
    assert report["left_out"] == ["2025-08-20/notes.txt", "_index.json"]
    again = json.loads((await asyncio.to_thread(rmos, stack, "import-legacy", str(RUNS), "--json")).stdout)
    assert (again["added"], [item["artifact_id"] for item in again["known"]]) == (
        [],
        [item["artifact_id"] for item in report["added"]],
    )
    verified = await asyncio.to_thread(rmos, stack, "audit", "verify", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["findings"]) == (0, [])
    proof = await asyncio.to_thread(rmos, stack, "audit", "proof", report["added"][0]["artifact_id"])
    assert proof.returncode == 0


async def test_the_store_commands_run_against_the_embedded_stack(stack: Stack) -> None:
    for command in (("store", "rebuild"), ("store", "repair"), ("migrate", "status"), ("migrate", "verify")):
        done = await asyncio.to_thread(rmos, stack, *command, "--json")
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    orphans = await asyncio.to_thread(rmos, stack, "store", "orphans", "--json")
    found = json.loads(orphans.stdout)
    assert (orphans.returncode, found["orphans"], found["foreign"]) == (0, [], [])
