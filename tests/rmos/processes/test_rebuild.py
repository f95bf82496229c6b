"""Real processes: projections are rebuilt under traffic, and whoever is killed with -9 in the middle leaves a record
that verifies."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from runtime.clock import SystemClock
from runtime.logs import logger
from runtime.testing import DatabaseAccess, NatsAccess, S3Access
from services.rmos.audit.snapshot import snapshot
from services.rmos.audit.stream_check import StreamAccess
from services.rmos.audit.verify import Audited, audit
from services.rmos.domain.checkpoint import SigningKey
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.projections.database import projection_engine
from services.rmos.projections.rebuild import fingerprints, fold_beside
from tests.rmos.event_log.given import until
from tests.rmos.processes.authority import REPOSITORY, Authority, Servers, authority
from tests.rmos.processes.record import Listings, check_acknowledged, check_listings, check_table, whole_table
from tests.rmos.processes.test_processes import connected, some_blobs, walk_meanwhile
from tests.rmos.processes.traffic import Client, Traffic

CLIENTS, COMMANDS, REBUILDS = 8, 25, 3
KEY = SigningKey.from_hex("rmos.test/processes", "5e" * 32)


@pytest.fixture
def servers(bus_server: NatsAccess, database: DatabaseAccess, s3_server: S3Access) -> Servers:
    own = replace(s3_server, bucket=s3_server.create_bucket())  # its public checkpoints are of this log alone
    return Servers(bus_server, database, own)


@pytest.fixture
def two(servers: Servers, tmp_path: Path) -> Iterator[Authority]:
    with authority(servers, tmp_path, processes=2) as running:
        yield running


def store_command(servers: Servers, *arguments: str) -> subprocess.Popen[str]:
    """`rmos store …` as a process of its own, as the writer's role."""
    command = [sys.executable, "-P", "-m", "cli.app", "store", *arguments, "--dsn", servers.database.writer_dsn]
    environment = {**servers.environment(), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def schemas(servers: Servers) -> list[str]:
    with psycopg.connect(servers.database.reader_dsn) as auditor:
        names = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'projections%' ORDER BY 1"
        return [row[0] for row in auditor.execute(names)]


async def verified(servers: Servers) -> None:
    """Everything agrees once the leader has caught up: log, signatures, tiles, blobs, projections, stream."""
    user = "dashboard"
    stream = StreamAccess(servers.nats.url, user, servers.nats.passwords[user], f"_INBOX.{user}")
    what = Audited(servers.database.reader_dsn, servers.blobs(), (KEY.verifier,), stream)
    report = await asyncio.to_thread(audit, what, quick=False)
    assert report.findings == []


async def same_as_a_fresh_fold(servers: Servers) -> None:
    owner = projection_engine(servers.database.owner_dsn)
    log = PostgresEventLog(servers.database.reader_dsn, "test", SystemClock(), logger())
    try:
        async with log.opened(), owner.connect() as live, owner.connect() as fresh:
            await fold_beside(owner, "fresh", log, logger())
            assert await fingerprints(live) == await fingerprints(fresh, "fresh")
    finally:
        await owner.dispose()


async def killed_before_its_swap(servers: Servers) -> None:
    """A rebuild that has folded and waits (an audit looks at the live tables) is killed with -9."""
    with snapshot(servers.database.reader_dsn):
        rebuilding = store_command(servers, "rebuild")
        await until(lambda: "projections_next" in schemas(servers) or rebuilding.poll() is not None, 30)
        assert rebuilding.poll() is None, rebuilding.communicate()
        rebuilding.send_signal(signal.SIGKILL)
        await asyncio.to_thread(rebuilding.communicate)


async def rebuilt(servers: Servers) -> None:
    done = store_command(servers, "rebuild", "--json")
    out, error = await asyncio.to_thread(done.communicate)
    assert done.returncode == 0, (out, error)


async def test_clients_of_two_processes_notice_nothing_of_rebuilds_even_killed_ones(two: Authority) -> None:
    servers, traffic, stop = two.servers, Traffic(), asyncio.Event()
    blobs = await some_blobs(servers)
    await until(lambda: two.leader()[0] > 0, 60)
    async with AsyncExitStack() as stack:
        buses = [await stack.enter_async_context(connected(servers)) for _ in range(CLIENTS + 1)]
        listings = Listings(buses[-1])
        walking = asyncio.create_task(walk_meanwhile(listings, traffic, stop))

        async def rebuild_meanwhile() -> int:
            done = 0
            await killed_before_its_swap(servers)
            while done < REBUILDS or traffic.answered < CLIENTS * COMMANDS:
                await rebuilt(servers)
                done += 1
            return done

        async with asyncio.TaskGroup() as group:
            rebuilding = group.create_task(rebuild_meanwhile())
            for number in range(CLIENTS):
                group.create_task(Client(f"client-{number}", buses[number], blobs, traffic).send(COMMANDS))
        stop.set()
        assert await walking > 0
        assert rebuilding.result() >= REBUILDS
        assert traffic.answered == CLIENTS * COMMANDS
        rows = whole_table(servers.database.reader_dsn)
        check_table(rows)
        check_acknowledged(rows, traffic)
        await check_listings(listings, rows)
        assert schemas(servers) == ["projections"]
        await same_as_a_fresh_fold(servers)


async def test_kill_9_of_the_leader_in_the_middle_of_its_work_leaves_a_record_that_verifies(two: Authority) -> None:
    """Under load the leader is at every moment committing, relaying, folding and signing."""
    servers, traffic = two.servers, Traffic()
    blobs = await some_blobs(servers)
    await until(lambda: two.leader()[0] > 0, 60)
    async with AsyncExitStack() as stack:
        buses = [await stack.enter_async_context(connected(servers)) for _ in range(4)]

        async def kill_leaders() -> None:
            for share in (0.3, 0.6):
                await until(lambda share=share: traffic.answered >= share * 4 * COMMANDS, 120)  # type: ignore[misc]
                epoch, leader = two.leader()
                two.kill(leader)
                two.start()
                await until(lambda epoch=epoch: two.leader()[0] > epoch, 30)  # type: ignore[misc]

        async with asyncio.TaskGroup() as group:
            group.create_task(kill_leaders())
            for number in range(4):
                group.create_task(Client(f"client-{number}", buses[number], blobs, traffic).send(COMMANDS))
    rows = whole_table(servers.database.reader_dsn)
    check_acknowledged(rows, traffic)

    def covered() -> bool:
        with psycopg.connect(servers.database.reader_dsn) as auditor:
            row = auditor.execute("SELECT max(tree_size) FROM rmos.checkpoints").fetchone()
        return row is not None and row[0] == len(rows)

    await until(covered, 30)
    await verified(servers)


async def test_kill_9_of_a_repair_leaves_what_the_next_one_finishes(two: Authority) -> None:
    servers, traffic = two.servers, Traffic()
    await until(lambda: two.leader()[0] > 0, 60)
    async with connected(servers) as bus:
        await Client("client", bus, await some_blobs(servers), traffic).send(20)
    with psycopg.connect(servers.database.writer_dsn) as writer:
        writer.execute("UPDATE projections.runs SET label = 'spoiled'")
    with snapshot(servers.database.reader_dsn):
        repairing = store_command(servers, "repair", "--vkey", str(KEY.verifier))
        await until(lambda: "projections_next" in schemas(servers) or repairing.poll() is not None, 30)
        assert repairing.poll() is None, repairing.communicate()
        repairing.send_signal(signal.SIGKILL)
        await asyncio.to_thread(repairing.communicate)
    again = store_command(servers, "repair", "--vkey", str(KEY.verifier))
    out, error = await asyncio.to_thread(again.communicate)
    assert again.returncode == 0, (out, error)
    assert "rebuild the projections" in out
    await verified(servers)
