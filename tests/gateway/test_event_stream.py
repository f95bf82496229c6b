"""The stream over real HTTP and a real NATS: once, in order, resumable; a slow client harms nobody."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contracts import subjects
from contracts.envelope import Role
from contracts.examples import RUN_SHOWN, examples
from contracts.feasibility import CuttingContext
from contracts.log import AttachmentAdded, RunOpened
from contracts.rmos import Runs
from runtime import testing
from services.gateway.feed.tail import FeedLimits
from tests.gateway.conftest import KEYS, World, a_world, with_streams
from tests.gateway.test_errors import problem_in

PATIENCE_S = 30


def opened(run_id: str, session_id: str | None = None) -> RunOpened:
    return RunOpened(
        run_id=run_id,
        mode="router",
        workflow_session_id=session_id,
        context=CuttingContext(),
        opened_at_utc="2026-01-02T03:04:05.000006Z",
    )


class Listener:
    """A client of the stream: the frames as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def frame(self) -> dict[str, str]:
        """The next frame's fields (comments under '')."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if not line:
                    return fields
                name, _, value = line.partition(": ")
                fields[name] = value
        return fields

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next `count` events; each one's id is its position."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            fields = await self.frame()
            if "id" in fields:
                found.append(json.loads(fields["data"]))
                assert fields["id"] == str(found[-1]["position"])
        return found


@contextlib.asynccontextmanager
async def listening_to(
    url: str, last_event_id: int | None = None, role: Role = Role.AUDITOR, **params: Any
) -> AsyncIterator[Listener]:
    headers = {"X-API-Key": KEYS[role]}
    if last_event_id is not None:
        headers["Last-Event-ID"] = str(last_event_id)
    timeout = httpx.Timeout(PATIENCE_S)
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout) as client,
        client.stream("GET", "/api/events/stream", params=params) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        listener = Listener(response)
        assert (await listener.frame())["retry"] == "2000"
        yield listener


def runs_of(events: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["run_id"] for event in events]


async def test_events_arrive_once_in_order_and_resume_where_a_client_left(world: World) -> None:
    names = [f"order{number}" for number in range(40)]
    async with world.server() as url:
        async with listening_to(url) as listener:
            for name in names[:20]:
                await world.partner.record(opened(name), request_id="req/7")
            first = await listener.events(20)
        for name in names[20:]:
            await world.partner.record(opened(name))
        left_at = first[9]["position"]
        async with listening_to(url, last_event_id=left_at) as listener:
            rest = await listener.events(30)
        async with listening_to(url, after=left_at) as listener:
            assert await listener.events(30) == rest
    assert runs_of(first) == names[:20]
    assert runs_of(rest) == names[10:]
    numbers = [event["position"] for event in first[:10] + rest]
    assert numbers == list(range(numbers[0], numbers[0] + 40))
    assert first[0]["request_id"] == "req/7"
    assert first[0]["type"] == "rmos.run_opened.v2"


@pytest.mark.parametrize("ahead", [1, 10**15])
async def test_a_position_that_the_log_does_not_have_is_refused(
    log_nats: testing.NatsAccess, s3_server: testing.S3Access, ahead: int
) -> None:
    async with a_world(log_nats, s3_server, FeedLimits(ahead_s=0.2)) as world, world.client() as client:
        head = await world.partner.record(opened("last"))
        for asked in ({"params": {"after": head + ahead}}, {"headers": {"Last-Event-ID": str(head + ahead)}}):
            problem_in(await client.get("/api/events/stream", **asked), 400, "INVALID_REQUEST")


async def test_a_client_that_knows_of_an_event_before_the_feed_has_it_waits_for_it(
    log_nats: testing.NatsAccess, s3_server: testing.S3Access
) -> None:
    async with a_world(log_nats, s3_server, FeedLimits(ahead_s=PATIENCE_S)) as world, world.server() as url:
        head = await world.partner.record(opened("before"))
        asking = asyncio.create_task(_first_after(url, head + 1))
        await asyncio.sleep(0.2)  # either order must give the same; this is the one in which the client is ahead
        for name in ("known", "next"):
            await world.partner.record(opened(name))
        assert runs_of(await asking) == ["next"]


async def _first_after(url: str, position: int) -> list[dict[str, Any]]:
    async with listening_to(url, after=position) as listener:
        return await listener.events(1)


async def test_the_whole_log_can_be_read_from_before_the_gateway_started(
    log_nats: testing.NatsAccess, s3_server: testing.S3Access
) -> None:
    async with a_world(log_nats, s3_server) as before:
        for number in range(600):
            last = await before.partner.record(opened(f"old{number}"))
    async with a_world(log_nats, s3_server) as world, world.server() as url, listening_to(url, after=0) as listener:
        history = await listener.events(last)
        await world.partner.record(opened("new"))
        (live,) = await listener.events(1)
    assert [event["position"] for event in history] == list(range(1, last + 1))
    assert runs_of(history[-600:]) == [f"old{number}" for number in range(600)]
    assert (live["position"], live["data"]["run_id"]) == (last + 1, "new")


async def test_filters_pass_only_what_was_asked_for(world: World) -> None:
    world.partner.says(subjects.RUNS, Runs(items=(RUN_SHOWN.model_copy(update={"run_id": "f-old"}),)))
    added = examples()[AttachmentAdded]
    assert isinstance(added, AttachmentAdded)
    async with (
        world.server() as url,
        listening_to(url, run="f1") as of_run,
        listening_to(url, session="fs") as of_session,
        listening_to(url, type="rmos.attachment") as of_type,
    ):
        await world.partner.record(opened("f1"))
        await world.partner.record(opened("f2", "fs"))
        for run in ("f1", "f2", "f3", "f-old"):
            await world.partner.record(added.model_copy(update={"run_id": run}))
        assert runs_of(await of_run.events(2)) == ["f1", "f1"]
        assert runs_of(await of_session.events(3)) == ["f2", "f2", "f-old"]
        assert runs_of(await of_type.events(4)) == ["f1", "f2", "f3", "f-old"]
    assert world.partner.last(subjects.RUNS).body.session_id == "fs"


async def test_a_quiet_stream_shows_that_it_lives(log_nats: testing.NatsAccess, s3_server: testing.S3Access) -> None:
    limits = FeedLimits(heartbeat_s=0.05)
    async with a_world(log_nats, s3_server, limits) as world, world.server() as url, listening_to(url) as listener:
        assert await listener.frame() == {"": "heartbeat"}
        assert await listener.frame() == {"": "heartbeat"}


async def test_a_nats_restart_loses_and_repeats_nothing(s3_server: testing.S3Access) -> None:
    with testing.running_nats() as access:
        await with_streams(access)
        async with a_world(access, s3_server) as world, world.server() as url, listening_to(url) as live:
            for number in range(5):
                await world.partner.record(opened(f"before{number}"))
            seen = await live.events(5)
            access.server.stop()
            access.server.start()
            for number in range(5):
                await recorded(world, f"after{number}")
            seen += await live.events(5)
            async with listening_to(url, after=0) as again:
                assert await again.events(10) == seen
            async with asyncio.timeout(PATIENCE_S):
                while not all(bus.connected for bus in world.partner.buses.values()):
                    await asyncio.sleep(0.05)
    assert [event["position"] for event in seen] == list(range(1, 11))
    assert runs_of(seen) == [f"before{n}" for n in range(5)] + [f"after{n}" for n in range(5)]


async def recorded(world: World, run_id: str) -> None:
    """Publish until the restarted server has taken it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await world.partner.record(opened(run_id))
                return
            except Exception:
                await asyncio.sleep(0.05)


