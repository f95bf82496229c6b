"""The one place that makes ids: ULIDs (time-ordered, 26 characters of Crockford's base 32, github.com/ulid/spec)."""

from __future__ import annotations

import os
from collections.abc import Callable

from runtime.clock import unix_ms

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]

NewId = Callable[[str], str]
"""prefix -> a fresh id such as `run_01J…`."""


def ulid(milliseconds: int, randomness: bytes) -> str:
    """The ULID of a time and ten random bytes."""
    number = (milliseconds << 80) | int.from_bytes(randomness, "big")
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -10, -10)])


def new_id(prefix: str) -> str:
    return f"{prefix}_{ulid(unix_ms(), os.urandom(10))}"
