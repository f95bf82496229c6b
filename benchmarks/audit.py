"""What tamper evidence costs: verification per event, the tree's share of an append, and how proofs grow.

`python -m benchmarks.audit [--events 200000] [--rounds 3] [--seconds 2]` prints one JSON object.

verify     what `audit verify` does with the events: each row hashed again and held against its leaf hash, the tree made
           again and held against a checkpoint; one core, without the reading of the rows. The floor is the three bare
           calls of hashlib.sha256 that an event takes (its data, its entry, one node), with nothing around them, in
           the same run: on a busy machine compare `times_bare_hashing`
append     32 concurrent commands through the log, without and with a checkpointer, interleaved; the cost is the median
           over the rounds, each compared with the one beside it; the checkpointer's lag while it runs
proofs     bytes and time of making and of checking one inclusion and one consistency proof, by number of leaves
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

import nats
import psycopg

from benchmarks.append import DATA, leading, rmos
from contracts.subjects import inbox_prefix
from runtime.clock import SystemClock, utc_text
from runtime.logs import configure
from runtime.objects import ObjectStore
from runtime.pool import WorkerPool
from runtime.settings import NatsSettings
from runtime.testing import DatabaseAccess, NatsAccess, S3Access, running_nats, running_postgres, running_s3
from services.rmos.audit.checkpointer import Checkpointer
from services.rmos.audit.findings import Report
from services.rmos.audit.marks import Marks
from services.rmos.audit.publication import PREFIX, Publication
from services.rmos.audit.records import AuditRecords
from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.audit.snapshot import CHUNK
from services.rmos.audit.tree_check import judged_log
from services.rmos.domain.checkpoint import Checkpoint, SigningKey
from services.rmos.domain.leaf import LEAF, StoredRow, leaf_of
from services.rmos.domain.merkle import HashTree, extends, includes
from services.rmos.event_log.duties import ended
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.migrate import migrate_bus, migrate_tables

GOALS = {"verify_events_per_second": 400_000, "append_cost_percent": 10.0}
KEY = SigningKey("rmos.benchmark/log", bytes(32))
LEAVES = (1_000, 10_000, 100_000, 1_000_000)


def row(position: int) -> LogRow:
    name = f"01JD{position:022}"
    return LogRow(
        position,
        f"run-{position // 8}",
        position % 8 + 1,
        f"event_{name}",
        "rmos.attachment_added.v1",
        "2026-01-02T03:04:05.000006Z",
        '{"id":"ada","kind":"person","role":"designer"}',
        f"request_{name}",
        f"command_{name}",
        0,
        hashlib.sha256(name.encode()).digest(),
        None,
        7,
        DATA.replace(b"0" * 22, b"%022d" % position),
        bytes(32),
    )


class Reading:
    """A sound log of so many events, a chunk at a time. Its making is not counted, and after each chunk's making the
    bare hashing of this chunk is measured: alike in time and in the processor's caches, however busy the machine is."""

    def __init__(self, events: int, leaves: bytes) -> None:
        self._events, self._leaves = events, leaves
        self.seconds = self.processor_seconds = self.hashing_seconds = 0.0

    def rows(self) -> Iterator[list[StoredRow]]:
        for first in range(1, self._events + 1, CHUNK):
            began, used = time.perf_counter(), time.process_time()
            rows = [row(position) for position in range(first, min(first + CHUNK, self._events + 1))]
            self.hashing_seconds += bare_hashing(rows)
            chunk: list[StoredRow] = [(*each[:LEAF], self._leaf(each.position)) for each in rows]
            self.seconds += time.perf_counter() - began
            self.processor_seconds += time.process_time() - used
            yield chunk

    def _leaf(self, position: int) -> bytes:
        return self._leaves[32 * (position - 1) : 32 * position]


def bare_hashing(rows: list[LogRow]) -> float:
    """Processor seconds."""
    hashed = [(row.data, b"\x00" + entry_of_row(row)) for row in rows]
    sha256, node, used = hashlib.sha256, bytes(65), time.process_time()
    for data, entry in hashed:
        sha256(data).hexdigest()
        sha256(entry).digest()
        sha256(node).digest()
    return time.process_time() - used


def verify_rate(events: int, rounds: int) -> dict[str, float]:
    leaves = b"".join(leaf_of(entry_of_row(row(position))) for position in range(1, events + 1))
    signed = [Checkpoint(KEY.name, events, HashTree(leaves).root())]
    rates, took, floors = [], [], []
    for _ in range(rounds):
        reading, report = Reading(events, leaves), Report()
        began, used = time.perf_counter(), time.process_time()
        judged_log(reading.rows, signed, lambda _: None, report, lambda _: None)
        rates.append(events / (time.perf_counter() - began - reading.seconds))
        took.append((time.process_time() - used - reading.processor_seconds) / events * 1e6)
        floors.append(reading.hashing_seconds / events * 1e6)
        if report.findings or report.checked["events"] != events:
            raise SystemExit(f"the log that was verified is not sound: {report.findings[:1]}")
    return {
        "events_per_second": round(statistics.median(rates)),
        "events_per_processor_second": round(1e6 / statistics.median(took)),
        "best_events_per_processor_second": round(1e6 / min(took)),
        "processor_us_per_event": round(statistics.median(took), 2),
        "of_which_bare_hashing": round(statistics.median(floors), 2),
        "times_bare_hashing": round(statistics.median(all_ / bare for all_, bare in zip(took, floors, strict=True)), 2),
    }


