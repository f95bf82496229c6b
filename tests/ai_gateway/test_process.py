"""The gateway as it runs: its own process, a real bus with permissions, a real object store."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import nats
import orjson
import pytest

from contracts import subjects
from contracts.ai import AskProviders, GeneratedContent, Providers
from contracts.envelope import SYSTEM_ACTOR, RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.health import AskHealth
from contracts.spec import RosetteSpec
from runtime.blobs import BlobStore
from runtime.bus import Bus
from runtime.clock import SystemClock, unix_ms
from runtime.logs import logger
from runtime.settings import NatsSettings, S3Settings
from runtime.testing import NatsAccess, S3Access, running_nats
from tests.ai_gateway.world import request

PATIENCE_S = 20


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    studio: Bus
    gateway: Bus
    bus: NatsAccess
    blobs: BlobStore


@pytest.fixture(scope="module")
def own_nats() -> Iterator[NatsAccess]:
    with running_nats() as access:
        yield access


def environment(bus: NatsAccess, store: S3Access) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "RMOS_NATS_URL": bus.url,
        "RMOS_NATS_USER": "ai_gateway",
        "RMOS_NATS_PASSWORD": bus.passwords["ai_gateway"],
        "RMOS_S3_ENDPOINT": store.endpoint,
        "RMOS_S3_ACCESS_KEY": store.access_key,
        "RMOS_S3_SECRET_KEY": store.secret_key,
        "RMOS_S3_BUCKET": store.bucket,
        "RMOS_S3_REGION": store.region,
        "RMOS_LOG_LEVEL": "debug",
    }


async def bus_of(user: str, bus: NatsAccess) -> Bus:
    settings = NatsSettings(url=bus.url, user=user, password=bus.passwords[user])
    return await Bus.connect(settings, user, SystemClock(), logger(service=user))


@pytest.fixture
async def running(own_nats: NatsAccess, s3_server: S3Access) -> AsyncIterator[Running]:
    await make_streams(own_nats)
    process = subprocess.Popen(
        [sys.executable, "-m", "services.ai_gateway"],
        env=environment(own_nats, s3_server),
        stderr=subprocess.PIPE,
    )
    studio, gateway = await bus_of("art_studio", own_nats), await bus_of("gateway", own_nats)
    store = S3Settings(
        endpoint=s3_server.endpoint,
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
        bucket=s3_server.bucket,
        region=s3_server.region,
    )
    blobs = BlobStore(store)
    try:
        yield Running(process, studio, gateway, own_nats, blobs)
    finally:
        await studio.close()
        await gateway.close()
        blobs.close()
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


async def make_streams(bus: NatsAccess) -> None:
    client = await nats.connect(
        bus.url, user="migrate", password=bus.passwords["migrate"], inbox_prefix=subjects.inbox_prefix("migrate")
    )
    await client.jetstream().add_stream(name=subjects.FACTS_STREAM, subjects=["fact.>"])
    await client.close()


async def stored_facts(bus: NatsAccess) -> list[tuple[str, dict[str, object]]]:
    client = await nats.connect(
        bus.url, user="migrate", password=bus.passwords["migrate"], inbox_prefix=subjects.inbox_prefix("migrate")
    )
    stream = client.jetstream()
    state = (await stream.stream_info(subjects.FACTS_STREAM)).state
    found = []
    for sequence in range(state.first_seq, state.last_seq + 1):
        message = await stream.get_msg(subjects.FACTS_STREAM, sequence)
        found.append((str(message.subject), orjson.loads(message.data or b"{}")))
    await client.close()
    return found


def context(seconds: float = PATIENCE_S) -> RequestContext:
    deadline_ms = unix_ms() + int(seconds * 1000)
    return RequestContext(command_id="cmd_1", request_id="req_bus", actor=SYSTEM_ACTOR, deadline_ms=deadline_ms)


async def ready(of: Running) -> None:
    """A service that is starting has no subscription yet; the bus waits a few seconds for one by itself."""
    for _ in range(5):
        try:
            health = await of.gateway.request(subjects.HEALTH["ai_gateway"], AskHealth(), context())
        except RmosError as error:
            if error.code is not ErrorCode.UNAVAILABLE:
                raise
            continue
        assert health.ready
        assert health.pid == of.process.pid
        return
    raise AssertionError("the gateway did not start")


async def test_the_process_designs_draws_records_and_ends_in_order(running: Running) -> None:
    await ready(running)
    providers: Providers = await running.gateway.request(subjects.PROVIDERS, AskProviders(), context())
    assert providers.default_provider == "offline"
    prompt = "Marguerite's gothic rosette with 24 petals, 110 mm"
    designed: GeneratedContent = await running.studio.request(
        subjects.GENERATE_CONTENT, request(prompt=prompt), context()
    )
    assert RosetteSpec.model_validate_json(designed.text or "")
    drawn: GeneratedContent = await running.studio.request(
        subjects.GENERATE_CONTENT, request(output="image", image_size="128x128", prompt=prompt), context()
    )
    assert (await running.blobs.get(drawn.images[0])).startswith(b"\x89PNG")
    facts = await stored_facts(running.bus)
    calls = [designed.provenance.call_id, drawn.provenance.call_id]
    of_calls = [(s, body) for s, body in facts if (body.get("call_id") or _call_of(body)) in calls]
    assert [subject for subject, _ in of_calls] == ["fact.ai.call_requested.v1", "fact.ai.call_completed.v1"] * 2
    assert of_calls[1][1]["provenance"] == designed.provenance.model_dump(mode="json")

    with pytest.raises(RmosError) as unconfigured:
        await running.studio.request(subjects.GENERATE_CONTENT, request(provider="openai"), context())
    assert unconfigured.value.code is ErrorCode.AI_NOT_CONFIGURED
    assert "OPENAI_API_KEY" in unconfigured.value.message

    running.process.terminate()
    _, log = await asyncio.to_thread(running.process.communicate, timeout=PATIENCE_S)
    assert running.process.returncode == 0
    assert b"Marguerite" not in log
    assert b'"outcome":"ok"' in log


def _call_of(body: dict[str, object]) -> object:
    provenance = body.get("provenance")
    return provenance.get("call_id") if isinstance(provenance, dict) else None


async def test_only_the_ai_gateway_may_publish_its_facts(running: Running) -> None:
    await ready(running)
    before = len(await stored_facts(running.bus))
    await running.studio.client.publish("fact.ai.call_completed.v1", b"{}")
    await running.studio.client.flush()
    assert len(await stored_facts(running.bus)) == before


async def test_without_its_fact_stream_a_call_has_no_answer(s3_server: S3Access) -> None:
    with running_nats() as bare:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.ai_gateway"], env=environment(bare, s3_server), stderr=subprocess.DEVNULL
        )
        studio, gateway = await bus_of("art_studio", bare), await bus_of("gateway", bare)
        try:
            await ready(Running(process, studio, gateway, bare, None))  # type: ignore[arg-type]  # no blob is read
            with pytest.raises(RmosError) as caught:
                await studio.request(subjects.GENERATE_CONTENT, request(), context())
            assert caught.value.code is ErrorCode.UNAVAILABLE
        finally:
            await studio.close()
            await gateway.close()
            process.kill()
            process.wait()
