"""The floor of benchmarks/command.py: `python -m benchmarks.setup.floor_responder NATS_URL DSN` answers `floor`.

What is left of a command when everything is left out but the request, one durable row and the reply.
"""

from __future__ import annotations

import asyncio
import sys

import nats
import orjson
from nats.aio.msg import Msg
from psycopg_pool import AsyncConnectionPool

CONNECTIONS = 16


async def main(url: str, dsn: str) -> None:
    client = await nats.connect(url)
    tasks: set[asyncio.Task[None]] = set()
    async with AsyncConnectionPool(
        dsn, min_size=CONNECTIONS, max_size=CONNECTIONS, kwargs={"autocommit": True}
    ) as pool:
        await pool.wait()

        async def answer(message: Msg) -> None:
            body = orjson.loads(message.data)
            async with pool.connection() as connection:
                await connection.execute("INSERT INTO bench_floor (data) VALUES (%b)", (message.data,), prepare=True)
            await message.respond(orjson.dumps({"result": body}))

        async def receive(message: Msg) -> None:
            task = asyncio.create_task(answer(message))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        await client.subscribe("floor", cb=receive)
        await client.flush()
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
