"""What the leader takes on it lets go again, on real servers: commands first, then what they began."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import nats.errors
import pytest

from contracts import subjects
from contracts.envelope import RequestContext
from contracts.model import Message
from contracts.subjects import Conversation
from runtime.bus import Bus
from runtime.clock import SystemClock
from runtime.logs import logger
from runtime.pool import WorkerPool
from runtime.testing import DatabaseAccess, NatsAccess, S3Access
from services.rmos import app
from services.rmos.event_log.writer import Term
from services.rmos.settings import read_settings
from tests.rmos.processes.authority import Servers

TERM = Term(epoch=1, first_free_position=1)
NO_SUBJECT = Conversation("cmd rmos no subject", (), subjects.OPEN_RUN.request, subjects.OPEN_RUN.reply)
"""nats-py refuses to subscribe to it."""


@pytest.fixture
def servers(bus_server: NatsAccess, database: DatabaseAccess, s3_server: S3Access) -> Servers:
    return Servers(bus_server, database, s3_server)


@asynccontextmanager
async def built(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[app.RmosService]:
    for name, value in servers.environment().items():
        monkeypatch.setenv(name, value)
    async with AsyncExitStack() as stack:
        pool = WorkerPool(1)
        stack.callback(pool.close)
        yield await app._built(read_settings(), pool, stack, logger())


@asynccontextmanager
async def asking(servers: Servers) -> AsyncIterator[Bus]:
    bus = await Bus.connect(servers.bus("gateway"), "gateway", SystemClock(), logger())
    try:
        yield bus
    finally:
        await bus.close()


async def taken(bus: Bus) -> list[str]:
    """The subjects of the gateway's commands that somebody answers."""
    found = []
    for conversation in subjects.CONVERSATIONS:
        if conversation.is_command and conversation.service == "rmos" and "gateway" in conversation.callers:
            try:
                await bus.client.request(conversation.subject, b"{}", timeout=20)
            except nats.errors.NoRespondersError:
                continue
            found.append(conversation.subject)
    return found


async def test_a_term_that_cannot_begin_leaves_no_command_behind(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: Message, __: RequestContext) -> Message:
        raise AssertionError

    async with built(servers, monkeypatch) as service, asking(servers) as gateway:
        service._commands = (*service._commands, (NO_SUBJECT, never))
        with pytest.raises(nats.errors.BadSubjectError):
            async with service.lead(TERM):
                raise AssertionError("the term began")
        assert await taken(gateway) == []


async def test_searches_are_ended_when_no_new_ones_can_come(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    while_they_end: list[list[str]] = []

    async with built(servers, monkeypatch) as service, asking(servers) as gateway:

        async def interrupt() -> None:
            while_they_end.append(await taken(gateway))

        monkeypatch.setattr(service._searches, "interrupt", interrupt)
        async with service.lead(TERM):
            assert subjects.SEARCH_CONSTRAINTS.subject in await taken(gateway)
        assert while_they_end == [[]]
