"""The migration step of the asset index: `python -m services.art_studio.migrate`, under the owner's DSN, as often as
you like. A file that was applied and then changed is refused: what is deployed would no longer be what is written."""

from __future__ import annotations

import sys
from importlib.resources import files

import psycopg
from psycopg.rows import tuple_row

from contracts.canonical import sha256_hex
from runtime.logs import configure
from runtime.settings import PostgresOwnerSettings, SettingsError

_LOCK = 0x61727431  # "art1": one migration at a time, whoever starts it


class MigrationDrift(Exception):
    """An applied migration differs from its file; the message names it."""


def migrations() -> list[tuple[str, bytes]]:
    """File name and content of every migration, in order."""
    folder = files("services.art_studio.migrations")
    return sorted((entry.name, entry.read_bytes()) for entry in folder.iterdir() if entry.name.endswith(".sql"))


def migrate_index(owner_dsn: str) -> list[str]:
    """Bring the schema up to date; the names of the files that were applied now. All or nothing.

    Raises MigrationDrift, or psycopg.Error when the database is away or refuses.
    """
    with psycopg.connect(owner_dsn, connect_timeout=10, row_factory=tuple_row) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS art.migrations (name text PRIMARY KEY, sha256 text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied: dict[str, str] = dict(connection.execute("SELECT name, sha256 FROM art.migrations").fetchall())
        return [name for name, content in migrations() if _apply(connection, name, content, applied)]


def _apply(connection: psycopg.Connection[tuple[str, ...]], name: str, content: bytes, applied: dict[str, str]) -> bool:
    digest = sha256_hex(content)
    if name in applied:
        if applied[name] != digest:
            raise MigrationDrift(f"{name} was applied as {applied[name]}, the file is {digest}: add a new file instead")
        return False
    connection.execute(content)
    connection.execute("INSERT INTO art.migrations (name, sha256) VALUES (%s, %s)", (name, digest))
    return True


def main() -> int:
    """0 when the tables are as declared; 1 with the reason when not; 2 for a missing setting."""
    log = configure("art_studio.migrate")
    try:
        for name in migrate_index(PostgresOwnerSettings.read().dsn):
            log.info("migration_applied", name=name)
    except SettingsError as error:
        print(f"art_studio.migrate: {error}", file=sys.stderr)
        return 2
    except (MigrationDrift, psycopg.Error) as error:
        log.error("migration_failed", reason=str(error))
        return 1
    log.info("asset_index_ready")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
