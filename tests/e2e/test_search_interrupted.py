"""The authority dies or is restarted in the middle of a background search: the record says so, and nothing is half."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import httpx
import pytest

from tests.e2e.stack import Stack, wait_for_readiness
from tests.e2e.test_search import SEARCH, WANTED

ENDED_WITHIN_S = 25


async def answered(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """The answer once there is one: a process that went in order needs a while to come back."""
    until = time.monotonic() + ENDED_WITHIN_S
    while (response := await client.get(path)).status_code == 503:
        assert time.monotonic() < until, response.text
        await asyncio.sleep(0.2)
    assert response.status_code == 200
    shown: dict[str, Any] = response.json()
    return shown


async def types_in_run(client: httpx.AsyncClient, run_id: str) -> list[str]:
    """Types of the run's events; empty while nobody can say."""
    response = await client.get(f"/api/runs/{run_id}/events", params={"limit": 200})
    return [event["type"] for event in response.json()["items"]] if response.status_code == 200 else []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_search_whose_authority_ended_is_recorded_as_interrupted(stack: Stack, how: signal.Signals) -> None:
    """On the stack that the others use too: they find it ready again."""
    async with stack.client() as client:
        body = {"context": {**WANTED, "style": "[[fault:hang]]"}, "search_budget": {"time_limit_seconds": 60}}
        started = await client.post(SEARCH, json=body, headers={"Prefer": "respond-async"})
        assert started.status_code == 202
        search_id, run_id = started.json()["search_id"], started.json()["run_id"]
        pid = stack.pid("rmos")
        os.kill(pid, how)
        until = time.monotonic() + ENDED_WITHIN_S
        while "rmos.search_ended.v1" not in (types := await types_in_run(client, run_id)):
            assert time.monotonic() < until, f"the search was never ended on record: {types}"
            await asyncio.sleep(0.2)
        search = await answered(client, f"/api/rmos/ai/searches/{search_id}")
        assert (search["state"], search["outcome"], search["artifact_id"]) == ("ended", "interrupted", None)
        assert types.count("rmos.search_ended.v1") == 1
        assert (await answered(client, f"/api/runs/{run_id}/artifacts"))["items"] == []
        await wait_for_readiness(client, stack, "rmos", pid, ENDED_WITHIN_S)
