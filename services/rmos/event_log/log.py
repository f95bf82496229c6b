"""The event log as rmos uses it: append, read, and a place among the processes that may write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.envelope import RequestContext
from contracts.log import LogEvent, SearchStarted, StoredEvent
from runtime.clock import Clock
from runtime.logs import Logger
from services.rmos.event_log.head import Head
from services.rmos.event_log.reader import LogReader
from services.rmos.event_log.recent import RecentRows
from services.rmos.event_log.stored import Row
from services.rmos.event_log.writer import Lead, LogWriter, Term
from services.rmos.lag import Follower
from services.rmos.ports import AppendRequest, AppendResult


class PostgresEventLog:
    """services.rmos.ports.EventLog on Postgres.

    Every process reads. `opened()` is enough for that; `standing()` adds the wish to lead: while this process leads,
    `lead` is entered and `append` works; while it follows, `append` answers UNAVAILABLE.
    """

    def __init__(self, dsn: str, holder: str, clock: Clock, log: Logger) -> None:
        """`holder` names the process in the table of terms, for people."""
        self.recent = RecentRows()
        """The newest rows, when this process wrote them."""
        self._reader = LogReader(dsn, self.recent)
        self._writer = LogWriter(dsn, holder, self.recent, clock, log)
        self._log = log

    @property
    def term(self) -> Term | None:
        """The term this process leads in; None while it follows."""
        return self._writer.term

    @property
    def head(self) -> Head:
        """The newest position as far as this process knows; moved at once by its own appends."""
        return self._writer.head

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresEventLog]:
        """Reading works inside. Connections are made when they are needed: the database may be away."""
        async with self._reader:
            yield self

    @asynccontextmanager
    async def standing(self, lead: Lead) -> AsyncIterator[None]:
        """Stands for election inside; leaving hands the leadership over in order."""
        async with AsyncExitStack() as stack:
            running = asyncio.create_task(self._writer.run(lead), name="log-election")
            stack.push_async_callback(self._end, running)
            yield

    async def append(self, request: AppendRequest) -> AppendResult:
        return await self._writer.append(request)

    async def read_stream(self, stream: str, after_version: int = 0) -> list[LogEvent]:
        return await self._reader.read_stream(stream, after_version)

    async def outcome_of(self, request: RequestContext, command_sha256: str) -> list[LogEvent]:
        return await self._reader.outcome_of(request, command_sha256)

    async def read_stored(self, stream: str, after_version: int = 0) -> list[StoredEvent]:
        """The stream as it stands in the log, after this version."""
        return await self._reader.read_stored(stream, after_version)

    async def read_after(self, position: int, limit: int) -> list[StoredEvent]:
        """At most `limit` events after this position, contiguous and in order; empty at the end."""
        return await self._reader.read_after(position, limit)

    async def rows_after(self, position: int, limit: int) -> Sequence[Row]:
        """Likewise, as rows: columns of read_after.sql."""
        return await self._reader.rows_after(position, limit)

    async def open_searches(self) -> list[SearchStarted]:
        return await self._reader.open_searches()

    async def last_position(self) -> int:
        """The position of the newest event in the database; 0 while the log is empty."""
        position = await self._reader.last_position()
        self.head.advance(position)
        return position

    async def followers(self) -> list[Follower]:
        """How far projections and checkpoints have come, beside the log's end."""
        return await self._reader.followers()

    async def _end(self, running: asyncio.Task[None]) -> None:
        self._writer.stop()
        await running
