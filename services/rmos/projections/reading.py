"""Reading the projections so that every answer holds what was appended before the question, on any process."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import ErrorCode, RmosError
from services.rmos.event_log.head import Head
from services.rmos.projections.tables import SCHEMA, events, projection_cursor

R = TypeVar("R")
PATIENCE_S = 4.0
"""How long a query waits for the projector: longer than a change of leadership takes."""
_POLL_S = 0.02
_HEAD = select(func.coalesce(func.max(events.c.position), 0)).scalar_subquery()
_CURSOR = select(projection_cursor.c.position).scalar_subquery()


class CurrentReader:
    """Connections that read no older state than that of the moment they were asked for."""

    def __init__(self, engine: AsyncEngine, projected: Head | None = None, schema: str = SCHEMA) -> None:
        """`projected` of a projector in the same process saves the polling."""
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT", schema_translate_map={SCHEMA: schema})
        self._projected = projected or Head()

    async def read(self, query: Callable[[AsyncConnection], Awaitable[R]]) -> R:
        """The query's answer on a current connection. Raises UNAVAILABLE when the database is away or lags."""
        try:
            return await self._read(query)
        except OperationalError:
            # connections that died with a restart of the database: SQLAlchemy throws all of them away at the first
            with _unavailable():
                return await self._read(query)
        except PoolTimeout as error:
            raise RmosError(ErrorCode.UNAVAILABLE, "too many queries at the moment; ask again") from error

    async def wait_for(self, position: int, patience_s: float = PATIENCE_S) -> None:
        """Returns once the projections hold this position. Raises UNAVAILABLE after the time."""
        with _unavailable():
            await self._wait(position, patience_s)

    async def _read(self, query: Callable[[AsyncConnection], Awaitable[R]]) -> R:
        async with self._engine.connect() as connection:
            head, projected = (await connection.execute(select(_HEAD, _CURSOR))).one()
            if projected >= head:
                return await query(connection)
        # many that wait must not hold the connections that others need to be answered
        await self._wait(head, PATIENCE_S)
        async with self._engine.connect() as connection:
            return await query(connection)

    async def _wait(self, position: int, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while not await self._projected.wait_beyond(position - 1, _POLL_S):
            async with self._engine.connect() as connection:
                if (await connection.execute(select(_CURSOR))).scalar_one() >= position:
                    return
            if time.monotonic() > deadline:
                raise RmosError(ErrorCode.UNAVAILABLE, "the projections are behind the log at the moment; ask again")


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        raise RmosError(ErrorCode.UNAVAILABLE, "the database is away at the moment; ask again") from error
