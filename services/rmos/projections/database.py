"""The connections of the projections."""

from __future__ import annotations

from typing import Any

import orjson
import psycopg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

CONNECTIONS = 10
WAIT_S = 10
"""How long a query waits for a connection while many others are being answered."""
# kept plans would be those of the first, almost empty tables
_OPTIONS = "-c plan_cache_mode=force_custom_plan"


def projection_engine(dsn: str) -> AsyncEngine:
    """A pool that connects when it is first used. Dispose of it in the end."""
    return _engine(dsn, "rmos-projections", _OPTIONS, CONNECTIONS)


def rebuild_engine(dsn: str) -> AsyncEngine:
    """Likewise, for a rebuild: the swap holds the live cursor, so a process that is paused in it loses its session."""
    return _engine(dsn, "rmos-rebuild", f"{_OPTIONS} -c idle_in_transaction_session_timeout=3000", 2)


async def folding_connection(engine: AsyncEngine) -> psycopg.AsyncConnection[Any]:
    """A connection beside the engine's for the projector's statement, each execution a transaction; use `async with`.

    The statement's plan is kept, since planning it anew would take longer than a small batch; rows that change are
    found by their key whatever the tables held when the plan was made.
    """
    dsn = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    found_by_key = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    return await psycopg.AsyncConnection.connect(
        dsn,
        autocommit=True,
        options=f"-c plan_cache_mode=force_generic_plan -c jit=off {found_by_key}",
        application_name="rmos-projections",
        connect_timeout=3,
        tcp_user_timeout=8000,
    )


async def driver_of(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """psycopg's connection below SQLAlchemy's, in the same transaction. Its errors are psycopg's."""
    driver: psycopg.AsyncConnection[Any] | None = (await connection.get_raw_connection()).driver_connection
    assert driver is not None  # an open connection has a driver's
    return driver


def _engine(dsn: str, name: str, options: str, connections: int) -> AsyncEngine:
    return create_async_engine(
        make_url(dsn).set(drivername="postgresql+psycopg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT_S,
        json_serializer=_json,
        json_deserializer=orjson.loads,
        connect_args={
            "options": options,
            "application_name": name,
            "connect_timeout": 3,
            "tcp_user_timeout": 8000,
        },
    )


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
