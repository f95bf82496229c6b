"""The feed of one gateway process.

One reader of LOG per process fills a ring that all clients share: an event is read and written as text once, however
many listen. A client is a position. While it is within the ring it takes the next events from there; a client that
resumes from before the ring first reads its way up with a consumer of its own, a page at a time at its own speed. A
client that was live and falls out of the ring is told so and sent away: it resumes by `Last-Event-ID`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

import orjson

from contracts.errors import ErrorCode, RmosError
from services.gateway.feed.event import FeedEvent
from services.gateway.feed.reader import LogReader
from services.gateway.feed.ring import Ring

HEARTBEAT = b": heartbeat\n\n"


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """`ring_*` is how far a live client may lag; `page_events` how much is written to it in one go."""

    ring_events: int = 20_000
    ring_bytes: int = 32 << 20
    page_events: int = 64
    heartbeat_s: float = 10.0
    catch_ups: int = 8
    """Clients that may read from before the ring at the same time: each holds a consumer and a page of the log."""
    ahead_s: float = 2.0
    """How long a position that the log does not have yet is waited for."""


class Tail:
    def __init__(self, reader: LogReader, limits: FeedLimits | None = None) -> None:
        self._reader = reader
        self._limits = limits or FeedLimits()
        self._ring: Ring | None = None
        self._catch_ups = asyncio.Semaphore(self._limits.catch_ups)
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End every client's feed, then the reader's."""
        self._closed = True
        if self._ring is not None:
            self._ring.append([])  # wakes everybody
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def failure(self) -> str | None:
        """Why there is no feed, if there is none."""
        if self._task is not None and self._task.done():
            return "the feed has stopped"
        return "the log cannot be read yet" if self._ring is None else None

    async def reaches(self, position: int) -> bool:
        """See services.gateway.ports.Feed."""
        ring = self._ring
        try:
            async with asyncio.timeout(self._limits.ahead_s):
                while ring is not None and ring.head < position:
                    await ring.growth(self._limits.ahead_s)
        except TimeoutError:
            return False
        return ring is not None

    async def follow(self, after: int | None, wanted: Callable[[FeedEvent], bool]) -> AsyncGenerator[bytes, None]:
        """See services.gateway.ports.Feed. Raises UNAVAILABLE while there is no feed."""
        ring = self._ring
        if self.failure is not None or ring is None:
            raise RmosError(ErrorCode.UNAVAILABLE, f"{self.failure}; ask again")
        position = ring.head if after is None else after
        yield b": from %d\nretry: 2000\n\n" % position
        while position < ring.floor:
            async with aclosing(self._caught_up(ring, position, wanted)) as pages:
                async for reached, page in pages:
                    position = reached
                    yield page
        while not self._closed and self.failure is None:
            if position < ring.floor:
                yield _farewell("lagged", position, "this client read too slowly and the log went on without it")
                return
            events = ring.after(position, self._limits.page_events)
            if events:
                position = events[-1].position
                page = b"".join(event.frame for event in events if wanted(event))
                if page:
                    yield page
            elif not await ring.growth(self._limits.heartbeat_s):
                yield HEARTBEAT
        yield _farewell("closing", position, self.failure or "the gateway is stopping")

    async def _caught_up(
        self, ring: Ring, position: int, wanted: Callable[[FeedEvent], bool]
    ) -> AsyncGenerator[tuple[int, bytes], None]:
        """Position and page, again and again, until the position lies in the ring."""
        while self._catch_ups.locked():
            yield position, HEARTBEAT
            await asyncio.sleep(self._limits.heartbeat_s / 10)
        async with self._catch_ups, aclosing(self._reader.batches(position)) as batches:
            async for batch in batches:
                if batch:
                    position = batch[-1].position
                yield position, b"".join(event.frame for event in batch if wanted(event)) or HEARTBEAT
                if position >= ring.floor or self._closed:
                    return

    async def _run(self) -> None:
        head = await self._reader.head()
        self._ring = ring = Ring(head, self._limits.ring_events, self._limits.ring_bytes)
        async for batch in self._reader.batches(head):
            if batch:
                ring.append(batch)


def _farewell(event: str, position: int, reason: str) -> bytes:
    """The last frame: an event of its own name, so that no client takes it for an event of the log."""
    data = {"message": f"{reason}; resume with Last-Event-ID: {position}", "last_event_id": position}
    return b"event: %b\ndata: %b\n\n" % (event.encode(), orjson.dumps(data))
