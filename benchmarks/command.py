"""A whole command over NATS through a real rmos process, beside the least that any such service can do.

`python -m benchmarks.command [--rounds 3] [--seconds 2.0]` prints one JSON object: medians over interleaved rounds, and
the ratios that are the goal (absolute figures only say how busy the machine was).

floor   a nats-py responder in a process of its own: reads JSON, one INSERT and one commit in a pool of 16, replies
rmos    open_run through `python -m services.rmos`: request, decide, append to the log, reply; its relay publishes and
        its projector folds meanwhile in the same process, as always
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import psycopg
from nats.aio.client import Client

from benchmarks.setup.rmos_process import Authority, running_authority
from contracts import subjects
from contracts.canonical import canonical_bytes
from contracts.envelope import Actor, RequestContext, Role, request_headers
from contracts.rmos import OpenRun
from runtime.clock import unix_ms
from runtime.testing import running_nats

IN_FLIGHT = (1, 32)
GOALS = {"p50 rmos_1/floor_1": ("<=", 1.2), "per_second rmos_32/floor_32": (">=", 2.5)}
ADA = Actor(id="ada", role=Role.DESIGNER)
BODY = canonical_bytes(OpenRun(label="benchmark"))
_numbers = itertools.count()
Ask = Callable[[], Awaitable[object]]


@contextmanager
def floor(dsn: str) -> Iterator[tuple[str, int]]:
    """The floor's responder on an open NATS of its own with the same settings: its URL, the responder's pid."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("CREATE TABLE bench_floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data bytea)")
    with running_nats("") as access:
        command = [sys.executable, "-m", "benchmarks.setup.floor_responder", access.url, dsn]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline().strip() == "ready"
                yield access.url, process.pid
            finally:
                process.kill()


async def measured(ask: Ask, in_flight: int, seconds: float) -> list[float]:
    """Seconds that each request took."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        while (began := time.perf_counter()) < end:
            await ask()
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(in_flight)))
    return took


def asking_floor(client: Client) -> Ask:
    async def ask() -> object:
        return await client.request("floor", BODY, timeout=10)

    return ask


def asking_rmos(client: Client) -> Ask:
    """nats-py as for the floor, so that only the service differs; each command has an id of its own."""

    async def ask() -> object:
        name = f"benchmark-{os.getpid()}-{next(_numbers)}"
        context = RequestContext.model_construct(
            command_id=name,
            request_id=name,
            actor=ADA,
            deadline_ms=unix_ms() + 10_000,
            causation_id=None,
            traceparent=None,
            idempotent=False,
        )
        headers = request_headers(context, subjects.OPEN_RUN.subject, "gateway", "2026-01-01T00:00:00.000000Z")
        reply = await client.request(subjects.OPEN_RUN.subject, BODY, timeout=10, headers=headers)
        assert reply.data.startswith(b'{"result"'), reply.data
        return reply

    return ask


def processor_s(pid: int) -> float:
    """Processor time of the process so far (proc(5): fields 14 and 15, in ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Found:
    """By name and number in flight: what each request of each round took, and the service's processor time for one."""

    took: dict[str, list[list[float]]] = field(default_factory=dict)
    processor_s: dict[str, list[float]] = field(default_factory=dict)


async def compared(authority: Authority, floor_of: tuple[str, int], rounds: int, seconds: float) -> Found:
    found = Found()
    floor_url, floor_pid = floor_of
    pids = {"floor": floor_pid, "rmos": authority.pid}
    floor_client = await nats.connect(floor_url)
    rmos_client = await authority.client("gateway")
    asks = {"floor": asking_floor(floor_client), "rmos": asking_rmos(rmos_client)}
    for ask in asks.values():
        await measured(ask, 8, 0.5)
    for _ in range(rounds):
        for in_flight in IN_FLIGHT:
            for name, ask in asks.items():
                before = processor_s(pids[name])
                took = await measured(ask, in_flight, seconds)
                await authority.until_projected()
                key = f"{name}_{in_flight}"
                found.took.setdefault(key, []).append(took)
                found.processor_s.setdefault(key, []).append((processor_s(pids[name]) - before) / len(took))
    await floor_client.close()
    await rmos_client.close()
    return found


def report(measurements: Found, seconds: float) -> dict[str, object]:
    found = measurements.took
    rates = {name: statistics.median(len(took) / seconds for took in rounds) for name, rounds in found.items()}
    p50 = {name: statistics.median(statistics.median(took) for took in rounds) for name, rounds in found.items()}
    p99 = {
        name: statistics.median(statistics.quantiles(took, n=100)[98] for took in rounds)
        for name, rounds in found.items()
    }
    values = {"p50": p50, "per_second": rates}
    ratios: dict[str, float] = {}
    for goal in GOALS:
        figure, pair = goal.split()
        above, below = pair.split("/")
        ratios[goal] = values[figure][above] / values[figure][below]
    reached = {
        goal: ratios[goal] <= limit if sign == "<=" else ratios[goal] >= limit for goal, (sign, limit) in GOALS.items()
    }
    return {
        "per_second": {name: round(rate) for name, rate in rates.items()},
        "p50_ms": {name: round(value * 1000, 3) for name, value in p50.items()},
        "p99_ms": {name: round(value * 1000, 3) for name, value in p99.items()},
        "processor_us_of_the_service": {
            name: round(statistics.median(values) * 1e6) for name, values in measurements.processor_s.items()
        },
        "ratios": {goal: round(ratio, 2) for goal, ratio in ratios.items()},
        "goals": {goal: f"{sign} {limit}" for goal, (sign, limit) in GOALS.items()},
        "reached": reached,
        "load_average": [round(value, 1) for value in os.getloadavg()],
        "processors": os.cpu_count(),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=2.0)
    chosen = options.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rmos-benchmark-")))
        authority = stack.enter_context(running_authority(folder))
        floor_of = stack.enter_context(floor(authority.database.owner_dsn))
        found = asyncio.run(compared(authority, floor_of, chosen.rounds, chosen.seconds))
        print(json.dumps(report(found, chosen.seconds), indent=2))


if __name__ == "__main__":
    main()
