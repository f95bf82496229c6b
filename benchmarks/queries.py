"""Queries over HTTP through the real gateway and the real rmos at several lengths of history.

`python -m benchmarks.queries [--runs 1000 10000 100000] [--requests 40] [--rounds 3]` prints one JSON object: p50 and
p99 in milliseconds of each query and length, and how p50 grows from the shortest history to the longest (goal: 1.5).

Each length has a database, a bus, an rmos and a gateway of its own, all running at the same time, so that the rounds
can alternate between them and a busy moment of the machine meets all alike. The histories are written through the log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from benchmarks.setup.history import run_id, session_id, written
from benchmarks.setup.rmos_process import REPOSITORY, Authority, migrated, rmos_process
from runtime.embedded.ports import LOOPBACK, free_port
from runtime.embedded.process import Command, log_tail, spawn
from runtime.embedded.process import stop as stop_process
from runtime.logs import configure
from runtime.testing import PostgresAccess, S3Access, ServersAccess, running_nats, running_postgres, running_s3
from services.rmos.projections.cursors import cursor_for

GOAL_GROWTH = 1.5
KEY = "key-of-the-benchmark-0123456789"
START_S = 60.0


@dataclass(frozen=True, slots=True)
class System:
    """One length of history with its own gateway."""

    runs: int
    url: str
    authority: Authority


def questions(runs: int, middle: int) -> dict[str, str]:
    """Name -> path with query. `middle` is the log position of the run in the middle."""
    some = run_id(runs // 2)
    return {
        "list": "/api/runs?limit=50",
        "list mode": "/api/runs?limit=50&mode=saw",
        "list status": "/api/runs?limit=50&status=BLOCKED",
        "list risk": "/api/runs?limit=50&risk_level=RED",
        "list tool": "/api/runs?limit=50&tool_id=vbit_60",
        "list tool prefix": "/api/runs?limit=50&tool_id=flat_",
        "list session": f"/api/runs?limit=50&session={session_id(runs // 2)}",
        "list kind": "/api/runs?limit=50&kind=art_studio_candidate",
        "list day": "/api/runs?limit=50&day=2026-01-10",
        "list times": "/api/runs?limit=50&from=2026-01-05T00:00:00Z&to=2026-01-20T00:00:00Z",
        "list mode risk": "/api/runs?limit=50&mode=saw&risk_level=RED",
        "list tool status day": "/api/runs?limit=50&tool_id=vbit_60&status=OK&day=2026-01-10",
        "list risk times": "/api/runs?limit=50&risk_level=UNKNOWN&from=2026-01-02T00:00:00Z&to=2026-01-09T00:00:00Z",
        "cursor in the middle": f"/api/runs?limit=50&cursor={cursor_for('runs', middle)}",
        "cursor with filter": f"/api/runs?limit=50&mode=saw&cursor={cursor_for('runs', middle)}",
        "run": f"/api/runs/{some}",
        "run's artifacts": f"/api/runs/{some}/artifacts",
        "run's events": f"/api/runs/{some}/events",
    }


@contextmanager
def system(folder: Path, runs: int, postgres: PostgresAccess, s3: S3Access) -> Iterator[System]:
    with ExitStack() as stack:
        servers = ServersAccess(stack.enter_context(running_nats()), postgres, s3)
        database = migrated(servers)
        log = configure("benchmark", "warning")
        began = time.monotonic()
        events = asyncio.run(written(database.writer_dsn, runs, log))
        print(f"{runs} runs, {events} events: written in {time.monotonic() - began:.0f} s", file=sys.stderr)
        home = folder / str(runs)
        home.mkdir()
        authority = stack.enter_context(rmos_process(servers, database, home))
        asyncio.run(until_published(authority, events))
        url = stack.enter_context(gateway(servers, home))
        yield System(runs, url, authority)


async def until_published(authority: Authority, events: int) -> None:
    """Until the relay has copied the history to the bus: no measurement pays for it."""
    client = await authority.client("gateway")
    while (await client.jetstream().stream_info("LOG")).state.last_seq < events:
        await asyncio.sleep(0.2)
    await client.close()


@contextmanager
def gateway(servers: ServersAccess, home: Path) -> Iterator[str]:
    port = free_port()
    command = Command(
        name="gateway",
        argv=(sys.executable, "-P", "-m", "services.gateway"),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "TZ": "UTC",
            "RMOS_LOG_LEVEL": "warning",
            "RMOS_HTTP_HOST": LOOPBACK,
            "RMOS_HTTP_PORT": str(port),
            "RMOS_API_KEYS": json.dumps({"admin": KEY}),
            "RMOS_NATS_URL": servers.nats.url,
            "RMOS_NATS_USER": "gateway",
            "RMOS_NATS_PASSWORD": servers.nats.passwords["gateway"],
            "RMOS_S3_ENDPOINT": servers.s3.endpoint,
            "RMOS_S3_ACCESS_KEY": servers.s3.access_key,
            "RMOS_S3_SECRET_KEY": servers.s3.secret_key,
            "RMOS_S3_BUCKET": servers.s3.bucket,
            "RMOS_S3_REGION": servers.s3.region,
            "RMOS_S3_SECURE": "false",
        },
        log_path=home / "gateway.log",
        cwd=home,
    )
    process = spawn(command)
    try:
        url = f"http://{LOOPBACK}:{port}"
        until_answers(url, command.log_path)
        yield url
    finally:
        stop_process(process, command)


def until_answers(url: str, log_path: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/healthz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"the gateway does not answer:\n{log_tail(log_path)}")


def measured(systems: list[System], rounds: int, requests: int) -> dict[str, dict[int, list[float]]]:
    """Query -> runs -> milliseconds of each request."""
    found: dict[str, dict[int, list[float]]] = {}
    headers = {"Authorization": f"Bearer {KEY}"}
    with ExitStack() as stack:
        clients = {
            each.runs: stack.enter_context(httpx.Client(base_url=each.url, headers=headers, timeout=60))
            for each in systems
        }
        asked = {each.runs: questions(each.runs, middle_of(each)) for each in systems}
        for _ in range(rounds):
            for name in next(iter(asked.values())):
                for runs, client in clients.items():
                    took = found.setdefault(name, {}).setdefault(runs, [])
                    timed(client, asked[runs][name])  # the first request of a round warms caches
                    took += [timed(client, asked[runs][name]) for _ in range(requests)]
    return found


def timed(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    response = client.get(path)
    took = (time.perf_counter() - began) * 1000
    assert response.status_code == 200, f"{path}: {response.text[:500]}"
    return took


def middle_of(system: System) -> int:
    with psycopg.connect(system.authority.database.owner_dsn) as owner:
        row = owner.execute(
            "SELECT position FROM projections.runs WHERE run_id = %s", (run_id(system.runs // 2),)
        ).fetchone()
    assert row is not None
    return int(row[0])


def report(found: dict[str, dict[int, list[float]]]) -> dict[str, object]:
    figures = {
        name: {
            str(runs): {
                "p50_ms": round(statistics.median(took), 2),
                "p99_ms": round(statistics.quantiles(took, n=100)[98], 2),
            }
            for runs, took in of_lengths.items()
        }
        for name, of_lengths in found.items()
    }
    growth = {
        name: round(statistics.median(of_lengths[max(of_lengths)]) / statistics.median(of_lengths[min(of_lengths)]), 2)
        for name, of_lengths in found.items()
    }
    return {
        "queries": figures,
        "growth_of_p50": growth,
        "goal_growth": GOAL_GROWTH,
        "beyond_the_goal": [name for name, times in growth.items() if times > GOAL_GROWTH],
        "load_average": [round(value, 1) for value in os.getloadavg()],
        "processors": os.cpu_count(),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--runs", type=int, nargs="+", default=[1000, 10_000, 100_000])
    options.add_argument("--requests", type=int, default=40)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rmos-benchmark-")))
        postgres, s3 = stack.enter_context(running_postgres()), stack.enter_context(running_s3())
        systems = [stack.enter_context(system(folder, runs, postgres, s3)) for runs in sorted(chosen.runs)]
        print(json.dumps(report(measured(systems, chosen.rounds, chosen.requests)), indent=2))


if __name__ == "__main__":
    main()
