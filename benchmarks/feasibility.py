"""How fast the feasibility engine is: `python -m benchmarks.feasibility [--seconds 3]` prints one JSON object.

Evaluations a second on one core, and over HTTP on a stack of its own (`rmos up`): one request at a time, each with
another design. Beside it two floors: a request that the gateway answers alone, and one that crosses the bus to rmos and
finds nothing in the log.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from benchmarks.search import stack
from contracts.feasibility import CuttingContext
from contracts.model import for_people
from contracts.spec import RosetteSpec
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import ENGINE_VERSION, evaluate
from services.rmos.domain.feasibility.analysis import geometry_of

CONTEXT = {
    "material_id": "spruce_sitka",
    "tool_id": "flat_1_0",
    "machine_id": "shapeoko_4_xxl",
    "stock_thickness_mm": "2.8",
    "channel_depth_mm": "1.5",
}


def five_rings(shift: float = 0.0, tiles: int = 60) -> RosetteSpec:
    """Four purfling rings and one ring of 60 tiles that touch no other; `shift` moves every radius."""
    radii = [(43.0, 44.2), (45.2, 46.4), (51.6, 52.8), (53.8, 55.0)]
    shapes: list[dict[str, Any]] = [
        {"type": "ring", "r_inner": a + shift, "r_outer": b + shift, "material": "maple_hard"} for a, b in radii
    ]
    shapes.append(
        {"type": "tile_ring", "r_inner": 47.4 + shift, "r_outer": 50.6 + shift, "count": tiles, "gap_mm": 0,
         "materials": ["ebony_african", "maple_hard"]}
    )  # fmt: skip
    return RosetteSpec.model_validate({"canvas_mm": 130, "shapes": shapes})


def separate_tiles(shift: float = 0.0) -> RosetteSpec:
    """The same with every tile in its own pocket."""
    spec = five_rings(shift).model_dump(mode="json")
    spec["shapes"][-1]["gap_mm"] = "1"
    return RosetteSpec.model_validate(spec)


def petals_between_rings(shift: float = 0.0) -> RosetteSpec:
    """Petals whose tips touch a ring on either side: the shapes must be united."""
    return RosetteSpec.model_validate(
        {
            "canvas_mm": 130,
            "shapes": [
                {"type": "ring", "r_inner": 43 + shift, "r_outer": 45 + shift},
                {"type": "radial_petals", "r_inner": 45 + shift, "r_outer": 54 + shift, "petals": 12},
                {"type": "ring", "r_inner": 54 + shift, "r_outer": 56 + shift},
            ],
        }
    )


def rate(make: Any, seconds: float) -> dict[str, float]:
    """Evaluations a second of designs that differ each time, so that no cache answers."""
    catalog, context = load_catalog(), CuttingContext.model_validate(CONTEXT)
    specs = [make(float(Decimal(k % 500) / 1000)) for k in range(500)]
    times: list[float] = []
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        if len(times) % 250 == 0:
            geometry_of.cache_clear()
        before = time.perf_counter()
        evaluate(specs[len(times) % 500], context, catalog)
        times.append(time.perf_counter() - before)
    return {
        "per_second": round(len(times) / sum(times), 1),
        "p50_ms": round(1000 * statistics.median(times), 3),
        "p95_ms": round(1000 * sorted(times)[int(0.95 * len(times))], 3),
        "evaluations": len(times),
    }


def over_http(seconds: float) -> dict[str, Any]:
    """Milliseconds a client waits for a verdict, and for less."""
    specs = [for_people(five_rings(k / 1000)) for k in range(500)]
    context = {name: float(value) if value[0].isdigit() else value for name, value in CONTEXT.items()}
    compute_ms: list[float] = []
    with stack() as client:

        def verdict(number: int) -> None:
            answer = client.post("/api/rmos/feasibility", json={"spec": specs[number % 500], "context": context})
            answer.raise_for_status()
            compute_ms.append(answer.json()["compute_ms"])

        waits = {
            "verdict": waited(verdict, seconds),
            "floor_gateway_alone": waited(lambda _: client.get("/healthz").raise_for_status(), seconds / 3),
            "floor_across_the_bus": waited(
                lambda number: client.get(f"/api/rmos/ai/searches/none-{number}"), seconds / 3
            ),
        }
    return {**waits, "compute_p50_ms": round(statistics.median(compute_ms), 3)}


def waited(action: Callable[[int], Any], seconds: float) -> dict[str, float]:
    """p50 and p95 in ms of as many calls as fit, after twenty that warm up."""
    for number in range(20):
        action(-1 - number)
    times: list[float] = []
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        before = time.perf_counter()
        action(len(times))
        times.append(1000 * (time.perf_counter() - before))
    at = sorted(times)
    return {
        "p50_ms": round(statistics.median(at), 2),
        "p95_ms": round(at[int(0.95 * len(at))], 2),
        "requests": len(at),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3.0)
    given = options.parse_args()
    report = {
        "engine_version": ENGINE_VERSION,
        "five_rings_sixty_tiles": rate(five_rings, given.seconds),
        "sixty_separate_tiles": rate(separate_tiles, given.seconds),
        "petals_touching_two_rings": rate(petals_between_rings, given.seconds),
        "five_rings_sixty_tiles_over_http": over_http(given.seconds),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
