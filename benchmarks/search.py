"""Constraint search over HTTP as JSON: `python benchmarks/search.py [searches]`, on a stack of its own (`rmos up`).

Wall time of 50 attempts with the offline provider (a context that never gets GREEN, so that none ends early), of a
search that finds GREEN, how exactly a time limit of 1 s is kept while the model hangs, and 1,000 designs in a batch.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

CONTEXT: dict[str, Any] = {
    "material_id": "spruce_sitka",
    "machine_id": "shapeoko_4_xxl",
    "stock_thickness_mm": 2.8,
    "target_inner_diameter_mm": 90,
    "target_outer_diameter_mm": 120,
    "min_rings": 3,
    "max_rings": 6,
    "channel_depth_mm": 1.5,
}
SEARCH = "/api/rmos/ai/constraint-search"


@contextmanager
def stack() -> Iterator[httpx.Client]:
    """An admin's client of a fresh stack."""
    with tempfile.TemporaryDirectory(prefix="rmos-bench-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        command = [sys.executable, "-m", "cli.app", "up", "--home", str(home), "--provider", "offline"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            state = json.loads((home / "stack.json").read_text())
            headers = {"Authorization": f"Bearer {state['api_keys']['admin']}"}
            with httpx.Client(base_url=state["url"], headers=headers, timeout=120) as client:
                yield client
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def timed(rounds: int, action: Callable[[int], dict[str, Any]]) -> tuple[list[float], list[dict[str, Any]]]:
    seconds, answers = [], []
    for number in range(rounds):
        began = time.perf_counter()
        answers.append(action(number))
        seconds.append(time.perf_counter() - began)
    return seconds, answers


def figures(seconds: list[float]) -> dict[str, float]:
    return {
        "median_s": round(statistics.median(seconds), 3),
        "best_s": round(min(seconds), 3),
        "worst_s": round(max(seconds), 3),
    }


def searched(client: httpx.Client, seed: int, budget: dict[str, Any], **context: Any) -> dict[str, Any]:
    body = {"context": {**CONTEXT, **context}, "variant_seed": seed, "search_budget": budget, "provider": "offline"}
    response = client.post(SEARCH, json=body)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def batch(client: httpx.Client) -> dict[str, Any]:
    rings = [{"ring_index": at, "width_mm": 2, "pattern_type": "tile", "material_id": "ebony"} for at in range(5)]
    items = [
        {
            "design": {
                "inner_diameter_mm": 80 + number / 50,
                "outer_diameter_mm": 110,
                "channel_depth_mm": 1.5,
                "ring_params": rings,
            }
        }
        for number in range(1000)
    ]
    context = {name: CONTEXT[name] for name in ("material_id", "machine_id", "stock_thickness_mm")}
    body = {"items": items, "context": {**context, "tool_id": "flat_1_5875"}, "with_results": False}
    response = client.post("/api/rmos/feasibility/batch", json=body)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def main(rounds: int) -> dict[str, Any]:
    with stack() as client:
        searched(client, 0, {"max_attempts": 4}, tool_id="flat_0_8", style="gothic")  # imports and connections
        fifty, runs = timed(
            rounds, lambda n: searched(client, n, {"max_attempts": 50}, tool_id="flat_0_8", style="gothic")
        )
        green, found = timed(rounds, lambda n: searched(client, n, {}, tool_id="flat_1_5875", style="gothic"))
        hung, kept = timed(
            rounds,
            lambda n: searched(client, n, {"time_limit_seconds": 1}, tool_id="flat_0_8", style="[[fault:hang]] gothic"),
        )
        thousand, _ = timed(1, lambda _: batch(client))
    scored = [sum(item["outcome"] == "scored" for item in run["attempts"]) for run in runs]
    return {
        "fifty_attempts": {**figures(fifty), "searching_ms": [run["time_ms"] for run in runs], "scored": scored},
        "until_green": {**figures(green), "attempts": [len(run["attempts"]) for run in found]},
        "time_limit_of_1_s": {**figures(hung), "searching_ms": [run["time_ms"] for run in kept]},
        "batch_of_1000": figures(thousand),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5), indent=1))
