"""The migration step brings tables, streams and bucket to their declared state, again and again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import nats
import psycopg
import pytest
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from contracts.subjects import RECORDER
from runtime.testing import NatsAccess, PostgresAccess, S3Access, running_nats
from services.rmos.migrate import migrate_bus, migrate_tables
from services.rmos.streams import StreamDrift
from tests.rmos.conftest import bus_settings

REPOSITORY = Path(__file__).parents[3]


async def _administered(access: NatsAccess) -> JetStreamContext:
    client = await nats.connect(
        access.url, user="migrate", password=access.passwords["migrate"], inbox_prefix=b"_INBOX.migrate"
    )
    return client.jetstream()


def test_two_migrations_at_once_both_succeed(postgres_server: PostgresAccess) -> None:
    database = postgres_server.create_database()
    # alembic keeps its context in globals: two at once means two processes
    program = f"from services.rmos.migrate import migrate_tables; migrate_tables({database.owner_dsn!r})"
    both = [subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    with psycopg.connect(database.reader_dsn) as auditor:
        assert auditor.execute("SELECT count(*) FROM events").fetchone() == (0,)
        assert auditor.execute("SELECT position FROM projections.projection_cursor").fetchone() == (0,)


def test_the_service_role_cannot_migrate(postgres_server: PostgresAccess) -> None:
    database = postgres_server.create_database()
    with pytest.raises(Exception, match="permission denied for schema rmos"):
        migrate_tables(database.writer_dsn)


async def test_streams_are_made_once_and_then_left_alone() -> None:
    with running_nats() as access:
        settings = bus_settings(access, "migrate")
        assert await migrate_bus(settings, log_is_empty=True) == [
            "stream FACTS created",
            "stream LOG created",
            "stream DEAD created",
            "stream MARKS created",
            f"consumer {RECORDER} created",
            "stream MARKS begun",
        ]
        assert await migrate_bus(settings, log_is_empty=True) == []
        config = (await (await _administered(access)).stream_info("LOG")).config
        assert (config.allow_atomic, config.deny_delete, config.deny_purge) == (True, True, True)


async def test_drift_that_can_be_mended_is_mended(bus_server: NatsAccess) -> None:
    admin = await _administered(bus_server)
    facts = (await admin.stream_info("FACTS")).config
    await admin.update_stream(facts.evolve(max_age=600))
    recorder = (await admin.consumer_info("FACTS", RECORDER)).config
    await admin.add_consumer("FACTS", recorder.evolve(max_deliver=3))
    changes = await migrate_bus(bus_settings(bus_server, "migrate"), log_is_empty=True)
    assert [change.split(":")[0] for change in changes] == ["stream FACTS updated", f"consumer {RECORDER} updated"]
    assert (await admin.stream_info("FACTS")).config.max_age == 30 * 24 * 60 * 60
    assert (await admin.consumer_info("FACTS", RECORDER)).config.max_deliver == -1


async def test_a_stream_of_another_kind_is_refused_by_name_and_field() -> None:
    with running_nats() as access:
        admin = await _administered(access)
        await admin.add_stream(StreamConfig(name="LOG", subjects=["log.>"], storage=StorageType.MEMORY))
        with pytest.raises(StreamDrift, match=r"stream LOG differs .*storage .*memory.* -> .*file"):
            await migrate_bus(bus_settings(access, "migrate"), log_is_empty=True)
        assert (await admin.stream_info("LOG")).config.storage == StorageType.MEMORY


async def test_a_recorder_that_skips_old_facts_is_refused() -> None:
    with running_nats() as access:
        admin = await _administered(access)
        await admin.add_stream(
            StreamConfig(name="FACTS", subjects=["fact.>"], storage=StorageType.FILE, retention=RetentionPolicy.LIMITS)
        )
        await admin.add_consumer(
            "FACTS",
            ConsumerConfig(name=RECORDER, durable_name=RECORDER, deliver_policy="new"),  # type: ignore[arg-type]  # nats-py takes the enum's text too
        )
        with pytest.raises(StreamDrift, match=f"consumer {RECORDER} differs .*deliver_policy"):
            await migrate_bus(bus_settings(access, "migrate"), log_is_empty=True)


async def test_the_command_does_all_of_it_and_says_what_is_missing(
    postgres_server: PostgresAccess, s3_server: S3Access
) -> None:
    database = postgres_server.create_database()
    with running_nats() as access:
        environment = {
            "PATH": os.environ["PATH"],
            "RMOS_POSTGRES_OWNER_DSN": database.owner_dsn,
            "RMOS_NATS_URL": access.url,
            "RMOS_NATS_USER": "migrate",
            "RMOS_NATS_PASSWORD": access.passwords["migrate"],
            "RMOS_S3_ENDPOINT": s3_server.endpoint,
            "RMOS_S3_ACCESS_KEY": s3_server.access_key,
            "RMOS_S3_SECRET_KEY": s3_server.secret_key,
            "RMOS_S3_BUCKET": "made-by-migrate",
        }
        first = await asyncio.to_thread(_run, environment)
        assert (first.returncode, first.stderr.count("bus_changed")) == (0, 6), first.stderr
        second = await asyncio.to_thread(_run, environment)
        assert (second.returncode, second.stderr.count("bus_changed")) == (0, 0), second.stderr
    without_bus = await asyncio.to_thread(_run, environment)
    assert without_bus.returncode == 1
    assert "the bus does not answer" in without_bus.stderr
    del environment["RMOS_S3_ENDPOINT"]
    unset = await asyncio.to_thread(_run, environment)
    assert unset.returncode == 2
    assert "RMOS_S3_ENDPOINT" in unset.stderr


def _run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.rmos.migrate"]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
