"""The projector: folds the log into the tables, in batches, each with its cursor in one transaction.

The cursor's compare-and-set is the fence: events are applied exactly once and without a gap, also when two projectors
run at the same time or one wakes up late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import RmosError
from contracts.log import StoredEvent
from runtime.logs import Logger
from services.rmos.event_log.head import Head
from services.rmos.projections.changes import Coalesced, FoldBroken, Key, Row, Touched
from services.rmos.projections.folds import FOLD_VERSION, changes_of
from services.rmos.projections.tables import SCHEMA, projection_cursor

CURSOR = "rmos"
BATCH = 500
POLL_S = 1.0
RETRY_S = 0.3


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
        self.failure: str | None = None
        """Why folding does not go on; None while it does."""

    async def run(self) -> None:
        """Folds until it is cancelled; survives restarts of the database."""
        while True:
            try:
                await self.catch_up()
                self.failure = None
                await self._head.wait_beyond(self.projected.position, POLL_S)
            except CursorMoved:
                continue
            except (SQLAlchemyError, RmosError, FoldBroken, OSError) as error:
                self.failure = str(error).splitlines()[0]
                broken = isinstance(error, FoldBroken) or not isinstance(error, DBAPIError | RmosError | OSError)
                (self._log.error if broken else self._log.warning)("projector_waits", reason=self.failure)
                await asyncio.sleep(RETRY_S)

    async def catch_up(self) -> int:
        """Folds everything that the log holds now; the position reached. Raises FoldBroken, CursorMoved, or the
        database's error."""
        async with self._engine.connect() as connection:
            position = await cursor_position(connection)
        while events := await self._tail.read_after(position, BATCH):
            async with self._engine.begin() as connection:
                await apply(connection, position, events)
            position = events[-1].position
            self.projected.advance(position)
        self.projected.advance(position)
        return position


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
        names = [column.name for column in table.columns]
        await connection.execute(insert(table), [{name: row.get(name) for name in names} for row in rows.values()])
    for table, touched in net.updates.items():
        for (values, add), rows_touched in _alike(touched).items():
            await _update(connection, table, values, add, rows_touched)


def _alike(touched: dict[Key, Touched]) -> dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[Key, Touched]]]:
    """Rows by the columns that change: each group is one statement."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[Key, Touched]]] = {}
    for key, row in touched.items():
        groups.setdefault((tuple(sorted(row.values)), tuple(sorted(row.add))), []).append((key, row))
    return groups


async def _update(
    connection: AsyncConnection,
    table: Table,
    values: tuple[str, ...],
    add: tuple[str, ...],
    rows: list[tuple[Key, Touched]],
) -> None:
    keys = [column.name for column in table.primary_key]
    new: Row = {name: bindparam(f"set_{name}") for name in values}
    new |= {name: table.c[name] + bindparam(f"add_{name}") for name in add}
    statement = update(table).where(*(table.c[name] == bindparam(f"key_{name}") for name in keys)).values(new)
    parameters: list[dict[str, Any]] = [
        {f"key_{name}": value for name, value in zip(keys, key, strict=True)}
        | {f"set_{name}": row.values[name] for name in values}
        | {f"add_{name}": row.add[name] for name in add}
        for key, row in rows
    ]
    changed = await connection.execute(statement, parameters)
    if changed.rowcount != len(rows):
        raise FoldBroken(f"{len(rows) - changed.rowcount} rows of {table.name} that events speak of do not exist")
