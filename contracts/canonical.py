"""Canonical JSON (an I-JSON profile of RFC 8785 without floats) and the digests made from it.

Inside the profile (string keys of ASCII, strings, integers up to 2**53-1, booleans, null, lists, objects) orjson with
sorted keys writes exactly the bytes RFC 8785 asks for; tests/property proves it against the `rfc8785` package.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel

MAX_INTEGER = 2**53 - 1


class NotCanonical(ValueError):
    """The value is outside the profile; the message names the place and what to use instead."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """A JSON value as the canonical bytes that were written where it was made: it is passed on without being read."""

    data: bytes


def canonical_bytes(value: Any) -> bytes:
    """The one byte string of this JSON value. Raises NotCanonical for floats, big integers, non-ASCII keys."""
    if isinstance(value, Canonical):
        return value.data
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    try:
        if not _plain(value):
            _check(value, "$")
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except RecursionError as error:
        raise NotCanonical("not canonical JSON: nested too deeply") from error
    except TypeError as error:  # lone surrogates: not encodable as UTF-8; nested deeper than orjson goes
        raise NotCanonical(f"not canonical JSON: {error}") from error


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of the canonical bytes."""
    return sha256_hex(canonical_bytes(value))


_LEAVES = frozenset({str, bool, type(None)})


def _plain(value: Any) -> bool:
    """Whether the value is surely inside the profile. False: `_check` must look and name the place. Commands pass here
    several times each, so this costs a third of it; loops, because generators would cost it twice."""
    kind = type(value)
    if kind is dict:
        try:
            if not "".join(value).isascii():
                return False
        except TypeError:  # a key that is no string
            return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        return kind in _LEAVES or (kind is int and -MAX_INTEGER <= value <= MAX_INTEGER)
    for item in value:  # noqa: SIM110 - see above
        if type(item) not in _LEAVES and not _plain(item):
            return False
    return True


def _check(value: Any, place: str) -> None:
    if value is None or value is True or value is False or isinstance(value, str):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise NotCanonical(f"{place}: integers beyond 2**53-1 have no interoperable spelling; use a string")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise NotCanonical(f"{place}: object keys must be ASCII strings, found {key!r}")
            _check(item, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{place}[{index}]")
    elif isinstance(value, float):
        raise NotCanonical(f"{place}: floats are not hashed; use a decimal string or an integer in a named unit")
    else:
        raise NotCanonical(f"{place}: {type(value).__name__} is not JSON")
