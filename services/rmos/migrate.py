"""The migration step: tables, bus streams, the object store's bucket. Run it before the services, as often as you like.

`python -m services.rmos.migrate`, with the owner's DSN, the bus user `migrate` and the object store's keys in the
environment. It is the only step with rights to change any of these.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import nats
import nats.errors
import nats.js.errors
import psycopg
from pydantic import Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import RmosError
from contracts.subjects import MARKS_STREAM, inbox_prefix
from runtime.blobs import BlobStore
from runtime.logs import Logger, configure
from runtime.settings import NatsSettings, PostgresOwnerSettings, S3Settings, Settings, SettingsError
from services.rmos.audit.marks import begin_marks
from services.rmos.schema import connected, upgraded
from services.rmos.streams import StreamDrift, declare_streams


class StreamSettings(Settings):
    replicas: Annotated[int, Field(alias="RMOS_NATS_REPLICAS", ge=1, le=5)] = 1


def migrate_tables(owner_dsn: str, revision: str = "head") -> None:
    """Bring the schema up to the revision. Raises SQLAlchemyError or psycopg.Error; each step is all or nothing."""
    with connected(owner_dsn) as connection:
        upgraded(connection, revision)


def log_is_empty(owner_dsn: str) -> bool:
    """Whether nothing was ever appended to the log of these tables. Raises SQLAlchemyError or psycopg.Error."""
    with connected(owner_dsn) as connection:
        return not connection.scalar(text("SELECT EXISTS (SELECT FROM rmos.events)"))


async def migrate_bus(settings: NatsSettings, replicas: int = 1, *, log_is_empty: bool) -> list[str]:
    """Declare streams and consumer, and say in MARKS that the log begins, where it does; what was changed.

    Raises StreamDrift, or a nats error when the bus is away.
    """
    client = await nats.connect(
        settings.url,
        user=settings.user,
        password=settings.password,
        inbox_prefix=inbox_prefix(settings.user).encode(),
        connect_timeout=5,
        # nats-py tries a server 60 times before it says that nobody is there, and prints each failure
        max_reconnect_attempts=4,
        reconnect_time_wait=0.5,
        error_cb=_remember_nothing,
        name="rmos-migrate",
    )
    try:
        jetstream = client.jetstream(timeout=10)
        done = await declare_streams(jetstream, replicas)
        if log_is_empty and await begin_marks(jetstream):
            done.append(f"stream {MARKS_STREAM} begun")
        return done
    finally:
        await client.close()


async def _remember_nothing(_: Exception) -> None:
    """The attempt that fails last raises."""


async def migrate_bucket(settings: S3Settings) -> None:
    """Make the bucket when it is missing. Raises RmosError(UNAVAILABLE)."""
    blobs = BlobStore(settings)
    try:
        await blobs.make_bucket()
    finally:
        blobs.close()


async def _migrate(log: Logger) -> None:
    owner, bus, s3 = PostgresOwnerSettings.read(), NatsSettings.read(), S3Settings.read()
    replicas = StreamSettings.read().replicas
    await asyncio.to_thread(migrate_tables, owner.dsn)
    empty = await asyncio.to_thread(log_is_empty, owner.dsn)
    log.info("tables_ready")
    for change in await migrate_bus(bus, replicas, log_is_empty=empty):
        log.info("bus_changed", change=change)
    log.info("bus_ready")
    await migrate_bucket(s3)
    log.info("bucket_ready")


def main() -> int:
    """0 when everything is as declared; 1 with the reason when not; 2 for a missing or wrong setting."""
    log = configure("migrate")
    try:
        asyncio.run(_migrate(log))
    except SettingsError as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 2
    except (StreamDrift, RmosError, SQLAlchemyError, psycopg.Error) as error:
        log.error("migration_failed", reason=str(error))
        return 1
    except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
        log.error("migration_failed", reason=f"the bus does not answer as it should: {error or type(error).__name__}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
