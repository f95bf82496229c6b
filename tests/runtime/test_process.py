"""A service as a process: it says that it lives for as long as its event loop runs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from runtime.heartbeat import beat

SERVICE = """
from runtime.process import run

async def start(stack, log):
    pass

run("planted", start)
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


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)
