"""Putting an outcome on record while log or object store hesitate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from contracts.errors import ErrorCode, RmosError

T = TypeVar("T")
INSIST_S, AGAIN_S = 10.0, 0.25
"""For how long, and how often, an outcome is offered that cannot be taken."""


async def insisting(
    step: Callable[[], Awaitable[T]],
    is_going: Callable[[], bool],
    transient: frozenset[ErrorCode] = frozenset({ErrorCode.UNAVAILABLE}),
) -> T:
    """The step's result; it is done again while it fails with one of the `transient` errors: a store that hesitates is
    no reason to lose what was found. A leader that is going does not wait; the next one ends what it began.

    Raises the step's last error.
    """
    until = time.perf_counter() + INSIST_S
    while True:
        try:
            return await step()
        except RmosError as error:
            if error.code not in transient or is_going() or time.perf_counter() > until:
                raise
        await asyncio.sleep(AGAIN_S)
