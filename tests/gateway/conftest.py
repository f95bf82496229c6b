"""A gateway on a real NATS and a real object store; the other services are one `partner`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import nats
import pytest
from fastapi import FastAPI

from contracts.envelope import Role
from contracts.subjects import MIGRATE, SERVICES, inbox_prefix
from runtime import testing
from runtime.blobs import BlobStore
from runtime.bus import Bus
from runtime.clock import SystemClock, unix_ms
from runtime.ids import new_id
from runtime.logs import configure
from runtime.settings import NatsSettings, S3Settings
from services.gateway.access import Keys
from services.gateway.api import application
from services.gateway.app import listening, served
from services.gateway.calls import Gateway, Limits
from services.gateway.feed.reader import LogReader
from services.gateway.feed.tail import FeedLimits, Tail
from services.gateway.metrics import Metrics
from services.gateway.settings import HttpSettings
from services.rmos.streams import declare_streams
from tests.gateway.partner import Partner

KEYS: dict[Role, str] = {role: f"key-of-the-{role.value}-0123456789" for role in Role if role is not Role.SYSTEM}


def user_settings(access: testing.NatsAccess, user: str) -> NatsSettings:
    return NatsSettings(url=access.url, user=user, password=access.passwords[user])


async def with_streams(access: testing.NatsAccess) -> None:
    client = await nats.connect(
        access.url, user=MIGRATE, password=access.passwords[MIGRATE], inbox_prefix=inbox_prefix(MIGRATE)
    )
    await declare_streams(client.jetstream(), 1)
    await client.close()


@pytest.fixture(scope="session")
def log_nats() -> Iterator[testing.NatsAccess]:
    """A NATS with the streams of the system, for these tests alone: LOG has one name."""
    with testing.running_nats() as access:
        asyncio.run(with_streams(access))
        yield access


@dataclass
class World:
    """The gateway under test and everything around it."""

    app: FastAPI
    gateway: Gateway
    feed: Tail
    partner: Partner
    s3: testing.S3Access
    bucket: str

    def client(self, role: Role | None = Role.ADMIN, **headers: str) -> httpx.AsyncClient:
        if role is not None:
            headers = {"Authorization": f"Bearer {KEYS[role]}", **headers}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://gateway", headers=headers, timeout=30
        )

    def with_limits(self, **changes: Any) -> World:
        """The same world behind another application with other limits."""
        gateway = replace(self.gateway, limits=replace(self.gateway.limits, **changes), metrics=Metrics())
        return replace(self, app=application(gateway), gateway=gateway)

    @contextlib.asynccontextmanager
    async def server(self) -> AsyncIterator[str]:
        """The application behind a real HTTP server; its URL."""
        http = HttpSettings.read({"RMOS_HTTP_PORT": "0", "RMOS_API_KEYS": '{"admin": "0123456789abcdef"}'})
        listener = listening(http)
        server, serving = await served(self.app, listener)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            await serving
            listener.close()


@contextlib.asynccontextmanager
async def a_world(
    access: testing.NatsAccess, s3: testing.S3Access, feed_limits: FeedLimits | None = None
) -> AsyncIterator[World]:
    bucket = s3.create_bucket()
    log = configure("gateway-test", "error")
    clock = SystemClock()
    blobs = BlobStore(
        S3Settings(endpoint=s3.endpoint, access_key=s3.access_key, secret_key=s3.secret_key, bucket=bucket)
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(blobs.close)
        buses = {}
        for service in SERVICES:
            buses[service] = await Bus.connect(user_settings(access, service), service, clock, log)
            stack.push_async_callback(buses[service].close)
        feed = Tail(LogReader(buses["gateway"].client, log), feed_limits)
        feed.start()
        stack.push_async_callback(feed.close)
        partner = Partner(buses)
        await partner.serve()
        gateway = Gateway(
            requests=buses["gateway"],
            blobs=blobs,
            feed=feed,
            keys=Keys(KEYS),
            limits=Limits(),
            metrics=Metrics(),
            log=log,
            new_id=new_id,
            now_ms=unix_ms,
            version="0.0.0",
            pid=1,
        )
        yield World(application(gateway), gateway, feed, partner, s3, bucket)


@pytest.fixture
async def world(log_nats: testing.NatsAccess, s3_server: testing.S3Access) -> AsyncIterator[World]:
    async with a_world(log_nats, s3_server) as made:
        yield made
