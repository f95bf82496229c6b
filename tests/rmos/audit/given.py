"""A log with events, an object store, and a checkpointer between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg

from contracts.feasibility import CuttingContext
from contracts.log import RunOpened
from runtime.logs import logger
from runtime.objects import ObjectStore
from runtime.settings import S3Settings
from runtime.testing import DatabaseAccess, NatsAccess, S3Access
from services.rmos.audit.acceptance import Acceptance
from services.rmos.audit.checkpointer import Checkpointer
from services.rmos.audit.marks import Marks
from services.rmos.audit.publication import PREFIX, Publication
from services.rmos.audit.records import AuditRecords
from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.domain.checkpoint import SigningKey
from services.rmos.domain.leaf import leaf_of
from services.rmos.event_log.duties import ended
from services.rmos.event_log.head import Head
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.recent import RecentRows
from tests.independent_verifier import tlog
from tests.rmos.event_log.given import leading, request, until
from tests.rmos.event_log.test_relay import connected

KEY = SigningKey("rmos.test/log", bytes(range(32)))
VKEY = str(KEY.verifier)
NOW = "2026-11-21T09:30:00.000000Z"


def s3_settings(access: S3Access, bucket: str) -> S3Settings:
    return S3Settings(
        endpoint=access.endpoint,
        access_key=access.access_key,
        secret_key=access.secret_key,
        bucket=bucket,
        region=access.region,
    )


async def append(log: PostgresEventLog, count: int, name: str = "run") -> None:
    """So many runs opened, several in each transaction."""
    for first in range(0, count, 100):
        await asyncio.gather(
            *(
                log.append(
                    request(
                        f"command_{name}_{number}",
                        f"run-{name}_{number}",
                        0,
                        RunOpened(
                            run_id=f"{name}_{number}",
                            mode="router",
                            label="x",
                            context=CuttingContext(),
                            opened_at_utc=NOW,
                        ),
                    )
                )
                for number in range(first, min(first + 100, count))
            )
        )


@contextmanager
def public_objects(settings: S3Settings) -> Iterator[ObjectStore]:
    objects = ObjectStore(settings, PREFIX)
    try:
        yield objects
    finally:
        objects.close()


@asynccontextmanager
async def checkpointing(
    database: DatabaseAccess,
    objects: ObjectStore,
    bus: NatsAccess,
    log: PostgresEventLog | None = None,
    key: SigningKey = KEY,
    retired: tuple[SigningKey, ...] = (),
    epoch: int | None = None,
    accept: Acceptance | None = None,
    recent: RecentRows | None = None,
) -> AsyncIterator[Checkpointer]:
    """A running checkpointer, in the newest term unless told otherwise; cancelled at the end. Without `recent` it reads
    every event from the database."""
    head = Head() if log is None else log.head
    async with AuditRecords(database.writer_dsn) as records, connected(bus, "rmos") as client:
        keys = [key.verifier, *(old.verifier for old in retired)]
        public, marks = Publication(objects), Marks(client)
        checkpointer = Checkpointer(
            records, public, marks, key, keys, head, recent or RecentRows(), lambda: NOW, logger(), accept
        )
        if epoch is None:
            with psycopg.connect(database.reader_dsn) as connection:
                found = connection.execute("SELECT coalesce(max(epoch), 0) FROM rmos.writer_epochs").fetchone()
                epoch = found[0] if found else 0
        running = asyncio.create_task(checkpointer.run(epoch))
        try:
            yield checkpointer
        finally:
            await ended(running)


async def published(database: DatabaseAccess, settings: S3Settings, bus: NatsAccess, count: int) -> None:
    """A database whose log holds so many events, all under one public checkpoint or more."""
    with public_objects(settings) as objects:
        async with leading(database.writer_dsn) as log, checkpointing(database, objects, bus, log) as checkpointer:
            await append(log, count)
            await until(lambda: checkpointer.covered.position == count)


def read_back(settings: S3Settings, vkey: str = VKEY) -> tuple[int, bytes, list[bytes]]:
    """The public log as the separate verifier sees it. Raises AssertionError for whatever is wrong."""
    with public_objects(settings) as objects:

        def fetch(path: str) -> bytes:
            content = objects.read(path)
            assert content is not None, f"{path} is not public"
            return content

        return tlog.read_log(fetch, vkey)


def forge(database: DatabaseAccess, position: int) -> None:
    """Another actor at this event, with a leaf hash to match: what somebody with the table owner's rights can do."""
    columns = ", ".join(LogRow._fields)
    with psycopg.connect(database.reader_dsn) as connection:
        query = f"SELECT {columns} FROM rmos.events WHERE position = {position}"
        found = connection.execute(query).fetchone()  # type: ignore[arg-type]
    assert found is not None
    forged = LogRow(*found)._replace(actor='{"id":"eve","kind":"person","role":"admin"}')
    leaf = leaf_of(entry_of_row(forged)).hex()
    as_superuser(
        database, f"UPDATE rmos.events SET actor = '{forged.actor}', leaf = '\\x{leaf}' WHERE position = {position}"
    )


def as_superuser(database: DatabaseAccess, *statements: str) -> None:
    """Runs statements past every trigger and right, as somebody with the disk in his hands could."""
    with psycopg.connect(database.superuser_dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute("SET session_replication_role = replica")
            for table in ("events", "checkpoints"):
                connection.execute(f"ALTER TABLE rmos.{table} DISABLE TRIGGER ALL")  # type: ignore[arg-type]
            connection.execute(statement)  # type: ignore[arg-type]
            for table in ("events", "checkpoints"):
                connection.execute(f"ALTER TABLE rmos.{table} ENABLE ALWAYS TRIGGER append_only")  # type: ignore[arg-type]
            connection.execute("ALTER TABLE rmos.events ENABLE ALWAYS TRIGGER continue_the_log")
            connection.execute("ALTER TABLE rmos.checkpoints ENABLE ALWAYS TRIGGER continue_the_checkpoints")
