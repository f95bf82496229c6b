"""Alembic's entry: upgrades on the connection it is given, one migration step at a time in the whole database."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

_MIGRATION_LOCK = 7_266_811_001
"""Advisory lock held to the end of the transaction: two migration steps at once wait for each other."""


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, version_table_schema="rmos")
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        context.run_migrations()


run()
