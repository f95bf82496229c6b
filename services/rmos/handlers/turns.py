"""Turns at a stream: who found it moved on decides anew one after the other, so that everybody gets a turn."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """A lock for each stream that somebody waits for. Fair, within this process: only the leader decides."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def at(self, stream: str) -> asyncio.Lock:
        """Enter it with `async with`, and keep it no longer than that: it is forgotten with its last user."""
        return self._locks.setdefault(stream, asyncio.Lock())
