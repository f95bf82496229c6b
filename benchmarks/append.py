"""Events appended per second through the log's own append path, beside two floors measured in the same run.

`python -m benchmarks.append [--rounds 3] [--seconds 1.0]` prints one JSON object: medians over interleaved rounds, and
the ratios that are the goal (absolute figures only say how busy the machine was).

raw              one psycopg connection, one INSERT of the same bytes and one commit at a time
eventsourcing_8  the `eventsourcing` library's Postgres recorder, eight threads
rmos_N           N concurrent commands of one event each, with version check, idempotency and leaf hash
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
from eventsourcing.persistence import StoredEvent as LibraryEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from contracts.artifacts import Attachment, AttachmentKind
from contracts.canonical import canonical_bytes
from contracts.envelope import Actor, RequestContext, Role
from contracts.log import AttachmentAdded
from runtime.clock import SystemClock
from runtime.logs import configure
from runtime.testing import DatabaseAccess, running_postgres
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.writer import Term
from services.rmos.migrate import migrate_tables
from services.rmos.ports import AppendRequest, NewEvent

CLIENTS = (1, 8, 32, 256)
GOALS = {"rmos_1/raw": 0.7, "rmos_32/raw": 5.0, "rmos_32/eventsourcing_8": 15.0, "rmos_256/raw": 10.0}
ADA = Actor(id="ada", role=Role.DESIGNER)
EVENT = AttachmentAdded(
    run_id="run_01JD0000000000000000000000",
    attachment=Attachment(
        attachment_id="ab" * 32,
        kind=AttachmentKind.SVG,
        filename="rosette.svg",
        content_type="image/svg+xml",
        size=48_213,
        metadata={"source": "art_studio", "request": "request_01JD0000000000000000000000"},
        created_at_utc="2026-01-02T03:04:05.000006Z",
    ),
)
DATA = canonical_bytes(EVENT)
_numbers = itertools.count()


def raw(dsn: str, seconds: float) -> float:
    with psycopg.connect(dsn, autocommit=True) as connection:
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            values = (str(uuid.uuid4()), DATA)
            connection.execute("INSERT INTO bench_raw (id, data) VALUES (%b, %b)", values, prepare=True)
            done += 1
        return done / (time.perf_counter() - began)


def eventsourcing_8(recorder: PostgresApplicationRecorder, seconds: float) -> float:
    done = [0] * 8
    end = time.perf_counter() + seconds

    def append(thread: int) -> None:
        stream, version = uuid.uuid4(), 0
        while time.perf_counter() < end:
            recorder.insert_events([LibraryEvent(stream, version, "attachment_added", DATA)])
            version += 1
            done[thread] += 1

    threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - began)


async def rmos(log: PostgresEventLog, clients: int, seconds: float) -> float:
    end = time.perf_counter() + seconds

    async def append() -> int:
        stream = f"run-{next(_numbers)}"
        version = 0
        while time.perf_counter() < end:
            name = f"01JD{next(_numbers):022}"
            context = RequestContext.model_construct(
                command_id=f"command_{name}", request_id=f"request_{name}", actor=ADA, deadline_ms=0
            )
            events = (NewEvent(stream, f"event_{name}", EVENT),)
            await log.append(AppendRequest(context, {stream: version}, events))
            version += 1
        return version

    began = time.perf_counter()
    done = await asyncio.gather(*(append() for _ in range(clients)))
    return sum(done) / (time.perf_counter() - began)


@asynccontextmanager
async def leading(dsn: str) -> AsyncIterator[PostgresEventLog]:
    elected = asyncio.Event()

    @asynccontextmanager
    async def lead(_: Term) -> AsyncIterator[None]:
        elected.set()
        yield

    log = PostgresEventLog(dsn, "benchmark", SystemClock(), configure("benchmark", "warning"))
    async with log.opened(), log.standing(lead):
        await elected.wait()
        yield log


async def measured(database: DatabaseAccess, rounds: int, seconds: float) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    settings = conninfo_to_dict(database.owner_dsn)
    datastore = PostgresDatastore(
        dbname=str(settings["dbname"]),
        host=str(settings["host"]),
        port=str(settings["port"]),
        user=str(settings["user"]),
        password=str(settings["password"]),
        pool_size=8,
        max_overflow=0,
        schema="rmos",
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="bench_eventsourcing")
    recorder.create_table()
    floors: dict[str, Callable[[], float]] = {
        "raw": lambda: raw(database.owner_dsn, seconds),
        "eventsourcing_8": lambda: eventsourcing_8(recorder, seconds),
    }
    async with leading(database.writer_dsn) as log:
        await rmos(log, 8, 0.3)  # warm: statements prepared, tables no longer empty
        for _ in range(rounds):
            for name, floor in floors.items():
                found.setdefault(name, []).append(await asyncio.to_thread(floor))
            for clients in CLIENTS:
                found.setdefault(f"rmos_{clients}", []).append(await rmos(log, clients, seconds))
    datastore.close()
    return found


def report(found: dict[str, list[float]]) -> dict[str, object]:
    rates = {name: statistics.median(values) for name, values in found.items()}
    ratios = {goal: rates[goal.split("/")[0]] / rates[goal.split("/")[1]] for goal in GOALS}
    return {
        "events_per_second": {name: round(rate) for name, rate in rates.items()},
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "goals": GOALS,
        "reached": all(ratios[name] >= goal for name, goal in GOALS.items()),
        "event_bytes": len(DATA),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=1.0)
    chosen = options.parse_args()
    with running_postgres() as postgres:
        database = postgres.create_database()
        migrate_tables(database.owner_dsn)
        with psycopg.connect(database.owner_dsn) as owner:
            owner.execute("CREATE TABLE bench_raw (id text PRIMARY KEY, data bytea NOT NULL)")
        print(json.dumps(report(asyncio.run(measured(database, chosen.rounds, chosen.seconds))), indent=2))


if __name__ == "__main__":
    main()
