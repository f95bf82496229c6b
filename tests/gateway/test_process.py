"""The gateway as a process: it starts alone, says what is wrong with its settings, and ends in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from contracts.envelope import Role
from runtime import testing
from runtime.embedded.ports import free_port
from tests.gateway.conftest import KEYS

PATIENCE_S = 30


def environment(access: testing.NatsAccess, s3: testing.S3Access, port: int, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "RMOS_HTTP_PORT": str(port),
        "RMOS_API_KEYS": json.dumps({role.value: key for role, key in KEYS.items()}),
        "RMOS_NATS_URL": access.url,
        "RMOS_NATS_USER": "gateway",
        "RMOS_NATS_PASSWORD": access.passwords["gateway"],
        "RMOS_S3_ENDPOINT": s3.endpoint,
        "RMOS_S3_ACCESS_KEY": s3.access_key,
        "RMOS_S3_SECRET_KEY": s3.secret_key,
        "RMOS_S3_BUCKET": s3.bucket,
        **more,
    }


@asynccontextmanager
async def gateway_process(variables: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway", env=variables, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answering(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await client.get("/healthz")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def test_it_answers_alone_and_ends_in_order_with_a_stream_open(
    log_nats: testing.NatsAccess, s3_server: testing.S3Access
) -> None:
    port = free_port()
    headers = {"X-API-Key": KEYS[Role.AUDITOR]}
    async with (
        gateway_process(environment(log_nats, s3_server, port)) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S) as client,
    ):
        await answering(client)
        assert (await client.get("/healthz")).json()["pid"] == process.pid
        assert (await client.get("/readyz")).status_code == 503
        async with client.stream("GET", "/api/events/stream") as stream:
            assert stream.status_code == 200
            process.send_signal(signal.SIGTERM)
            text = "".join([part async for part in stream.aiter_text()])
        _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0
    assert "event: closing" in text
    for line in errors.decode().splitlines():
        assert "Traceback" not in line
        assert KEYS[Role.AUDITOR] not in line
        json.loads(line)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"RMOS_API_KEYS": ""}, "RMOS_API_KEYS"),
        ({"RMOS_API_KEYS": "{}"}, "RMOS_API_KEYS"),
        ({"RMOS_API_KEYS": '{"boss": "0123456789abcdef"}'}, "RMOS_API_KEYS"),
        ({"RMOS_API_KEYS": '{"admin": "hunter2"}'}, "RMOS_API_KEYS"),
        ({"RMOS_API_KEYS": '{"admin": "0123456789abcdef", "auditor": "0123456789abcdef"}'}, "RMOS_API_KEYS"),
        ({"RMOS_HTTP_PORT": "many"}, "RMOS_HTTP_PORT"),
        ({"RMOS_HTTP_HOST": "203.0.113.1"}, "RMOS_HTTP_HOST"),
        ({"RMOS_NATS_URL": ""}, "RMOS_NATS_URL"),
    ],
)
async def test_a_wrong_setting_ends_it_with_2_and_is_named_without_its_value(
    log_nats: testing.NatsAccess, s3_server: testing.S3Access, wrong: dict[str, str], named: str
) -> None:
    async with gateway_process(environment(log_nats, s3_server, free_port(), **wrong)) as process:
        _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 2
    assert named in errors.decode()
    assert "hunter2" not in errors.decode()
