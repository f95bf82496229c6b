"""A service as a process: it says that it lives for as long as its event loop runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.heartbeat import beat
from runtime.testing import NatsAccess

SERVICE = """
from runtime.process import run

async def start(stack, log):
    pass

run("planted", start)
"""

KEEPING = """
import gc
from runtime.process import run

kept = []

async def start(stack, log):
    kept.extend([] for _ in range(1000))
    stack.callback(lambda: print(gc.get_freeze_count(), flush=True))

run("planted", start)
"""

ON_THE_BUS = """
import asyncio, sys
from contextlib import suppress
import nats.errors
from runtime import process
from runtime.bus import Bus
from runtime.clock import SystemClock
from runtime.settings import NatsSettings

url, password, way = sys.argv[1:]

async def start(stack, log):
    bus = await Bus.connect(NatsSettings(url=url, user="rmos", password=password), "planted", SystemClock(), log)
    stack.push_async_callback(bus.close)
    stack.callback(print, "closed in order", flush=True)
    print("on the bus", flush=True)
    if way == "waits":
        return
    if way == "cannot close":
        process.ENDING_S = 0.2
        stack.push_async_callback(never)
    if way == "busy":
        stack.callback(asyncio.create_task(publish(bus)).cancel)
    stack.callback(asyncio.create_task(violate(bus)).cancel)

async def violate(bus):
    while True:  # once more if the connection broke before the server's word was read
        with suppress(nats.errors.Error):
            await bus.client.publish("log.test", b"x" * bus.client.max_payload, headers={"one": "too many"})
        await asyncio.sleep(0.5)

async def never():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def publish(bus):
    while True:
        with suppress(nats.errors.Error):
            await bus.client.publish("log.test", b"x" * 1000)
        await asyncio.sleep(0.001)

process.run("planted", start)
"""


async def test_the_heartbeat_goes_on_until_it_is_cancelled(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    beating = asyncio.create_task(beat(file, every_s=0.001))
    await until(file.exists)
    os.utime(file, (0, 0))
    await until(lambda: file.stat().st_mtime > 0)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    os.utime(file, (0, 0))
    await asyncio.sleep(0)
    assert file.stat().st_mtime == 0


def test_a_started_service_touches_its_heartbeat_file_and_ends_on_sigterm(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    environment = {**os.environ, "RMOS_HEARTBEAT_FILE": str(file)}
    with subprocess.Popen([sys.executable, "-c", SERVICE], env=environment, stderr=subprocess.DEVNULL) as service:
        try:
            deadline = time.monotonic() + 20
            while not file.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            assert file.exists()
            service.send_signal(signal.SIGTERM)
            assert service.wait(timeout=20) == 0
        finally:
            service.kill()


def test_what_the_start_has_made_is_not_searched_for_garbage() -> None:
    with subprocess.Popen([sys.executable, "-c", KEEPING], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as service:
        try:
            assert service.stderr is not None
            assert b'"started"' in service.stderr.readline()
            service.send_signal(signal.SIGTERM)
            said, _ = service.communicate(timeout=20)
            assert int(said) >= 1000
        finally:
            service.kill()


@pytest.mark.parametrize(
    ("way", "last_words"),
    [("quiet", "closed in order\n"), ("busy", "closed in order\n"), ("cannot close", "")],
)
def test_a_process_whose_bus_connection_is_closed_for_good_says_so_and_fails(
    nats_server: NatsAccess, way: str, last_words: str
) -> None:
    with on_the_bus(nats_server, way) as service:
        said, logged = service.communicate(timeout=40)
    assert said == "on the bus\n" + last_words
    assert service.returncode == 1
    (line,) = [json.loads(line) for line in logged.splitlines() if '"bus_closed"' in line]
    assert (line["level"], line["service"]) == ("critical", "planted")
    assert "maximum payload" in line["error"].lower()


def test_a_process_that_closes_its_bus_connection_itself_does_not_fail(nats_server: NatsAccess) -> None:
    with on_the_bus(nats_server, "waits") as service:
        assert service.stdout is not None
        assert service.stdout.readline() == "on the bus\n"
        service.send_signal(signal.SIGTERM)
        said, logged = service.communicate(timeout=40)
    assert said == "closed in order\n"
    assert service.returncode == 0
    assert "bus_closed" not in logged


@contextmanager
def on_the_bus(access: NatsAccess, way: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", ON_THE_BUS, access.url, access.passwords["rmos"], way]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as service:
        try:
            yield service
        finally:
            service.kill()


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)
