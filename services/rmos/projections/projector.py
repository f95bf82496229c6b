"""The projector: folds the log into the tables, in batches, each with its cursor in one transaction.

The cursor's compare-and-set is the fence: events are applied exactly once and without a gap, also when two projectors
run at the same time, one wakes up late, or a rebuild takes the tables' place meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import psycopg
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import RmosError
from runtime.logs import Logger
from services.rmos.event_log.duties import heed_cancellation, to_its_end
from services.rmos.event_log.head import Head
from services.rmos.projections.changes import Coalesced, FoldBroken
from services.rmos.projections.database import folding_connection
from services.rmos.projections.folds import FOLD_VERSION, changes_of
from services.rmos.projections.folds_of_runs import Changes
from services.rmos.projections.recorded import Event, Tail, recorded
from services.rmos.projections.tables import SCHEMA, projection_cursor
from services.rmos.projections.writing import CURSOR, RETIRED, Connection, Cursor, CursorMoved, write

BATCH = 500
FOLDED_AT_ONCE = 100
"""Events between two looks at the event loop."""
POLL_S = 1.0
RETRY_S = 0.3
GATHER_S = 0.1
"""How long events gather while nobody waits for them: ten in one transaction cost little more than one does."""


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
        self._engine = engine
        self._tail = tail
        self._head = head
        self._log = log
        self.projected = Head()
        """Up to where the tables are folded, as far as this process knows."""
        self._schema = schema
        self._oldest = 0 if continue_older else FOLD_VERSION
        self._statistics_at = 0
        self._cursor: Cursor | None = None
        """Where the tables stood after the last batch; None when only they can tell. The write checks it."""
        self.failure: str | None = None
        """Why folding does not go on; None while it does."""

    async def run(self) -> None:
        """Folds until it is cancelled; survives restarts of the database."""
        while True:
            try:
                async with await folding_connection(self._engine) as connection:
                    self._cursor = None
                    await self._follow(connection)
            except CursorMoved:
                continue
            except (psycopg.Error, RmosError, FoldBroken, OSError) as error:
                heed_cancellation()
                self.failure = (str(error) or type(error).__name__).splitlines()[0]
                transient = isinstance(error, psycopg.OperationalError | RmosError | OSError)
                (self._log.warning if transient else self._log.error)("projector_waits", reason=self.failure)
                await asyncio.sleep(RETRY_S)

    async def catch_up(self) -> int:
        """Folds everything that the log holds now; the position reached. Raises FoldBroken, CursorMoved, or the
        database's error."""
        async with await folding_connection(self._engine) as connection:
            self._cursor = None
            while await self._step(connection):
                pass
        return self.projected.position

    async def _follow(self, connection: Connection) -> None:
        while True:
            while await to_its_end(self._step(connection)) == BATCH:
                pass
            self.failure = None
            if await self._head.wait_beyond(self.projected.position, POLL_S):
                await self.projected.pause(GATHER_S)
            else:
                self._cursor = None

    async def _step(self, connection: Connection) -> int:
        """Folds one batch; the number of its events, 0 at the end of the log."""
        cursor, self._cursor = self._cursor, None  # known again once this step has gone well
        if cursor is None:
            cursor = await cursor_of(connection, self._schema, self._oldest)
        self.projected.advance(cursor.position)
        rows = await self._tail.rows_after(cursor.position, BATCH)
        if rows:
            cursor = await apply(connection, self._schema, cursor, [recorded(row) for row in rows])
        self._cursor = cursor
        self.projected.advance(cursor.position)
        if len(rows) < BATCH:
            await self._refresh_statistics(connection, cursor.position)
        return len(rows)

    async def _refresh_statistics(self, connection: Connection, position: int) -> None:
        """Tells Postgres how large the tables are, each time they have grown by half."""
        if position <= self._statistics_at + self._statistics_at // 2 + 500:
            return
        refresh = sql.SQL("SELECT {}()").format(sql.Identifier(self._schema, "refresh_statistics"))
        await connection.execute(refresh)
        self._statistics_at = position


async def cursor_of(connection: Connection, schema: str, oldest: int = FOLD_VERSION) -> Cursor:
    """Where the tables stand. Raises FoldBroken when they were folded by a newer version than this, or by one before
    `oldest`; CursorMoved when they were replaced just now."""
    query = sql.SQL("SELECT position, fold_version FROM {} WHERE name = %s").format(
        sql.Identifier(schema, projection_cursor.name)
    )
    row = await (await connection.execute(query, [CURSOR])).fetchone()
    if row is None:
        raise FoldBroken(f"the projections in {schema} have no cursor: rebuild them (`rmos store rebuild`)")
    position, version = row
    if version == RETIRED:
        raise CursorMoved
    if position and version > FOLD_VERSION:
        raise FoldBroken(
            f"the tables hold folds of version {version}, this is {FOLD_VERSION}: start the newer version of rmos, or "
            f"rebuild the projections with this one (`rmos store rebuild`)"
        )
    if position and version < oldest:
        raise FoldBroken(f"the tables hold folds of version {version}, this is {FOLD_VERSION}: rebuild the projections")
    return Cursor(position, version)


async def apply(connection: Connection, schema: str, cursor: Cursor, events: Sequence[Event]) -> Cursor:
    """Folds these events into the tables that stand at the cursor, in one transaction; where they stand then.

    Raises CursorMoved when they do not stand there, FoldBroken when the events do not follow without a gap.
    """
    net, moved = await net_of(cursor, events), cursor.at(events[-1].position)
    await write(connection, schema, cursor, moved, net.inserts, net.updates)
    return moved


async def net_of(
    cursor: Cursor, events: Sequence[Event], changes_of: Callable[[Event], Changes] = changes_of
) -> Coalesced:
    """What these events change; the event loop is left to others now and then. Raises FoldBroken when they do not
    follow the cursor without a gap."""
    first = cursor.position + 1
    if [event.position for event in events] != list(range(first, first + len(events))):
        raise FoldBroken(f"the events after position {cursor.position} are not contiguous")
    net = Coalesced()
    for number, event in enumerate(events):
        if number and number % FOLDED_AT_ONCE == 0:
            await asyncio.sleep(0)
        net.take(changes_of(event))
    return net
