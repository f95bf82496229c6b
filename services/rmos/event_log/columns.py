"""The columns of a batch as Postgres' binary arrays.

psycopg's own list adaptation searches every list for its element type, dimensions and NULLs; an append knows them, and
with a dozen columns the search costs more than the rest of a small commit's parameters.
Layout: PostgreSQL's array_recv (dimensions, has-null flag, element type, then length and lower bound of the one
dimension, then length and bytes of each element; length -1 is NULL).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from struct import Struct
from typing import Any, ClassVar

from psycopg import AsyncConnection, Connection, postgres
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = Struct("!iiIii").pack
_LENGTH = Struct("!i").pack
_INT4 = Struct("!ii").pack
_NULL = _LENGTH(-1)


class Texts(list[str | None]):
    """A column of type text."""


class Bytes(list[bytes]):
    """A column of type bytea."""


class Integers(list[int]):
    """A column of type int4; struct.error for a value outside its range."""


class _Column(Dumper):
    format = Format.BINARY
    element: ClassVar[str]

    def __init__(self, cls: type, context: Any = None) -> None:
        super().__init__(cls, context)
        info = postgres.types[self.element]
        self.oid = info.array_oid
        self._element_oid = info.oid

    def dump(self, obj: Any) -> Buffer:
        return b"".join((_HEADER(1, 1, self._element_oid, len(obj), 1), *self.elements(obj)))

    @abstractmethod
    def elements(self, column: Any) -> Iterable[bytes]:
        """Length and bytes of each element."""


class _TextColumn(_Column):
    element = "text"

    def elements(self, column: Texts) -> Iterable[bytes]:
        parts: list[bytes] = []
        for text in column:
            if text is None:
                parts.append(_NULL)
            else:
                data = text.encode()
                parts += (_LENGTH(len(data)), data)
        return parts


class _BytesColumn(_Column):
    element = "bytea"

    def elements(self, column: Bytes) -> Iterable[bytes]:
        return [part for data in column for part in (_LENGTH(len(data)), data)]


class _IntegerColumn(_Column):
    element = "int4"

    def elements(self, column: Integers) -> Iterable[bytes]:
        return [_INT4(4, number) for number in column]


def register(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """The connection takes these columns as parameters of the types text[], bytea[] and int4[]."""
    connection.adapters.register_dumper(Texts, _TextColumn)
    connection.adapters.register_dumper(Bytes, _BytesColumn)
    connection.adapters.register_dumper(Integers, _IntegerColumn)
