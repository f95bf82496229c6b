"""Specs for tests: one of each kind of shape, and a strategy for any valid spec."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.spec import (
    Circle,
    DotRing,
    HerringboneRing,
    PolygonRing,
    RadialPetals,
    Ring,
    RopeRing,
    RosetteSpec,
    Sector,
    Shape,
    TileRing,
)

ONE_OF_EACH: tuple[Shape, ...] = (
    Circle(r=40),
    Circle(r=2, material="brass", depth_mm=1),
    Ring(r_inner=41, r_outer=42, material="ebony_african", depth_mm=2),
    RadialPetals(r_inner=43, r_outer=50, petals=24, material="mother_of_pearl", depth_mm=1.5),
    TileRing(r_inner=51, r_outer=53, count=60, gap_mm=0.4, materials=("abalone", "bone"), depth_mm=1.5),
    TileRing(r_inner=53.5, r_outer=55, count=90, angle_deg=1.5, materials=("walnut_black", "holly"), depth_mm=2),
    HerringboneRing(r_inner=55, r_outer=59, count=80, materials=("ebony_african", "maple_hard"), depth_mm=2),
    RopeRing(r_inner=59, r_outer=61, count=120, slant_deg=-40, materials=("padauk", "holly", "koa"), depth_mm=2),
    DotRing(r=63, dot_r=0.8, count=48, materials=("silver",), depth_mm=1),
    PolygonRing(r_inner=66, r_outer=68, sides=12, material="purpleheart", depth_mm=1),
    Sector(r_inner=69, r_outer=71, start_deg=20, end_deg=340, material="unheard_of", depth_mm=1),
)
EVERYTHING = RosetteSpec(canvas_mm=150, shapes=ONE_OF_EACH, meta={"title": "Everything <&> once"})


def spec_of(*shapes: Shape, canvas_mm: float = 150, **fields: Any) -> RosetteSpec:
    return RosetteSpec(canvas_mm=canvas_mm, shapes=shapes, **fields)


_MATERIAL = st.sampled_from(
    [
        None,
        "ebony_african",
        "maple_hard",
        "mother_of_pearl",
        "abalone",
        "fibre_black",
        "x",
        "never.heard-of:it",
        "dyed_red",
    ]
)
_NAMES = st.lists(_MATERIAL.filter(bool), max_size=4).map(tuple)


def _millimetres(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_nan=False).map(lambda value: round(value, 6))


_RADII = st.lists(_millimetres(0, 200), min_size=2, max_size=2, unique=True).map(sorted)
_ANGLE = _millimetres(-360, 360)
_DEPTH = st.none() | _millimetres(0.1, 20)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Any shape that the contract takes; what it refuses is drawn again."""
    r_inner, r_outer = draw(_RADII)
    band = {"r_inner": r_inner, "r_outer": r_outer, "depth_mm": draw(_DEPTH)}
    centre = {"cx": draw(_millimetres(-50, 50)), "cy": draw(_millimetres(-50, 50))} if draw(st.booleans()) else {}
    count = draw(st.integers(2, 40) | st.just(720))
    turned = {"angle_deg": draw(_ANGLE)}
    one, many = {"material": draw(_MATERIAL)}, {"materials": draw(_NAMES)}
    kind = draw(st.sampled_from(range(9)))
    makers: list[tuple[type[Any], dict[str, Any]]] = [
        (Circle, {"r": r_outer, "depth_mm": band["depth_mm"], **one}),
        (Ring, {**band, **one}),
        (
            RadialPetals,
            {**band, **one, **turned, "petals": draw(st.integers(3, 64)), "web_mm": draw(_millimetres(0, 2))},
        ),
        (TileRing, {**band, **many, **turned, "count": count, "gap_mm": draw(st.just(0) | _millimetres(0, 3))}),
        (HerringboneRing, {**band, **many, **turned, "count": count}),
        (RopeRing, {**band, **many, **turned, "count": count, "slant_deg": draw(_millimetres(-75, 75))}),
        (DotRing, {"r": r_outer, "dot_r": r_inner, "count": count, **many, **turned}),
        (PolygonRing, {**band, **one, **turned, "sides": draw(st.integers(3, 64))}),
        (Sector, {**band, **one, "start_deg": draw(_ANGLE), "end_deg": draw(_ANGLE)}),
    ]
    maker, fields = makers[kind]
    try:
        shape: Shape = maker(**centre, **fields)
    except ValidationError:
        shape = Ring(r_inner=r_inner, r_outer=r_outer + 1e-6, **one)
    return shape


@st.composite
def specs(draw: st.DrawFn) -> RosetteSpec:
    """Any valid spec of up to four shapes."""
    return RosetteSpec(
        canvas_mm=draw(_millimetres(905, 1000)),
        stroke_mm=draw(_millimetres(0.01, 5)),
        fill_mode=draw(st.sampled_from(["none", "solid"])),
        shapes=tuple(draw(st.lists(shapes(), min_size=1, max_size=4))),
        meta={"title": draw(st.text(max_size=20))},
    )
