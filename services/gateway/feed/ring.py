"""The newest events of the log in memory: contiguous positions, bounded in number and in bytes."""

from __future__ import annotations

import asyncio

from services.gateway.feed.event import FeedEvent


class Ring:
    """Holds the events after `floor` up to `head`. Clients keep positions, not queues, so a slow one costs nothing."""

    def __init__(self, head: int, max_events: int, max_bytes: int) -> None:
        self.head = head
        self.floor = head
        self._events: list[FeedEvent] = []
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._grown = asyncio.Event()

    def append(self, events: list[FeedEvent]) -> None:
        """Add events in position order; a jump in the positions moves the floor, so that nobody reads over it."""
        for event in events:
            if event.position != self.head + 1:
                self._events.clear()
                self._bytes = 0
                self.floor = event.position - 1
            self._events.append(event)
            self._bytes += len(event.frame)
            self.head = event.position
        self._shrink()
        self._grown.set()
        self._grown = asyncio.Event()

    def after(self, position: int, limit: int) -> list[FeedEvent]:
        """At most `limit` events after this position, which must not lie below the floor."""
        start = max(position - self.floor, 0)
        return self._events[start : start + limit]

    async def growth(self, patience_s: float) -> bool:
        """Whether something was appended while waiting."""
        try:
            async with asyncio.timeout(patience_s):
                await self._grown.wait()
        except TimeoutError:
            return False
        return True

    def _shrink(self) -> None:
        drop = 0
        while len(self._events) - drop > self._max_events or (
            self._bytes > self._max_bytes and drop < len(self._events) - 1
        ):
            self._bytes -= len(self._events[drop].frame)
            drop += 1
        if drop:
            self.floor = self._events[drop - 1].position
            del self._events[:drop]
