"""A real rmos process on real servers, for benchmarks that go over the bus."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
import psycopg
from nats.aio.client import Client

from contracts.subjects import inbox_prefix
from runtime.embedded.process import Command, log_tail, spawn
from runtime.embedded.process import stop as stop_process
from runtime.settings import NatsSettings
from runtime.testing import DatabaseAccess, NatsAccess, S3Access, ServersAccess, running_servers
from services.rmos.migrate import migrate_bus, migrate_tables

REPOSITORY = Path(__file__).parents[2]
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Authority:
    """The running process and what it runs on."""

    servers: ServersAccess
    database: DatabaseAccess
    pid: int
    log_path: Path

    async def client(self, user: str) -> Client:
        """A plain nats-py connection as this user of the bus."""
        nats_access = self.servers.nats
        return await nats.connect(
            nats_access.url,
            user=user,
            password=nats_access.passwords[user],
            inbox_prefix=inbox_prefix(user).encode(),
        )

    async def until_projected(self) -> None:
        """Returns when the projections hold all of the log, so that one measurement does not pay for another."""
        while True:
            with psycopg.connect(self.database.owner_dsn) as owner:
                row = owner.execute(
                    "SELECT (SELECT coalesce(max(position), 0) FROM rmos.events), "
                    "(SELECT position FROM projections.projection_cursor)"
                ).fetchone()
            assert row is not None
            if row[0] == row[1]:
                return
            await asyncio.sleep(0.05)


def migrated(servers: ServersAccess) -> DatabaseAccess:
    """A database with tables, and the bus with its streams."""
    database = servers.postgres.create_database()
    migrate_tables(database.owner_dsn)
    access = servers.nats
    settings = NatsSettings(url=access.url, user="migrate", password=access.passwords["migrate"])
    asyncio.run(migrate_bus(settings, log_is_empty=True))
    return database


@contextmanager
def running_authority(folder: Path) -> Iterator[Authority]:
    """Servers, migrations and one rmos process that leads; its log file is in the folder."""
    with ExitStack() as stack:
        servers = stack.enter_context(running_servers())
        database = migrated(servers)
        yield stack.enter_context(rmos_process(servers, database, folder))


@contextmanager
def rmos_process(servers: ServersAccess, database: DatabaseAccess, folder: Path) -> Iterator[Authority]:
    command = Command(
        name="rmos",
        argv=(sys.executable, "-P", "-m", "services.rmos"),
        env=environment(servers.nats, database, servers.s3),
        log_path=folder / "rmos.log",
        cwd=folder,
    )
    process = spawn(command)
    try:
        until_led(database, command.log_path)
        yield Authority(servers, database, process.pid, command.log_path)
    finally:
        stop_process(process, command)


def until_led(database: DatabaseAccess, log_path: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with psycopg.connect(database.owner_dsn) as owner:
            if owner.execute("SELECT FROM rmos.writer_epochs").fetchone() is not None:
                return
        time.sleep(0.1)
    raise SystemExit(f"rmos did not lead within {START_S:g} s:\n{log_tail(log_path)}")


def environment(nats_access: NatsAccess, database: DatabaseAccess, s3: S3Access) -> dict[str, str]:
    """What `rmos up` gives to an rmos process."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        "RMOS_WORKERS": "1",
        "RMOS_NATS_URL": nats_access.url,
        "RMOS_NATS_USER": "rmos",
        "RMOS_NATS_PASSWORD": nats_access.passwords["rmos"],
        "RMOS_POSTGRES_DSN": database.writer_dsn,
        "RMOS_S3_ENDPOINT": s3.endpoint,
        "RMOS_S3_ACCESS_KEY": s3.access_key,
        "RMOS_S3_SECRET_KEY": s3.secret_key,
        "RMOS_S3_BUCKET": s3.bucket,
        "RMOS_S3_REGION": s3.region,
        "RMOS_S3_SECURE": "false",
        "RMOS_LOG_ORIGIN": "rmos.test/benchmarks",
        "RMOS_CHECKPOINT_KEY": "5e" * 32,
    }
