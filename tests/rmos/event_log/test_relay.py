"""The stream LOG is the log: same order, same numbers, whatever stops or starts again in between."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import nats
import psycopg
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg

from contracts.canonical import canonical_bytes
from contracts.log import StoredEvent
from runtime.logs import logger
from runtime.testing import DatabaseAccess, NatsAccess
from services.rmos.event_log import relay as relay_module
from services.rmos.event_log.duties import ended
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.relay import LogRelay
from services.rmos.migrate import migrate_bus
from tests.rmos.conftest import bus_settings
from tests.rmos.event_log.given import leading, opened, referenced, request, until


@asynccontextmanager
async def connected(access: NatsAccess, user: str) -> AsyncIterator[Client]:
    client = await nats.connect(
        access.url,
        user=user,
        password=access.passwords[user],
        inbox_prefix=f"_INBOX.{user}".encode(),
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.05,
        error_cb=_ignore,
    )
    try:
        yield client
    finally:
        await client.close()


async def _ignore(_: Exception) -> None:
    """Reconnecting is what the tests are about."""


class Published:
    """Which positions a client has sent to the log's stream. What the bus did not answer in time is sent again, so how
    often says nothing."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.positions: set[int] = set()
        monkeypatch.setattr(client, "publish", self._noting(client.publish))  # requests go through it too

    def _noting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def noted(subject: str, *args: Any, **kwargs: Any) -> Any:
            if subject.startswith("log."):
                self.positions.add(int(kwargs["headers"]["x-log-position"]))
            return await call(subject, *args, **kwargs)

        return noted


@asynccontextmanager
async def relaying(client: Client, log: PostgresEventLog) -> AsyncIterator[LogRelay]:
    relay = LogRelay(client, log, log.head, logger())
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await ended(task)


async def appended(log: PostgresEventLog, first: int, last: int) -> None:
    """Commands that bring the log to position `last`, one event each."""
    await asyncio.gather(
        *(
            log.append(request(f"command_{number}", f"run-{number}", 0, opened(str(number))))
            for number in range(first, last + 1)
        )
    )


async def stream_messages(admin: JetStreamContext, last: int) -> list[RawStreamMsg]:
    return [await admin.get_msg("LOG", sequence) for sequence in range(1, last + 1)]


async def assert_same(log: PostgresEventLog, admin: JetStreamContext) -> list[StoredEvent]:
    events = list(await log.read_after(0, 10_000))
    state = (await admin.stream_info("LOG")).state
    assert (state.messages, state.last_seq) == (len(events), len(events))
    for event, message in zip(events, await stream_messages(admin, len(events)), strict=True):
        assert message.headers is not None
        assert (message.seq, message.headers["x-log-position"]) == (event.position, str(event.position))
        assert (message.headers["ce-id"], message.data) == (event.event_id, event.data_json.encode())
        assert message.subject == f"log.{event.type}"
    return events


async def test_sequence_is_position_and_the_message_is_the_stored_event(
    database: DatabaseAccess, bus_server: NatsAccess
) -> None:
    async with (
        leading(database.writer_dsn) as log,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        relaying(client, log) as relay,
    ):
        await appended(log, 1, 1)
        await until(lambda: relay.published == 1)
        await appended(log, 2, 700)
        await until(lambda: relay.published == 700)
        (first, *_) = await assert_same(log, admin.jetstream())
        message = await admin.jetstream().get_msg("LOG", 1)
        assert message.headers is not None
        assert dict(message.headers) | {"Nats-Expected-Last-Sequence": "0"} == {
            "ce-specversion": "1.0",
            "ce-id": first.event_id,
            "ce-type": "rmos.run_opened.v2",
            "ce-source": "/rmos/rmos",
            "ce-time": first.recorded_at_utc,
            "ce-dataschema": "https://rmos.dev/schemas/rmos.run_opened.v2.json",
            "ce-subject": first.stream,
            "content-type": "application/json",
            "x-request-id": first.request_id,
            "x-actor": canonical_bytes(first.actor).decode(),
            "x-log-position": "1",
            "Nats-Msg-Id": "1",
            "Nats-Expected-Last-Sequence": "0",
        }


async def test_a_new_relay_publishes_what_is_missing_and_nothing_again(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        leading(database.writer_dsn) as log,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
    ):
        sent = Published(client, monkeypatch)
        await appended(log, 1, 30)
        async with relaying(client, log) as relay:
            await until(lambda: relay.published == 30)
        assert sent.positions == set(range(1, 31))
        await appended(log, 31, 40)  # committed, and no relay to publish them: as after a crash in between
        assert (await admin.jetstream().stream_info("LOG")).state.messages == 30
        sent.positions.clear()
        async with relaying(client, log) as relay:
            await until(lambda: relay.published == 40)
        assert sent.positions == set(range(31, 41))
        sent.positions.clear()
        async with relaying(client, log) as relay:
            await until(lambda: relay.published == 40)
        assert sent.positions == set()
        await assert_same(log, admin.jetstream())


