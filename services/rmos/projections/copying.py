"""New rows in large numbers, by COPY: a fraction of what inserting them takes Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import orjson
from psycopg import sql
from psycopg.types.json import set_json_dumps
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from services.rmos.projections.changes import Insert, Row
from services.rmos.projections.folds import changes_of
from services.rmos.projections.folds_of_runs import Changes
from services.rmos.projections.recorded import Event
from services.rmos.projections.tables import FOLDED
from services.rmos.projections.writing import Connection

ROWS_AT_ONCE = 100
"""Rows between two looks at the event loop."""
_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are not typed

_DOCUMENTS = {table: [c.name for c in table.columns if isinstance(c.type, postgresql.JSONB)] for table in FOLDED}


def encoded_changes_of(event: Event) -> Changes:
    """changes_of, with the JSON of new rows as bytes: a batch's records as trees of objects would fill the caches, and
    occupy the garbage collector, until they are written: a quarter of a rebuild's processor time."""
    changes = changes_of(event)
    for change in changes:
        if isinstance(change, Insert):
            for name in _DOCUMENTS[change.table]:
                change.row[name] = orjson.dumps(change.row[name])
    return changes


def _encoded(value: Any) -> bytes:
    return value if isinstance(value, bytes) else orjson.dumps(value)


async def copy_rows(connection: Connection, schema: str, table: Table, rows: Iterable[Row]) -> None:
    """New rows, in the connection's transaction; a column that a row leaves out is NULL. Raises psycopg.Error."""
    names = [column.name for column in table.columns]
    copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(schema, table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    async with connection.cursor() as cursor:
        set_json_dumps(_encoded, cursor)
        async with cursor.copy(copy) as copying:
            copying.set_types([column.type.compile(_POSTGRES).lower() for column in table.columns])
            for number, row in enumerate(rows, 1):
                await copying.write_row(list(map(row.get, names)))
                if number % ROWS_AT_ONCE == 0:
                    await asyncio.sleep(0)
