"""What a leader does in the background, for as long as it leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from runtime.logs import Logger

Duty = Callable[[], Awaitable[None]]
R = TypeVar("R")
PATIENCE_S = 1.0


@asynccontextmanager
async def duties(log: Logger, **named: Duty) -> AsyncIterator[None]:
    """Runs the duties inside; leaving cancels them and waits. One that fails is logged and begun again after a while:
    a defect in one must not end the others, nor go on silently."""
    tasks = [asyncio.create_task(_lasting(log, name, duty), name=name) for name, duty in named.items()]
    try:
        yield
    finally:
        await ended(*tasks)


async def _lasting(log: Logger, name: str, duty: Duty) -> None:
    while True:
        try:
            await duty()
            return
        except Exception:
            heed_cancellation()
            log.exception("duty_failed", duty=name)
            await asyncio.sleep(1.0)


def heed_cancellation() -> None:
    """For handlers of errors in a loop: a driver that is cancelled in the middle of its protocol may raise an error of
    its own in place of the cancellation, and the loop would then go on for ever. Raises CancelledError."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def to_its_end(work: Coroutine[Any, Any, R]) -> R:
    """The work's result. A cancellation waits until the work is done: for short transactions, whose connection would
    be lost if they were torn apart."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancels the tasks until they have ended."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=PATIENCE_S)
