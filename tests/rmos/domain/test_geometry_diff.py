"""Areas that came and went, against the closed forms of rings."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.comparison import GeometryDiff
from contracts.spec import RosetteSpec
from services.rmos.domain.geometry_diff import compared

TOLERANCE_MM2 = 0.4
"""Arcs are chords within a few micrometres: on 300 mm of border that is well below this."""
radii = st.lists(st.integers(200, 590), min_size=2, max_size=2, unique=True).map(sorted)


def spec(*shapes: dict[str, Any]) -> RosetteSpec:
    return RosetteSpec.model_validate({"version": "v1", "canvas_mm": 120, "shapes": list(shapes)})


def ring(r_inner: float, r_outer: float, **more: Any) -> dict[str, Any]:
    return {"type": "ring", "r_inner": r_inner, "r_outer": r_outer, **more}


def area(r_inner: float, r_outer: float) -> float:
    return math.pi * (r_outer**2 - r_inner**2)


def about(value: object, expected: float) -> bool:
    return abs(float(value) - expected) < TOLERANCE_MM2  # type: ignore[arg-type]  # a decimal


def test_the_same_design_differs_in_nothing() -> None:
    same = compared(spec(ring(40, 45)), spec(ring(40, 45)))
    assert (same.added_mm2, same.removed_mm2, same.changed_mm2) == (0, 0, 0)
    assert same.common_mm2 == same.a_mm2 == same.b_mm2


@settings(max_examples=40, deadline=None)
@given(a=radii, b=radii)
def test_two_rings_differ_by_their_closed_forms(a: list[int], b: list[int]) -> None:
    (a0, a1), (b0, b1) = [value / 10 for value in a], [value / 10 for value in b]
    both = area(max(a0, b0), min(a1, b1)) if max(a0, b0) < min(a1, b1) else 0.0
    found = compared(spec(ring(a0, a1)), spec(ring(b0, b1)))
    assert about(found.common_mm2, both)
    assert about(found.added_mm2, area(b0, b1) - both)
    assert about(found.removed_mm2, area(a0, a1) - both)


@settings(max_examples=25, deadline=None)
@given(a=radii, b=radii)
def test_what_one_gains_the_other_loses(a: list[int], b: list[int]) -> None:
    left, right = (spec(ring(item[0] / 10, item[1] / 10)) for item in (a, b))
    there, back = compared(left, right), compared(right, left)
    assert (there.added_mm2, there.removed_mm2) == (back.removed_mm2, back.added_mm2)
    assert about(there.common_mm2 + there.added_mm2, float(there.b_mm2))


@pytest.mark.parametrize("change", [{"depth_mm": 2}, {"material": "maple"}])
def test_the_same_area_cut_deeper_or_inlaid_otherwise_is_changed(change: dict[str, Any]) -> None:
    found = compared(spec(ring(40, 45, depth_mm=1)), spec(ring(40, 45, **{"depth_mm": 1, **change})))
    assert about(found.changed_mm2, area(40, 45))
    assert (found.added_mm2, found.removed_mm2) == (0, 0)


def test_a_reference_circle_is_a_line_and_no_area() -> None:
    circle = {"type": "circle", "r": 50}
    found = compared(spec(ring(40, 45)), spec(circle, ring(40, 45)))
    assert (found.added_mm2, found.changed_mm2) == (0, 0)


def test_the_picture_shows_each_part_in_its_colour_and_is_the_same_each_time() -> None:
    left, right = spec(ring(40, 45), ring(50, 52, depth_mm=1)), spec(ring(42, 47), ring(50, 52, depth_mm=2))
    found = compared(left, right)
    assert found == compared(left, right)
    assert parts_of(found) == {"stays", "changed", "removed", "added"}
    assert parts_of(compared(left, left)) == {"stays"}


def parts_of(found: GeometryDiff) -> set[str]:
    root = ElementTree.fromstring(found.svg)
    return {str(path.get("id")) for path in root.iter("{http://www.w3.org/2000/svg}path")}
