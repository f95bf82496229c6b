"""A rebuild of the projections that a person ordered, from a process of its own."""

from __future__ import annotations

import asyncio

import psycopg
from sqlalchemy.exc import OperationalError

from runtime.logs import Logger
from services.rmos.event_log.reader import LogReader
from services.rmos.projections.database import rebuild_engine
from services.rmos.projections.folds import FOLD_VERSION
from services.rmos.projections.rebuild import Progress, Rebuild

ATTEMPTS = 3
"""A change of leadership ends a rebuild that is in the middle of a transaction; it then begins again."""


async def rebuild_projections(dsn: str, log: Logger, progress: Progress) -> int:
    """The position at which the new tables went live; `dsn` is that of the writer's role.

    Raises RebuildUnderWay, FoldBroken, and psycopg.Error, SQLAlchemyError or RmosError(UNAVAILABLE) when the database
    refuses or is away.
    """
    engine = rebuild_engine(dsn)
    try:
        async with LogReader(dsn) as events:
            rebuild = Rebuild(engine, events, FOLD_VERSION, log)
            for left in range(ATTEMPTS - 1, -1, -1):
                try:
                    return await rebuild.rebuilt(progress)
                except (psycopg.OperationalError, OperationalError):
                    if not left:
                        raise
                    await asyncio.sleep(1.0)
    finally:
        await engine.dispose()
    raise AssertionError("unreachable: the last attempt returns or raises")
