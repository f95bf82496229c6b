"""art_studio's pool of database connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from contracts.errors import ErrorCode, RmosError

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
_PATIENCE_S = 4.0


def open_pool(dsn: str) -> Pool:
    """A pool to be opened by the caller; it goes on reconnecting for as long as the process lives."""
    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=8,
        open=False,
        timeout=_PATIENCE_S,
        reconnect_timeout=float("inf"),
        connection_class=AsyncConnection[DictRow],
        kwargs={"row_factory": dict_row, "connect_timeout": 3, "application_name": "art_studio"},
        check=AsyncConnectionPool.check_connection,
        name="art_studio",
    )


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[AsyncConnection[DictRow]]:
    """A connection in a transaction that is committed at the end. Raises RmosError(UNAVAILABLE)."""
    try:
        async with pool.connection() as connection:
            yield connection
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        raise RmosError(
            ErrorCode.UNAVAILABLE, f"the asset index does not answer ({type(error).__name__}); ask again"
        ) from error
