"""Reading the log: any process may, through a small pool of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from contracts.envelope import RequestContext
from contracts.log import LogEvent, SearchStarted, StoredEvent
from services.rmos.event_log.recent import RecentRows
from services.rmos.event_log.refusals import other_command, unreadable
from services.rmos.event_log.statements import statement
from services.rmos.event_log.stored import Row, decoded, stored_event
from services.rmos.lag import Follower

CONNECTIONS = 8
WAIT_S = 3.0
DECODED_AT_ONCE = 8
"""Events between two looks at the event loop: a decision with its verdict takes 0.7 ms."""
OPEN_SEARCHES_WINDOW = 200_000
"""How many of the newest events are looked through for open searches."""
_READ_STREAM, _READ_AFTER = statement("read_stream"), statement("read_after")
_OPEN_SEARCHES = statement("open_searches")
_FOLLOWERS = statement("followers")
_COMMANDS, _LAST_POSITION = statement("commands"), statement("last_position")
# A plan made on an empty table and kept would scan it for ever; planning these statements anew costs microseconds.
_OPTIONS = "-c plan_cache_mode=force_custom_plan -c search_path=rmos -c default_transaction_read_only=on"


class LogReader:
    """Open it with `async with`. Every method raises RmosError(UNAVAILABLE) when the database is away."""

    def __init__(self, dsn: str, recent: RecentRows | None = None) -> None:
        """`recent`: what this process has just written, if it leads; it need not be read again."""
        self._recent = recent or RecentRows()
        self._pool = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=WAIT_S,
            open=False,
            kwargs={
                "autocommit": True,
                "options": _OPTIONS,
                "application_name": "rmos-reader",
                "connect_timeout": 3,
                "tcp_user_timeout": 8000,
            },
        )

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

    async def read_stream(self, stream: str, after_version: int = 0) -> list[LogEvent]:
        """services.rmos.ports.EventLog.read_stream. A long one leaves the event loop to others now and then."""
        events: list[LogEvent] = []
        for stored in await self.read_stored(stream, after_version):
            if events and len(events) % DECODED_AT_ONCE == 0:
                await asyncio.sleep(0)
            events.append(decoded(stored))
        return events

    async def read_stored(self, stream: str, after_version: int = 0) -> list[StoredEvent]:
        """The stream as it stands in the log, after this version."""
        return await self._events(_READ_STREAM, {"stream": stream, "after_version": after_version})

    async def read_after(self, position: int, limit: int) -> list[StoredEvent]:
        """At most `limit` events after this position, contiguous and in order; empty at the end."""
        return [stored_event(row) for row in await self.rows_after(position, limit)]

    async def rows_after(self, position: int, limit: int) -> Sequence[Row]:
        """Likewise, as rows: columns of read_after.sql."""
        rows: Sequence[Row] | None = self._recent.after(position, limit)
        return rows if rows is not None else await self._rows(_READ_AFTER, {"position": position, "limit": limit})

    async def outcome_of(self, request: RequestContext, command_sha256: str) -> list[LogEvent]:
        """services.rmos.ports.EventLog.outcome_of."""
        stored = await self._events(_COMMANDS, {"command_ids": [request.command_id]})
        if stored and stored[0].command_sha256 != command_sha256:
            raise other_command(request.command_id)
        return [decoded(event) for event in stored]

    async def open_searches(self) -> list[SearchStarted]:
        """services.rmos.ports.OpenSearches.open_searches."""
        stored = await self._events(_OPEN_SEARCHES, {"window": OPEN_SEARCHES_WINDOW})
        return [started for event in stored if isinstance(started := decoded(event), SearchStarted)]

    async def last_position(self) -> int:
        """The position of the newest event; 0 while the log is empty."""
        rows = await self._rows(_LAST_POSITION, {})
        return int(rows[0][0])

    async def followers(self) -> list[Follower]:
        """How far projections and checkpoints have come."""
        return [Follower(*row) for row in await self._rows(_FOLLOWERS, {})]

    async def _events(self, query: LiteralString, parameters: dict[str, Any]) -> list[StoredEvent]:
        return [stored_event(row) for row in await self._rows(query, parameters)]

    async def _rows(self, query: LiteralString, parameters: dict[str, Any]) -> Sequence[Row]:
        try:
            return await self._fetched(query, parameters)
        except psycopg.OperationalError:
            await self._replace_broken_connections()
        try:
            return await self._fetched(query, parameters)
        except psycopg.OperationalError as error:
            raise unreadable(type(error).__name__) from error

    async def _fetched(self, query: LiteralString, parameters: dict[str, Any]) -> Sequence[Row]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query, parameters, prepare=True, binary=True)
            return await cursor.fetchall()

    async def _replace_broken_connections(self) -> None:
        """After a restart of the database every connection of the pool is dead; better to learn it at once."""
        try:
            await self._pool.check()
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise unreadable(type(error).__name__) from error
