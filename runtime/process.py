"""A service as a process: logging, signals, one orderly end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from runtime.heartbeat import beat
from runtime.logs import Logger, configure
from runtime.settings import ProcessSettings, SettingsError

Start = Callable[[AsyncExitStack, Logger], Awaitable[None]]
"""Builds and starts the service; what must be closed again is pushed on the stack."""

ENDING_S = 10.0
"""How long a process that failed may take to close what is open."""


def run(service: str, start: Start) -> None:
    """Run until SIGTERM or SIGINT. Exit code 2 names a wrong setting; an unexpected error ends the process with 1."""
    try:
        settings = ProcessSettings.read()
        asyncio.run(_live(start, configure(service, settings.log_level), settings.heartbeat_file))
    except SettingsError as error:
        print(f"{service}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


async def _live(start: Start, log: Logger, heartbeat_file: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        await start(stack, log)
        if heartbeat_file is not None:
            stack.callback(asyncio.create_task(beat(heartbeat_file)).cancel)
        # What the start has made stays. To walk through it for garbage would find nothing, and leave everybody waiting
        # for a tenth of a second every few thousand requests.
        gc.freeze()
        log.info("started")
        await stop.wait()
        log.info("stopping")


def end_with_failure() -> None:
    """Ends this process with exit code 1, so that its supervisor starts it again: every task is cancelled, what is open
    is closed in order. After ENDING_S it ends as it is, since what failed may keep a task from ending."""
    limit = threading.Timer(ENDING_S, os._exit, (1,))
    limit.daemon = True
    limit.start()
    asyncio.get_running_loop().call_soon(sys.exit, 1)
