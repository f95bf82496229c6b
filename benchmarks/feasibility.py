"""How fast and how discerning the feasibility engine is: prints one JSON object.

`python benchmarks/feasibility.py [--designs 2000] [--seconds 3]`. The random designs are seeded and include nonsense;
tests use the same generator.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from contracts.feasibility import CuttingContext, Feasibility
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


def random_question(dice: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """A spec and a context as raw data: mostly plausible, some careless, some nonsense."""
    catalog = load_catalog()
    woods = sorted(key for key, m in catalog.materials.items() if m.family in {"softwood", "hardwood"})
    flats = sorted(key for key, t in catalog.tools.items() if t.kind == "flat")
    routers = sorted(key for key, m in catalog.machines.items() if m.machine_class != "saw")
    context: dict[str, Any] = {
        "material_id": dice.choice(woods),
        "tool_id": dice.choice(flats[:14]),
        "machine_id": dice.choice(routers),
        "stock_thickness_mm": round(dice.uniform(2.0, 4.0), 2),
        "channel_depth_mm": round(dice.uniform(0.8, 2.4), 2),
    }
    if dice.random() < 0.06:
        del context[dice.choice(sorted(context))]
    if dice.random() < 0.3:
        context |= {"rpm": dice.randrange(6000, 30000, 500), "feed_mm_per_min": dice.randrange(60, 3000, 20)}
    radius, shapes = dice.uniform(40, 46), []
    for _ in range(dice.randint(1, 5)):
        width = round(dice.choice([dice.uniform(0.4, 2), dice.uniform(1, 4), dice.uniform(3, 9)]), 2)
        shapes.append(_random_band(dice, round(radius, 2), width))
        radius += width + dice.choice([0, 0, dice.uniform(0.1, 1), dice.uniform(0.8, 3), dice.uniform(-1, 0)])
    return {"canvas_mm": 220, "shapes": shapes}, context


def _random_band(dice: random.Random, inner: float, width: float) -> dict[str, Any]:
    band: dict[str, Any] = {"r_inner": inner, "r_outer": round(inner + width, 2)}
    kind = dice.choice(["ring", "ring", "ring", "tile_ring", "radial_petals", "dot_ring", "rope_ring", "polygon_ring"])
    if kind == "tile_ring":
        band |= {"count": dice.randint(20, 120), "gap_mm": dice.choice([0, 0, round(dice.uniform(0.2, 2), 2)])}
    elif kind == "radial_petals":
        band |= {"petals": dice.randint(6, 48), "web_mm": round(dice.uniform(0.2, 1.5), 2)}
    elif kind == "dot_ring":
        dot = round(width * dice.uniform(0.2, 0.5), 2)
        band = {"r": round(inner + width / 2, 2), "dot_r": max(dot, 0.1), "count": dice.randint(8, 90)}
    elif kind == "rope_ring":
        band |= {"count": dice.randint(30, 120)}
    elif kind == "polygon_ring":
        band |= {"sides": dice.randint(3, 24)}
    return {"type": kind} | band


def verdicts(count: int, seed: int) -> Iterator[Feasibility | None]:
    """The engine's answers to seeded random questions; None where the spec itself is refused."""
    dice, catalog = random.Random(seed), load_catalog()
    for _ in range(count):
        spec, context = random_question(dice)
        try:
            question = RosetteSpec.model_validate(spec)
        except ValidationError:
            yield None
            continue
        yield evaluate(question, CuttingContext.model_validate(context), catalog)


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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--designs", type=int, default=2000)
    options.add_argument("--seconds", type=float, default=3.0)
    given = options.parse_args()
    start = time.perf_counter()
    found = list(verdicts(given.designs, seed=20))
    elapsed = time.perf_counter() - start
    risks = Counter("REFUSED" if v is None else str(v.risk_level) for v in found)
    report = {
        "engine_version": ENGINE_VERSION,
        "five_rings_sixty_tiles": rate(five_rings, given.seconds),
        "sixty_separate_tiles": rate(separate_tiles, given.seconds),
        "petals_touching_two_rings": rate(petals_between_rings, given.seconds),
        "random_designs": {
            "count": given.designs,
            "seconds": round(elapsed, 2),
            "risks": dict(sorted(risks.items())),
            "distinct_scores": len({v.score for v in found if v is not None and v.score is not None}),
        },
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
