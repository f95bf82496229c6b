"""The log and its checkpoints as somebody sees them who looks for one run: read-only, and nothing but the log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg

from services.rmos.audit.access import NothingToReach
from services.rmos.audit.records import RecordedCheckpoint
from services.rmos.audit.rows import LogRow, log_row

PATIENCE_S = 5.0
"""How long a command waits for a checkpoint over an event that was just recorded: one follows within about a second."""
_POLL_S = 0.1
_COLUMNS: LiteralString = """
    SELECT position, stream, version, event_id, type, recorded_at_utc, actor, request_id, command_id, command_index,
           command_sha256, causation_id, writer_epoch, data, leaf
    FROM rmos.events
"""


class RecordView:
    """Every method raises psycopg.Error."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def of_streams(self, streams: Sequence[str], up_to: int | None = None) -> list[LogRow]:
        """All events of these streams, or those up to a position, by position."""
        limit = 2**62 if up_to is None else up_to
        return self._rows("WHERE stream = ANY(%s) AND position <= %s ORDER BY position", (list(streams), limit))

    def saying(self, text: str) -> list[LogRow]:
        """The artifacts' events in whose bytes this text stands: a walk over the whole log, so that no derived table
        has to be believed (about a second for 100,000 events)."""
        return self._rows(
            "WHERE type LIKE 'rmos.%%' AND position(%s::bytea in data) > 0 ORDER BY position", (text.encode(),)
        )

    def run_ids(self) -> list[str]:
        """Every run that was ever opened, oldest first."""
        rows = self._connection.execute(
            "SELECT stream FROM rmos.events WHERE type = 'rmos.run_opened.v1' ORDER BY position"
        )
        return [row[0].removeprefix("run-") for row in rows]

    def checkpoint_over(self, position: int) -> RecordedCheckpoint:
        """The newest one that covers this position; waits for it. Raises NothingToReach when none comes."""
        query = "SELECT tree_size, root, note FROM rmos.checkpoints ORDER BY tree_size DESC LIMIT 1"
        give_up = time.monotonic() + PATIENCE_S
        while True:
            found = self._connection.execute(query, binary=True).fetchone()
            if found is not None and found[0] >= position:
                return RecordedCheckpoint(*found)
            if time.monotonic() > give_up:
                raise NothingToReach(f"no signed checkpoint covers position {position} yet: ask again, or start rmos")
            time.sleep(_POLL_S)

    def _rows(self, condition: LiteralString, parameters: Sequence[Any]) -> list[LogRow]:
        return [log_row(row) for row in self._connection.execute(_COLUMNS + condition, parameters, binary=True)]


@contextmanager
def record_view(dsn: str) -> Iterator[RecordView]:
    """A connection that cannot write. Raises psycopg.Error."""
    with psycopg.connect(dsn, connect_timeout=5, application_name="rmos-audit-look", autocommit=True) as connection:
        connection.read_only = True
        yield RecordView(connection)
