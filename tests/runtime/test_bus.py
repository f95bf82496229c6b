"""Requests on a real NATS: a silent or slow process answers them, they are too large, the bus hangs or comes anew."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import nats.errors
import pytest
from nats.aio.msg import Msg

from contracts.cam import ToolpathJob, ToolpathsFailed
from contracts.canonical import canonical_bytes
from contracts.envelope import Actor, RequestContext, Role, request_headers
from contracts.errors import ErrorCode, RmosError
from contracts.examples import examples
from contracts.feasibility import EvaluateBatch
from contracts.model import Message
from contracts.rmos import ReferenceAssets
from contracts.subjects import FEASIBILITY_BATCH, GENERATE_TOOLPATHS, REFERENCE_ASSETS, Conversation
from runtime import asking as asking_module
from runtime import bus as bus_module
from runtime.bus import Bus
from runtime.clock import SystemClock, unix_ms
from runtime.logs import logger
from runtime.message_size import message_bytes
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
    monkeypatch.setattr(asking_module, "ASK_AGAIN_S", 0.05)


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


@pytest.mark.parametrize("headers", [{}, {"a": ""}, {"ce-id": "command_1", "x-actor": '{"id":"\u00e4da"}'}])
async def test_a_message_is_as_large_as_its_server_counts_it(
    nats_server: NatsAccess, headers: dict[str, str], ended: list[None]
) -> None:
    async with connected(nats_server, "rmos") as bus:
        fitting = b"x" * (bus.client.max_payload - message_bytes(b"", headers))
        await bus.client.publish("log.test", fitting, headers=headers or None)
        await bus.client.flush()
        assert not bus.client.is_closed
        if headers:
            async with asyncio.timeout(20):
                while not ended:  # once more if the connection broke before the server's word was read
                    with suppress(nats.errors.Error):
                        await bus.client.publish("log.test", fitting + b"x", headers=headers)
                    await asyncio.sleep(0.5)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One item for each time that this process would have ended."""
    times: list[None] = []
    monkeypatch.setattr(bus_module, "end_with_failure", lambda: times.append(None))
    return times


@pytest.mark.parametrize("over", [-100, 5])
async def test_a_request_too_large_for_the_bus_is_refused_and_the_next_is_answered(
    nats_server: NatsAccess, over: int
) -> None:
    async with connected(nats_server, "rmos") as rmos, connected(nats_server, "gateway") as asking:
        await rmos.serve(FEASIBILITY_BATCH, refuse)
        empty = len(canonical_bytes(EvaluateBatch(items_json="")))
        large = EvaluateBatch(items_json="x" * (asking.client.max_payload + over - empty))
        with pytest.raises(RmosError) as refused:
            await asking.request(FEASIBILITY_BATCH, large, context("command_large"))
        assert refused.value.code is ErrorCode.PAYLOAD_TOO_LARGE
        assert refused.value.details["limit_bytes"] == asking.client.max_payload
        with pytest.raises(RmosError, match="it was here"):
            await asking.request(FEASIBILITY_BATCH, EvaluateBatch(items_json="[]"), context("command_small"))


async def refuse(_: EvaluateBatch, __: RequestContext) -> EvaluateBatch:
    raise RmosError(ErrorCode.INVALID_REQUEST, "it was here")


@pytest.mark.parametrize("free", [5, 700, 8000])
async def test_a_fact_leaves_room_for_the_reason_it_may_be_given_up_for(nats_server: NatsAccess, free: int) -> None:
    fact = ToolpathsFailed(request_id="request_1", design_sha256="ab" * 32, engine_version="1", reason="")
    async with connected(nats_server, "cam") as cam:
        reason = "x" * (cam.client.max_payload - free - len(canonical_bytes(fact)))
        with pytest.raises(RmosError) as refused:
            await cam.publish_fact(fact.model_copy(update={"reason": reason}), "fact_1", "request_1")
        assert refused.value.code is ErrorCode.PAYLOAD_TOO_LARGE
        await cam.client.flush()
        assert not cam.client.is_closed


async def test_an_answer_too_large_for_the_bus_is_a_typed_error_and_not_silence(nats_server: NatsAccess) -> None:
    async def handle(_: ReferenceAssets, __: RequestContext) -> ReferenceAssets:
        return ReferenceAssets.model_construct(run_id="x" * rmos.client.max_payload, asset_ids=("asset_1",))

    async with connected(nats_server, "rmos") as rmos, connected(nats_server, "art_studio") as asking:
        await rmos.serve(REFERENCE_ASSETS, handle)
        with pytest.raises(RmosError, match="the answer has") as refused:
            await asking.request(REFERENCE_ASSETS, COMMAND, context("command_1"))
    assert refused.value.code is ErrorCode.PAYLOAD_TOO_LARGE
    assert refused.value.details["limit_bytes"] == rmos.client.max_payload


