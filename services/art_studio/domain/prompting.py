"""From a luthier's words to a model call: what the model is told, and in which schema it answers.

The caller's limits stand in the prompt as one JSON object after the words, so that every provider reads the same ones.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from contracts.ai import GenerateContent, SafetyCategory
from contracts.art import PromptToSvg
from services.art_studio.domain.model_schema import SCHEMA_NAME, spec_schema

OPERATION = "rosette.design"
MAX_OUTPUT_TOKENS = 16_000

FAMILIAR_MATERIALS = (
    "ebony_african", "maple_hard", "holly", "rosewood_east_indian", "walnut_black", "cherry_black", "pear", "padauk",
    "purpleheart", "koa", "wenge", "boxwood", "mahogany_honduran", "cedar_western_red", "mother_of_pearl", "abalone",
    "bone", "brass", "copper", "silver", "fibre_black",
)  # fmt: skip
"""Ids of the workshop's catalog that a model may pick from when the caller names none."""

SYSTEM_PROMPT = f"""You design rosettes: the inlaid decoration round the soundhole of a guitar.
Answer with one rosette specification in the given JSON schema and nothing else.

Frame: millimetres; the rosette's centre is (0, 0); X right, Y up; angles in degrees, counter-clockwise from +X.
Shapes are drawn and cut in the listed order. Bands lie round the soundhole: list them from the inside out.

Rules
1. Do what the words ask: numbers (petals, tiles, rings, dots), patterns, materials and sizes are binding.
2. The JSON object after the words holds hard limits, which win over the words: diameter_mm is the rosette's outer
   diameter, inner_diameter_mm the diameter inside which nothing may be cut, min_feature_mm the narrowest part,
   depth_mm the depth of every cut, max_shapes the most shapes, materials the only materials allowed; style_hints
   say the taste.
3. Unless said otherwise a soundhole is 100 mm wide and the rosette 120 to 130 mm, with bands of 0.5 to 8 mm.
4. Begin with the soundhole's edge as a circle without depth and material: a reference line.
5. Bands may touch but must not overlap, and every shape stays inside the canvas (canvas_mm is its side).
6. r_inner is less than r_outer. The tips of petals need room: 2 * r_inner * sin(180 / petals) is at least web_mm.
7. Where materials alternate, count is a multiple of their number.
8. Material ids are lower case. Familiar ones: {", ".join(FAMILIAR_MATERIALS)}.
9. variant picks between equally good designs: another number, another design."""
_VARIANTS = 10_000
"""The prompt names the variant by so many numbers only: a seed has up to 16 digits, as payment cards have, and one in
ten of those passes for a card number, which no prompt may hold."""


def model_call(command: PromptToSvg, variant_seed: int) -> GenerateContent:
    """The call for one variant: a function of the command and the variant's seed alone."""
    limits = command.constraints
    schema = spec_schema(limits.max_shapes, limits.materials)
    return GenerateContent(
        operation=OPERATION,
        category=SafetyCategory.CREATIVE,
        output="json",
        prompt=f"{command.prompt}\n\n{limits_json(command, variant_seed)}",
        system_prompt=SYSTEM_PROMPT,
        provider=command.provider,
        model=command.model,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        schema_name=SCHEMA_NAME,
        output_schema_json=_json(schema),
        variant_seed=variant_seed,
    )


def limits_json(command: PromptToSvg, variant_seed: int) -> str:
    """The JSON object in the prompt: only what was stated, numbers as numbers."""
    limits = command.constraints
    stated: dict[str, Any] = {
        "depth_mm": _plain(limits.depth_mm),
        "diameter_mm": _plain(command.diameter_mm),
        "inner_diameter_mm": _plain(limits.inner_diameter_mm),
        "materials": list(limits.materials) or None,
        "max_shapes": limits.max_shapes,
        "min_feature_mm": _plain(limits.min_feature_mm),
        "style_hints": list(command.style_hints) or None,
        "variant": variant_seed % _VARIANTS,
    }
    return _json({name: value for name, value in stated.items() if value is not None})


def _plain(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
