"""Writing the net changes of a batch and moving the cursor: one statement, so one round trip and one transaction.

Rows go over as JSON arrays, one a table, and Postgres makes records of them; a statement for each table and each set of
columns would cost the leader more time than the folding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson
from psycopg import AsyncConnection, AsyncRawCursor, sql
from sqlalchemy import Table

from services.rmos.projections.changes import FoldBroken, Key, Row, Touched
from services.rmos.projections.folds import FOLD_VERSION
from services.rmos.projections.tables import FOLDED, ai_explanations, projection_cursor, runs, sessions

CURSOR = "rmos"
RETIRED = -1
"""The fold version of tables that a rebuild has replaced (migrations/versions/0004)."""
CHANGING = (runs, sessions, ai_explanations)
"""The tables whose rows change; those of the others are only made."""
_AT, _TO, _VERSION, _CHANGES = (sql.SQL("${}").format(number) for number in range(1, 5))
_NEW = {table: sql.SQL("${}").format(number) for number, table in enumerate(FOLDED, 5)}
_CHANGED = {table: sql.SQL("${}").format(number) for number, table in enumerate(CHANGING, 5 + len(FOLDED))}
"""The statement's parameters in their order."""
COUNTERS = frozenset({"artifact_count", "attachment_count"})
"""The columns that are increased."""

Connection = AsyncConnection[Any]


class CursorMoved(Exception):
    """Somebody else has folded these events meanwhile, or a rebuild has replaced the tables."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where the tables are folded, and by which version of the folds."""

    position: int
    fold_version: int

    def at(self, position: int) -> Cursor:
        """After a batch that ended there. Nothing folded is a fold of every version."""
        return Cursor(position, self.fold_version if self.position else FOLD_VERSION)


async def write(
    connection: Connection,
    schema: str,
    cursor: Cursor,
    moved: Cursor,
    inserts: Mapping[Table, Mapping[Key, Row]],
    updates: Mapping[Table, Mapping[Key, Touched]],
) -> None:
    """Writes the rows and moves the cursor, or does nothing at all.

    Raises CursorMoved when the tables do not stand at `cursor`, FoldBroken when a row to be changed does not exist or
    the folds give what the statement has no place for, and psycopg.Error.
    """
    if foreign := (updates.keys() - set(CHANGING)) | (inserts.keys() - set(FOLDED)):
        raise FoldBroken(f"rows of {', '.join(sorted(table.name for table in foreign))} are not written by a fold")
    new = (_array(inserts.get(table, {}).values()) for table in FOLDED)
    changed = (_array(_changes(table, updates.get(table, {}))) for table in CHANGING)
    parameters = [cursor.position, moved.position, moved.fold_version, sum(map(len, updates.values())), *new, *changed]
    async with AsyncRawCursor(connection) as statement:
        await statement.execute(fold_statement(schema), parameters, prepare=True)
        row = await statement.fetchone()
    assert row is not None  # the statement gives one row
    for table, known in zip(CHANGING, row[1:], strict=True):
        if missing := len(updates.get(table, ())) - known:
            raise FoldBroken(f"{missing} rows of {table.name} that events speak of do not exist")
    if not row[0]:
        raise CursorMoved


def _array(rows: Iterable[Row]) -> str | None:
    listed = list(rows)
    return orjson.dumps(listed, default=_number).decode() if listed else None


def _number(value: object) -> str:
    """Exactly, where JSON's own numbers would be rounded."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a fold gives a {type(value).__name__}")


def _changes(table: Table, touched: Mapping[Key, Touched]) -> Iterable[Row]:
    names = [str(column.name) for column in table.primary_key]  # SQLAlchemy's own kind of text is no key for orjson
    for key, row in touched.items():
        if not row.add.keys() <= COUNTERS:
            raise FoldBroken(f"{', '.join(sorted(row.add))} of {table.name} are not counted all")
        yield {**row.values, **dict(zip(names, key, strict=True)), "add": row.add}


@lru_cache
def fold_statement(schema: str) -> bytes:
    """The statement for the tables of a schema. Its row: whether the cursor moved (1 or 0), and how many of the rows to
    be changed exist, for each of CHANGING; unless all do, nothing is written."""
    known = sql.SQL(", ").join(_known(schema, table) for table in CHANGING)
    writes = [*(_insert(schema, table) for table in FOLDED), *(_update(schema, table) for table in CHANGING)]
    everything = sql.SQL(" + ").join(sql.Identifier(table.name) for table in CHANGING)
    return (
        sql.SQL(
            "WITH known AS MATERIALIZED (SELECT {known}), moved AS ("
            "UPDATE {cursor} SET position = {to}::bigint, fold_version = {version}::int "
            "WHERE name = {name} AND position = {at}::bigint "
            "AND (fold_version = {version}::int OR (position = 0 AND fold_version <> {retired})) "
            "AND (SELECT {everything} FROM known) = {changes}::bigint RETURNING 1), {writes} "
            "SELECT (SELECT count(*) FROM moved), known.* FROM known"
        )
        .format(
            known=known,
            at=_AT,
            to=_TO,
            version=_VERSION,
            changes=_CHANGES,
            cursor=sql.Identifier(schema, projection_cursor.name),
            name=sql.Literal(CURSOR),
            retired=sql.Literal(RETIRED),
            everything=everything,
            writes=sql.SQL(", ").join(writes),
        )
        .as_bytes()
    )


def _known(schema: str, table: Table) -> sql.Composable:
    return sql.SQL(
        "(SELECT count(*) FROM json_array_elements({rows}::json) c JOIN {table} t ON {same}) AS {name}"
    ).format(
        rows=_CHANGED[table],
        table=sql.Identifier(schema, table.name),
        same=_same(table),
        name=sql.Identifier(table.name),
    )


def _insert(schema: str, table: Table) -> sql.Composable:
    return sql.SQL(
        "{step} AS (INSERT INTO {table} SELECT r.* FROM moved, json_populate_recordset(NULL::{table}, {rows}::json) r)"
    ).format(
        step=sql.Identifier(f"new_{table.name}"),
        table=sql.Identifier(schema, table.name),
        rows=_NEW[table],
    )


def _update(schema: str, table: Table) -> sql.Composable:
    """A column that a change leaves out keeps its value: the record begins as the row itself."""
    names = [column.name for column in table.columns if not column.primary_key]
    return sql.SQL(
        "{step} AS (UPDATE {table} t SET ({names}) = (SELECT {values} FROM json_populate_record(t, c.value) r) "
        "FROM moved, json_array_elements({rows}::json) c WHERE {same})"
    ).format(
        step=sql.Identifier(f"changed_{table.name}"),
        table=sql.Identifier(schema, table.name),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(map(_value, names)),
        rows=_CHANGED[table],
        same=_same(table),
    )


def _value(name: str) -> sql.Composable:
    if name not in COUNTERS:
        return sql.Identifier("r", name)
    added = sql.SQL("{column} + coalesce((c.value -> 'add' ->> {name})::int, 0)")
    return added.format(column=sql.Identifier("r", name), name=sql.Literal(name))


def _same(table: Table) -> sql.Composable:
    equal = sql.SQL("{column} = c.value ->> {name}")  # their keys are text
    return sql.SQL(" AND ").join(
        equal.format(column=sql.Identifier("t", column.name), name=sql.Literal(column.name))
        for column in table.primary_key
    )
