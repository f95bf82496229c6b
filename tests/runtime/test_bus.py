"""Requests on a real NATS when a process of the answering service is silent, or slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.msg import Msg

from contracts.cam import ToolpathJob
from contracts.envelope import Actor, RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.examples import examples
from contracts.model import Message
from contracts.rmos import ReferenceAssets
from contracts.subjects import GENERATE_TOOLPATHS, REFERENCE_ASSETS, Conversation
from runtime import bus as bus_module
from runtime.bus import Bus
from runtime.clock import SystemClock, unix_ms
from runtime.logs import logger
from runtime.settings import NatsSettings
from runtime.testing import NatsAccess, running_nats

ADA = Actor(id="ada", role=Role.DESIGNER)
COMMAND = ReferenceAssets(run_id="run_1", asset_ids=("asset_1",))


@asynccontextmanager
async def connected(access: NatsAccess, user: str) -> AsyncIterator[Bus]:
    settings = NatsSettings(url=access.url, user=user, password=access.passwords[user])
    bus = await Bus.connect(settings, user, SystemClock(), logger())
    try:
        yield bus
    finally:
        await bus.close()


def context(command_id: str, seconds: float = 20.0, actor: Actor = ADA) -> RequestContext:
    return RequestContext(
        command_id=command_id, request_id="request_1", actor=actor, deadline_ms=unix_ms() + int(seconds * 1000)
    )


async def swallow(bus: Bus, conversation: Conversation) -> list[Msg]:
    """A member of the queue group that takes its share of the requests and never answers, as a paused process does."""
    swallowed: list[Msg] = []

    async def take(message: Msg) -> None:
        swallowed.append(message)

    await bus.client.subscribe(conversation.subject, queue=bus.service, cb=take)
    await bus.client.flush()
    return swallowed


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "ASK_AGAIN_S", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_a_silent_process_costs_a_repeatable_request_a_moment_and_not_its_answer(nats_server: NatsAccess) -> None:
    done: list[str] = []

    async def handle(command: ReferenceAssets, request: RequestContext) -> ReferenceAssets:
        done.append(request.command_id)
        return command

    async with (
        connected(nats_server, "rmos") as paused,
        connected(nats_server, "rmos") as living,
        connected(nats_server, "art_studio") as asking,
    ):
        swallowed = await swallow(paused, REFERENCE_ASSETS)
        await living.serve(REFERENCE_ASSETS, handle)
        for number in range(20):
            assert await asking.request(REFERENCE_ASSETS, COMMAND, context(f"command_{number}")) == COMMAND
    assert swallowed
    assert sorted(set(done)) == sorted(f"command_{number}" for number in range(20))
    assert {message.headers["ce-id"] for message in swallowed if message.headers} <= set(done)


@pytest.mark.usefixtures("impatient")
async def test_a_slow_handler_is_not_begun_again_and_every_asker_is_answered(nats_server: NatsAccess) -> None:
    begun: list[str] = []
    begun_before_the_answer: list[list[str]] = []
    asked_again = asyncio.Event()

    async def handle(command: ReferenceAssets, request: RequestContext) -> ReferenceAssets:
        begun.append(request.command_id)
        await asked_again.wait()
        await rmos.client.flush()  # what was asked by now is here
        begun_before_the_answer.append(list(begun))
        return command

    async with (
        connected(nats_server, "rmos") as rmos,
        connected(nats_server, "rmos") as watching,
        connected(nats_server, "art_studio") as asking,
    ):
        await rmos.serve(REFERENCE_ASSETS, handle)
        copies: list[Msg] = []

        async def count(message: Msg) -> None:
            copies.append(message)
            if len(copies) == 4:
                asked_again.set()

        await watching.client.subscribe(REFERENCE_ASSETS.subject, cb=count)
        await watching.client.flush()
        answers = await asyncio.gather(
            *(asking.request(REFERENCE_ASSETS, COMMAND, context("command_slow")) for _ in range(2))
        )
    assert answers == [COMMAND, COMMAND]
    assert begun_before_the_answer[0] == ["command_slow"]  # one that crosses the answer is a new request


async def test_another_body_or_another_actor_under_the_same_id_is_another_request(nats_server: NatsAccess) -> None:
    begun: list[tuple[str, Message]] = []
    all_there = asyncio.Event()

    async def handle(command: ReferenceAssets, request: RequestContext) -> ReferenceAssets:
        begun.append((request.actor.id, command))
        if len(begun) == 3:
            all_there.set()
        await all_there.wait()
        return command

    other = ReferenceAssets(run_id="run_2", asset_ids=("asset_1",))
    bob = Actor(id="bob", role=Role.DESIGNER)
    async with connected(nats_server, "rmos") as rmos, connected(nats_server, "art_studio") as asking:
        await rmos.serve(REFERENCE_ASSETS, handle)
        answers = await asyncio.gather(
            asking.request(REFERENCE_ASSETS, COMMAND, context("command_1")),
            asking.request(REFERENCE_ASSETS, other, context("command_1")),
            asking.request(REFERENCE_ASSETS, COMMAND, context("command_1", actor=bob)),
        )
    assert answers == [COMMAND, other, COMMAND]


@pytest.mark.usefixtures("impatient")
async def test_a_command_that_costs_a_core_is_sent_once(nats_server: NatsAccess) -> None:
    job = examples()[ToolpathJob]
    async with connected(nats_server, "cam") as paused, connected(nats_server, "rmos") as asking:
        swallowed = await swallow(paused, GENERATE_TOOLPATHS)
        with pytest.raises(RmosError) as refused:
            await asking.request(GENERATE_TOOLPATHS, job, context("command_1", seconds=0.5))
    assert refused.value.code is ErrorCode.DEADLINE_EXCEEDED
    assert len(swallowed) == 1


async def test_a_bus_whose_server_is_away_closes_all_the_same() -> None:
    with running_nats() as access:
        async with connected(access, "gateway") as bus:
            access.server.stop()
            async with asyncio.timeout(20):
                while bus.connected:
                    await asyncio.sleep(0.01)
        assert bus.client.is_closed
