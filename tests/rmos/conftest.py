"""A bus with the streams declared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runtime.settings import NatsSettings
from runtime.testing import NatsAccess, running_nats
from services.rmos.migrate import migrate_bus


@contextmanager
def declared_bus() -> Iterator[NatsAccess]:
    """A NATS with FACTS, LOG, DEAD, MARKS and the recorder's consumer."""
    with running_nats() as access:
        asyncio.run(migrate_bus(bus_settings(access, "migrate"), log_is_empty=True))
        yield access


@pytest.fixture
def bus_server() -> Iterator[NatsAccess]:
    """A NATS of this test's own."""
    with declared_bus() as access:
        yield access


def bus_settings(access: NatsAccess, user: str) -> NatsSettings:
    return NatsSettings(url=access.url, user=user, password=access.passwords[user])
