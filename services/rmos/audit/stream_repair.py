"""The stream LOG, made anew and filled from the log: it is a copy, and a copy that differs is no use to anybody."""

from __future__ import annotations

import asyncio

import nats
import nats.js.errors
from nats.aio.client import Client

from contracts.subjects import LOG_STREAM, inbox_prefix
from runtime.logs import Logger
from runtime.settings import NatsSettings
from services.rmos.audit.keeper import BusAccess
from services.rmos.event_log.duties import ended
from services.rmos.event_log.head import Head
from services.rmos.event_log.reader import LogReader
from services.rmos.event_log.relay import LogDisagrees, LogRelay
from services.rmos.migrate import migrate_bus

LOOK_S = 0.05


async def refilled_stream(bus: BusAccess, dsn: str, log: Logger) -> int:
    """The position up to which the new stream holds the log. A relay of a running rmos may fill it at the same time:
    each publication names the sequence that it follows, so neither doubles the other's.

    Raises nats' errors or LogDisagrees.
    """
    client = await _connected(bus.migrate)
    try:
        replicas = (await client.jetstream().stream_info(LOG_STREAM)).config.num_replicas or 1
        await client.jetstream().delete_stream(LOG_STREAM)
    except nats.js.errors.NotFoundError:
        replicas = 1
    finally:
        await client.close()
    await migrate_bus(bus.migrate, replicas, log_is_empty=False)
    return await _filled(bus.rmos, dsn, log)


async def _filled(settings: NatsSettings, dsn: str, log: Logger) -> int:
    client = await _connected(settings)
    try:
        async with LogReader(dsn) as events:
            end = await events.last_position()
            relay = LogRelay(client, events, Head(), log)
            running = asyncio.create_task(relay.run())
            try:
                while relay.published < end and not running.done():  # noqa: ASYNC110 - the relay tells nobody
                    await asyncio.sleep(LOOK_S)
            finally:
                await ended(running)
            if relay.failure is not None:
                raise LogDisagrees(relay.failure)
            return relay.published
    finally:
        await client.close()


async def _connected(settings: NatsSettings) -> Client:
    return await nats.connect(
        settings.url,
        user=settings.user,
        password=settings.password,
        inbox_prefix=inbox_prefix(settings.user).encode(),
        connect_timeout=5,
        allow_reconnect=False,
        name="rmos-repair",
    )
