"""The connections of the projections."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CONNECTIONS = 10


def projection_engine(dsn: str) -> AsyncEngine:
    """A pool that connects when it is first used. Dispose of it in the end."""
    return create_async_engine(
        make_url(dsn).set(drivername="postgresql+psycopg"),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=3,
        json_serializer=_json,
        json_deserializer=orjson.loads,
        connect_args={
            # kept plans would be those of the first, almost empty tables
            "options": "-c plan_cache_mode=force_custom_plan",
            "application_name": "rmos-projections",
            "connect_timeout": 3,
            "tcp_user_timeout": 8000,
        },
    )


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
