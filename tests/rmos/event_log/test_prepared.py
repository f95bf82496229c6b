"""Statements over libpq against a real Postgres: what is sent arrives, and what goes wrong has psycopg's names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, errors

from runtime.testing import DatabaseAccess
from services.rmos.event_log.columns import blobs, int4, integers, optional_texts, texts
from services.rmos.event_log.prepared import PreparedWrite

ALL = "INSERT INTO kept SELECT * FROM unnest(%(number)b::int4[], %(name)b::text[], %(note)b::text[], %(data)b::bytea[])"
ONE = "INSERT INTO kept (number, name, note, data) VALUES (%(number)b, %(name)b, %(name)b, %(data)b)"
MEGABYTE = bytes(range(256)) * 4096


@asynccontextmanager
async def connected(database: DatabaseAccess, *, delay_s: float = 0) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection with an empty table `kept`; each INSERT waits so long before it is done."""
    async with await AsyncConnection.connect(database.owner_dsn, autocommit=True) as connection:
        await connection.execute(
            "CREATE TABLE kept (number int4 PRIMARY KEY, name text NOT NULL, note text, data bytea)"
        )
        await connection.execute(
            "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN PERFORM pg_sleep({delay_s}); RETURN NULL; END'"
        )
        if delay_s:
            await connection.execute("CREATE TRIGGER linger AFTER INSERT ON kept EXECUTE FUNCTION linger()")
        yield connection


async def kept(connection: AsyncConnection[Any]) -> list[tuple[Any, ...]]:
    cursor = await connection.execute("SELECT number, name, note, data FROM kept ORDER BY number", binary=True)
    return await cursor.fetchall()


def one(number: int) -> dict[str, bytes | None]:
    return {"number": int4(number), "name": b"one", "data": None}


async def test_columns_of_any_length_and_content_are_stored_as_they_are(database: DatabaseAccess) -> None:
    rows = [(-(2**31), "größe", None, b""), (0, "", "", b"\x00\xff"), (2**31 - 1, "a" * 70_000, "note", b"b")]
    async with connected(database) as connection:
        numbers, names, notes, data = zip(*rows, strict=True)
        await PreparedWrite(connection, ALL).run(
            {"number": integers(numbers), "name": texts(names), "note": optional_texts(notes), "data": blobs(data)}
        )
        assert await kept(connection) == rows


async def test_a_name_that_stands_twice_in_the_statement_is_one_parameter(database: DatabaseAccess) -> None:
    async with connected(database) as connection:
        await PreparedWrite(connection, ONE).run(one(7))
        assert await kept(connection) == [(7, "one", "one", None)]


async def test_more_than_the_socket_takes_at_once_arrives_whole(database: DatabaseAccess) -> None:
    async with connected(database) as connection:
        for number in range(3):
            await PreparedWrite(connection, ONE).run({"number": int4(number), "name": b"n", "data": MEGABYTE * 16})
        assert [row[3] == MEGABYTE * 16 for row in await kept(connection)] == [True, True, True]


async def test_what_the_server_refuses_has_its_state_and_the_session_goes_on(database: DatabaseAccess) -> None:
    async with connected(database) as connection:
        statement = PreparedWrite(connection, ONE)
        await statement.run(one(1))
        with pytest.raises(errors.UniqueViolation) as caught:
            await statement.run(one(1))
        assert caught.value.sqlstate == "23505"
        with pytest.raises(errors.UndefinedTable):
            await PreparedWrite(connection, "INSERT INTO nowhere VALUES (%(number)b)").run(one(1))
        await statement.run(one(2))
        assert [row[0] for row in await kept(connection)] == [1, 2]


async def test_other_tasks_go_on_while_the_database_works(database: DatabaseAccess) -> None:
    async with connected(database, delay_s=0.3) as connection:
        writing = asyncio.create_task(PreparedWrite(connection, ONE).run(one(1)))
        turns = 0
        while not writing.done():
            await asyncio.sleep(0.01)
            turns += 1
        await writing
        assert turns > 3


async def test_a_session_that_is_ended_meanwhile_is_an_error_and_never_a_success(database: DatabaseAccess) -> None:
    async with connected(database, delay_s=30) as connection:
        writing = asyncio.create_task(PreparedWrite(connection, ONE).run(one(1)))
        ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        async with await AsyncConnection.connect(database.owner_dsn, autocommit=True) as other:
            while not await (await other.execute(ending)).fetchall():
                await asyncio.sleep(0.01)
            with pytest.raises(psycopg.Error):
                await writing
            assert await kept(other) == []
        assert connection.closed
        with pytest.raises(psycopg.OperationalError):
            await PreparedWrite(connection, ONE).run(one(2))


async def test_a_session_that_waits_no_more_leaves_nothing_behind_in_the_loop(database: DatabaseAccess) -> None:
    async with connected(database, delay_s=0.2) as connection:
        socket = connection.pgconn.socket
        writing = asyncio.create_task(PreparedWrite(connection, ONE).run(one(1)))
        await asyncio.sleep(0.05)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert not asyncio.get_running_loop().remove_reader(socket)
        await connection.close()
