"""Does the search find what there is: `python -m benchmarks.search_contexts [contexts]`, on a stack of its own; JSON.

Seeded contexts that admit a GREEN design (a plain one was found without the search), and half as many that rule GREEN
out. Exit 1 when GREEN is found in fewer than 95 % of the first, or success is claimed in one of the second.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from typing import Any

import httpx

from benchmarks.search import SEARCH, stack
from benchmarks.setup.contexts import admitting, hopeless
from contracts.model import for_people
from contracts.search import SearchContext
from services.rmos.catalog import load_catalog

CONTEXTS, NEEDED = 100, 0.95


def searched(client: httpx.Client, seed: int, asked: SearchContext, attempts: int) -> dict[str, Any]:
    body = {
        "context": for_people(asked, exclude_none=True),
        "variant_seed": seed,
        "search_budget": {"max_attempts": attempts, "time_limit_seconds": 60},
        "provider": "offline",
    }
    response = client.post(SEARCH, json=body)
    response.raise_for_status()
    result: dict[str, Any] = response.json()
    return result


def main(count: int) -> dict[str, Any]:
    with stack() as client:
        possible = [searched(client, seed, asked, 50) for seed, asked in admitting(count, load_catalog())]
        impossible = [searched(client, seed, hopeless(seed), 20) for seed in range(1, count // 2 + 1)]
    green = sum(run["risk"] == "GREEN" for run in possible)
    claimed = sum(run["status"] == "success" or run["risk"] == "GREEN" for run in impossible)
    return {
        "contexts_that_admit_green": count,
        "green_found": green,
        "attempts_median": statistics.median(len(run["attempts"]) for run in possible),
        "attempts_most": max(len(run["attempts"]) for run in possible),
        "time_ms_median": statistics.median(run["time_ms"] for run in possible),
        "contexts_that_rule_green_out": len(impossible),
        "their_ends": dict(Counter(f"{run['status']} {run['risk']}" for run in impossible)),
        "success_claimed_there": claimed,
        "honest": green >= NEEDED * count and claimed == 0,
    }


if __name__ == "__main__":
    found = main(int(sys.argv[1]) if len(sys.argv) > 1 else CONTEXTS)
    print(json.dumps(found, indent=1))
    sys.exit(0 if found["honest"] else 1)
