"""What the checkpointer and the proofs need of the database: rows and leaves of the log, and the signed checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from services.rmos.audit.rows import LogRow, log_row
from services.rmos.event_log.refusals import unreadable
from services.rmos.event_log.statements import statement

_ROWS, _LEAVES, _STREAMS = statement("read_after"), statement("leaves_after"), statement("read_streams")
_LAST, _ADD, _NEWEST, _OF_SIZE = (
    statement("last_position"),
    statement("add_checkpoint"),
    statement("newest_checkpoint"),
    statement("checkpoint_of_size"),
)
# Plans made on empty tables and kept would scan them for ever.
_OPTIONS = "-c plan_cache_mode=force_custom_plan -c search_path=rmos -c statement_timeout=10000"


class NotTheSigner(Exception):
    """The database refused the checkpoint: another process writes the log now, or has signed for this size."""


@dataclass(frozen=True, slots=True)
class RecordedCheckpoint:
    """A row of `checkpoints`."""

    size: int
    root: bytes
    note: bytes


class AuditRecords:
    """Open it with `async with`. Every method raises RmosError(UNAVAILABLE) when the database is away."""

    def __init__(self, dsn: str) -> None:
        self._pool = AsyncConnectionPool(
            dsn,
            min_size=0,
            max_size=3,
            timeout=3.0,
            open=False,
            kwargs={
                "autocommit": True,
                "options": _OPTIONS,
                "application_name": "rmos-audit",
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

    async def rows_after(self, position: int, limit: int) -> list[LogRow]:
        """At most `limit` rows after this position, in order; empty at the end."""
        return [log_row(row) for row in await self._rows(_ROWS, {"position": position, "limit": limit})]

    async def leaves_after(self, position: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Positions and stored leaf hashes, likewise."""
        return [(row[0], row[1]) for row in await self._rows(_LEAVES, {"position": position, "limit": limit})]

    async def rows_of(self, streams: Sequence[str], up_to: int) -> list[LogRow]:
        """All rows of these streams up to a position, by position."""
        return [log_row(row) for row in await self._rows(_STREAMS, {"streams": list(streams), "up_to": up_to})]

    async def last_position(self) -> int:
        """Of the log; 0 while it is empty."""
        (row,) = await self._rows(_LAST, {})
        return int(row[0])

    async def newest_checkpoint(self) -> RecordedCheckpoint | None:
        """None before the first one."""
        rows = await self._rows(_NEWEST, {})
        return RecordedCheckpoint(*rows[0]) if rows else None

    async def checkpoint_of(self, size: int) -> RecordedCheckpoint | None:
        """The one signed for exactly this size, if there is one."""
        rows = await self._rows(_OF_SIZE, {"tree_size": size})
        return RecordedCheckpoint(*rows[0]) if rows else None

    async def add_checkpoint(self, checkpoint: RecordedCheckpoint, writer_epoch: int, now: str) -> None:
        """Durable when it returns. Raises NotTheSigner."""
        parameters = {
            "tree_size": checkpoint.size,
            "root": checkpoint.root,
            "note": checkpoint.note,
            "writer_epoch": writer_epoch,
            "made_at_utc": now,
        }
        try:
            async with self._pool.connection() as connection:
                await connection.execute(_ADD, parameters)
        except errors.IntegrityError as error:
            raise NotTheSigner(str(error).splitlines()[0]) from error
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise unreadable(type(error).__name__) from error

    async def _rows(self, query: LiteralString, parameters: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
        try:
            return await self._fetched(query, parameters)
        except psycopg.OperationalError:
            pass  # a connection that died with a restart of the database; the pool makes a new one
        except PoolTimeout as error:
            raise unreadable(type(error).__name__) from error
        try:
            return await self._fetched(query, parameters)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise unreadable(type(error).__name__) from error

    async def _fetched(self, query: LiteralString, parameters: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query, parameters, prepare=True, binary=True)
            return await cursor.fetchall()
