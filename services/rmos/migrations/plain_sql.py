"""Migrations are plain SQL files, so that what is in the database is what a person reads."""

from __future__ import annotations

from importlib.resources import files

from alembic import op


def script(name: str) -> str:
    """The text of a script in `versions/`."""
    return (files("services.rmos.migrations") / "versions" / name).read_text(encoding="utf-8")


def execute_script(name: str) -> None:
    """Run a whole script on the migration's own connection, in its transaction."""
    execute(script(name))


def execute(text: str) -> None:
    """Run several statements, likewise."""
    # Several statements in one string need the driver: SQLAlchemy would send them as one prepared statement.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # a bound connection has a driver's
    connection.execute(text)
