"""The database itself refuses to change the record, whoever asks through the service's or the owner's role."""

from __future__ import annotations

import psycopg
import pytest

from runtime.testing import DatabaseAccess

INSERT = """
INSERT INTO events (position, writer_epoch, version, command_index, stream, event_id, type, recorded_at_utc, actor,
                    request_id, command_id, command_sha256, leaf, data)
VALUES (%(position)s, %(epoch)s, %(position)s, 0, 'run-1', 'event_' || %(position)s, 'rmos.run_opened.v1',
        '2026-01-01T00:00:00.000000Z', '{}', 'request_1', 'command_' || %(position)s, sha256('c'), sha256('l'), '{}')
"""


@pytest.fixture
def one_event(database: DatabaseAccess) -> DatabaseAccess:
    with psycopg.connect(database.writer_dsn) as writer:
        writer.execute("INSERT INTO writer_epochs (holder, backend_pid) VALUES ('test', 1)")
        writer.execute(INSERT, {"position": 1, "epoch": 1})
    return database


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = '{\"x\":1}'",
        "UPDATE events SET data = data WHERE false",
        "DELETE FROM events",
        "TRUNCATE events",
        "INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET data = EXCLUDED.data",
        "ALTER TABLE events DISABLE TRIGGER append_only",
        "DROP TRIGGER append_only ON events",
        "DROP TABLE events",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "UPDATE writer_epochs SET holder = 'x'",
        "DELETE FROM writer_epochs",
        "INSERT INTO writer_epochs (epoch, holder, backend_pid) OVERRIDING SYSTEM VALUE VALUES (99, 'x', 1)",
        "SET session_replication_role = replica",
        "SET ROLE rmos_owner",
    ],
)
def test_the_service_role_may_not(one_event: DatabaseAccess, statement: str) -> None:
    with psycopg.connect(one_event.writer_dsn) as writer, pytest.raises(psycopg.errors.InsufficientPrivilege):
        writer.execute(statement)  # type: ignore[arg-type]  # a literal of the list above
    assert _events(one_event) == [(1, b"{}")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rmos.events SET data = '{\"x\":1}'",
        "DELETE FROM rmos.events WHERE false",
        "TRUNCATE rmos.events",
        "INSERT INTO rmos.events SELECT * FROM rmos.events ON CONFLICT (position) DO UPDATE SET data = EXCLUDED.data",
    ],
)
@pytest.mark.parametrize("replication_role", ["origin", "replica"])
def test_even_a_superuser_meets_the_trigger(one_event: DatabaseAccess, statement: str, replication_role: str) -> None:
    with psycopg.connect(one_event.superuser_dsn) as superuser:
        superuser.execute(f"SET session_replication_role = {replication_role}")  # type: ignore[arg-type]  # a literal
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            superuser.execute(statement)  # type: ignore[arg-type]  # a literal of the list above
    assert _events(one_event) == [(1, b"{}")]


def test_the_auditor_reads_and_writes_nothing(one_event: DatabaseAccess) -> None:
    assert _events(one_event) == [(1, b"{}")]
    with psycopg.connect(one_event.reader_dsn) as auditor:
        auditor.execute("SET default_transaction_read_only = off")
        auditor.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            auditor.execute(INSERT, {"position": 2, "epoch": 1})


def test_a_position_that_leaves_a_gap_is_refused(one_event: DatabaseAccess) -> None:
    with psycopg.connect(one_event.writer_dsn) as writer:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="do not continue the log"):
            writer.execute(INSERT, {"position": 3, "epoch": 1})
        writer.rollback()
        writer.execute(INSERT, {"position": 2, "epoch": 1})


def test_a_log_that_does_not_begin_at_one_is_refused(database: DatabaseAccess) -> None:
    with psycopg.connect(database.writer_dsn) as writer:
        writer.execute("INSERT INTO writer_epochs (holder, backend_pid) VALUES ('test', 1)")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="do not continue the log"):
            writer.execute(INSERT, {"position": 2, "epoch": 1})


def test_a_writer_whose_term_is_over_is_refused(one_event: DatabaseAccess) -> None:
    with psycopg.connect(one_event.writer_dsn) as writer:
        writer.execute("INSERT INTO writer_epochs (holder, backend_pid) VALUES ('next', 2)")
        writer.commit()
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="term 1 of this writer is over"):
            writer.execute(INSERT, {"position": 2, "epoch": 1})
        writer.rollback()
        writer.execute(INSERT, {"position": 2, "epoch": 2})


def _events(database: DatabaseAccess) -> list[tuple[int, bytes]]:
    with psycopg.connect(database.reader_dsn) as auditor:
        return auditor.execute("SELECT position, data FROM events ORDER BY position").fetchall()