async def append_cost(
    database: DatabaseAccess, s3: S3Access, marks: NatsAccess, rounds: int, seconds: float
) -> dict[str, Any]:
    user = {"user": "rmos", "password": marks.passwords["rmos"], "inbox_prefix": inbox_prefix("rmos")}
    bus = await nats.connect(marks.url, **user)
    publisher, log = WorkerPool(1), configure("benchmark", "error")
    objects = ObjectStore(s3.settings(), PREFIX, pool=publisher)
    found: dict[str, list[float]] = {"without": [], "with": []}
    used: dict[str, list[float]] = {"without": [], "with": []}
    behind: list[int] = []
    async with leading(database.writer_dsn) as events, AuditRecords(database.writer_dsn) as records:
        clock = SystemClock()
        assert events.term is not None
        epoch = events.term.epoch
        await rmos(events, 8, 0.3)
        for _ in range(rounds):
            await appended(events, seconds, found["without"], used["without"])
            checkpointer = Checkpointer(
                records,
                Publication(objects),
                Marks(bus),
                KEY,
                [KEY.verifier],
                events.head,
                events.recent,
                lambda: utc_text(clock.now()),
                log,
            )
            running = asyncio.create_task(checkpointer.run(epoch))
            while checkpointer.covered.position < events.head.position:
                await asyncio.sleep(0.01)
            watching = asyncio.create_task(watched(checkpointer, events, behind))
            await appended(events, seconds, found["with"], used["with"])
            await ended(running, watching)
        published_us = await publisher.run(time.process_time) / events.head.position * 1e6
    publisher.close()
    objects.close()
    await bus.close()
    with psycopg.connect(database.reader_dsn) as connection:
        checkpoints = connection.execute("SELECT count(*) FROM rmos.checkpoints").fetchone()
    without, with_tree = statistics.median(found["without"]), statistics.median(found["with"])
    shares = [after / before for before, after in zip(found["without"], found["with"], strict=True)]
    return {
        "events_per_second_without": round(without),
        "events_per_second_with": round(with_tree),
        "cost_percent": round(100 * (1 - statistics.median(shares)), 1),
        "cost_percent_of_each_round": [round(100 * (1 - share), 1) for share in shares],
        "processor_us_per_event_without": round(statistics.median(used["without"]), 1),
        "processor_us_per_event_with": round(statistics.median(used["with"]), 1),
        "processor_us_per_event_of_the_publishing_process": round(published_us, 1),
        "most_events_behind": max(behind, default=0),
        "checkpoints": checkpoints[0] if checkpoints else 0,
    }


async def appended(events: PostgresEventLog, seconds: float, rates: list[float], used_us: list[float]) -> None:
    """Events per second; and this process' own processor time for each, which a busy machine disturbs less."""
    first, began = events.head.position, time.process_time()
    rates.append(await rmos(events, 32, seconds))
    used_us.append((time.process_time() - began) / (events.head.position - first) * 1e6)


async def watched(checkpointer: Checkpointer, events: PostgresEventLog, behind: list[int]) -> None:
    while True:
        behind.append(events.head.position - checkpointer.covered.position)
        await asyncio.sleep(0.01)


def proof_growth() -> list[dict[str, float]]:
    found = []
    tree = HashTree()
    for size in LEAVES:
        tree.extend(os.urandom(32 * (size - tree.size)))
        root, old, tries = tree.root(), size // 3, 300
        old_root = tree.root(old)
        began = time.perf_counter()
        proofs = [tree.inclusion(size * number // tries) for number in range(tries)]
        made = time.perf_counter()
        for number, hashes in enumerate(proofs):
            index = size * number // tries
            assert includes(tree.node(0, index), index, size, hashes, root)
        checked = time.perf_counter()
        growth = tree.consistency(old)
        assert extends(old, old_root, size, root, growth)
        found.append(
            {
                "leaves": size,
                "inclusion_bytes": max(32 * len(hashes) for hashes in proofs),
                "consistency_bytes": 32 * len(growth),
                "make_us": round((made - began) / tries * 1e6, 1),
                "check_us": round((checked - made) / tries * 1e6, 1),
            }
        )
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--events", type=int, default=200_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=2.0)
    chosen = options.parse_args()
    verify = verify_rate(chosen.events, chosen.rounds)
    with running_postgres() as postgres, running_s3() as s3, running_nats() as bus:
        database = postgres.create_database()
        migrate_tables(database.owner_dsn)
        migrating = NatsSettings(url=bus.url, user="migrate", password=bus.passwords["migrate"])
        asyncio.run(migrate_bus(migrating, log_is_empty=True))
        append = asyncio.run(append_cost(database, s3, bus, chosen.rounds, chosen.seconds))
    print(
        json.dumps(
            {
                "verify": verify,
                "append": append,
                "proofs": proof_growth(),
                "goals": GOALS,
                "reached": verify["events_per_processor_second"] >= GOALS["verify_events_per_second"]
                and append["cost_percent"] <= GOALS["append_cost_percent"],
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
