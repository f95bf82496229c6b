"""Broken connections, dead and paused leaders: nothing acknowledged is lost, nothing is doubled, no gap."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from contracts.errors import ErrorCode, RmosError
from runtime.clock import SystemClock
from runtime.logs import logger
from runtime.testing import DatabaseAccess, running_postgres
from services.rmos.event_log import committer
from services.rmos.event_log.batch import Plan, planned
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.session import LEADER_LOCK, PAUSED_AFTER_S
from services.rmos.event_log.writer import HEARTBEAT_S
from services.rmos.migrate import migrate_tables
from tests.rmos.event_log.given import leading, no_lead, opened, referenced, request, until

REPOSITORY = Path(__file__).parents[3]


def stored_commands(database: DatabaseAccess) -> list[str]:
    with psycopg.connect(database.reader_dsn) as auditor:
        rows = auditor.execute("SELECT position, command_id FROM events ORDER BY position").fetchall()
    assert [position for position, _ in rows] == list(range(1, len(rows) + 1))
    return [command_id for _, command_id in rows]


def end_leader(database: DatabaseAccess) -> None:
    """Ends the backend that holds the leadership, as an administrator or a restart would."""
    with psycopg.connect(database.superuser_dsn) as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [LEADER_LOCK & 0xFFFFFFFF],
        )


@contextmanager
def appends_blocked(database: DatabaseAccess) -> Iterator[None]:
    """Inserts wait inside Postgres until this is left."""
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("LOCK TABLE events IN SHARE MODE")
        yield
        owner.rollback()


async def an_append_waits(database: DatabaseAccess) -> None:
    def waits() -> bool:
        with psycopg.connect(database.superuser_dsn) as superuser:
            query = "SELECT count(*) FROM pg_locks WHERE relation = 'rmos.events'::regclass AND NOT granted"
            return superuser.execute(query).fetchone() == (1,)

    await until(waits)


class CuttingProxy:
    """Between the log and Postgres: passes everything on until it is told to swallow the answers."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._swallow = False
        self._writers: list[asyncio.StreamWriter] = []

    def swallow_answers(self) -> None:
        self._swallow = True

    def cut(self) -> None:
        self._swallow = False
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        self._writers += [writer, far_writer]
        await asyncio.gather(self._pass(reader, far_writer, False), self._pass(far_reader, writer, True))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool) -> None:
        try:
            while data := await reader.read(65536):
                if not (answers and self._swallow):
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[tuple[str, CuttingProxy]]:
    url = urlsplit(dsn)
    assert url.hostname is not None
    assert url.port is not None
    proxy = CuttingProxy(url.hostname, url.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield dsn.replace(f":{url.port}/", f":{port}/"), proxy
    finally:
        server.close()
        proxy.cut()


async def test_a_commit_whose_answer_was_lost_is_found_again_and_reported_once(database: DatabaseAccess) -> None:
    async with proxied(database.writer_dsn) as (dsn, proxy), leading(dsn) as log:
        await log.append(request("command_1", "run-1", 0, opened("1")))
        proxy.swallow_answers()
        append = asyncio.create_task(log.append(request("command_2", "run-1", 1, referenced("1"))))
        await until(lambda: len(stored_commands(database)) == 2)
        assert not append.done()
        proxy.cut()
        result = await append
        assert (result.positions, result.versions, result.repeated) == ((2,), (2,), False)
        assert (await log.append(request("command_3", "run-1", 2, referenced("1")))).positions == (3,)
    assert stored_commands(database) == ["command_1", "command_2", "command_3"]


async def test_a_commit_that_was_ended_in_the_middle_is_done_again_exactly_once(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        with appends_blocked(database):
            commands = [request(f"command_{number}", f"run-{number}", 0, opened("1")) for number in range(10)]
            appends = [asyncio.create_task(log.append(command)) for command in commands]
            await an_append_waits(database)
            end_leader(database)
            await until(lambda: log.term is None or log.term.epoch > 1)
        results = await asyncio.gather(*appends)
        assert sorted(result.positions[0] for result in results) == list(range(1, 11))
        assert not any(result.repeated for result in results)
    assert len(stored_commands(database)) == 10


async def test_a_defect_of_the_writer_ends_its_term_and_leaves_nobody_without_an_answer(
    database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    defects = iter([ZeroDivisionError("a defect")])

    def planned_or_broken(*parts: Any) -> Plan:
        for defect in defects:
            raise defect
        return planned(*parts)

    async with leading(database.writer_dsn) as log:
        monkeypatch.setattr(committer, "planned", planned_or_broken)
        commands = [request(f"command_{number}", f"run-{number}", 0, opened("1")) for number in range(3)]
        results = await asyncio.gather(*map(log.append, commands))
        assert sorted(result.positions for result in results) == [(1,), (2,), (3,)]
        assert log.term is not None
        assert log.term.epoch == 2
    assert stored_commands(database) == ["command_0", "command_1", "command_2"]


async def test_ending_the_leaders_session_again_and_again_loses_and_doubles_nothing(database: DatabaseAccess) -> None:
    acknowledged: dict[str, int] = {}
    running = True

    async def write(log: PostgresEventLog, client: int) -> None:
        number = 0
        while running:
            command_id = f"command_{client}_{number}"
            try:
                result = await log.append(request(command_id, f"run-{command_id}", 0, opened("1")))
            except RmosError as error:
                assert error.code is ErrorCode.UNAVAILABLE  # noqa: PT017 - any other one is a failure here
                await asyncio.sleep(0.01)
                continue
            acknowledged[command_id] = result.positions[0]
            number += 1

    async with leading(database.writer_dsn) as log, asyncio.TaskGroup() as clients:
        for client in range(8):
            clients.create_task(write(log, client))
        for ended in range(1, 6):
            before = len(acknowledged)
            await until(lambda so_far=before: len(acknowledged) > so_far + 30)  # type: ignore[misc]  # bound per round
            await asyncio.to_thread(end_leader, database)
            await until(lambda rounds=ended: log.term is not None and log.term.epoch > rounds)  # type: ignore[misc]  # bound per round
        running = False
    commands = stored_commands(database)
    assert {command_id: position for position, command_id in enumerate(commands, 1)} == acknowledged


async def test_a_restart_of_postgres_is_survived() -> None:
    with running_postgres() as postgres:
        database = postgres.create_database()
        migrate_tables(database.owner_dsn)
        async with leading(database.writer_dsn) as log:
            await log.append(request("command_1", "run-1", 0, opened("1")))
            os.kill(postgres.server.pid, signal.SIGKILL)
            await until(lambda: log.term is None)
            with pytest.raises(RmosError) as caught:
                await log.append(request("command_2", "run-2", 0, opened("2")))
            assert caught.value.details == {"outcome": "not_appended"}
            await asyncio.to_thread(postgres.server.start)
            await until(lambda: log.term is not None)
            assert (await log.append(request("command_2", "run-2", 0, opened("2")))).positions == (2,)
            assert await log.read_stream("run-1") == [opened("1")]
        assert stored_commands(database) == ["command_1", "command_2"]


def heartbeats(database: DatabaseAccess, holder: str) -> Callable[[], bool]:
    """True once the session of this leader has shown three signs of life since now."""
    seen: set[datetime] = set()

    def beating() -> bool:
        with psycopg.connect(database.superuser_dsn) as superuser:
            found = superuser.execute(
                "SELECT state_change FROM pg_stat_activity"
                " WHERE application_name = %s AND datname = current_database()",
                [f"rmos-writer {holder}"],
            )
            seen.update(moment for (moment,) in found)
        return len(seen) > 3

    return beating


async def test_a_second_process_follows_until_the_first_hands_over(
    database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle leader shows that it lives more often than the pause after which it would count as dead. Here that pause
    is so long that no machine is too slow to keep it."""
    assert 3 * HEARTBEAT_S < PAUSED_AFTER_S
    monkeypatch.setattr("services.rmos.event_log.session.PAUSED_AFTER_S", 600.0)
    second = PostgresEventLog(database.writer_dsn, "second", SystemClock(), logger())
    async with second.opened(), leading(database.writer_dsn, "first") as first:
        await first.append(request("command_1", "run-1", 0, opened("1")))
        async with second.standing(no_lead):
            await until(heartbeats(database, "first"))
            assert (first.term is not None, second.term) == (True, None)
            first_writer = first._writer
            first_writer.stop()
            await until(lambda: second.term is not None)
            result = await second.append(request("command_2", "run-1", 1, referenced("1")))
            assert result.positions == (2,)


async def test_a_new_leader_ends_the_fold_in_which_its_predecessor_was_paused(database: DatabaseAccess) -> None:
    paused = await psycopg.AsyncConnection.connect(database.writer_dsn, application_name="rmos-projections")
    async with paused, await psycopg.AsyncConnection.connect(database.writer_dsn, autocommit=True) as successor:
        await paused.execute("UPDATE projections.projection_cursor SET position = position WHERE name = 'rmos'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await successor.execute("SELECT FROM projections.projection_cursor FOR UPDATE NOWAIT")
        # in the middle of a COPY neither a timeout nor a cancellation reaches the session, only its end does
        async with paused.cursor() as cursor:
            copying = cursor.copy("COPY projections.run_events (run_id, position) FROM STDIN")
            await copying.__aenter__()
            async with leading(database.writer_dsn):
                await successor.execute("SET lock_timeout = '10s'")
                await successor.execute("SELECT FROM projections.projection_cursor FOR UPDATE")
            with pytest.raises(psycopg.OperationalError):
                await copying.__aexit__(None, None, None)


async def test_a_lead_that_fails_to_start_gives_the_leadership_back(database: DatabaseAccess) -> None:
    attempts = 0

    @asynccontextmanager
    async def failing_first(_: object) -> AsyncIterator[None]:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise RuntimeError("no subscription")
        yield

    log = PostgresEventLog(database.writer_dsn, "test", SystemClock(), logger())
    async with log.opened(), log.standing(failing_first):
        await until(lambda: attempts == 2 and log.term is not None)
        assert (await log.append(request("command_1", "run-1", 0, opened("1")))).positions == (1,)


async def test_what_the_lead_began_may_still_append_while_it_ends(database: DatabaseAccess) -> None:
    log = PostgresEventLog(database.writer_dsn, "test", SystemClock(), logger())

    @asynccontextmanager
    async def appending_at_the_end(_: object) -> AsyncIterator[None]:
        yield
        await log.append(request("last", "run-1", 0, opened("1")))

    async with log.opened(), log.standing(appending_at_the_end):
        await until(lambda: log.term is not None)
    assert stored_commands(database) == ["last"]


class Worker:
    """tests.rmos.event_log.worker as a child process; reads its lines."""

    def __init__(self, dsn: str, holder: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.rmos.event_log.worker", dsn, holder],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    async def read(self) -> None:
        assert self.process.stdout is not None
        while line := await asyncio.to_thread(self.process.stdout.readline):
            if line.endswith("\n"):  # a killed process may leave half a line
                self.lines.append(line.strip())

    @property
    def acknowledged(self) -> dict[str, int]:
        words = [line.split() for line in self.lines if line]
        return {word[1]: int(word[2]) for word in words if word[0] == "ack"}

    @property
    def epochs(self) -> list[int]:
        return [int(line.split()[1]) for line in self.lines if line.startswith("leads")]


@asynccontextmanager
async def worker(dsn: str, holder: str) -> AsyncIterator[Worker]:
    child = Worker(dsn, holder)
    reading = asyncio.create_task(child.read())
    try:
        yield child
    finally:
        child.process.send_signal(signal.SIGCONT)
        child.process.kill()
        await asyncio.to_thread(child.process.wait)
        await reading


def assert_all_there(database: DatabaseAccess, *workers: Worker) -> None:
    """Everything acknowledged stands where it was said to stand; nothing stands there twice."""
    commands = stored_commands(database)
    assert len(set(commands)) == len(commands)
    for child in workers:
        for command_id, position in child.acknowledged.items():
            assert commands[position - 1] == command_id


async def test_killing_the_leader_in_a_commit_hands_over_without_loss(database: DatabaseAccess) -> None:
    dsn = database.writer_dsn
    async with worker(dsn, "first") as first:
        await until(lambda: len(first.acknowledged) > 50)
        async with worker(dsn, "second") as second:
            await until(lambda: any(line.startswith("refused") for line in second.lines))
            with appends_blocked(database):
                await an_append_waits(database)
                first.process.send_signal(signal.SIGKILL)
                await asyncio.to_thread(first.process.wait)
            await until(lambda: len(second.acknowledged) > 50)
            assert (first.epochs, second.epochs) == ([1], [2])
    assert_all_there(database, first, second)


async def test_a_paused_leader_is_replaced_and_cannot_write_when_it_wakes(database: DatabaseAccess) -> None:
    dsn = database.writer_dsn
    async with worker(dsn, "first") as first:
        await until(lambda: len(first.acknowledged) > 50)
        async with worker(dsn, "second") as second:
            await until(lambda: any(line.startswith("refused") for line in second.lines))
            first.process.send_signal(signal.SIGSTOP)
            await until(lambda: len(second.acknowledged) > 50)
            before = len(first.acknowledged)
            first.process.send_signal(signal.SIGCONT)
            # it learns that it does not lead, and is refused from then on
            await until(lambda: sum(line.startswith("refused") for line in first.lines) > 10)
            assert len(first.acknowledged) - before <= 4  # commits from before the pause, at most one a client
            assert second.epochs == [2]
        await until(lambda: first.epochs == [1, 3])
    assert_all_there(database, first, second)
