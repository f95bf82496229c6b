"""The database roles of deploy/postgres/roles.sql: each can do its own work and nothing else."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from runtime.embedded.roles import apply_roles
from runtime.testing import DatabaseAccess, PostgresAccess


@pytest.fixture
def database(postgres_server: PostgresAccess) -> DatabaseAccess:
    """As after a migration: an append-only table, a projection, and a table of art_studio's own."""
    database = postgres_server.create_database()
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("CREATE TABLE events (position bigint PRIMARY KEY)")
        owner.execute("GRANT SELECT, INSERT ON events TO rmos_writer")
        owner.execute("CREATE TABLE projection (n int)")
        owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON projection TO rmos_writer")
    with psycopg.connect(database.art_studio_dsn) as art:
        art.execute("CREATE TABLE assets (n int)")
    return database


def refused(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection, pytest.raises((InsufficientPrivilege, ReadOnlySqlTransaction)):
        connection.execute(statement)


def test_the_writer_appends_events_and_reads_them(database: DatabaseAccess) -> None:
    with psycopg.connect(database.writer_dsn) as writer:
        writer.execute("INSERT INTO events VALUES (1)")
        assert writer.execute("SELECT position FROM events").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET position = 2",
        "DELETE FROM events",
        "TRUNCATE events",
        "DROP TABLE events",
        "ALTER TABLE events ADD COLUMN x int",
        "CREATE TABLE mine (n int)",
        "CREATE TABLE public.mine (n int)",
        "CREATE TEMP TABLE mine (n int)",
        "SET ROLE rmos_owner",
        "SELECT * FROM art.assets",
    ],
)
def test_the_writer_cannot_change_events_or_the_schema(database: DatabaseAccess, statement: str) -> None:
    refused(database.writer_dsn, statement)


def test_a_new_table_gives_the_writer_nothing_by_default(database: DatabaseAccess) -> None:
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("CREATE TABLE later (n int)")
    refused(database.writer_dsn, "SELECT * FROM later")


def test_the_reader_reads_every_table(database: DatabaseAccess) -> None:
    with psycopg.connect(database.reader_dsn) as reader:
        for table in ("events", "projection", "assets"):
            assert reader.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize("table", ["events", "projection", "art.assets"])
def test_the_reader_writes_nothing_even_after_leaving_read_only_mode(database: DatabaseAccess, table: str) -> None:
    with psycopg.connect(database.reader_dsn) as reader:
        reader.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        reader.commit()
        with pytest.raises(InsufficientPrivilege):
            reader.execute(f"INSERT INTO {table} VALUES (1)")


def test_art_studio_sees_only_its_own_schema(database: DatabaseAccess) -> None:
    refused(database.art_studio_dsn, "SELECT * FROM rmos.events")


def test_no_role_is_superuser_or_may_make_roles(postgres_server: PostgresAccess, database: DatabaseAccess) -> None:
    with psycopg.connect(database.superuser_dsn) as connection:
        powerful = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)"
            " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)",
            [["rmos_owner", "rmos_writer", "rmos_reader", "art_studio"]],
        ).fetchall()
    assert powerful == []


def test_applying_the_roles_again_changes_passwords_and_keeps_data(
    postgres_server: PostgresAccess, database: DatabaseAccess
) -> None:
    with psycopg.connect(database.writer_dsn) as writer:
        writer.execute("INSERT INTO events VALUES (1)")
    apply_roles(postgres_server.server, postgres_server.passwords, database.name)
    with psycopg.connect(database.writer_dsn) as writer:
        assert writer.execute("SELECT count(*) FROM events").fetchone() == (1,)
