"""The values of an append as Postgres' binary parameters.

Scalars are what the types' send functions write; arrays are what array_recv reads: dimensions, has-null flag, element
type, length and lower bound of the one dimension, then length and bytes of each element (length -1: NULL). An append
knows its types, and searching every list for them costs more than the rest of its parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, pack

from psycopg import postgres

_HEADER = Struct("!iiIii").pack
_LENGTH = Struct("!i").pack
_NULL = _LENGTH(-1)
_BYTEA, _TEXT, _INT4 = (postgres.types[name].oid for name in ("bytea", "text", "int4"))

int4 = Struct("!i").pack
"""One integer; struct.error outside 32 bits."""
int8 = Struct("!q").pack


def blobs(column: Sequence[bytes]) -> bytes:
    """bytea[]"""
    return _array(_BYTEA, column)


def texts(column: Sequence[str]) -> bytes:
    """text[]"""
    return _array(_TEXT, list(map(str.encode, column)))


def optional_texts(column: Sequence[str | None]) -> bytes:
    """text[] that may hold NULLs."""
    parts = [_NULL if text is None else _LENGTH(len(data := text.encode())) + data for text in column]
    return b"".join((_HEADER(1, 1, _TEXT, len(column), 1), *parts))


def integers(column: Sequence[int]) -> bytes:
    """int4[]; struct.error for a value outside 32 bits."""
    parts = [4] * (2 * len(column))
    parts[1::2] = column
    return _HEADER(1, 0, _INT4, len(column), 1) + pack(f"!{len(parts)}i", *parts)


def _array(element: int, column: Sequence[bytes]) -> bytes:
    parts = [b""] * (2 * len(column))
    parts[0::2] = map(_LENGTH, map(len, column))
    parts[1::2] = column
    return _HEADER(1, 0, element, len(column), 1) + b"".join(parts)
