"""Folding the whole log afresh into tables beside the live ones, and comparing the two."""

from __future__ import annotations

import hashlib

import orjson
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from runtime.logs import Logger
from services.rmos.event_log.head import Head
from services.rmos.migrations.plain_sql import script
from services.rmos.projections.projector import Projector, Tail
from services.rmos.projections.tables import FOLDED, SCHEMA


async def fold_beside(owner: AsyncEngine, schema: str, tail: Tail, log: Logger) -> int:
    """Makes the schema with empty tables and folds the log into it; the position reached.

    `owner` connects as the role that owns the schema of the projections. Raises the database's error when the schema
    exists already.
    """
    name = owner.dialect.identifier_preparer.quote(schema)
    async with owner.begin() as connection:
        await connection.execute(text(f"CREATE SCHEMA {name}"))
        await connection.execute(text(f"SET LOCAL search_path = {name}"))
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None  # an open connection has a driver's
        await raw.driver_connection.execute(script("0002_projections.sql"))
    return await Projector(owner, tail, Head(), log, schema).catch_up()


async def fingerprints(connection: AsyncConnection, schema: str = SCHEMA) -> dict[str, str]:
    """Table -> SHA-256 over all its rows in key order: equal exactly when the folds are."""
    await connection.execution_options(schema_translate_map={SCHEMA: schema})
    found: dict[str, str] = {}
    for table in FOLDED:
        digest = hashlib.sha256()
        rows = await connection.stream(select(table).order_by(*table.primary_key.columns))
        async for row in rows:
            digest.update(orjson.dumps(list(row), default=str, option=orjson.OPT_SORT_KEYS) + b"\n")
        found[table.name] = digest.hexdigest()
    return found
