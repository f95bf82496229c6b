"""A process that answers its health question on the bus, if its database, object store and bus let it in."""

from __future__ import annotations

import asyncio
import json
import os

import nats
import psycopg
from minio import Minio
from nats.aio.client import Client
from nats.aio.msg import Msg


async def on_the_bus() -> Client:
    user = os.environ["RMOS_NATS_USER"]
    while True:
        try:
            return await nats.connect(
                os.environ["RMOS_NATS_URL"],
                user=user,
                password=os.environ["RMOS_NATS_PASSWORD"],
                inbox_prefix=f"_INBOX.{user}",
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,
            )
        except (OSError, nats.errors.Error):
            await asyncio.sleep(0.1)


def doors_open() -> bool:
    """Whether Postgres (where this process has a login) and the bucket let us in, now."""
    try:
        if dsn := os.environ.get("RMOS_POSTGRES_DSN"):
            psycopg.connect(dsn, connect_timeout=2).close()
        client = Minio(
            endpoint=os.environ["RMOS_S3_ENDPOINT"],
            access_key=os.environ["RMOS_S3_ACCESS_KEY"],
            secret_key=os.environ["RMOS_S3_SECRET_KEY"],
            region=os.environ["RMOS_S3_REGION"],
            secure=os.environ["RMOS_S3_SECURE"] == "true",
        )
        return client.bucket_exists(bucket_name=os.environ["RMOS_S3_BUCKET"])
    except Exception as error:
        print(f"not let in: {error}", flush=True)
        return False


async def serve(service: str) -> None:
    client = await on_the_bus()

    async def answer(message: Msg) -> None:
        health = {"service": service, "version": "0", "pid": os.getpid(), "ready": await asyncio.to_thread(doors_open)}
        await message.respond(json.dumps({"result": health}).encode())

    await client.subscribe(f"query.{service}.health.v1", queue=service, cb=answer)
    await asyncio.Event().wait()


def run(service: str) -> None:
    if service == os.environ.get("RMOS_STAND_IN_BROKEN"):
        raise SystemExit(f"{service} has lost its catalog")
    asyncio.run(serve(service))
