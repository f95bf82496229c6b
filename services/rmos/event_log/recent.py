"""The newest rows of the log in memory: relay, projector and checkpointer need each of them just after its commit."""

from __future__ import annotations

from collections.abc import Sequence

from services.rmos.event_log.stored import Row

MAX_ROWS = 4096
MAX_BYTES = 16_000_000
"""Of the events' content. Whoever is further behind reads the database."""
_DATA = 13


class RecentRows:
    """Rows as the database has them (columns of read_after.sql), contiguous. Only what is committed may be put here;
    then it stays true whoever leads afterwards, because rows never change."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._bytes = 0

    def extend(self, rows: Sequence[Row]) -> None:
        """The rows that this process has just committed, in order."""
        if not rows:
            return
        if self._rows and rows[0][0] != self._rows[-1][0] + 1:  # others wrote in between
            self._rows.clear()
            self._bytes = 0
        self._rows += rows
        self._bytes += sum(len(row[_DATA]) for row in rows)
        if len(self._rows) > 2 * MAX_ROWS or self._bytes > 2 * MAX_BYTES:
            self._forget()

    def after(self, position: int, limit: int) -> list[Row] | None:
        """At most `limit` rows after this position; None when only the database can tell."""
        if not self._rows:
            return None
        first = self._rows[0][0]
        start = position + 1 - first
        if not 0 <= start < len(self._rows):
            return None
        return self._rows[start : start + limit]

    def _forget(self) -> None:
        keep, size = len(self._rows), 0
        while keep > 0 and len(self._rows) - keep < MAX_ROWS and size <= MAX_BYTES:
            keep -= 1
            size += len(self._rows[keep][_DATA])
        del self._rows[:keep]
        self._bytes = size
