"""Several rmos processes under load: one is killed, one paused and resumed; the record stays one record."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.blobs import BlobRef
from runtime.blobs import BlobStore
from runtime.bus import Bus
from runtime.clock import SystemClock
from runtime.logs import logger
from runtime.testing import DatabaseAccess, NatsAccess, S3Access
from tests.rmos.event_log.given import until
from tests.rmos.processes.authority import Authority, Servers, authority
from tests.rmos.processes.record import (
    Listings,
    check_acknowledged,
    check_listings,
    check_stream,
    check_table,
    tail,
    whole_table,
)
from tests.rmos.processes.traffic import Client, Traffic

CLIENTS = 8
PATIENCE_S = 6.0
"""For a take-over, which takes less than 2 s on a machine that is not overloaded; the figures are printed."""


@pytest.fixture
def servers(bus_server: NatsAccess, database: DatabaseAccess, s3_server: S3Access) -> Servers:
    return Servers(bus_server, database, s3_server)


@pytest.fixture
def several(servers: Servers, tmp_path: Path) -> Iterator[Authority]:
    with authority(servers, tmp_path, processes=3) as running:
        yield running


@asynccontextmanager
async def connected(servers: Servers) -> AsyncIterator[Bus]:
    bus = await Bus.connect(servers.bus("gateway"), "gateway", SystemClock(), logger())
    try:
        yield bus
    finally:
        await bus.close()


async def some_blobs(servers: Servers) -> list[BlobRef]:
    store = BlobStore(servers.blobs())
    try:
        return [await store.put(json.dumps({"number": n}).encode(), "application/json") for n in range(20)]
    finally:
        store.close()


@dataclass
class Interruptions:
    """When the authority was interrupted, and after which time a new command was accepted."""

    killed_at: float = 0.0
    paused_at: float = 0.0


async def interrupt(running: Authority, traffic: Traffic, all_commands: int) -> Interruptions:
    """Kill the leader a quarter of the way, pause its successor half-way, resume it once the next one has worked."""
    found = Interruptions()

    async def reached(share: float) -> None:
        await until(lambda: traffic.answered >= share * all_commands, 300)

    def accepted_since(moment: float) -> Callable[[], bool]:
        return lambda: traffic.first_after(moment) is not None

    await reached(0.25)
    epoch, leader = running.leader()
    running.kill(leader)
    found.killed_at = time.monotonic()
    await until(accepted_since(found.killed_at), PATIENCE_S)
    assert running.leader()[0] > epoch
    running.start()
    await reached(0.5)
    epoch, leader = running.leader()
    running.pause(leader)
    found.paused_at = time.monotonic()
    await until(lambda: running.leader()[0] > epoch, PATIENCE_S)
    await until(accepted_since(found.paused_at), PATIENCE_S)
    await reached(0.65)
    running.resume(leader)
    return found


async def walk_meanwhile(listings: Listings, traffic: Traffic, stop: asyncio.Event) -> int:
    """Walks the list of runs until told to stop; each walk finds what was there when it began, and nothing twice."""
    walks = 0
    while not stop.is_set():
        known = {done.answer.run_id for done in traffic.acknowledged if hasattr(done.answer, "opened_by")}
        found = [run.run_id for run in await listings.runs()]
        assert len(set(found)) == len(found)
        assert known <= set(found)
        walks += 1
    return walks


async def torture(running: Authority, commands: int) -> None:
    servers = running.servers
    traffic, stop = Traffic(), asyncio.Event()
    blobs = await some_blobs(servers)
    await until(lambda: running.leader()[0] > 0, 60)
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        buses = [await stack.enter_async_context(connected(servers)) for _ in range(CLIENTS + 1)]
        listings = Listings(buses[-1])
        tailing = asyncio.create_task(tail(servers.database.reader_dsn, stop))
        walking = asyncio.create_task(walk_meanwhile(listings, traffic, stop))
        async with asyncio.TaskGroup() as clients:
            interrupting = clients.create_task(interrupt(running, traffic, CLIENTS * commands))
            for number in range(CLIENTS):
                client = Client(f"client-{number}", buses[number], blobs, traffic)
                clients.create_task(client.send(commands))
        took = time.monotonic() - began
        stop.set()
        seen, walks = await asyncio.gather(tailing, walking)
        rows = whole_table(servers.database.reader_dsn)
        assert traffic.answered == CLIENTS * commands
        check_table(rows)
        check_acknowledged(rows, traffic)
        assert seen == [(row.position, row.event_id) for row in rows]
        assert walks > 0
        await check_listings(listings, rows)
        await check_stream(servers.nats, rows)
    interruptions = interrupting.result()
    print(
        json.dumps(
            {
                "commands": traffic.answered,
                "events": len(rows),
                "seconds": round(took, 1),
                "take_over_after_kill_s": traffic.first_after(interruptions.killed_at),
                "take_over_after_pause_s": traffic.first_after(interruptions.paused_at),
                "longest_command_s": round(traffic.longest_s, 2),
                "asked_again": traffic.asked_again,
                "repeated": traffic.repeated,
                "walks": walks,
                "terms": running.leader()[0],
            }
        )
    )


async def test_killed_and_paused_leaders_lose_and_double_nothing(several: Authority) -> None:
    """The short form of the test below: 8 clients, 100 commands each."""
    await torture(several, commands=100)


@pytest.mark.slow
async def test_killed_and_paused_leaders_lose_and_double_nothing_in_16000_commands(several: Authority) -> None:
    await torture(several, commands=2000)
