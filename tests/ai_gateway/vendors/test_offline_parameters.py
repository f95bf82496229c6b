"""The offline designer of parameters: what it draws keeps the limits, repeats, and answers to feedback."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.params import RosetteParamSpec
from services.ai_gateway.vendors.offline.parameters import design_parameters

LIMITS: dict[str, Any] = {
    "inner_diameter_mm": 90,
    "outer_diameter_mm": 120,
    "min_rings": 2,
    "max_rings": 5,
    "channel_depth_mm": 1.5,
    "tool_diameter_mm": 2,
    "style": "floral",
}


def drawn(seed: int = 1, **more: Any) -> dict[str, Any]:
    return design_parameters(json.dumps({**LIMITS, **more}), None, seed)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**53 - 1),
    band=st.integers(4, 40),
    fewest=st.integers(1, 4),
    more=st.integers(0, 4),
    style=st.sampled_from(["gothic", "petals and dots", "rope", "", "minimalist"]),
    share=st.integers(20, 100),
)
def test_widths_counts_and_sum_keep_the_limits(
    seed: int, band: int, fewest: int, more: int, style: str, share: int
) -> None:
    room, least = band / 2 * share / 100, band / 2 * share / 100 / (fewest + more) / 2
    limits = {
        "outer_diameter_mm": 90 + band,
        "min_rings": fewest,
        "max_rings": fewest + more,
        "min_ring_width_mm": round(least, 3),
        "room_mm": round(room, 3),
    }
    design = RosetteParamSpec.model_validate(drawn(seed, style=style, **limits))
    widths = [float(ring.width_mm) for ring in design.ring_params]
    assert fewest <= len(widths) <= fewest + more
    assert min(widths) >= round(least, 3) - 1e-9
    assert sum(widths) <= round(room, 3) + 1e-6


def test_the_same_prompt_and_seed_give_the_same_design_and_another_seed_another() -> None:
    assert drawn(3) == drawn(3)
    assert len({json.dumps(drawn(seed)) for seed in range(8)}) >= 6


def test_feedback_on_a_pocket_that_is_too_narrow_joins_or_widens_it() -> None:
    best: dict[str, Any] = {
        "inner_diameter_mm": 90,
        "outer_diameter_mm": 120,
        "channel_depth_mm": 1.5,
        "ring_params": [
            {"ring_index": 0, "width_mm": 1.2, "pattern_type": "solid"},
            {"ring_index": 1, "width_mm": 2.0, "pattern_type": "dots"},
        ],
    }
    problem = {"calculator": "feature_size", "summary": "the narrowest pocket, shapes[2] (dot_ring), is 1.6 mm wide"}
    mended = [
        drawn(seed, style="minimalist", feedback={"design": best, "limited_by": problem})["ring_params"]
        for seed in range(20)
    ]
    dots = best["ring_params"][1]
    kept = [rings for rings in mended if len(rings) > 1 and rings[1] == {**rings[1], **dots}]
    assert kept == []
    assert any(all(ring["pattern_type"] != "dots" for ring in rings) for rings in mended)


def test_feedback_on_depth_makes_it_shallower_unless_the_depth_is_asked() -> None:
    best = {**drawn(1), "channel_depth_mm": 2.0}
    feedback = {"design": best, "limited_by": {"calculator": "depth_in_stock", "summary": "0.5 mm stay"}}
    asked = {drawn(seed, feedback=feedback)["channel_depth_mm"] for seed in range(10)}
    free = {drawn(seed, feedback=feedback, channel_depth_mm=None)["channel_depth_mm"] for seed in range(10)}
    assert asked == {1.5}
    assert max(free) < 2.0


def test_only_the_allowed_materials_are_used() -> None:
    for seed in range(10):
        rings = drawn(seed, materials=["abalone", "bone"])["ring_params"]
        used = {ring[name] for ring in rings for name in ("material_id", "alternate_material_id")} - {None}
        assert used <= {"abalone", "bone"}
