"""Surroundings of art_studio for tests: real NATS, Postgres and S3, the tables, and callers on the bus."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import orjson
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.envelope import Actor, RequestContext, Role
from contracts.errors import RmosError
from contracts.health import AskHealth
from contracts.model import Message
from contracts.subjects import FACTS_STREAM, Conversation, inbox_prefix
from runtime.blobs import BlobStore
from runtime.bus import Bus
from runtime.clock import SystemClock, unix_ms
from runtime.ids import new_id
from runtime.logs import logger
from runtime.settings import NatsSettings, PostgresSettings, ProcessSettings, S3Settings
from runtime.testing import DatabaseAccess, NatsAccess, PostgresAccess, S3Access, running_nats
from services.art_studio.migrate import migrate_index
from services.art_studio.settings import ArtSettings
from services.rmos.migrate import migrate_bus, migrate_tables

DESIGNER = Actor(id="dana", role=Role.DESIGNER)
ROOT = Path(__file__).parents[2]
START_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Workshop:
    """Migrated servers of this test module's own."""

    nats: NatsAccess
    database: DatabaseAccess
    s3: S3Settings

    def bus_settings(self, user: str) -> NatsSettings:
        return NatsSettings(url=self.nats.url, user=user, password=self.nats.passwords[user])

    def art_settings(self) -> ArtSettings:
        postgres = PostgresSettings(dsn=self.database.art_studio_dsn)
        return ArtSettings(self.bus_settings("art_studio"), postgres, self.s3, ProcessSettings(workers=1))

    @contextmanager
    def blobs(self) -> Iterator[BlobStore]:
        store = BlobStore(self.s3)
        try:
            yield store
        finally:
            store.close()

    def environment(self, service: str) -> dict[str, str]:
        dsn = {"rmos": self.database.writer_dsn, "art_studio": self.database.art_studio_dsn}.get(service, "")
        signing = {"RMOS_LOG_ORIGIN": "rmos.test/workshop", "RMOS_CHECKPOINT_KEY": "5e" * 32}
        return {
            **(signing if service == "rmos" else {}),
            "PATH": "/usr/bin:/bin",
            "RMOS_NATS_URL": self.nats.url,
            "RMOS_NATS_USER": service,
            "RMOS_NATS_PASSWORD": self.nats.passwords[service],
            "RMOS_POSTGRES_DSN": dsn,
            "RMOS_S3_ENDPOINT": self.s3.endpoint,
            "RMOS_S3_ACCESS_KEY": self.s3.access_key,
            "RMOS_S3_SECRET_KEY": self.s3.secret_key,
            "RMOS_S3_BUCKET": self.s3.bucket,
            "RMOS_WORKERS": "1",
        }

    async def facts(self, request_id: str) -> list[dict[str, Any]]:
        """The facts of one request in stored order: type and body."""
        user = self.bus_settings("migrate")
        client = await nats.connect(
            user.url, user=user.user, password=user.password, inbox_prefix=inbox_prefix(user.user).encode()
        )
        try:
            return [fact async for fact in _facts(client, request_id)]
        finally:
            await client.close()


async def _facts(client: nats.NATS, request_id: str) -> AsyncIterator[dict[str, Any]]:
    stream = client.jetstream()
    state = (await stream.stream_info(FACTS_STREAM)).state
    for sequence in range(state.first_seq, state.last_seq + 1):
        try:
            message = await stream.get_msg(FACTS_STREAM, seq=sequence)
        except NotFoundError:
            continue
        headers = message.headers or {}
        if headers.get("x-request-id") == request_id:
            yield {"type": headers["ce-type"], **orjson.loads(message.data or b"")}


@contextmanager
def running_workshop(postgres: PostgresAccess, s3: S3Access) -> Iterator[Workshop]:
    """Streams, tables and a bucket, as after the migration step; no service runs yet."""
    with running_nats() as bus:
        database = postgres.create_database()
        settings = S3Settings(
            endpoint=s3.endpoint, access_key=s3.access_key, secret_key=s3.secret_key, bucket=s3.create_bucket()
        )
        workshop = Workshop(bus, database, settings)
        migrate_tables(database.owner_dsn)
        migrate_index(database.owner_dsn)
        asyncio.run(migrate_bus(workshop.bus_settings("migrate"), log_is_empty=True))
        yield workshop


@contextmanager
def running_services(workshop: Workshop, *services: str) -> Iterator[None]:
    """The services as processes, each until it says that it is ready."""
    started: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryFile() as log:
        try:
            for service in services:
                command = [sys.executable, "-m", f"services.{service}"]
                started.append(subprocess.Popen(command, cwd=ROOT, env=workshop.environment(service), stderr=log))
            try:
                asyncio.run(_until_ready(workshop, services))
            except TimeoutError:
                log.seek(0)
                raise AssertionError(log.read().decode()[-4000:]) from None
            yield
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)


async def _until_ready(workshop: Workshop, services: tuple[str, ...]) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    async with caller(workshop) as ask:
        for service in services:
            while True:
                try:
                    if (await ask(subjects.HEALTH[service], AskHealth())).ready:
                        break
                except RmosError:
                    pass
                if time.monotonic() > deadline:
                    raise TimeoutError
                await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks as the gateway does: `await ask(conversation, body)`; with a key, under an identity that may come again."""

    bus: Bus

    async def __call__(
        self, conversation: Conversation, body: Message, request_id: str | None = None, key: str | None = None
    ) -> Any:
        context = RequestContext(
            command_id=key or new_id("command"),
            idempotent=key is not None,
            request_id=request_id or new_id("req"),
            actor=DESIGNER,
            deadline_ms=unix_ms() + 60_000,
        )
        return await self.bus.request(conversation, body, context)


@asynccontextmanager
async def caller(workshop: Workshop) -> AsyncIterator[Caller]:
    bus = await Bus.connect(workshop.bus_settings("gateway"), "gateway", SystemClock(), logger())
    try:
        yield Caller(bus)
    finally:
        await bus.close()
