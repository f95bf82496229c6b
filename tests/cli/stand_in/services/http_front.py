"""The gateway's stand-in: GET /readyz is 200 when every other service answers on the bus that it is ready."""

from __future__ import annotations

import asyncio
import json
import os

import nats.errors
from nats.aio.client import Client

from services.answering import on_the_bus

OTHERS = ("ai_gateway", "art_studio", "rmos", "cam")


async def is_ready(client: Client, service: str) -> bool:
    try:
        reply = await client.request(f"query.{service}.health.v1", b"{}", timeout=2)
    except (nats.errors.Error, TimeoutError):
        return False
    return bool(json.loads(reply.data)["result"]["ready"])


async def serve() -> None:
    client = await on_the_bus()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        found = {name: await is_ready(client, name) for name in OTHERS}
        status = "200 OK" if all(found.values()) else "503 Service Unavailable"
        body = json.dumps({"services": found, "pid": os.getpid()}).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, os.environ["RMOS_HTTP_HOST"], int(os.environ["RMOS_HTTP_PORT"]))
    await server.serve_forever()


def run() -> None:
    json.loads(os.environ["RMOS_API_KEYS"])
    asyncio.run(serve())
