"""Running whole SQL scripts in a migration. Alembic is imported here and not where a script is only read."""

from __future__ import annotations

from alembic import op

from services.rmos.migrations.scripts import script


def execute_script(name: str) -> None:
    """Run a whole script on the migration's own connection, in its transaction."""
    execute(script(name))


def execute(text: str) -> None:
    """Run several statements, likewise."""
    # Several statements in one string need the driver: SQLAlchemy would send them as one prepared statement.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # a bound connection has a driver's
    connection.execute(text)