class StuckClient:
    """A client straight on the application that takes what it is told to and no more."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ended = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self.waiting = asyncio.Event()

    async def send(self, message: Any) -> None:
        if not self.reading.is_set():
            self.waiting.set()
        await self.reading.wait()
        if message["type"] == "http.response.body":
            self.frames.append(message["body"])
            if not message.get("more_body"):
                self.ended.set()

    async def receive(self) -> Any:
        await self.ended.wait()
        return {"type": "http.disconnect"}

    async def connect(self, world: World) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/api/events/stream",
            "raw_path": b"/api/events/stream",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"x-api-key", KEYS[Role.ADMIN].encode())],
            "server": ("gateway", 80),
            "client": ("x", 1),
        }
        await world.app(scope, self.receive, self.send)


async def test_a_client_that_reads_too_slowly_is_sent_away_and_the_others_miss_nothing(
    log_nats: testing.NatsAccess, s3_server: testing.S3Access
) -> None:
    limits = FeedLimits(ring_events=20, page_events=5)
    async with a_world(log_nats, s3_server, limits) as world, world.server() as url:
        stuck = StuckClient()
        connection = asyncio.create_task(stuck.connect(world))
        async with listening_to(url) as quick:
            while not stuck.frames:
                await asyncio.sleep(0.01)
            stuck.reading.clear()
            names = [f"lag{number}" for number in range(100)]
            seen = []
            for name in names:
                await world.partner.record(opened(name))
                seen += await quick.events(1)
            await asyncio.wait_for(stuck.waiting.wait(), PATIENCE_S)
            stuck.reading.set()
            await asyncio.wait_for(connection, PATIENCE_S)
            assert runs_of(seen) == names
        text = b"".join(stuck.frames).decode()
        taken = [json.loads(line.removeprefix("data: ")) for line in text.split("\n") if line.startswith("data: ")]
        farewell = taken.pop()
        assert "event: lagged" in text
        assert text.rstrip().endswith("}")
        assert len(taken) <= 5
        assert runs_of(taken) == names[: len(taken)]
        async with listening_to(url, last_event_id=farewell["last_event_id"]) as resumed:
            assert runs_of(await resumed.events(100 - len(taken))) == names[len(taken) :]


async def test_a_client_that_takes_nothing_at_all_is_cut_off(world: World) -> None:
    impatient = world.with_limits(stalled_write_s=0.1)
    stuck = StuckClient()
    connection = asyncio.create_task(stuck.connect(impatient))
    while not stuck.frames:
        await asyncio.sleep(0.01)
    stuck.reading.clear()
    await world.partner.record(opened("stalled"))
    await asyncio.wait_for(connection, PATIENCE_S)
    assert impatient.gateway.metrics.open_streams == 0
    assert b"rmos_event_streams_stalled_total 1.0" in impatient.gateway.metrics.text()


async def test_a_client_that_leaves_frees_its_place_and_one_too_many_is_503(world: World) -> None:
    single = world.with_limits(max_streams=1)
    async with single.server() as url:
        headers = {"X-API-Key": KEYS[Role.ADMIN]}
        async with listening_to(url), httpx.AsyncClient(base_url=url, headers=headers) as client:
            problem_in(await client.get("/api/events/stream"), 503, "UNAVAILABLE")
        async with asyncio.timeout(PATIENCE_S):
            while single.gateway.metrics.open_streams:
                await asyncio.sleep(0.01)
        async with listening_to(url) as listener:
            await world.partner.record(opened("second"))
            assert runs_of(await listener.events(1)) == ["second"]


async def test_a_stopping_gateway_says_where_to_resume(world: World) -> None:
    async with world.server() as url, listening_to(url) as listener:
        last = await world.partner.record(opened("last"))
        await listener.events(1)
        await world.feed.close()
        frame = await listener.frame()
        assert frame["event"] == "closing"
        assert json.loads(frame["data"])["last_event_id"] == last
        assert await listener.frame() == {}


async def test_without_a_log_to_read_the_stream_is_503_and_the_gateway_is_not_ready(
    s3_server: testing.S3Access,
) -> None:
    with testing.running_nats() as access:
        async with a_world(access, s3_server) as world, world.client() as client:
            problem_in(await client.get("/api/events/stream"), 503, "UNAVAILABLE")
            assert (await client.get("/readyz")).json()["event_feed"]["ready"] is False
            await with_streams(access)
            async with asyncio.timeout(PATIENCE_S):
                while (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.05)


@pytest.mark.parametrize("last_event_id", ["abc", "-1", "9" * 17])
async def test_a_last_event_id_that_is_no_position_is_400(world: World, last_event_id: str) -> None:
    async with world.client() as client:
        answer = await client.get("/api/events/stream", headers={"Last-Event-ID": last_event_id})
    problem_in(answer, 400, "INVALID_REQUEST")
