"""Is this process of the authority well, and how far behind the log is what follows it?"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Protocol

from contracts.envelope import RequestContext
from contracts.errors import RmosError
from contracts.health import AskHealth, Health, Lag
from runtime.clock import Clock
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.lag import lags_of


class Part(Protocol):
    """Something that works in the background while this process leads."""

    failure: str | None
    """Why it stands still; None while it does not."""


class HealthHandler:
    def __init__(
        self,
        events: PostgresEventLog,
        parts: Sequence[Part],
        details: Callable[[], dict[str, str]],
        clock: Clock,
    ) -> None:
        self._events = events
        self._parts = parts
        self._details = details
        self._clock = clock

    async def health(self, _: AskHealth, __: RequestContext) -> Health:
        """Ready when the log can be read and, in the leader, when nothing in the background stands still."""
        problems = [part.failure for part in self._parts if part.failure]
        lags: tuple[Lag, ...] = ()
        try:
            lags = lags_of(await self._events.followers(), self._clock.now())
        except RmosError as error:
            problems.append(error.message)
        role = "leader" if self._events.term is not None else "follower"
        return Health(
            service="rmos",
            version=version("rmos"),
            pid=os.getpid(),
            ready=not problems,
            problems=tuple(problems),
            details={"role": role, **self._details()},
            lags=lags,
        )
