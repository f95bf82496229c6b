"""The audit commands against the running system, as an auditor runs them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from contracts.audit import ArtifactProof
from services.rmos.audit.proof_file import wrong_with
from services.rmos.domain.checkpoint import VerifierKey
from tests.e2e import journey
from tests.e2e.stack import Stack


def rmos(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.app", *arguments, "--home", str(stack.home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


async def bound(stack: Stack) -> str:
    async with stack.client() as client:
        run_id = await journey.opened_run(client)
        await journey.generated(client, run_id)
        return str((await journey.bound(client, run_id))["artifact_id"])


async def test_a_system_at_work_is_sound(stack: Stack) -> None:
    await bound(stack)
    working = asyncio.create_task(bound(stack))
    found = await asyncio.to_thread(rmos, stack, "audit", "verify", "--json")
    report: dict[str, Any] = json.loads(found.stdout)
    assert (found.returncode, report["findings"]) == (0, []), found.stderr
    assert report["checked"]["events"] >= 4
    assert report["checked"]["blobs"] >= 2
    assert report["checked"]["stream_messages"] >= 4
    await working
    quick = await asyncio.to_thread(rmos, stack, "audit", "verify", "--quick")
    assert (quick.returncode, quick.stdout.splitlines()[-1].split(";")[0]) == (0, "sound")


async def test_a_proof_is_checked_and_written(stack: Stack, tmp_path: Path) -> None:
    artifact = await bound(stack)
    found = await asyncio.to_thread(rmos, stack, "audit", "proof", artifact, "--out", str(tmp_path / "proof.json"))
    assert found.returncode == 0, found.stderr
    proof = ArtifactProof.model_validate_json((tmp_path / "proof.json").read_bytes())
    assert proof.artifact_id == artifact
    keys = [VerifierKey.parse(stack.state["checkpoint_vkey"])]
    assert wrong_with(proof, keys) is None
    changes: dict[str, Any] = {
        "data_json": proof.data_json.replace(artifact, artifact[::-1]),
        "entry": proof.entry.replace('"version":', '"version":1'),
        "artifact_id": "artifact_other",
        "leaf_index": proof.leaf_index + 1,
        "checkpoint": proof.checkpoint.replace("rmos.local", "rmos.locaL"),
        "hashes": tuple(text[::-1] for text in proof.hashes),
    }
    for field, changed in changes.items():
        assert wrong_with(proof.model_copy(update={field: changed}), keys) is not None, field
    nowhere = await asyncio.to_thread(rmos, stack, "audit", "proof", artifact, "--out", str(tmp_path / "no" / "file"))
    assert (nowhere.returncode, "cannot be written" in nowhere.stderr) == (2, True)
    assert (await asyncio.to_thread(rmos, stack, "audit", "proof", "artifact_none")).returncode == 2


async def test_the_status_of_the_store_counts_everything(stack: Stack) -> None:
    async def status() -> dict[str, Any]:
        found = await asyncio.to_thread(rmos, stack, "store", "status", "--json")
        assert found.returncode == 0
        counted: dict[str, Any] = json.loads(found.stdout)
        return counted

    before = await status()
    await bound(stack)
    after = await status()
    assert before["events"] > 0
    assert before["blobs"] > 0
    assert after["events"] > before["events"]
    assert after["blobs"] >= before["blobs"]
    assert after["quarantined"] == before["quarantined"]


def test_a_home_without_a_stack_is_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.app", "audit", "verify", "--home", str(tmp_path)]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 2
