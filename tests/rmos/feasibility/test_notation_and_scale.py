"""How a length is written, and in which unit one thinks, changes nothing; what is no number is refused everywhere."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts.feasibility import CuttingContext, EvaluateFeasibility, Feasibility
from contracts.params import RosetteParamSpec
from contracts.spec import DotRing, PolygonRing, RadialPetals, Ring, RosetteSpec, TileRing
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import evaluate
from services.rmos.domain.feasibility.analysis import geometry_of
from services.rmos.domain.feasibility.geometry import Geometry, cuts_of
from tests.rmos.feasibility.truth_table import CHANNELS, USUAL

LENGTHS = {"stock_thickness_mm": "2.8", "channel_depth_mm": "1.5", "stickout_mm": "15", "stepdown_mm": "0.5"}


def verdict(**context: Any) -> Feasibility:
    return evaluate(CHANNELS, CuttingContext(**(USUAL | context)), load_catalog())


@settings(max_examples=20, deadline=None)
@given(st.fixed_dictionaries({name: st.sampled_from(["text", "zeros", "float", "decimal"]) for name in LENGTHS}))
def test_any_notation_of_a_length_gives_the_same_verdict_and_digest(notations: dict[str, str]) -> None:
    written: dict[str, Any] = {}
    for name, notation in notations.items():
        text = LENGTHS[name]
        padded = text + ("000" if "." in text else ".000")
        written[name] = {"text": text, "zeros": padded, "float": float(text), "decimal": Decimal(text)}[notation]
    assert verdict(**written) == verdict(**LENGTHS)


def geometry(scale: float, diameter: float) -> Geometry:
    """Rings, petals, tiles, dots and a polygon, all lengths `scale` times as long."""

    def long(value: float) -> Decimal:
        return Decimal(str(round(value * scale, 6)))

    shapes = (
        Ring(r_inner=long(20), r_outer=long(22.5)),
        RadialPetals(r_inner=long(24), r_outer=long(33), petals=12, web_mm=long(1)),
        TileRing(r_inner=long(35), r_outer=long(38), count=60, gap_mm=long(1)),
        DotRing(r=long(41), dot_r=long(1.5), count=40),
        PolygonRing(r_inner=long(45), r_outer=long(49), sides=8),
    )
    spec = RosetteSpec(canvas_mm=long(110), shapes=shapes).with_default_depth(long(1.5))
    return geometry_of(cuts_of(spec), diameter * scale / 2, 0.8 * scale)


@settings(max_examples=8, deadline=None)
@given(scale=st.sampled_from([0.5, 0.8, 1.25, 2.0, 3.0, 5.0]), diameter=st.sampled_from([0.8, 1.0, 1.5]))
def test_a_design_and_its_cutter_scaled_together_keep_every_ratio(scale: float, diameter: float) -> None:
    # as if every length were stated in another unit; chords stay 2 µm, so ratios agree to what that leaves
    plain, scaled = geometry(1, diameter), geometry(scale, diameter)
    for a, b in zip(plain.shares, scaled.shares, strict=True):
        assert b.ratio == pytest.approx(a.ratio, abs=2e-3)
        assert b.width_mm / scale == pytest.approx(a.width_mm, abs=0.02)
    thinnest = min(w.thickness_mm for w in plain.walls), min(w.thickness_mm for w in scaled.walls)
    assert thinnest[1] / scale == pytest.approx(thinnest[0], abs=0.02)


SPEC = {
    "canvas_mm": 120,
    "stroke_mm": 0.2,
    "shapes": [
        {"type": "ring", "cx": 0, "cy": 0, "r_inner": 44, "r_outer": 46, "depth_mm": 1.5},
        {"type": "radial_petals", "r_inner": 47, "r_outer": 54, "petals": 12, "web_mm": 1, "angle_deg": 0},
        {"type": "tile_ring", "r_inner": 55, "r_outer": 57, "count": 90, "gap_mm": 0.5},
        {"type": "dot_ring", "r": 40, "dot_r": 1, "count": 24},
        {"type": "arc", "r_inner": 30, "r_outer": 33, "start_deg": 0, "end_deg": 90},
    ],
}
DESIGN = {
    "inner_diameter_mm": 90,
    "outer_diameter_mm": 110,
    "channel_depth_mm": 1.5,
    "ring_params": [{"ring_index": 0, "width_mm": 3, "pattern_type": "tile", "tile_length_mm": 3}],
}
CONTEXT = {
    **dict.fromkeys(
        ["stock_thickness_mm", "stock_width_mm", "stock_length_mm", "channel_depth_mm", "stickout_mm", "rpm"], 2
    ),
    **dict.fromkeys(["feed_mm_per_min", "stepdown_mm", "blade_projection_mm", "flange_diameter_mm"], 2),
    "stepover_ratio": 0.4,
}
Path = tuple[str | int, ...]


def numbers_in(value: Any, path: Path = ()) -> list[Path]:
    """Paths of all numbers in JSON data."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in numbers_in(item, (*path, key))]
    if isinstance(value, list):
        return [found for at, item in enumerate(value) for found in numbers_in(item, (*path, at))]
    return [path] if isinstance(value, int | float) else []


def changed(value: Any, path: Path, new: object) -> Any:
    copy = json.loads(json.dumps(value))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return copy


PLACES = [
    *((RosetteSpec, SPEC, path) for path in numbers_in(SPEC)),
    *((RosetteParamSpec, DESIGN, path) for path in numbers_in(DESIGN)),
    *((CuttingContext, CONTEXT, path) for path in numbers_in(CONTEXT)),
]


@pytest.mark.parametrize(
    ("model", "data", "path"), PLACES, ids=lambda item: ".".join(map(str, item)) if isinstance(item, tuple) else ""
)
def test_no_number_of_a_question_may_be_nan_infinite_or_a_word(
    model: type[BaseModel], data: dict[str, Any], path: Path
) -> None:
    model.model_validate(data)  # sound as it stands: what follows is refused for this one number
    for bad in (float("nan"), float("inf"), float("-inf"), "NaN", "Infinity", "1e5", "wide", True, [1]):
        with pytest.raises(ValidationError):
            model.model_validate(changed(data, path, bad))


def test_a_question_with_nan_in_its_json_is_refused_before_it_is_judged() -> None:
    with pytest.raises(ValidationError):
        EvaluateFeasibility.model_validate({"spec": SPEC, "context": {"stock_thickness_mm": float("nan")}})
