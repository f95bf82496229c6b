"""Facts of the other services enter the log once, in order, or end in DEAD with the reason."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client
from nats.js.api import RawStreamMsg

from contracts.cam import ToolpathsFailed
from contracts.canonical import canonical_bytes
from contracts.envelope import event_headers
from contracts.errors import ErrorCode, RmosError
from contracts.log import StoredEvent
from contracts.subjects import RECORDER
from runtime.bus import Bus
from runtime.clock import SystemClock
from runtime.logs import logger
from runtime.testing import DatabaseAccess, NatsAccess
from services.rmos.event_log import recorder as recorder_module
from services.rmos.event_log.duties import ended
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.recorder import FactRecorder
from services.rmos.migrate import migrate_bus
from services.rmos.ports import AppendRequest, AppendResult
from tests.rmos.conftest import bus_settings
from tests.rmos.event_log.given import leading, until
from tests.rmos.event_log.test_relay import connected

TYPE = "cam.toolpaths_failed.v1"


def fact(number: int) -> ToolpathsFailed:
    return ToolpathsFailed(
        request_id="request_1", design_sha256="ab" * 32, engine_version="1", reason=f"reason {number}"
    )


def headers(fact_id: str, **changes: str) -> dict[str, str]:
    values = event_headers(
        event_id=fact_id,
        event_type=TYPE,
        source="cam",
        time="2026-01-01T00:00:00.000000Z",
        request_id="request_1",
    )
    return {name: value for name, value in (values | changes).items() if value}


@asynccontextmanager
async def publisher(access: NatsAccess) -> AsyncIterator[Bus]:
    bus = await Bus.connect(bus_settings(access, "cam"), "cam", SystemClock(), logger())
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def recording(client: Client, log: object) -> AsyncIterator[FactRecorder]:
    recorder = FactRecorder(client, log, logger())  # type: ignore[arg-type]  # logs and stand-ins that fail on purpose
    task = asyncio.create_task(recorder.run())
    try:
        yield recorder
    finally:
        await ended(task)


async def recorded(log: PostgresEventLog, count: int) -> list[StoredEvent]:
    async def enough() -> bool:
        return await log.last_position() >= count

    await until(enough, 30)
    return await log.read_after(0, 10_000)


async def nothing_pending(admin: Client) -> None:
    async def settled() -> bool:
        info = await admin.jetstream().consumer_info("FACTS", RECORDER)
        return (info.num_pending, info.num_ack_pending) == (0, 0)

    await until(settled, 30)


async def dead_letters(admin: Client, count: int) -> list[RawStreamMsg]:
    async def enough() -> bool:
        return (await admin.jetstream().stream_info("DEAD")).state.messages >= count

    await until(enough)
    return [await admin.jetstream().get_msg("DEAD", sequence) for sequence in range(1, count + 1)]


async def test_facts_are_recorded_in_order_as_they_came(database: DatabaseAccess, bus_server: NatsAccess) -> None:
    async with (
        leading(database.writer_dsn) as log,
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        recording(client, log),
    ):
        for number in range(300):
            await cam.publish_fact(fact(number), f"fact_{number}", "request_1", subject=f"job_{number % 2}")
        events = await recorded(log, 300)
        await nothing_pending(admin)
        assert [event.event_id for event in events] == [f"fact_{number}" for number in range(300)]
        first = events[0]
        assert (first.stream, first.version, first.type) == ("cam-job_0", 1, TYPE)
        assert first.data_json.encode() == canonical_bytes(fact(0))
        assert (first.actor.id, first.actor.role, first.actor.kind) == ("cam", "system", "system")
        assert first.request_id == "request_1"


async def test_a_fact_that_comes_again_after_its_commit_is_not_recorded_again(
    database: DatabaseAccess, bus_server: NatsAccess
) -> None:
    class CrashesBeforeTheAnswer:
        """Commits, and then the process dies before the acknowledgement."""

        async def append(self, request: AppendRequest) -> AppendResult:
            await log.append(request)
            await asyncio.Event().wait()
            raise AssertionError

    async with (
        leading(database.writer_dsn) as log,
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
    ):
        for number in range(10):
            await cam.publish_fact(fact(number), f"fact_{number}", "request_1")
        async with recording(client, CrashesBeforeTheAnswer()):
            await recorded(log, 10)
        async with recording(client, log):
            await nothing_pending(admin)
        assert await log.last_position() == 10


async def test_while_the_log_is_unavailable_facts_wait_and_keep_their_order(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "RETRY_S", 0.02)

    class OftenAway:
        def __init__(self) -> None:
            self.calls = 0

        async def append(self, request: AppendRequest) -> AppendResult:
            self.calls += 1
            if self.calls % 3:
                raise RmosError(ErrorCode.UNAVAILABLE, "away")
            return await log.append(request)

    async with (
        leading(database.writer_dsn) as log,
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
    ):
        for number in range(10):
            await cam.publish_fact(fact(number), f"fact_{number}", "request_1", subject="job")
        async with recording(client, OftenAway()):
            await nothing_pending(admin)
        events = await recorded(log, 10)
        assert [event.event_id for event in events] == [f"fact_{number}" for number in range(10)]


BODY = canonical_bytes(fact(1))


@pytest.mark.parametrize(
    ("subject", "sent", "body", "reason"),
    [
        ("cam.toolpaths_failed.v1", headers("f", **{"ce-type": "cam.unheard_of.v1"}), BODY, "is no fact"),
        ("cam.toolpaths_failed.v1", {}, BODY, "is no fact"),
        ("cam.toolpaths_generated.v1", headers("f"), BODY, "subject of another fact"),
        ("cam.toolpaths_failed.v1", headers("f", **{"ce-source": "/rmos/ai_gateway"}), BODY, "ce-source is not"),
        ("cam.toolpaths_failed.v1", headers(""), BODY, "ce-id is missing"),
        ("cam.toolpaths_failed.v1", headers("f" * 124), BODY, "ce-id is missing"),
        ("cam.toolpaths_failed.v1", headers("f", **{"x-request-id": ""}), BODY, "x-request-id"),
        ("cam.toolpaths_failed.v1", headers("f", **{"ce-subject": "two words"}), BODY, "ce-subject"),
        ("cam.toolpaths_failed.v1", headers("f"), b"no json", "not canonical JSON"),
        ("cam.toolpaths_failed.v1", headers("f"), b" " + BODY, "not canonical JSON"),
        ("cam.toolpaths_failed.v1", headers("f"), b'{"reason":"x"}', "does not fit its type, in: design_sha256"),
        (
            "cam.toolpaths_failed.v1",
            headers("f"),
            canonical_bytes(fact(1).model_copy(update={"reason": "a\x00b"})),
            "INVALID_REQUEST: .*U\\+0000",
        ),
    ],
)
async def test_a_malformed_fact_ends_in_dead_with_its_reason_and_holds_up_nobody(
    database: DatabaseAccess, bus_server: NatsAccess, subject: str, sent: dict[str, str], body: bytes, reason: str
) -> None:
    async with (
        leading(database.writer_dsn) as log,
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
    ):
        await cam.jetstream.publish(f"fact.{subject}", body, headers=sent)
        await cam.publish_fact(fact(2), "fact_good", "request_1")
        async with recording(client, log):
            (letter,) = await dead_letters(admin, 1)
            events = await recorded(log, 1)
            await nothing_pending(admin)
        assert [event.event_id for event in events] == ["fact_good"]
        assert (letter.subject, letter.data) == (f"dead.fact.{subject}", body)
        assert letter.headers is not None
        assert re.search(reason, letter.headers["x-dead-reason"])
        assert (letter.headers["x-dead-stream"], letter.headers["x-dead-sequence"]) == ("FACTS", "1")
        assert letter.headers.get("ce-id") == sent.get("ce-id")


async def test_a_fact_id_with_other_content_ends_in_dead(database: DatabaseAccess, bus_server: NatsAccess) -> None:
    async with (
        leading(database.writer_dsn) as log,
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        recording(client, log),
    ):
        for number in range(2):  # without Nats-Msg-Id, so that the stream's own duplicate check does not see it
            await cam.jetstream.publish(f"fact.{TYPE}", canonical_bytes(fact(number)), headers=headers("fact_1"))
        (letter,) = await dead_letters(admin, 1)
        assert letter.headers is not None
        assert letter.headers["x-dead-reason"].startswith("IDEMPOTENCY_MISMATCH")
        assert len(await recorded(log, 1)) == 1


async def test_a_fact_that_fails_for_no_known_reason_is_tried_again_and_then_given_up(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "BACK_OFF_S", (0.01, 0.01, 0.01))
    tries: list[str] = []

    class Broken:
        async def append(self, request: AppendRequest) -> AppendResult:
            tries.append(request.context.command_id)
            raise RmosError(ErrorCode.INTERNAL, "no idea")

    async with (
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        recording(client, Broken()),
    ):
        await cam.publish_fact(fact(1), "fact_1", "request_1")
        (letter,) = await dead_letters(admin, 1)
        assert letter.headers is not None
        assert letter.headers["x-dead-reason"] == "INTERNAL: no idea"
        assert tries == ["fact:fact_1"] * 4


async def test_recording_goes_on_after_kill_9_of_the_bus(database: DatabaseAccess, bus_server: NatsAccess) -> None:
    async with (
        leading(database.writer_dsn) as log,
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        recording(client, log),
    ):
        await cam.publish_fact(fact(1), "fact_1", "request_1")
        await recorded(log, 1)
        os.kill(bus_server.server.pid, signal.SIGKILL)
        await asyncio.to_thread(bus_server.server.start)
        await until(lambda: cam.connected)
        await cam.publish_fact(fact(2), "fact_2", "request_1")
        assert [event.event_id for event in await recorded(log, 2)] == ["fact_1", "fact_2"]
        await nothing_pending(admin)


async def test_a_deleted_consumer_is_noticed_and_used_again_once_it_is_back(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "FETCH_S", 0.5)
    async with (
        leading(database.writer_dsn) as log,
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        recording(client, log) as recorder,
    ):
        await cam.publish_fact(fact(1), "fact_1", "request_1")
        await recorded(log, 1)
        await admin.jetstream().delete_consumer("FACTS", RECORDER)
        await until(lambda: recorder.failure is not None and "run the migration" in recorder.failure)
        await cam.publish_fact(fact(2), "fact_2", "request_1")
        await migrate_bus(bus_settings(bus_server, "migrate"), log_is_empty=True)
        assert [event.event_id for event in await recorded(log, 2)] == ["fact_1", "fact_2"]
        await until(lambda: recorder.failure is None)
