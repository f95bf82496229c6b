"""The projector: folds the log into the tables, in batches, each with its cursor in one transaction.

The cursor's compare-and-set is the fence: events are applied exactly once and without a gap, also when two projectors
run at the same time, one wakes up late, or a rebuild takes the tables' place meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
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
GATHER_S = 0.1
"""How long events gather while nobody waits for them: ten in one transaction cost little more than one does."""


RETIRED = -1
"""The fold version of tables that a rebuild has replaced (migrations/versions/0004)."""


class CursorMoved(Exception):
    """Somebody else has folded these events meanwhile, or a rebuild has replaced the tables."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where the tables are folded, and by which version of the folds."""

    position: int
    fold_version: int


class Tail(Protocol):
    """What the projector needs of the log."""

    async def read_after(self, position: int, limit: int) -> Sequence[StoredEvent]: ...


class Projector:
    """`run()` is a background task of the leader."""

    def __init__(
        self,
        engine: AsyncEngine,
        tail: Tail,
        head: Head,
        log: Logger,
        schema: str = SCHEMA,
        continue_older: bool = False,
    ) -> None:
        """`schema` other than the live one: folds into tables beside it. `continue_older`: tables of an older version
        of the folds are continued by this one's, so that queries are answered while a rebuild takes their place."""
        self._engine = engine.execution_options(schema_translate_map={SCHEMA: schema})
        self._tail = tail
        self._head = head
        self._log = log
        self.projected = Head()
        """Up to where the tables are folded, as far as this process knows."""
        self._schema = schema
        self._oldest = 0 if continue_older else FOLD_VERSION
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
            cursor = await fold_batch(connection, self._tail, BATCH, self._oldest)
        self.projected.advance(cursor.position)
        if cursor.folded < BATCH:
            await self._refresh_statistics(cursor.position)
        return cursor.folded

    async def _refresh_statistics(self, position: int) -> None:
        """Tells Postgres how large the tables are, each time they have grown by half."""
        if position <= self._statistics_at + self._statistics_at // 2 + 500:
            return
        async with self._engine.begin() as connection:
            await connection.execute(select(getattr(func, self._schema).refresh_statistics()))
        self._statistics_at = position


@dataclass(frozen=True, slots=True)
class Folded:
    """Where the tables stand after a batch, and how many events it had."""

    position: int
    folded: int


async def fold_batch(connection: AsyncConnection, tail: Tail, limit: int, oldest: int = FOLD_VERSION) -> Folded:
    """Folds at most so many events, in the caller's transaction. Raises CursorMoved, FoldBroken."""
    cursor = await cursor_of(connection, oldest)
    events = await tail.read_after(cursor.position, limit)
    if events:
        await apply(connection, cursor, events)
    return Folded(events[-1].position if events else cursor.position, len(events))


async def cursor_of(connection: AsyncConnection, oldest: int = FOLD_VERSION) -> Cursor:
    """Where the tables stand. Raises FoldBroken when they were folded by a newer version than this, or by one before
    `oldest`; CursorMoved when they were replaced just now."""
    query = select(projection_cursor.c.position, projection_cursor.c.fold_version)
    position, version = (await connection.execute(query.where(projection_cursor.c.name == CURSOR))).one()
    if version == RETIRED:
        raise CursorMoved
    if position and version > FOLD_VERSION:
        raise FoldBroken(
            f"the tables hold folds of version {version}, this is {FOLD_VERSION}: start the newer version of rmos, or "
            f"rebuild the projections with this one (`rmos store rebuild`)"
        )
    if position and version < oldest:
        raise FoldBroken(f"the tables hold folds of version {version}, this is {FOLD_VERSION}: rebuild the projections")
    return Cursor(int(position), int(version))


async def apply(connection: AsyncConnection, cursor: Cursor, events: Sequence[StoredEvent]) -> None:
    """Folds these events into the tables that stand at the cursor, in the caller's transaction.

    Raises CursorMoved when they do not stand there, FoldBroken when the events do not follow without a gap.
    """
    first = cursor.position + 1
    if [event.position for event in events] != list(range(first, first + len(events))):
        raise FoldBroken(f"the events after position {cursor.position} are not contiguous")
    version = projection_cursor.c.fold_version
    moved = await connection.execute(
        update(projection_cursor)
        .where(
            projection_cursor.c.name == CURSOR,
            projection_cursor.c.position == cursor.position,
            # nothing folded is a fold of every version
            version == cursor.fold_version if cursor.position else version != RETIRED,
        )
        .values(
            position=events[-1].position,
            fold_version=cursor.fold_version if cursor.position else FOLD_VERSION,
        )
    )
    if moved.rowcount != 1:
        raise CursorMoved
    net = Coalesced(change for event in events for change in changes_of(event))
    for table, rows in net.inserts.items():
        await insert_rows(connection, table, list(rows.values()))
    for table, touched in net.updates.items():
        await update_rows(connection, table, touched)