async def test_one_who_cannot_be_answered_takes_the_answer_from_nobody_else(nats_server: NatsAccess) -> None:
    both_asked = asyncio.Event()
    copies: list[Msg] = []

    async def handle(command: ReferenceAssets, _: RequestContext) -> ReferenceAssets:
        await both_asked.wait()
        await rmos.client.flush()  # what was asked by now is here
        return command

    async def count(message: Msg) -> None:
        copies.append(message)
        if len({message.reply != "" for message in copies}) == 2:
            both_asked.set()

    async with (
        connected(nats_server, "rmos") as rmos,
        connected(nats_server, "rmos") as watching,
        connected(nats_server, "art_studio") as asking,
    ):
        await rmos.serve(REFERENCE_ASSETS, handle)
        await watching.client.subscribe(REFERENCE_ASSETS.subject, cb=count)
        await watching.client.flush()
        request = context("command_1")
        headers = request_headers(request, REFERENCE_ASSETS.subject, "art_studio", "2026-01-01T00:00:00.000000Z")
        await asking.client.publish(REFERENCE_ASSETS.subject, canonical_bytes(COMMAND), headers=headers)
        await asking.client.flush()
        assert await asking.request(REFERENCE_ASSETS, COMMAND, request) == COMMAND
    assert copies[0].reply == ""


async def test_what_is_let_go_while_the_bus_hangs_does_not_come_again_with_the_next_connection() -> None:
    async with hanging_bus() as (access, rmos, hang, come_anew):
        served = await rmos.serve(REFERENCE_ASSETS, echo)
        hang()
        await rmos.let_go([served], within_s=0.2)
        await come_anew()
        await nobody_answers(access)


async def test_what_could_not_be_served_does_not_come_again_with_the_next_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with hanging_bus() as (access, rmos, hang, come_anew):
        monkeypatch.setattr(rmos.client, "flush", partial(rmos.client.flush, timeout=1))
        hang()
        with pytest.raises(nats.errors.FlushTimeoutError):
            await rmos.serve(REFERENCE_ASSETS, echo)
        await come_anew()
        await nobody_answers(access)


async def test_requests_that_are_here_when_a_conversation_is_let_go_are_answered() -> None:
    begun = asyncio.Event()
    let_go = asyncio.Event()

    async def handle(command: ReferenceAssets, _: RequestContext) -> ReferenceAssets:
        begun.set()
        await let_go.wait()
        return command

    with running_nats() as access:  # its own: nobody else may answer here
        async with connected(access, "rmos") as rmos, connected(access, "art_studio") as asking:
            served = await rmos.serve(REFERENCE_ASSETS, handle)
            answer = asyncio.create_task(asking.request(REFERENCE_ASSETS, COMMAND, context("command_1")))
            await begun.wait()
            await rmos.let_go([served], within_s=20)
            with pytest.raises(nats.errors.NoRespondersError):
                await asking.client.request(REFERENCE_ASSETS.subject, b"{}", timeout=20)
            let_go.set()
            assert await answer == COMMAND


async def echo(command: ReferenceAssets, _: RequestContext) -> ReferenceAssets:
    return command


@asynccontextmanager
async def hanging_bus() -> AsyncIterator[tuple[NatsAccess, Bus, Callable[[], None], Callable[[], Awaitable[None]]]]:
    """A bus, what makes its server hang, and what kills that server and starts it again."""
    with running_nats() as access:
        async with connected(access, "rmos") as rmos:
            reconnected = rmos.client.stats["reconnects"]

            def hang() -> None:
                os.kill(access.server.pid, signal.SIGSTOP)
                os.waitpid(access.server.pid, os.WUNTRACED)  # until it stands still

            async def come_anew() -> None:
                os.kill(access.server.pid, signal.SIGKILL)
                await asyncio.to_thread(access.server.stop)
                await asyncio.to_thread(access.server.start)
                async with asyncio.timeout(20):
                    while not (rmos.connected and rmos.client.stats["reconnects"] > reconnected):
                        await asyncio.sleep(0.01)
                await rmos.client.flush()

            yield access, rmos, hang, come_anew


async def nobody_answers(access: NatsAccess) -> None:
    async with connected(access, "art_studio") as asking:
        with pytest.raises(nats.errors.NoRespondersError):
            await asking.client.request(REFERENCE_ASSETS.subject, b"{}", timeout=20)
