"""A process of its own that wants to lead: appends one command after the other and prints what was acknowledged.

`python -m tests.rmos.event_log.worker DSN HOLDER`. Lines: `leads EPOCH`, `ack COMMAND POSITION`, `refused COMMAND
OUTCOME`.
Each command opens a stream of its own; a refused one is sent again with the same id until it is answered.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.errors import RmosError
from runtime.clock import SystemClock
from runtime.logs import configure
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.writer import Term
from tests.rmos.event_log.given import opened, request

CLIENTS = 4


async def main(dsn: str, holder: str) -> None:
    @asynccontextmanager
    async def lead(term: Term) -> AsyncIterator[None]:
        print("leads", term.epoch, flush=True)
        yield

    log = PostgresEventLog(dsn, holder, SystemClock(), configure("worker", "warning"))
    async with log.opened(), log.standing(lead), asyncio.TaskGroup() as clients:
        for client in range(CLIENTS):
            clients.create_task(_commands(log, f"{holder}-{client}"))


async def _commands(log: PostgresEventLog, name: str) -> None:
    number = 0
    while True:
        command_id = f"{name}-{number}"
        command = request(command_id, f"run-{command_id}", 0, opened(command_id))
        try:
            result = await log.append(command)
        except RmosError as error:
            print("refused", command_id, error.details.get("outcome"), flush=True)
            await asyncio.sleep(0.02)
            continue
        print("ack", command_id, result.positions[0], flush=True)
        number += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
