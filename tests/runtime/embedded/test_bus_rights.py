"""The NATS server enforces the subject table: what a user is not listed for is refused, with the right password too."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig

from contracts.subjects import DASHBOARD, MARK_BEGUN, MARK_SIGNED, MIGRATE, SERVICES, SUPERVISOR, inbox_prefix
from runtime.embedded import binaries, nats_conf
from runtime.testing import NatsAccess, running_nats


@pytest.fixture
def bus() -> Iterator[NatsAccess]:
    """A NATS of its own: these tests use the fixed streams."""
    with running_nats() as access:
        yield access


@asynccontextmanager
async def connected(bus: NatsAccess, user: str, refusals: list[str] | None = None) -> AsyncIterator[Client]:
    async def note(error: Exception) -> None:
        if refusals is not None:
            refusals.append(str(error).lower())

    client = await nats.connect(
        bus.url, user=user, password=bus.passwords[user], inbox_prefix=inbox_prefix(user), error_cb=note
    )
    try:
        yield client
    finally:
        await client.close()


async def make_streams(bus: NatsAccess) -> None:
    async with connected(bus, MIGRATE) as client:
        await client.jetstream().add_stream(name="LOG", subjects=["log.>"])
        await client.jetstream().add_stream(name="FACTS", subjects=["fact.>"])
        await client.jetstream().add_consumer(
            "FACTS", ConsumerConfig(durable_name="rmos-recorder", ack_policy="explicit")
        )


async def refusal_of(bus: NatsAccess, user: str, subject: str) -> str:
    """What the server says to a publish; the flush makes sure that it has said it."""
    refusals: list[str] = []
    async with connected(bus, user, refusals) as client:
        await client.publish(subject, b"{}")
        await client.flush()
        for _ in range(200):
            if refusals:
                return refusals[0]
            await asyncio.sleep(0.01)
    return "nothing"


@pytest.mark.parametrize("user", [user for user in nats_conf.USERS if user != "rmos"])
async def test_nobody_but_rmos_can_publish_to_the_log(bus: NatsAccess, user: str) -> None:
    assert "permissions violation" in await refusal_of(bus, user, "log.rmos.candidate_bound.v1")


@pytest.mark.parametrize("user", [user for user in nats_conf.USERS if user != "rmos"])
async def test_nobody_but_rmos_can_mark_a_checkpoint(bus: NatsAccess, user: str) -> None:
    assert "permissions violation" in await refusal_of(bus, user, MARK_SIGNED)


@pytest.mark.parametrize("user", [user for user in nats_conf.USERS if user != MIGRATE])
async def test_nobody_but_the_migration_can_say_that_a_log_begins(bus: NatsAccess, user: str) -> None:
    assert "permissions violation" in await refusal_of(bus, user, MARK_BEGUN)


@pytest.mark.parametrize("act", ["STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE", "STREAM.MSG.DELETE"])
async def test_not_even_rmos_can_take_a_mark_away(bus: NatsAccess, act: str) -> None:
    assert "permissions violation" in await refusal_of(bus, "rmos", f"$JS.API.{act}.MARKS")


async def test_rmos_publishes_to_the_log_and_gets_an_acknowledgement(bus: NatsAccess) -> None:
    await make_streams(bus)
    async with connected(bus, "rmos") as client:
        assert (await client.jetstream().publish("log.rmos.candidate_bound.v1", b"{}")).seq == 1


@pytest.mark.parametrize("user", [user for user in SERVICES if user != "ai_gateway"])
async def test_nobody_but_the_ai_gateway_can_publish_its_facts(bus: NatsAccess, user: str) -> None:
    assert "permissions violation" in await refusal_of(bus, user, "fact.ai.call_completed.v1")


@pytest.mark.parametrize(
    "subject", ["log.x", "fact.ai.x", "cmd.rmos.approve.v1", "dead.x", "$JS.API.STREAM.DELETE.LOG"]
)
async def test_a_dashboard_publishes_nothing(bus: NatsAccess, subject: str) -> None:
    assert "permissions violation" in await refusal_of(bus, DASHBOARD, subject)


@pytest.mark.parametrize("user", [DASHBOARD, "rmos"])
async def test_dashboards_and_the_audit_read_the_log_in_order(bus: NatsAccess, user: str) -> None:
    await make_streams(bus)
    async with connected(bus, "rmos") as writer:
        for number in range(3):
            await writer.jetstream().publish("log.rmos.happened.v1", str(number).encode())
    async with connected(bus, user) as reader:
        subscription = await reader.jetstream().subscribe("log.>", stream="LOG", ordered_consumer=True)
        assert [(await subscription.next_msg(timeout=5)).data for _ in range(3)] == [b"0", b"1", b"2"]


async def test_a_dashboard_cannot_touch_the_facts_or_their_consumer(bus: NatsAccess) -> None:
    await make_streams(bus)
    async with connected(bus, DASHBOARD) as reader:
        with pytest.raises(nats.errors.TimeoutError):
            await reader.jetstream(timeout=0.5).delete_consumer("FACTS", "rmos-recorder")
    async with connected(bus, MIGRATE) as client:
        assert (await client.jetstream().consumer_info("FACTS", "rmos-recorder")).name == "rmos-recorder"


async def test_only_the_gateway_s_inbox_sees_its_replies(bus: NatsAccess) -> None:
    refusals: list[str] = []
    async with connected(bus, "cam", refusals) as eavesdropper:
        await eavesdropper.subscribe("_INBOX.gateway.>")
        await eavesdropper.flush()
        for _ in range(200):
            if refusals:
                break
            await asyncio.sleep(0.01)
    assert "permissions violation" in refusals[0]


async def test_a_service_answers_and_another_s_subject_is_not_its_to_answer(bus: NatsAccess) -> None:
    refusals: list[str] = []
    async with connected(bus, "cam", refusals) as cam, connected(bus, SUPERVISOR) as asking:

        async def answer(message) -> None:
            await message.respond(b"here")

        await cam.subscribe("query.cam.health.v1", queue="cam", cb=answer)
        await cam.subscribe("query.rmos.health.v1", queue="rmos", cb=answer)
        await cam.flush()
        assert (await asking.request("query.cam.health.v1", b"{}", timeout=5)).data == b"here"
        with pytest.raises(nats.errors.NoRespondersError):
            await asking.request("query.rmos.health.v1", b"{}", timeout=5)
    assert "permissions violation" in refusals[0]


async def test_another_service_s_password_does_not_open_the_bus(bus: NatsAccess) -> None:
    with pytest.raises(nats.errors.Error):
        await nats.connect(bus.url, user="rmos", password=bus.passwords["cam"], allow_reconnect=False)


def test_the_committed_compose_configuration_is_the_generated_one() -> None:
    committed = Path(__file__).parents[3] / "deploy" / "nats" / "nats.conf"
    assert committed.read_text(encoding="utf-8") == nats_conf.compose_config()


def test_the_server_accepts_the_compose_configuration_and_refuses_it_without_passwords() -> None:
    config = str(Path(__file__).parents[3] / "deploy" / "nats" / "nats.conf")
    passwords = {nats_conf.password_variable(user): f"k{user}" for user in nats_conf.USERS}
    command = [str(binaries.nats_server()), "-t", "-c", config]
    assert subprocess.run(command, env=passwords, check=False, capture_output=True).returncode == 0
    del passwords["RMOS_NATS_PASSWORD_CAM"]
    refused = subprocess.run(command, env=passwords, check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "RMOS_NATS_PASSWORD_CAM" in refused.stderr
