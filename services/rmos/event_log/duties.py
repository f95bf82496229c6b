"""What a leader does in the background, for as long as it leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from runtime.logs import Logger

Duty = Callable[[], Awaitable[None]]


@asynccontextmanager
async def duties(log: Logger, **named: Duty) -> AsyncIterator[None]:
    """Runs the duties inside; leaving cancels them and waits. One that fails is logged and begun again after a while:
    a defect in one must not end the others, nor go on silently."""
    tasks = [asyncio.create_task(_lasting(log, name, duty), name=name) for name, duty in named.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _lasting(log: Logger, name: str, duty: Duty) -> None:
    while True:
        try:
            await duty()
            return
        except Exception:
            log.exception("duty_failed", duty=name)
            await asyncio.sleep(1.0)
