"""Streams as they were folded last: a command reads and decodes what came since, not the whole stream again.

Events never change, so a fold of the first n of a stream stays right whoever writes the log; only its end is read anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from contracts.log import LogEvent
from services.rmos.ports import EventLog

S = TypeVar("S")
MAX_EVENTS = 1000
"""Of all streams together; what was not asked for longest goes first. A decision with its verdict takes 75 kB."""


class Folded(Generic[S]):
    """`fold_on(state, events)` gives the state after further events; None is the state before the first. States must be
    immutable: everybody is given the same one."""

    def __init__(self, fold_on: Callable[[S | None, Sequence[LogEvent]], S | None]) -> None:
        self._fold_on = fold_on
        self._kept: OrderedDict[str, tuple[S | None, int]] = OrderedDict()
        self._events = 0

    async def newest(self, log: EventLog, stream: str) -> tuple[S | None, int]:
        """State and version of the stream, with everything that any append returned before. Raises UNAVAILABLE."""
        state, version = self._kept.get(stream, (None, 0))
        events = await log.read_stream(stream, version)
        state, version = self._fold_on(state, events), version + len(events)
        self._keep(stream, state, version)
        return state, version

    def _keep(self, stream: str, state: S | None, version: int) -> None:
        _, kept = self._kept.get(stream, (None, 0))
        if version > kept:  # else somebody who asked later was told first
            self._kept[stream] = state, version
            self._events += version - kept
        if version:
            self._kept.move_to_end(stream)
        while self._events > MAX_EVENTS and len(self._kept) > 1:
            _, (_, forgotten) = self._kept.popitem(last=False)
            self._events -= forgotten
