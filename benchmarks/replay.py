"""Replay of the log into projections: events folded per second on one core, beside the least that reading them costs.
To compute a run's verdicts and programs again, which `rmos replay` does, is something else and not measured here.

`python -m benchmarks.replay [--runs 20000] [--rounds 3]` prints one JSON object: medians over interleaved rounds.

floor    COPY of position, type and data out of the table and orjson.loads of every event, one process, nothing written
writing  COPY of the folded rows, ready in memory, into empty tables, then their indexes, as a rebuild makes them: what
         one connection of Postgres takes for rows and indexes when nothing is read, parsed or folded
rebuild  all that `rmos store rebuild` does: tables made; every event read, folded, written and the cursor moved, batch
         by batch; indexes and statistics made, tables swapped, the former ones dropped

A rebuild reads and folds a batch while Postgres takes the one before, so it can come near the slower of the other two,
not beyond it: `goal_beyond_writing` says whether that alone rules the goal out in this run.
own processor time: that of the benchmark's own process; what Postgres spends on another core is not in it
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time

import orjson
import psycopg
from psycopg import sql

from benchmarks.setup.history import written
from runtime.logs import configure
from runtime.testing import DatabaseAccess, running_postgres
from services.rmos.migrate import migrate_tables
from services.rmos.projections.folds import FOLD_VERSION
from services.rmos.projections.maintenance import rebuild_projections
from services.rmos.projections.rebuild import NEXT
from services.rmos.projections.tables import FOLDED, SCHEMA

GOAL_PER_SECOND = 50_000


def floor(dsn: str) -> int:
    """The number of events that were read and parsed."""
    events = 0
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        statement = "COPY (SELECT position, type, data FROM rmos.events ORDER BY position) TO STDOUT (FORMAT binary)"
        with cursor.copy(statement) as copy:
            copy.set_types(["int8", "text", "bytea"])
            for row in copy.rows():
                orjson.loads(row[2])
                events += 1
    return events


def folded_rows(dsn: str) -> dict[str, bytes]:
    """Table -> its rows in COPY's binary format."""
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        found = {}
        for table in FOLDED:
            name = sql.Identifier(SCHEMA, table.name)
            with cursor.copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(name)) as copy:
                found[table.name] = b"".join(bytes(part) for part in copy)
        return found


def writing_s(dsn: str, rows: dict[str, bytes]) -> float:
    """Seconds for writing the rows into empty tables and making the indexes, all in one transaction."""
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rmos.begin_projection_rebuild(%s)", [FOLD_VERSION])
        cursor.execute("SELECT rmos.put_off_projection_indexes()")
        began = time.perf_counter()
        for table, content in rows.items():
            copying = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(NEXT, table))
            with cursor.copy(copying) as copy:
                copy.write(content)
        while cursor.execute("SELECT rmos.make_projection_index()").fetchone() == (True,):
            pass
        connection.commit()
        took = time.perf_counter() - began
        cursor.execute("SELECT rmos.drop_unused_projections()")
    return took


async def rebuild(database: DatabaseAccess) -> int:
    return await rebuild_projections(database.writer_dsn, configure("benchmark", "warning"), lambda _: None)


def measured(database: DatabaseAccess, rounds: int) -> dict[str, object]:
    rates: dict[str, list[tuple[float, float]]] = {"floor": [], "rebuild": []}
    writing: list[float] = []
    events = 0
    for _ in range(rounds):
        for name, work in (
            ("floor", lambda: floor(database.owner_dsn)),
            ("rebuild", lambda: asyncio.run(rebuild(database))),
        ):
            wall, own = time.perf_counter(), time.process_time()
            events = work()
            rates[name].append((events / (time.perf_counter() - wall), events / (time.process_time() - own)))
        writing.append(events / writing_s(database.owner_dsn, folded_rows(database.owner_dsn)))
    wall_rates = {name: statistics.median(rate for rate, _ in found) for name, found in rates.items()}
    wall_rates["writing"] = statistics.median(writing)
    core_rates = {name: statistics.median(rate for _, rate in found) for name, found in rates.items()}
    return {
        "measures": "replay of the log into projections",
        "events": events,
        "per_second": {name: round(rate) for name, rate in wall_rates.items()},
        "per_second_of_own_processor_time": {name: round(rate) for name, rate in core_rates.items()},
        "rebuild/floor": round(wall_rates["rebuild"] / wall_rates["floor"], 2),
        "rebuild/writing": round(wall_rates["rebuild"] / wall_rates["writing"], 2),
        "goal_per_second": GOAL_PER_SECOND,
        "goal_beyond_writing": wall_rates["writing"] < GOAL_PER_SECOND,
        "reached": wall_rates["rebuild"] >= GOAL_PER_SECOND,
        "load_average": [round(value, 1) for value in os.getloadavg()],
        "processors": os.cpu_count(),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--runs", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    with running_postgres() as postgres:
        database = postgres.create_database()
        migrate_tables(database.owner_dsn)
        asyncio.run(written(database.writer_dsn, chosen.runs, configure("benchmark", "warning"), project=False))
        print(json.dumps(measured(database, chosen.rounds), indent=2))


if __name__ == "__main__":
    main()
