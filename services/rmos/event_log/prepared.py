"""A prepared statement that writes, run straight over libpq (psycopg.pq).

A cursor adapts, converts and fetches what an append needs none of: for one row that costs more processor time than the
INSERT. The connection stays psycopg's: whoever uses it one statement at a time may use both ways.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from itertools import count
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

_PLACEHOLDER = re.compile(r"%\((\w+)\)b")
_numbers = count()


class PreparedWrite:
    """A statement without result rows. Its placeholders are `%(name)b`, as psycopg writes binary ones."""

    def __init__(self, connection: AsyncConnection[Any], query: str) -> None:
        self._pgconn = connection.pgconn
        self._names = list(dict.fromkeys(_PLACEHOLDER.findall(query)))
        numbers = {name: f"${number}" for number, name in enumerate(self._names, 1)}
        self._query = _PLACEHOLDER.sub(lambda found: numbers[found[1]], query).encode()
        self._name = f"rmos_{next(_numbers)}".encode()
        self._formats = [Format.BINARY] * len(self._names)
        self._prepared = False

    async def run(self, parameters: Mapping[str, bytes | None]) -> None:
        """Executes the statement with these parameters in Postgres' binary format (None: NULL).

        Raises psycopg.Error: with a `sqlstate` when the server refused the statement, without one when the connection
        broke and nobody knows what became of it. After a cancellation its answer is still on the way: the connection
        can only be closed then.
        """
        if not self._prepared:
            self._pgconn.send_prepare(self._name, self._query)
            await self._done()
            self._prepared = True
        values = [parameters[name] for name in self._names]
        self._pgconn.send_query_prepared(self._name, values, self._formats)
        await self._done()

    async def _done(self) -> None:
        """Sends what is buffered and waits until the connection is idle again."""
        pgconn, socket, loop = self._pgconn, self._pgconn.socket, asyncio.get_running_loop()
        results: list[PGresult] = []
        sending = False
        idle: asyncio.Future[None] = loop.create_future()

        def proceed() -> None:
            nonlocal sending
            if idle.done():
                return
            try:
                pgconn.consume_input()
                if sending and not pgconn.flush():
                    sending = False
                    loop.remove_writer(socket)
                while not pgconn.is_busy():
                    result = pgconn.get_result()
                    if result is None:
                        idle.set_result(None)
                        return
                    results.append(result)
            except psycopg.Error as error:
                idle.set_exception(error)

        sending = pgconn.flush() != 0
        loop.add_reader(socket, proceed)
        if sending:  # more than the socket takes at once
            loop.add_writer(socket, proceed)
        try:
            await idle
        finally:
            loop.remove_reader(socket)
            if sending:
                loop.remove_writer(socket)
        if not results:
            raise psycopg.OperationalError("the connection ended without an answer")
        for result in results:
            if result.status != ExecStatus.COMMAND_OK:
                raise errors.error_from_result(result)
