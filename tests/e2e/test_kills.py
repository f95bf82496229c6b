"""kill -9 of every process in the middle of concurrent journeys: 50 of them every night; 16 with every change, for the
processes whose clients do not have to wait for a silence to end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import nats
import pytest

from tests.e2e import journey
from tests.e2e.log_check import check_log
from tests.e2e.stack import Stack, running_stack, wait_for_readiness

PROMPT = "plain ring rosette, 90 mm"
"""Quick to cut: the outage meets all journeys, not a queue in front of the toolpaths."""
CLIENT_PATIENCE_S = 25
"""After which a client leaves: nobody answers a generation or a toolpath whose process was killed (decision 0008)."""
PATIENCE_S = 60
"""When the test gives up; how soon a process is back is held by tests/cli/test_up_down_status.py."""
RETRYABLE = {503, 504}
TOLD_AT_ONCE = ["gateway", "ai_gateway", "rmos", "postgres", "s3"]
WAITED_FOR = ["art_studio", "cam", "nats"]


@pytest.fixture(scope="module")
def mortal_stack() -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


async def travel(client: httpx.AsyncClient, number: int) -> str:
    """One journey; returns how it ended: done, or the name of the step and of its refusal."""
    steps = [
        ("open", "/api/runs", {"context": journey.SHOP}),
        ("generate", "/api/art-studio/svg/generate", {"prompt": PROMPT, "variant_seed": number % 5}),
        ("bind", "/api/runs/{run}/artifacts/bind-art-studio-candidate", {"required_kinds": ["svg", "spec"]}),
        ("toolpaths", "/api/rmos/toolpaths", {}),
    ]
    run = artifact = ""
    for name, path, body in steps:
        belongs = {"generate": {"run_id": run}, "toolpaths": {"artifact_id": artifact}}.get(name, {})
        try:
            response = await client.post(path.format(run=run), json={**body, **belongs})
        except httpx.TransportError as error:
            return f"{name}: connection lost ({type(error).__name__})"
        if response.status_code in RETRYABLE:
            assert response.json()["request_id"]
            return f"{name}: retryable {response.json()['error']}: {response.json()['message']}"
        if response.status_code >= 400:
            answer = response.json()
            return f"{name}: definite {answer['error']} {definite_reason(answer)}"
        answer = response.json()
        run = answer.get("run_id", run)
        artifact = answer.get("artifact_id", artifact)
    return "done"


def definite_reason(answer: dict[str, object]) -> str:
    """A refusal that a killed partner explains; anything else fails the test by name."""
    text = str(answer)
    assert any(word in text for word in ("UNAVAILABLE", "DEADLINE_EXCEEDED")), f"unexplained refusal: {text[:500]}"
    return "caused by the outage"


@pytest.mark.parametrize("victim", TOLD_AT_ONCE)
async def test_every_journey_ends_and_the_log_is_whole(mortal_stack: Stack, victim: str) -> None:
    await kill_amid(mortal_stack, victim, 16)


@pytest.mark.slow
@pytest.mark.parametrize("victim", TOLD_AT_ONCE + WAITED_FOR)
async def test_every_one_of_50_journeys_ends_and_the_log_is_whole(mortal_stack: Stack, victim: str) -> None:
    await kill_amid(mortal_stack, victim, 50)


async def kill_amid(mortal_stack: Stack, victim: str, number_of_journeys: int) -> None:
    async with mortal_stack.client(timeout_s=CLIENT_PATIENCE_S) as client:
        assert await travel(client, 0) == "done"
        journeys = [asyncio.create_task(travel(client, number)) for number in range(number_of_journeys)]
        await asyncio.wait(journeys, return_when=asyncio.FIRST_COMPLETED)
        before = [one.result() for one in journeys if one.done()]
        pid = mortal_stack.pid(victim)
        os.kill(pid, signal.SIGKILL)
        await wait_for_readiness(client, mortal_stack, victim, pid, PATIENCE_S)
        endings = Counter(await asyncio.gather(*journeys))
        assert set(before) == {"done"}
        assert len(before) < number_of_journeys, "the kill did not come in the middle"
        assert await travel(client, 1) == "done", endings
    counts = check_log(mortal_stack)
    await check_feed(mortal_stack, counts["events"])
    listed = await listed_artifacts(mortal_stack)
    # a command whose caller was sent away with "ask again" may still end meanwhile
    assert counts["artifacts"] <= listed <= check_log(mortal_stack)["artifacts"]


async def check_feed(stack: Stack, events: int) -> None:
    """The LOG stream reaches the log's head, and its sequence is the position."""
    state = stack.state
    dashboard = state["dashboard"]
    client = await nats.connect(
        state["nats_url"], user=dashboard["user"], password=dashboard["password"], inbox_prefix="_INBOX.dashboard"
    )
    try:
        give_up = time.monotonic() + PATIENCE_S
        while True:
            info = await client.jetstream().stream_info("LOG")
            if info.state.last_seq >= events or time.monotonic() > give_up:
                break
            await asyncio.sleep(0.05)
        assert info.state.first_seq == 1
        assert info.state.messages == info.state.last_seq
        assert info.state.last_seq >= events
    finally:
        await client.close()


async def listed_artifacts(stack: Stack) -> set[str]:
    """Every artifact that is found by walking all runs."""
    found: set[str] = set()
    async with stack.client() as client:
        cursor: str | None = None
        while True:
            page = await journey.got(client, "/api/runs", limit=200, **({"cursor": cursor} if cursor else {}))
            for run in page["items"]:
                if run["artifact_count"]:
                    artifacts = await journey.got(client, f"/api/runs/{run['run_id']}/artifacts", limit=200)
                    found |= {item["artifact_id"] for item in artifacts["items"]}
            cursor = page["next_cursor"]
            if cursor is None:
                return found
