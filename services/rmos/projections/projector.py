"""The projector: folds the log into the tables, in batches, each with its cursor in one transaction.

The cursor's compare-and-set is the fence: events are applied exactly once and without a gap, also when two projectors
run at the same time or one wakes up late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import RmosError
from contracts.log import StoredEvent
from runtime.logs import Logger
from services.rmos.event_log.duties import heed_cancellation, to_its_end
from services.rmos.event_log.head import Head
from services.rmos.projections.changes import Coalesced, FoldBroken
from services.rmos.projections.folds import FOLD_VERSION, changes_of
from services.rmos.projections.tables import SCHEMA, projection_cursor
from services.rmos.projections.writing import insert_rows, update_rows

CURSOR = "rmos"
BATCH = 500
POLL_S = 1.0
RETRY_S = 0.3
GATHER_S = 0.02
"""How long events gather while nobody waits for them: ten in one transaction cost little more than one does."""


class CursorMoved(Exception):
    """Somebody else has folded these events meanwhile."""


class Tail(Protocol):
    """What the projector needs of the log."""

    async def read_after(self, position: int, limit: int) -> Sequence[StoredEvent]: ...


class Projector:
    """`run()` is a background task of the leader."""

    def __init__(self, engine: AsyncEngine, tail: Tail, head: Head, log: Logger, schema: str = SCHEMA) -> None:
        """`schema` other than the live one: folds into tables beside it."""
        self._engine = engine.execution_options(schema_translate_map={SCHEMA: schema})
        self._tail = tail
        self._head = head
        self._log = log
        self.projected = Head()
        """Up to where the tables are folded, as far as this process knows."""
        self._schema = schema
        self._statistics_at = 0
        self.failure: str | None = None
        """Why folding does not go on; None while it does."""

    async def run(self) -> None:
        """Folds until it is cancelled; survives restarts of the database."""
        while True:
            try:
                while await to_its_end(self._step()) == BATCH:
                    pass
                self.failure = None
                if await self._head.wait_beyond(self.projected.position, POLL_S):
                    await self.projected.pause(GATHER_S)
            except CursorMoved:
                continue
            except (SQLAlchemyError, RmosError, FoldBroken, OSError) as error:
                heed_cancellation()
                self.failure = str(error).splitlines()[0]
                broken = isinstance(error, FoldBroken) or not isinstance(error, DBAPIError | RmosError | OSError)
                (self._log.error if broken else self._log.warning)("projector_waits", reason=self.failure)
                await asyncio.sleep(RETRY_S)

    async def catch_up(self) -> int:
        """Folds everything that the log holds now; the position reached. Raises FoldBroken, CursorMoved, or the
        database's error."""
        while await self._step():
            pass
        return self.projected.position

    async def _step(self) -> int:
        """Folds one batch; the number of its events, 0 at the end of the log."""
        async with self._engine.begin() as connection:
            position = await cursor_position(connection)
            events = await self._tail.read_after(position, BATCH)
            if events:
                await apply(connection, position, events)
        self.projected.advance(events[-1].position if events else position)
        if len(events) < BATCH:
            await self._refresh_statistics(self.projected.position)
        return len(events)

    async def _refresh_statistics(self, position: int) -> None:
        """Tells Postgres how large the tables are, each time they have grown by half."""
        if position <= self._statistics_at + self._statistics_at // 2 + 500:
            return
        async with self._engine.begin() as connection:
            await connection.execute(select(getattr(func, self._schema).refresh_statistics()))
        self._statistics_at = position


async def cursor_position(connection: AsyncConnection) -> int:
    """The last folded position. Raises FoldBroken when the tables were folded by another version of the folds."""
    query = select(projection_cursor.c.position, projection_cursor.c.fold_version)
    position, version = (await connection.execute(query.where(projection_cursor.c.name == CURSOR))).one()
    if version != FOLD_VERSION:
        raise FoldBroken(f"the tables hold folds of version {version}, this is {FOLD_VERSION}: rebuild the projections")
    return int(position)


async def apply(connection: AsyncConnection, position: int, events: Sequence[StoredEvent]) -> None:
    """Folds these events into the tables that stand at `position`, in the caller's transaction.

    Raises CursorMoved when they do not stand there, FoldBroken when the events do not follow without a gap.
    """
    if [event.position for event in events] != list(range(position + 1, position + 1 + len(events))):
        raise FoldBroken(f"the events after position {position} are not contiguous")
    moved = await connection.execute(
        update(projection_cursor)
        .where(projection_cursor.c.name == CURSOR, projection_cursor.c.position == position)
        .values(position=events[-1].position)
    )
    if moved.rowcount != 1:
        raise CursorMoved
    net = Coalesced(change for event in events for change in changes_of(event))
    for table, rows in net.inserts.items():
        await insert_rows(connection, table, list(rows.values()))
    for table, touched in net.updates.items():
        await update_rows(connection, table, touched)
