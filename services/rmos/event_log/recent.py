"""The newest rows of the log in memory: relay, projector and checkpointer need each of them just after its commit."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from services.rmos.event_log.stored import Row

MAX_ROWS = 8192
MAX_BYTES = 16_000_000
"""Of the events' content. Whoever is further behind reads the database."""
_data = itemgetter(13)


class RecentRows:
    """Rows as the database has them (columns of read_after.sql), contiguous. Only what is committed may be put here;
    then it stays true whoever leads afterwards, because rows never change."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._prefixed: list[bytes] = []
        self._bytes = 0

    def extend(self, rows: Sequence[Row], prefixed: Sequence[bytes]) -> None:
        """The rows that this process has just committed, in order, and what the leaf hash of each was made of."""
        if not rows:
            return
        if self._rows and rows[0][0] != self._rows[-1][0] + 1:  # others wrote in between
            self._rows.clear()
            self._prefixed.clear()
            self._bytes = 0
        self._rows += rows
        self._prefixed += prefixed
        self._bytes += sum(map(len, map(_data, rows)))
        if len(self._rows) > 2 * MAX_ROWS or self._bytes > 2 * MAX_BYTES:
            self._forget()

    def after(self, position: int, limit: int) -> list[Row] | None:
        """At most `limit` rows after this position; None when only the database can tell."""
        start = self._place(position)
        return None if start is None else self._rows[start : start + limit]

    def hashed_after(self, position: int, limit: int) -> tuple[list[Row], list[bytes]] | None:
        """Likewise, with what the leaf hash of each was made of."""
        start = self._place(position)
        return None if start is None else (self._rows[start : start + limit], self._prefixed[start : start + limit])

    def _place(self, position: int) -> int | None:
        start = position + 1 - self._rows[0][0] if self._rows else -1
        return start if 0 <= start < len(self._rows) else None

    def _forget(self) -> None:
        sizes = list(map(len, map(_data, self._rows[-MAX_ROWS:])))
        self._bytes, dropped = sum(sizes), 0
        while self._bytes > MAX_BYTES:
            self._bytes -= sizes[dropped]
            dropped += 1
        keep = len(sizes) - dropped
        del self._rows[: len(self._rows) - keep]
        del self._prefixed[: len(self._prefixed) - keep]
