"""Reading a model's answer: a valid spec within the caller's limits, or the reason why not."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from contracts.art import PromptToSvg
from contracts.errors import ErrorCode, RmosError
from contracts.model import for_people
from services.art_studio.domain.answers import read_answer
from tests.art_studio.specs import EVERYTHING

RING = {"type": "ring", "r_inner": 51, "r_outer": 53, "material": "ebony_african", "depth_mm": 2}


def command(**fields: Any) -> PromptToSvg:
    return PromptToSvg.model_validate({"prompt": "a ring", **fields})


def text(*shapes: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"version": "v1", "canvas_mm": 150, "shapes": list(shapes), **fields})


def refused(answer: str, asked: PromptToSvg) -> list[str]:
    with pytest.raises(RmosError) as caught:
        read_answer(answer, asked)
    assert caught.value.code is ErrorCode.AI_INVALID_OUTPUT
    return [str(problem) for problem in caught.value.details.get("problems", [caught.value.message])]


def test_a_valid_answer_is_the_spec_it_says() -> None:
    answer = read_answer(orjson.dumps(for_people(EVERYTHING)).decode(), command())
    assert answer.spec == EVERYTHING
    assert answer.warnings == ()


@pytest.mark.parametrize("answer", ["", "Here it is: {}", '{"version": "v1"', "[]", "null", "NaN"])
def test_what_is_no_spec_at_all_is_invalid_output(answer: str) -> None:
    assert refused(answer, command())


def test_every_wrong_field_is_named() -> None:
    problems = refused(text({**RING, "r_outer": "wide", "colour": "red"}), command())
    assert any(problem.startswith("shapes.0.ring.r_outer") for problem in problems)
    assert any(problem.startswith("shapes.0.ring.colour") for problem in problems)


def test_a_degenerate_shape_is_refused() -> None:
    assert "r_inner (53) must be smaller" in refused(text({**RING, "r_inner": 53}), command())[0]


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"diameter_mm": 105}, "its diameter is 106.00 mm, allowed are 105"),
        ({"constraints": {"inner_diameter_mm": 103}}, "it reaches inside the inner diameter of 103 mm, to 102.00 mm"),
        ({"constraints": {"max_shapes": 1}}, "it has 2 shapes, allowed are 1"),
        ({"constraints": {"materials": ["holly"]}}, "shapes[1] (ring) uses ebony_african"),
        ({"constraints": {"depth_mm": 1.9}}, "shapes[1] (ring) is 2 mm deep, allowed are 1.9"),
        ({"constraints": {"min_feature_mm": 2.1}}, "shapes[1] (ring) is 2.00 mm wide, the least is 2.1"),
    ],
)
def test_a_design_beyond_a_hard_limit_is_refused(limits: dict[str, Any], problem: str) -> None:
    problems = refused(text({"type": "circle", "r": 50}, RING), command(**limits))
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_design_within_all_limits_passes_without_a_word() -> None:
    limits = {
        "inner_diameter_mm": 102,
        "max_shapes": 2,
        "materials": ["ebony_african"],
        "depth_mm": 2,
        "min_feature_mm": 2,
    }
    answer = read_answer(text({"type": "circle", "r": 50}, RING), command(diameter_mm=106, constraints=limits))
    assert answer.warnings == ()


def test_a_shape_off_centre_counts_with_its_whole_reach() -> None:
    assert "diameter is 126.00 mm" in refused(text({**RING, "cx": 6, "cy": 8}), command(diameter_mm=120))[0]


@pytest.mark.parametrize(
    ("answer", "asked", "warning"),
    [
        (text(RING), {"diameter_mm": 120}, "the rosette is 106.0 mm wide, 120 were asked"),
        (text({"type": "circle", "r": 50}), {}, "no area to cut"),
        (
            text({"type": "tile_ring", "r_inner": 50, "r_outer": 53, "count": 720}),
            {"constraints": {"min_feature_mm": 1}},
            "shapes[0] (tile_ring): its pieces are 0.44 mm at their narrowest, below 1",
        ),
        (text(RING, meta={"left_out": "no room for: dots"}), {}, "left out by the designer: no room for: dots"),
    ],
)
def test_what_is_no_breach_but_worth_knowing_is_a_warning(answer: str, asked: dict[str, Any], warning: str) -> None:
    warnings = read_answer(answer, command(**asked)).warnings
    assert len(warnings) == 1
    assert warning in warnings[0]
