"""The offline designer's laws, and the facts of a prompt that must show in its rosettes."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, STRtree

from contracts.model import for_people
from contracts.outlines import Contour, Line, pockets
from contracts.spec import RosetteSpec
from services.ai_gateway.vendors.offline.designer import design
from services.ai_gateway.vendors.offline.reading import read_wishes
from services.ai_gateway.vendors.offline.recipes import RECIPES

_WORDS = (
    "gothic celtic deco 24 petals 110 mm rings three five tiles 60 dots hexagon octagon rope herringbone "
    "mosaic ebony of maple and , with no without soundhole 85 mm 100 mm wheel spokes 16 star minimalist "
    "modern waves six-fold symmetry sunburst rays 12 mm wide 2 mm deep rose 8 petals arcs double 130 mm "
    'outer 7 sided windows floral torres checkerboard pearl abalone only 40 lines 64 200 two dozen 3 7/8" '
    "snowflake vintage polka "
)
WORDS = _WORDS.split()
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "diameter_mm": st.sampled_from([1, 5, 40, 95, 110, "122.5", 300, 1000]),
        "inner_diameter_mm": st.sampled_from([1, 30, 85, "100", 128]),
        "min_feature_mm": st.sampled_from([0.3, 1, 2.5, 20]),
        "depth_mm": st.sampled_from([0.5, 2, 20]),
        "max_shapes": st.sampled_from([1, 2, 3, 7]),
        "materials": st.sampled_from([["bone"], ["koa", "wenge"]]),
    },
)


def spec_for(prompt: str, seed: int | None = 1, system: str | None = None) -> RosetteSpec:
    return RosetteSpec.model_validate(design(prompt, system, seed).spec)


def shapes_of(spec: RosetteSpec, kind: str) -> list[dict[str, object]]:
    return [shape for shape in for_people(spec)["shapes"] if shape["type"] == kind]


def outer_diameter(spec: RosetteSpec) -> float:
    return 2 * max(float(shape.reach) for shape in spec.shapes)


def hole_diameter(spec: RosetteSpec) -> float:
    return 2 * float(spec.shapes[0].r)  # type: ignore[union-attr]  # the soundhole's edge comes first


@settings(max_examples=60, deadline=None)
@given(prompt=st.text(min_size=1, max_size=2000), seed=st.none() | st.integers(0, 2**53 - 1))
def test_any_text_gives_a_valid_spec(prompt: str, seed: int | None) -> None:
    spec_for(prompt, seed)


@settings(max_examples=150, deadline=None)
@given(prompt=SENTENCES, limits=LIMITS, seed=st.integers(0, 50))
def test_any_wish_under_any_limits_gives_a_valid_spec_that_keeps_the_limits(
    prompt: str, limits: dict[str, object], seed: int
) -> None:
    spec = spec_for(prompt, seed, f"Answer with a spec. Constraints: {json.dumps(limits)}")
    if "diameter_mm" in limits:
        assert outer_diameter(spec) == pytest.approx(float(str(limits["diameter_mm"])), abs=0.002)
    if "max_shapes" in limits:
        assert len(spec.shapes) <= int(str(limits["max_shapes"]))
    if "depth_mm" in limits:
        assert {float(s.depth_mm) for s in spec.shapes if s.depth_mm is not None} == {float(str(limits["depth_mm"]))}
    if "materials" in limits:
        used = {m for shape in for_people(spec)["shapes"] for m in (shape.get("materials") or [shape.get("material")])}
        assert used - {None} <= set(limits["materials"])  # type: ignore[call-overload]  # a list of strings


@settings(max_examples=80, deadline=None)
@given(prompt=SENTENCES, feature=st.sampled_from([1.0, 1.6, 2.5, 4.0]), seed=st.integers(0, 50))
def test_no_band_dot_or_web_is_narrower_than_the_smallest_feature(prompt: str, feature: float, seed: int) -> None:
    limits = json.dumps({"diameter_mm": 130, "inner_diameter_mm": 80, "min_feature_mm": feature})
    for shape in for_people(spec_for(prompt, seed, limits))["shapes"][1:]:
        width = 2 * shape["dot_r"] if shape["type"] == "dot_ring" else shape["r_outer"] - shape["r_inner"]
        assert width >= feature - 0.01
        inner = shape["r"] - shape["dot_r"] if shape["type"] == "dot_ring" else shape["r_inner"]
        assert inner >= 40
        assert shape.get("web_mm", feature) >= feature


@settings(max_examples=60, deadline=None)
@given(prompt=SENTENCES, seed=st.integers(0, 50))
def test_a_millimetre_of_wood_stays_between_any_two_pockets(prompt: str, seed: int) -> None:
    spec = spec_for(prompt, seed, '{"inner_diameter_mm": 85, "diameter_mm": 115}')
    areas = [Polygon(corners(area.outer), [corners(hole) for hole in area.holes]) for area in pockets(spec)]
    tree = STRtree(areas)
    gaps = [
        area.distance(areas[other])
        for index, area in enumerate(areas)
        for other in tree.query(area.buffer(1.2))
        if other > index
    ]
    assert min(gaps, default=9.0) >= 0.99


def corners(contour: Contour) -> list[tuple[float, float]]:
    """A polygon within 2 µm of the contour."""
    found: list[tuple[float, float]] = []
    for segment in contour:
        if isinstance(segment, Line):
            found.append((segment.x0, segment.y0))
            continue
        start = math.atan2(segment.y0 - segment.cy, segment.x0 - segment.cx)
        count = max(4, math.ceil(abs(segment.sweep_rad) / (2 * math.acos(1 - 0.002 / max(segment.radius, 0.01)))))
        found.extend(
            (
                segment.cx + segment.radius * math.cos(start + segment.sweep_rad * k / count),
                segment.cy + segment.radius * math.sin(start + segment.sweep_rad * k / count),
            )
            for k in range(count)
        )
    return found


@pytest.mark.parametrize(
    ("prompt", "kind", "field", "count"),
    [
        ("Gothic rosette with 24 petals, 110 mm", "radial_petals", "petals", 24),
        ("Rosette with 24 mother of pearl petals, 110 mm", "radial_petals", "petals", 24),
        ("a rose of sixteen long, pointed petals", "radial_petals", "petals", 16),
        ("petals: 36, soundhole 85", "radial_petals", "petals", 36),
        ("sunburst with two dozen rays in padauk", "radial_petals", "petals", 24),
        ("48 black and white tiles between two rings", "tile_ring", "count", 48),
        ("pearl inlay, 60 dots", "dot_ring", "count", 60),
        ("an octagon in walnut", "polygon_ring", "sides", 8),
        ("seven-sided frame", "polygon_ring", "sides", 7),
        ("wagon wheel with 14 spokes", "tile_ring", "count", 14),
    ],
)
def test_the_asked_count_is_the_count(prompt: str, kind: str, field: str, count: int) -> None:
    for seed in range(4):
        assert [shape[field] for shape in shapes_of(spec_for(prompt, seed), kind)] == [count]


@pytest.mark.parametrize(
    ("prompt", "kind", "bands"),
    [
        ("8 petals, three rings and 60 dots, 124 mm", "ring", 3),
        ("two rope rings around a 85 mm soundhole", "rope_ring", 2),
        ("3 rings of herringbone", "herringbone_ring", 3),
        ("minimalist: 4 thin lines", "ring", 4),
    ],
)
def test_the_asked_number_of_bands_is_there(prompt: str, kind: str, bands: int) -> None:
    for seed in range(4):
        assert len(shapes_of(spec_for(prompt, seed), kind)) == bands


@pytest.mark.parametrize(
    ("prompt", "outer", "hole"),
    [
        ("Gothic rosette with 24 petals, 110 mm", 110, None),
        ("a 110 mm celtic rope rosette, soundhole 85", 110, 85),
        ("outer diameter 120 mm and inner diameter of 90mm", 120, 90),
        ('12 cm across, around a 3 7/8" soundhole', 120, 98.425),
        ("radius 55 mm, wheel", 110, None),
        ("rope for a 4 inch soundhole", None, 101.6),
        ("between 84 and 116 mm, mosaic", 116, 84),
        ("soundhole 100 mm, 12 mm wide band of herringbone", 126, 100),
    ],
)
def test_the_asked_diameters_are_the_diameters(prompt: str, outer: float | None, hole: float | None) -> None:
    for seed in range(3):
        spec = spec_for(prompt, seed)
        if outer is not None:
            assert outer_diameter(spec) == pytest.approx(outer, abs=2.6 if "wide" in prompt else 0.002)
        if hole is not None:
            assert hole_diameter(spec) == pytest.approx(hole, abs=0.002)


def test_without_a_size_the_rosette_fits_a_guitar() -> None:
    for style, seed in itertools.product(RECIPES, range(4)):
        spec = spec_for(f"{style.replace('_', ' ')} rosette", seed)
        assert 80 <= hole_diameter(spec) <= 105, style
        assert 90 <= outer_diameter(spec) <= 140, style


def test_materials_go_where_the_prompt_puts_them() -> None:
    spec = spec_for("12 petals of mother of pearl, ebony and maple tiles, for a spruce top")
    assert shapes_of(spec, "radial_petals")[0]["material"] == "mother_of_pearl"
    assert [shape["materials"] for shape in shapes_of(spec, "tile_ring")] == [["ebony_african", "maple_hard"]]


def test_what_is_refused_is_not_there() -> None:
    for seed in range(6):
        kinds = {shape.type for shape in spec_for("celtic, no dots or rope, 24 petals", seed).shapes}
        assert not kinds & {"dot_ring", "rope_ring"}
        assert "radial_petals" in kinds


def test_counts_follow_the_asked_symmetry() -> None:
    wishes = read_wishes("six-fold symmetry, snowflake")
    assert wishes.symmetry == 6
    for seed in range(4):
        petals = shapes_of(spec_for("six-fold symmetry, snowflake", seed), "radial_petals")
        assert all(int(str(shape["petals"])) % 6 == 0 for shape in petals)
        assert petals


def test_every_style_draws_its_own_rosette() -> None:
    drawn = {
        style: orjson.dumps(design(f"{style.replace('_', ' ')} rosette, 110 mm", None, 7).spec) for style in RECIPES
    }
    assert len(set(drawn.values())) == len(RECIPES)


def test_different_prompts_and_seeds_give_different_rosettes() -> None:
    prompts = [f"a rosette for {name}" for name in ("anna", "bertil", "chen", "dilip", "eva", "femi", "gita", "hugo")]
    across = {orjson.dumps(spec_without_meta(prompt, 1)) for prompt in prompts}
    along = {orjson.dumps(spec_without_meta("gothic, 24 petals, 110 mm", seed)) for seed in range(8)}
    assert len(across) == 8
    assert len(along) >= 7


def spec_without_meta(prompt: str, seed: int) -> dict[str, object]:
    return {key: value for key, value in design(prompt, None, seed).spec.items() if key != "meta"}


SAMPLE = [("Gothic rosette with 24 petals, 110 mm", 1), ("ocean waves in abalone", 2), ("modern, 3 arcs", None)]
PROGRAM = """
import hashlib, orjson
from services.ai_gateway.vendors.offline.designer import design
for prompt, seed in {sample!r}:
    print(hashlib.sha256(orjson.dumps(design(prompt, None, seed).spec)).hexdigest())
"""


def digests_in_another_process(hash_seed: str) -> Iterator[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    program = PROGRAM.format(sample=SAMPLE)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True)
    yield from done.stdout.split()


def test_the_same_request_gives_the_same_bytes_in_every_process() -> None:
    here = [hashlib.sha256(orjson.dumps(design(prompt, None, seed).spec)).hexdigest() for prompt, seed in SAMPLE]
    assert list(digests_in_another_process("1")) == here
    assert list(digests_in_another_process("77")) == here


def test_a_schema_in_the_prompt_is_no_limit() -> None:
    schema = '{"type": "object", "properties": {"diameter_mm": {"type": "number"}}}'
    assert outer_diameter(spec_for("110 mm gothic", 1, f"The schema: {schema}")) == 110
