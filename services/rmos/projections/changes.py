"""Row changes as data: what a fold says, and how the changes of many events become few statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Table

Row = dict[str, Any]
Key = tuple[Any, ...]
NOTHING: Mapping[str, int] = MappingProxyType({})


class Insert(NamedTuple):
    """A new row, with every column that is not NULL. A tuple: every event makes two or three, which a frozen dataclass
    takes three times as long for."""

    table: Table
    row: Row


class Update(NamedTuple):
    """Columns of one existing row: set to a value, or increased."""

    table: Table
    key: Row
    values: Row
    add: Mapping[str, int] = NOTHING


Change = Insert | Update


class FoldBroken(Exception):
    """An event speaks of a row that no event before it made, or is of an unknown type: guessing would hide a defect."""


@dataclass(slots=True)
class Touched:
    """What remains to be done to one existing row."""

    values: Row = field(default_factory=dict)
    add: dict[str, int] = field(default_factory=dict)


class Coalesced:
    """The net effect of changes in order: at most one insert or one update for each row."""

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self.inserts: dict[Table, dict[Key, Row]] = {}
        self.updates: dict[Table, dict[Key, Touched]] = {}
        self.take(changes)

    def take(self, changes: Iterable[Change]) -> None:
        """Changes that follow. Raises FoldBroken for a row that is made twice."""
        for change in changes:
            if isinstance(change, Insert):
                self._insert(change)
            else:
                self._update(change)

    def _insert(self, change: Insert) -> None:
        table, row = change
        rows = self.inserts.get(table)
        if rows is None:
            rows = self.inserts[table] = {}
        key = key_of(table, row)
        if key in rows or (table in self.updates and key in self.updates[table]):
            raise FoldBroken(f"{table.name} {key} is made twice")
        rows[key] = row  # the fold made it for us: updates that follow are written into it

    def _update(self, change: Update) -> None:
        table, named, values, add = change
        key = key_of(table, named)
        rows = self.inserts.get(table)
        new = None if rows is None else rows.get(key)
        if new is not None:
            new.update(values)
            for column, amount in add.items():
                new[column] += amount
            return
        touched = self.updates.setdefault(table, {}).setdefault(key, Touched())
        touched.values.update(values)
        for column, amount in add.items():
            touched.add[column] = touched.add.get(column, 0) + amount


def key_of(table: Table, row: Row) -> Key:
    return _key_of(table)(row)


@lru_cache
def _key_of(table: Table) -> Callable[[Row], Key]:
    names = [column.name for column in table.primary_key]
    if len(names) > 1:
        return itemgetter(*names)
    (name,) = names
    return lambda row: (row[name],)
