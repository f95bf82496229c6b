"""One unmoving view of the database for an audit: a read-only transaction in which everything is as of one moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from services.rmos.audit.records import RecordedCheckpoint
from services.rmos.audit.rows import LogRow, log_row
from services.rmos.domain.leaf import StoredRow
from services.rmos.event_log.statements import statement
from services.rmos.lag import Follower

CHUNK = 2_000
SWAP_LOCK = 7_266_811_003
"""Advisory lock of the database (migrations/versions/0004): who holds it shared sees the same projections all along."""
_ROWS = """
    SELECT position, stream, version, event_id, type, recorded_at_utc, actor, request_id, command_id, command_index,
           command_sha256, causation_id, writer_epoch, data, leaf
    FROM rmos.events ORDER BY position
"""


class Snapshot:
    """Every method raises psycopg.Error."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def events(self) -> int:
        """How many rows the log has."""
        return int(self._one("SELECT count(*) FROM rmos.events")[0])

    def taken_at(self) -> datetime:
        """The moment of this view, by the database's clock."""
        moment: datetime = self._one("SELECT now()")[0]
        return moment

    def rows(self) -> Iterator[list[LogRow]]:
        """The whole log by position, in chunks."""
        for chunk in self.stored_rows():
            yield [log_row(row) for row in chunk]

    def stored_rows(self) -> Iterator[list[StoredRow]]:
        """As `rows`, for who looks at every row's bytes and at few of its fields."""
        with self._connection.cursor(name="audit_rows", binary=True) as cursor:
            cursor.execute(_ROWS)
            while found := cursor.fetchmany(CHUNK):
                yield found

    def checkpoints(self) -> list[RecordedCheckpoint]:
        """All that were ever signed, by size."""
        query = "SELECT tree_size, root, note FROM rmos.checkpoints ORDER BY tree_size"
        return [RecordedCheckpoint(*row) for row in self._connection.execute(query, binary=True)]

    def cursor_of_projections(self, name: str) -> tuple[int, int] | None:
        """Position and version of the folds; None when the tables were never folded."""
        query = "SELECT position, fold_version FROM projections.projection_cursor WHERE name = %s"
        found = self._connection.execute(query, (name,)).fetchone()
        return (found[0], found[1]) if found else None

    def followers(self) -> list[Follower]:
        """How far projections and checkpoints have come."""
        return [Follower(*row) for row in self._connection.execute(statement("followers"))]

    def table(self, schema: str, name: str) -> Iterator[dict[str, Any]]:
        """All rows of a table."""
        with self._connection.cursor(name="audit_table", row_factory=dict_row) as cursor:
            cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, name)))
            while found := cursor.fetchmany(CHUNK):
                yield from found

    def art_rows(self) -> Iterator[str]:
        """Every row of the art assets' index as JSON text; none where there is no such index."""
        for name in ("assets", "asset_origins"):
            if self._one("SELECT to_regclass(%s)", (f"art.{name}",))[0] is None:
                continue
            query = sql.SQL("SELECT row_to_json(found)::text FROM {} AS found").format(sql.Identifier("art", name))
            yield from (row[0] for row in self._connection.execute(query))

    def _one(self, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        row = self._connection.execute(query, parameters).fetchone()
        assert row is not None  # each of these statements gives one row
        return row


@contextmanager
def snapshot(dsn: str) -> Iterator[Snapshot]:
    """A view of this moment. Raises psycopg.Error."""
    with psycopg.connect(dsn, connect_timeout=5, application_name="rmos-audit-verify") as connection:
        # rebuilt projections take no other's place while somebody looks: to an older view they would be empty
        connection.execute("SELECT pg_advisory_lock_shared(%s)", (SWAP_LOCK,))
        connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield Snapshot(connection)
