"""Seeded questions to the feasibility engine: plausible designs, careless ones, and nonsense that is known to be so."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from contracts.errors import RmosError
from contracts.feasibility import CuttingContext, Feasibility
from contracts.params import RosetteParamSpec, spec_of
from contracts.spec import RosetteSpec
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import evaluate

NONSENSE_SHARE, SAW_SHARE = 0.15, 0.1


@dataclass(frozen=True)
class Question:
    """A design as a client writes it. `nonsense` names what makes it impossible; None where nobody knows beforehand."""

    context: dict[str, Any]
    spec: dict[str, Any] | None = None
    design: dict[str, Any] | None = None
    mode: Literal["router", "saw"] = "router"
    nonsense: str | None = None

    def answer(self) -> Feasibility | None:
        """The engine's verdict; None where the design is refused before it is judged."""
        try:
            if self.spec is not None:
                spec = RosetteSpec.model_validate(self.spec)
            else:
                spec = spec_of(RosetteParamSpec.model_validate(self.design))
            return evaluate(spec, CuttingContext.model_validate(self.context), load_catalog(), self.mode)
        except (ValidationError, RmosError):
            return None


def questions(count: int, seed: int) -> Iterator[Question]:
    """The same for the same seed, on every machine."""
    dice, ids = random.Random(seed), _Ids()
    for _ in range(count):
        kind = dice.random()
        if kind < NONSENSE_SHARE:
            yield _nonsense(dice, ids)
        elif kind < NONSENSE_SHARE + SAW_SHARE:
            yield _sawn(dice, ids)
        else:
            yield _routed(dice, ids)


@dataclass(frozen=True)
class _Ids:
    woods: list[str] = field(
        default_factory=lambda: sorted(
            key for key, m in load_catalog().materials.items() if m.family in {"softwood", "hardwood"}
        )
    )
    flats: list[str] = field(
        default_factory=lambda: sorted(key for key, t in load_catalog().tools.items() if t.kind == "flat")[:14]
    )
    blades: list[str] = field(
        default_factory=lambda: sorted(key for key, t in load_catalog().tools.items() if t.kind == "saw_blade")
    )
    routers: list[str] = field(
        default_factory=lambda: sorted(key for key, m in load_catalog().machines.items() if m.machine_class != "saw")
    )
    saws: list[str] = field(
        default_factory=lambda: sorted(key for key, m in load_catalog().machines.items() if m.machine_class == "saw")
    )


def _routed(dice: random.Random, ids: _Ids) -> Question:
    context = _context(dice, ids)
    if dice.random() < 0.06:
        del context[dice.choice(sorted(context))]
    if dice.random() < 0.3:
        context |= {"rpm": dice.randrange(6000, 30000, 500), "feed_mm_per_min": dice.randrange(60, 3000, 20)}
    radius, shapes = dice.uniform(40, 46), []
    for _ in range(dice.randint(1, 5)):
        width = round(dice.choice([dice.uniform(0.4, 2), dice.uniform(1, 4), dice.uniform(3, 9)]), 2)
        shapes.append(_band(dice, round(radius, 2), width))
        radius += width + dice.choice([0, 0, dice.uniform(0.1, 1), dice.uniform(0.8, 3), dice.uniform(-1, 0)])
    return Question(context, {"canvas_mm": 220, "shapes": shapes})


def _sawn(dice: random.Random, ids: _Ids) -> Question:
    context: dict[str, Any] = {
        "material_id": dice.choice(ids.woods),
        "tool_id": dice.choice(ids.blades),
        "machine_id": dice.choice(ids.saws),
        "stock_thickness_mm": round(dice.uniform(1.5, 20), 1),
        "channel_depth_mm": round(dice.uniform(0.8, 2.4), 2),
    }
    if dice.random() < 0.5:
        context |= {"rpm": dice.randrange(2000, 12000, 250), "feed_mm_per_min": dice.randrange(200, 15000, 100)}
    if dice.random() < 0.3:
        context["blade_projection_mm"] = dice.randint(1, 30)
    inner = round(dice.uniform(40, 46), 2)
    shapes: list[dict[str, Any]] = [{"type": "ring", "r_inner": inner, "r_outer": round(inner + dice.uniform(1, 5), 2)}]
    if dice.random() < 0.6:
        shapes.append({"type": "tile_ring", "r_inner": 52, "r_outer": 56, "count": dice.randint(40, 140)})
    return Question(context, {"canvas_mm": 220, "shapes": shapes}, mode="saw")


def _context(dice: random.Random, ids: _Ids) -> dict[str, Any]:
    return {
        "material_id": dice.choice(ids.woods),
        "tool_id": dice.choice(ids.flats),
        "machine_id": dice.choice(ids.routers),
        "stock_thickness_mm": round(dice.uniform(2.0, 4.0), 2),
        "channel_depth_mm": round(dice.uniform(0.8, 2.4), 2),
    }


def _band(dice: random.Random, inner: float, width: float) -> dict[str, Any]:
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


def _nonsense(dice: random.Random, ids: _Ids) -> Question:
    """Complete contexts: what is wrong is the design, and nothing but a refusal or RED is right."""
    context, inner = _context(dice, ids), round(dice.uniform(40, 46), 2)
    ring = {"type": "ring", "r_inner": inner, "r_outer": round(inner + 3, 2)}
    parameters: dict[str, Any] = {
        "inner_diameter_mm": 2 * inner,
        "outer_diameter_mm": 2 * inner + 20,
        "channel_depth_mm": 1.5,
        "ring_params": [{"ring_index": 0, "width_mm": 3, "pattern_type": "solid"}],
    }
    match dice.randrange(8):
        case 0:
            wrong = ring | {"r_inner": round(inner + dice.uniform(3, 30), 2)}
            return Question(context, {"canvas_mm": 220, "shapes": [wrong]}, nonsense="ring: inner > outer")
        case 1:
            design = parameters | {"outer_diameter_mm": round(2 * inner - dice.uniform(0, 40), 2)}
            return Question(context, design=design, nonsense="parameters: inner > outer")
        case 2:
            wide = [{"ring_index": 0, "width_mm": round(dice.uniform(10.01, 60), 2), "pattern_type": "tile"}]
            return Question(context, design=parameters | {"ring_params": wide}, nonsense="ring wider than band")
        case 3:
            width = round(dice.uniform(3.4, 9), 2)
            three = [{"ring_index": at, "width_mm": width, "pattern_type": "rope"} for at in range(3)]
            return Question(context, design=parameters | {"ring_params": three}, nonsense="rings wider than band")
        case 4:
            far = ring | {"r_outer": round(dice.uniform(111, 400), 2)}
            return Question(context, {"canvas_mm": 220, "shapes": [far]}, nonsense="beyond the canvas")
        case 5:
            deep = ring | {"depth_mm": round(dice.uniform(4.01, 20), 2)}
            return Question(context, {"canvas_mm": 220, "shapes": [deep]}, nonsense="through the stock")
        case 6:
            other = ring | {"r_inner": round(inner + 1, 2), "r_outer": round(inner + 5, 2), "depth_mm": 0.7}
            shapes = [ring, other]
            return Question(context, {"canvas_mm": 220, "shapes": shapes}, nonsense="two depths in one place")
        case _:
            key = dice.choice(["r_inner", "r_outer"])
            no_number = ring | {key: dice.choice([float("nan"), float("inf"), -1, "wide", None])}
            return Question(context, {"canvas_mm": 220, "shapes": [no_number]}, nonsense="no number")
