"""An explanation by a model from the request to the text, over HTTP; its failures; and a death in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.canonical import sha256_hex
from tests.e2e import journey
from tests.e2e.stack import Stack, running_stack

ENDED_WITHIN_S = 40


@pytest.fixture(scope="module")
def explaining_stack() -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


def rmos(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.app", *arguments, "--home", str(stack.home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


async def judged(client: httpx.AsyncClient) -> tuple[str, str]:
    """Run and artifact of a design that may not be cut: the stock is too thin."""
    run_id = await journey.opened_run(client, context={**journey.SHOP, "stock_thickness_mm": 1})
    await journey.generated(client, run_id)
    return run_id, str((await journey.bound(client, run_id))["artifact_id"])


def path_of(artifact_id: str) -> str:
    return f"/api/artifacts/{artifact_id}/ai-explanation"


async def ended(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """The explanation once it is no longer pending; a process that died needs a while to come back."""
    until = time.monotonic() + ENDED_WITHIN_S
    while True:
        response = await client.get(path)
        if response.status_code != 503:
            assert response.status_code == 200, response.text
            shown: dict[str, Any] = response.json()
            if shown["status"] != "PENDING":
                return shown
        assert time.monotonic() < until, f"still pending: {response.text}"
        await asyncio.sleep(0.2)


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """The process stands still; one that was replaced meanwhile is none of ours any more."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def test_an_explanation_comes_as_advice_beside_the_record(explaining_stack: Stack, tmp_path: Path) -> None:
    stack = explaining_stack
    async with stack.client("designer") as client:
        run_id, artifact_id = await judged(client)
        before = await journey.got(client, f"/api/artifacts/{artifact_id}")
        assert before["ai_explanation"]["status"] == "NONE"
        asked = await client.post(path_of(artifact_id), headers={"Idempotency-Key": f"explain-{artifact_id}"})
        assert (asked.status_code, asked.json()["status"]) == (202, "PENDING")
        ready = await ended(client, asked.headers["Location"])
        assert (ready["status"], ready["provider"], ready["advisory"]) == ("READY", "offline", True)
        assert ready["text"].startswith("The calculations came out RED")
        assert "What to change:" in ready["text"]
        repeated = await client.post(path_of(artifact_id), headers={"Idempotency-Key": f"explain-{artifact_id}"})
        assert (repeated.status_code, repeated.json()) == (200, ready)
        assert repeated.headers["Content-Location"] == path_of(artifact_id)
        another = await client.post(path_of(artifact_id), json={"provider": "local"})
        assert (another.status_code, another.json()) == (200, ready)
        after = await journey.got(client, f"/api/artifacts/{artifact_id}")
        assert (after["ai_explanation"]["status"], after["ai_explanation"]["summary"]) == ("READY", ready["summary"])
        assert {**after, "ai_explanation": None} == {**before, "ai_explanation": None}
        computed = await journey.got(client, f"/api/artifacts/{artifact_id}/explanation")
        assert (computed["origin"], computed["status"]) == ("calculators", "READY")
        events = (await journey.got(client, f"/api/runs/{run_id}/events", limit=200))["items"]
        assert [event["type"] for event in events][-2:] == [
            "rmos.ai_explanation_requested.v1",
            "rmos.ai_explanation_ready.v1",
        ]
    replayed = await asyncio.to_thread(rmos, stack, "replay", run_id, "--json")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    bundle = tmp_path / "evidence.zip"
    exported = await asyncio.to_thread(rmos, stack, "audit", "export", artifact_id, "--out", str(bundle))
    assert exported.returncode == 0, exported.stderr
    with zipfile.ZipFile(bundle) as members:
        assert members.read(f"blobs/{ready['text_sha256']}.txt").decode() == ready["text"]
    assert sha256_hex(ready["text"].encode()) == ready["text_sha256"]
    orphans = await asyncio.to_thread(rmos, stack, "store", "orphans", "--json")
    assert ready["text_sha256"] not in orphans.stdout
    assert json.loads(orphans.stdout)["checked"]["objects"] > 0


async def test_a_failure_is_shown_with_its_code_and_can_be_asked_again(explaining_stack: Stack) -> None:
    async with explaining_stack.client("operator") as client:
        _, artifact_id = await judged(client)
        asked = await client.post(path_of(artifact_id), json={"provider": "local", "model": "qwen3:8b"})
        assert asked.status_code == 202
        failed = await ended(client, path_of(artifact_id))
        assert (failed["status"], failed["error"]["code"]) == ("ERROR", "AI_NOT_CONFIGURED")
        assert (failed["text"], failed["model"], failed["asked_by"]["id"]) == (None, "qwen3:8b", "operator")
        again = await client.post(path_of(artifact_id), json={"provider": "offline"})
        assert (again.status_code, again.json()["status"], again.json()["error"]) == (202, "PENDING", None)
        assert (await ended(client, path_of(artifact_id)))["status"] == "READY"


async def test_who_may_not_and_what_is_not_there_are_refused(explaining_stack: Stack) -> None:
    async with explaining_stack.client("auditor") as client:
        assert (await client.post(path_of("artifact_x"))).status_code == 403
    async with explaining_stack.client("designer") as client:
        assert (await client.post(path_of("artifact_x"))).status_code == 404
        assert (await client.get(path_of("artifact_x"))).status_code == 404


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_request_whose_authority_ended_does_not_stay_pending(
    explaining_stack: Stack, how: signal.Signals
) -> None:
    stack = explaining_stack
    async with stack.client() as client:
        _, artifact_id = await judged(client)
        with paused(stack.pid("ai_gateway")):
            asked = await client.post(path_of(artifact_id))
            assert (asked.status_code, asked.json()["status"]) == (202, "PENDING")
            os.kill(stack.pid("rmos"), how)
            failed = await ended(client, path_of(artifact_id))
        assert (failed["status"], failed["error"]["code"]) == ("ERROR", "UNAVAILABLE")
        assert failed["explanation_id"] == asked.json()["explanation_id"]
        assert (await client.post(path_of(artifact_id))).status_code == 202
        assert (await ended(client, path_of(artifact_id)))["status"] == "READY"
