"""`rmos migrate status|up|verify|rollback`: what is applied, what is not as declared, and no way back that loses."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from runtime.testing import DatabaseAccess, PostgresAccess
from services.rmos.cli_migrate import migrate
from services.rmos.migrate import migrate_tables
from services.rmos.projections.folds import FOLD_VERSION

NEWEST = "0006"


def run(database: DatabaseAccess, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(migrate, [*arguments, "--dsn", database.owner_dsn, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def test_an_empty_database_has_everything_pending_and_up_applies_it(postgres_server: PostgresAccess) -> None:
    database = postgres_server.create_database()
    code, found = run(database, "status")
    assert (code, found["current"], found["pending"][0], found["newest"]) == (1, None, "0001", NEWEST)
    assert run(database, "verify")[0] == 1
    code, done = run(database, "up")
    assert (code, done["applied"][0], done["current"]) == (0, "0001", NEWEST)
    assert run(database, "status")[0] == 0
    assert run(database, "verify") == (0, {"sound": True, "differences": []})
    assert run(database, "up") == (0, {"applied": [], "current": NEWEST})


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("ALTER TABLE rmos.events DISABLE TRIGGER append_only", "rmos.events", "append_only is not always enabled"),
        ("ALTER TABLE rmos.events ENABLE TRIGGER continue_the_log", "rmos.events", "continue_the_log is not always"),
        ("DROP TRIGGER append_only ON rmos.checkpoints", "rmos.checkpoints", "append_only is missing"),
        ("GRANT UPDATE ON rmos.events TO rmos_writer", "rmos.events", "rmos_writer holds UPDATE"),
        ("ALTER TABLE rmos.events ADD COLUMN note text", "rmos.events", "columns differ: note"),
        ("DROP INDEX projections.runs_mode", "projections", "add_index"),
        ("ALTER TABLE projections.runs DROP COLUMN label", "projections", "add_column"),
    ],
)
def test_what_is_not_as_declared_is_named(database: DatabaseAccess, statement: str, where: str, what: str) -> None:
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute(statement)  # type: ignore[arg-type]  # a literal of the list above
    code, found = run(database, "verify")
    assert (code, [item["where"] for item in found["differences"]]) == (1, [where])
    assert what in found["differences"][0]["what"]


def test_a_step_that_loses_nothing_can_be_undone_and_done_again(database: DatabaseAccess) -> None:
    assert run(database, "rollback", "--to", "0003", "--dry-run")[1]["undone"] == ["0006", "0005", "0004"]
    assert run(database, "status")[0] == 0
    assert run(database, "rollback", "--to", "0003") == (
        0,
        {"undone": ["0006", "0005", "0004"], "refused": None, "dry_run": False},
    )
    assert run(database, "status")[1]["current"] == "0003"
    assert run(database, "up")[0] == 0
    assert run(database, "verify")[0] == 0
    assert run(database, "rollback", "--to", NEWEST)[1]["undone"] == []


def test_projections_whose_table_went_with_a_way_back_are_folded_again_after_the_way_up(
    database: DatabaseAccess,
) -> None:
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("UPDATE projections.projection_cursor SET position = 7, fold_version = %s", (FOLD_VERSION,))
    assert run(database, "rollback", "--to", "0004")[1]["undone"] == ["0006", "0005"]
    assert run(database, "up")[1]["applied"] == ["0005", "0006"]
    with psycopg.connect(database.reader_dsn) as reader:
        found = reader.execute("SELECT position, fold_version FROM projections.projection_cursor").fetchone()
    assert found == (7, 1)
    assert FOLD_VERSION > 1


@pytest.mark.parametrize(
    ("target", "why"), [("0002", "signed checkpoints"), ("0001", "checkpoints"), ("0042", "no revision 0042")]
)
def test_a_way_back_that_would_lose_something_is_refused_with_the_reason(
    database: DatabaseAccess, target: str, why: str
) -> None:
    code, result = run(database, "rollback", "--to", target)
    assert (code, result["undone"]) == (1, [])
    assert why in result["refused"]
    assert run(database, "status")[1]["current"] == NEWEST


def test_a_database_of_a_newer_version_is_left_alone(database: DatabaseAccess) -> None:
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("UPDATE rmos.alembic_version SET version_num = '9999'")
    assert run(database, "status")[1]["known"] is False
    result = CliRunner().invoke(migrate, ["up", "--dsn", database.owner_dsn])
    assert (result.exit_code, "9999" in result.stderr) == (1, True)
    assert "newer version" in run(database, "rollback", "--to", "0003")[1]["refused"]


def test_a_database_that_is_away_or_another_role_is_exit_2(database: DatabaseAccess) -> None:
    for dsn in ("postgresql://nobody@127.0.0.1:1/none", database.reader_dsn.replace("rmos_reader:", "rmos_reader:x")):
        result = CliRunner().invoke(migrate, ["status", "--dsn", dsn])
        assert (result.exit_code, "database" in result.stderr) == (2, True)


def test_a_migration_of_tables_only_reaches_the_newest(database: DatabaseAccess) -> None:
    migrate_tables(database.owner_dsn)
    assert run(database, "status")[1]["current"] == NEWEST
