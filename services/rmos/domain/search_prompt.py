"""What the designer is told in one attempt: the limits, and what held the best design so far back.

Limits and feedback stand in the prompt as one JSON object, so that every provider reads the same ones.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from contracts.ai import GenerateContent, SafetyCategory
from contracts.catalog import Tool
from contracts.model import for_people
from contracts.params import PatternType
from contracts.search import ConstraintSearch, LimitedBy, SearchContext
from services.rmos.domain.search import Judged, Searched, limited_by

OPERATION = "rosette.search"
SCHEMA_NAME = "RosetteParamSpec"
MAX_OUTPUT_TOKENS = 8_000
MAX_SEED = 2**53
_VARIANTS = 10_000
"""As in prompts for drawings: a whole seed may pass for a payment card's number, which no prompt may hold."""

SYSTEM_PROMPT = """You design the rosette round a guitar's soundhole as parameters: bands from the soundhole outward.
Answer with one design in the given JSON schema and nothing else.

Each band of ring_params lies directly round the one before; the first begins at the inner diameter. All bands are
pockets of channel_depth_mm, cut with a flat end mill and filled with inlay. solid, tile, herringbone, rope and hatch
bands that touch share one channel; petals and dots are pockets of their own with stock between them.

The JSON object holds hard limits: the diameters and channel_depth_mm are exact, widths and counts are least and most,
room_mm is the most that all widths may sum up to, materials are the only ones allowed. tool_diameter_mm is the cutter:
a pocket narrower than it cannot be cut, 1.2 times as wide cuts well.
feedback is the best design so far with its score (0-100), its risk (GREEN is wanted) and limited_by: the calculation
that holds it back and what it suggests. Change that design so that the limit is gone, and keep what is good.
style says the taste, variant picks between equally good designs: another number, another design."""


def model_call(search: ConstraintSearch, seed: int, number: int, so_far: Searched, tool: Tool) -> GenerateContent:
    """The call for attempt `number`: a function of the search, its seed and what the attempts before gave."""
    attempt_seed = (seed + number) % MAX_SEED
    asked = {**_limits(search.context, tool), **_feedback(so_far), "variant": attempt_seed % _VARIANTS}
    return GenerateContent(
        operation=OPERATION,
        category=SafetyCategory.CREATIVE,
        output="json",
        prompt=f"A rosette that can be cut.\n\n{_json({name: v for name, v in asked.items() if v is not None})}",
        system_prompt=SYSTEM_PROMPT,
        provider=search.provider,
        model=search.model,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        schema_name=SCHEMA_NAME,
        output_schema_json=_json(parameter_schema(search.context)),
        variant_seed=attempt_seed,
    )


def parameter_schema(asked: SearchContext) -> dict[str, Any]:
    """The JSON Schema of an answer. contracts.params has the last word on every answer."""
    material: dict[str, Any] = {"type": "string", "pattern": r"^[a-z0-9][a-z0-9_.:-]{0,63}$"}
    if asked.inlay_materials:
        material = {"type": "string", "enum": list(asked.inlay_materials)}
    optional = {"anyOf": [material, {"type": "null"}]}
    ring = {
        "ring_index": {"type": "integer", "minimum": 0, "maximum": 40, "description": "0, 1, 2, … outward."},
        "width_mm": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
        "pattern_type": {"type": "string", "enum": [kind.value for kind in PatternType]},
        "tile_length_mm": {"anyOf": [{"type": "number", "minimum": 0.1, "maximum": 100}, {"type": "null"}]},
        "material_id": optional,
        "alternate_material_id": optional,
    }
    diameter = {"type": "number", "exclusiveMinimum": 0, "maximum": 1000}
    return _object(
        {
            "inner_diameter_mm": diameter,
            "outer_diameter_mm": diameter,
            "ring_params": {
                "type": "array",
                "items": _object(ring),
                "minItems": asked.min_rings,
                "maxItems": asked.max_rings,
            },
            "channel_depth_mm": {"type": "number", "exclusiveMinimum": 0, "maximum": 50},
        }
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _limits(asked: SearchContext, tool: Tool) -> dict[str, Any]:
    return {
        "inner_diameter_mm": _plain(asked.target_inner_diameter_mm),
        "outer_diameter_mm": _plain(asked.target_outer_diameter_mm),
        "min_rings": asked.min_rings,
        "max_rings": asked.max_rings,
        "min_ring_width_mm": _plain(asked.min_ring_width_mm),
        "max_ring_width_mm": _plain(asked.max_ring_width_mm),
        "room_mm": _plain(asked.room_mm),
        "channel_depth_mm": _plain(asked.channel_depth_mm),
        "stock_material": asked.material_id,
        "stock_thickness_mm": _plain(asked.stock_thickness_mm),
        "tool_diameter_mm": _plain(tool.diameter.value),
        "materials": list(asked.inlay_materials) or None,
        "style": asked.style,
    }


def _feedback(so_far: Searched) -> dict[str, Any]:
    best = so_far.best
    if best is not None:
        return {"feedback": _judgement(best)}
    problem = so_far.last_problem()
    return {"feedback": {"limited_by": _said(problem)}} if problem is not None else {}


def _judgement(best: Judged) -> dict[str, Any]:
    return {
        "design": for_people(best.design, exclude_none=True),
        "score": _plain(best.feasibility.score),
        "risk": best.feasibility.risk_level.value,
        "limited_by": _said(limited_by(best.feasibility)),
    }


def _said(problem: LimitedBy | None) -> dict[str, Any] | None:
    return None if problem is None else for_people(problem, exclude_none=True)


def _plain(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