async def test_two_relays_at_once_double_and_reorder_nothing(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "RETRY_S", 0.01)
    async with (
        leading(database.writer_dsn) as log,
        connected(bus_server, "rmos") as one,
        connected(bus_server, "rmos") as other,
        connected(bus_server, "migrate") as admin,
        relaying(one, log) as first,
        relaying(other, log) as second,
    ):
        for upto in range(20, 401, 20):
            await appended(log, upto - 19, upto)
        await until(lambda: first.published == 400 and second.published == 400)
        assert (first.failure, second.failure) == (None, None)
        await assert_same(log, admin.jetstream())


async def test_kill_9_of_the_bus_in_the_middle_loses_nothing(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "ACK_TIMEOUT_S", 0.5)
    async with (
        leading(database.writer_dsn) as log,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        relaying(client, log) as relay,
    ):
        appending = asyncio.create_task(appended(log, 1, 600))
        await until(lambda: relay.published > 0)
        os.kill(bus_server.server.pid, signal.SIGKILL)
        await appending
        await asyncio.to_thread(bus_server.server.start)
        await until(lambda: relay.published == 600)
        await assert_same(log, admin.jetstream())


async def test_a_stream_that_was_lost_and_made_anew_is_filled_from_the_log(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "LOOK_AGAIN_S", 0.1)
    async with (
        leading(database.writer_dsn) as log,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        relaying(client, log) as relay,
    ):
        await appended(log, 1, 50)
        await until(lambda: relay.published == 50)
        await admin.jetstream().delete_stream("LOG")
        await migrate_bus(bus_settings(bus_server, "migrate"), log_is_empty=True)

        async def filled() -> bool:
            return (await admin.jetstream().stream_info("LOG")).state.last_seq == 50

        await until(filled)
        await assert_same(log, admin.jetstream())


async def stopped(client: Client, log: PostgresEventLog) -> str:
    relay = LogRelay(client, log, log.head, logger())
    await asyncio.wait_for(relay.run(), 10)
    assert relay.failure is not None
    return relay.failure


async def test_a_stream_ahead_of_the_log_stops_the_relay(database: DatabaseAccess, bus_server: NatsAccess) -> None:
    async with leading(database.writer_dsn) as log, connected(bus_server, "rmos") as client:
        for _ in range(3):
            await client.jetstream().publish("log.rmos.run_opened.v1", b"{}")
        await appended(log, 1, 2)
        assert "is at 3 but the log ends at 2" in await stopped(client, log)


async def test_a_stream_of_another_log_stops_the_relay(database: DatabaseAccess, bus_server: NatsAccess) -> None:
    async with leading(database.writer_dsn) as log, connected(bus_server, "rmos") as client:
        await client.jetstream().publish("log.rmos.run_opened.v1", b"{}", headers={"ce-id": "foreign"})
        await appended(log, 1, 2)
        assert "sequence 1 of stream LOG is foreign" in await stopped(client, log)


async def test_a_database_restored_to_an_older_state_stops_the_relay(
    database: DatabaseAccess, bus_server: NatsAccess, postgres_server: Any
) -> None:
    async with connected(bus_server, "rmos") as client:
        async with leading(database.writer_dsn) as log:
            await appended(log, 1, 5)
            async with relaying(client, log) as relay:
                await until(lambda: relay.published == 5)
        # the owner can do what no service can: this is how an old backup looks to the relay
        with psycopg.connect(database.owner_dsn) as owner:
            owner.execute("ALTER TABLE events DISABLE TRIGGER append_only")
            owner.execute("DELETE FROM events WHERE position > 3")
            owner.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER append_only")
        async with leading(database.writer_dsn) as log:
            assert "is at 5 but the log ends at 3" in await stopped(client, log)
            await log.append(request("other_4", "run-x", 0, opened("x"), referenced("x")))
            assert "sequence 5 of stream LOG" in await stopped(client, log)


async def test_the_bus_lets_only_rmos_publish_to_the_log(bus_server: NatsAccess) -> None:
    refused: list[str] = []

    async def report(error: Exception) -> None:
        refused.append(str(error))

    client = await nats.connect(
        bus_server.url,
        user="gateway",
        password=bus_server.passwords["gateway"],
        inbox_prefix=b"_INBOX.gateway",
        error_cb=report,
    )
    await client.publish("log.rmos.run_opened.v1", b"{}")
    await client.flush()
    await until(lambda: any("permissions violation" in text.lower() for text in refused))
    await client.close()
