"""A database with the migrations applied, and a bus with the streams declared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from runtime.settings import NatsSettings
from runtime.testing import DatabaseAccess, NatsAccess, PostgresAccess, running_nats
from services.rmos.migrate import migrate_bus, migrate_tables


@pytest.fixture
def database(postgres_server: PostgresAccess) -> DatabaseAccess:
    """A migrated database of this test's own."""
    access = postgres_server.create_database()
    migrate_tables(access.owner_dsn)
    return access


@pytest.fixture
def bus_server() -> Iterator[NatsAccess]:
    """A NATS of this test's own, with FACTS, LOG, DEAD and the recorder's consumer."""
    with running_nats() as access:
        asyncio.run(migrate_bus(bus_settings(access, "migrate"), log_is_empty=True))
        yield access


def bus_settings(access: NatsAccess, user: str) -> NatsSettings:
    return NatsSettings(url=access.url, user=user, password=access.passwords[user])
