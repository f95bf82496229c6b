"""Everybody who follows the log sees every event once, in order, and can go on where they stopped."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.e2e import journey
from tests.e2e.log_check import check_log
from tests.e2e.stack import Stack

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


async def read_events(client: httpx.AsyncClient, count: int, **options: Any) -> list[dict[str, Any]]:
    """The next `count` server-sent events as {id, event, data}."""
    found: list[dict[str, Any]] = []
    current: dict[str, Any] = {}
    async with client.stream("GET", "/api/events/stream", timeout=20, **options) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if not line and "data" in current:
                found.append(current)
                current = {}
                if len(found) == count:
                    break
            elif ":" in line and not line.startswith(":"):
                name, _, value = line.partition(":")
                current[name] = value.strip()
    return found


async def test_a_client_that_drops_and_returns_sees_each_event_once_and_in_order(stack: Stack) -> None:
    async with stack.client() as client:
        run_id = await journey.opened_run(client)
        await journey.generated(client, run_id)
        await journey.bound(client, run_id)
        total = check_log(stack)["events"]
        first = await read_events(client, 5, params={"after": 0})
        rest = await read_events(client, total - 5, headers={"Last-Event-ID": first[-1]["id"]})
        assert [int(event["id"]) for event in first + rest] == list(range(1, total + 1))


async def test_a_filter_by_run_shows_that_run_alone_while_others_go_on(stack: Stack) -> None:
    async with stack.client() as client:
        run_id = await journey.opened_run(client)
        start = check_log(stack)["events"] - 1
        reading = asyncio.create_task(read_events(client, 2, params={"run": run_id, "after": start}))
        other = await journey.opened_run(client)
        await journey.generated(client, other)
        await journey.generated(client, run_id)
        events = await reading
        assert [json.loads(event["data"])["data"]["run_id"] for event in events] == [run_id, run_id]


def test_the_subscriber_example_goes_on_where_it_stopped(stack: Stack, tmp_path: Path) -> None:
    total = check_log(stack)["events"]
    command = [sys.executable, str(EXAMPLES / "subscriber.py"), "--stack", str(stack.home / "stack.json")]
    command += ["--state", str(tmp_path / "position"), "--idle", "1"]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    positions = [int(line.split()[0]) for line in first.stdout.splitlines()]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) >= total
    (tmp_path / "position").write_text(str(len(positions) - 3))
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [int(line.split()[0]) for line in again.stdout.splitlines()][:3] == positions[-3:]


def test_the_cloudevents_example_prints_structured_events(stack: Stack) -> None:
    command = [sys.executable, str(EXAMPLES / "cloudevents_subscriber.py"), "--stack", str(stack.home / "stack.json")]
    printed = subprocess.run([*command, "--idle", "1"], capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [event["sequence"] for event in events] == [str(number) for number in range(1, len(events) + 1)]
    for event in events:
        assert {"specversion", "id", "source", "type", "time", "data", "datacontenttype"} <= event.keys()
        assert event["specversion"] == "1.0"
