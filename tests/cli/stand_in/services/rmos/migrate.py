"""The migration's stand-in: makes a table as the schema's owner and a stream as the bus' migrate user."""

from __future__ import annotations

import asyncio
import os

import psycopg

from services.answering import on_the_bus


async def migrate() -> None:
    if os.environ.get("RMOS_STAND_IN_BROKEN") == "migrate":
        raise SystemExit("the schema is newer than this program")
    with psycopg.connect(os.environ["RMOS_POSTGRES_OWNER_DSN"]) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS rmos.migrations (at timestamptz DEFAULT now())")
        owner.execute("INSERT INTO rmos.migrations DEFAULT VALUES")
    client = await on_the_bus()
    await client.jetstream().add_stream(name="LOG", subjects=["log.>"])
    await client.close()


asyncio.run(migrate())
