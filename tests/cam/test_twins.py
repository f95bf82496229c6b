"""Given regions that repeat each other round the rosette, then one plan serves all, and only those."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cam.domain import program_for
from services.cam.domain.regions import Region, features_of
from services.cam.domain.toolpath import Rapid, Swing
from services.cam.domain.twins import placement_of
from tests.cam.jobs import REGIONS, job_for, petals, ring, tiles


def regions(*shapes: dict[str, Any]) -> list[Region]:
    layers = [layer for feature in features_of(job_for(*shapes).spec) for layer in feature.layers]
    return [area for layer in layers for area in layer.areas if isinstance(area, Region)]


@given(turn=st.integers(-3599, 3599), cx=st.integers(-90, 90), cy=st.integers(-90, 90))
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("name", ["petals", "tiles with a gap", "sector"])
def test_a_region_turned_and_moved_is_a_twin_and_its_placement_puts_every_piece_there(
    name: str, turn: int, cx: int, cy: int
) -> None:
    shape = dict(REGIONS[name])
    if name == "sector":
        shape |= {"start_deg": -30, "end_deg": 50}
        moved = shape | {"start_deg": -30 + turn / 20, "end_deg": 50 + turn / 20}
    else:
        moved = shape | {"angle_deg": turn / 10}
    original = regions(shape)[0]
    for twin in regions(moved | {"cx": cx / 10, "cy": cy / 10}):
        placement = placement_of(twin, original)
        assert placement is not None
        for before, after in zip(original.edges, twin.edges, strict=True):
            assert placement.point((before.x0, before.y0)) == pytest.approx((after.x0, after.y0), abs=1e-6)
            assert placement.back((after.x1, after.y1)) == pytest.approx((before.x1, before.y1), abs=1e-6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (tiles(30, 36, 20, 1), tiles(30, 36, 20, "1.0001")),
        (tiles(30, 36, 20, 1), tiles(30, "36.0001", 20, 1)),
        (petals(25, 40, 8), petals(25, 40, 30)),
        (petals(25, 40, 8), tiles(25, 40, 8, 1)),
        ({"type": "arc", "r_inner": 20, "r_outer": 26, "start_deg": 0, "end_deg": 90},
         {"type": "arc", "r_inner": 20, "r_outer": 26, "start_deg": 0, "end_deg": "90.001"}),
    ],
)  # fmt: skip
def test_regions_that_differ_by_a_tenth_of_a_micrometre_are_no_twins(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert placement_of(regions(other)[0], regions(one)[0]) is None


def test_a_mirrored_region_is_no_twin() -> None:
    body = {"type": "arc", "r_inner": 30, "r_outer": 36, "start_deg": 0, "end_deg": 40}
    (left,) = regions(body, body | {"r_outer": 33, "start_deg": 35, "end_deg": 45})
    (right,) = regions(body, body | {"r_outer": 33, "start_deg": -5, "end_deg": 5})
    assert left.polygon.area == pytest.approx(right.polygon.area)
    assert placement_of(right, left) is None


@pytest.mark.parametrize(
    "shapes",
    [
        (tiles(30, 36, 12, 1),),
        (petals(25, 40, 8),),
        (petals("43.39", "49.91", 12), tiles("45.672", "47.628", 12, "5.912", angle_deg=15)),
    ],
    ids=["tiles", "petals", "petals with a tile across each"],
)
def test_pieces_round_the_rosette_get_the_same_path_turned(shapes: tuple[dict[str, Any], ...]) -> None:
    first, *others = program_for(job_for(*shapes)).operations
    begin = first.moves[0]
    for operation in others[1:-1]:  # those whose outlines are named in the same order
        entry = operation.moves[0]
        turn = math.atan2(entry.y, entry.x) - math.atan2(begin.y, begin.x)
        assert len(operation.moves) == len(first.moves)
        for a, b in zip(first.moves, operation.moves, strict=True):
            x, y = a.x * math.cos(turn) - a.y * math.sin(turn), a.x * math.sin(turn) + a.y * math.cos(turn)
            assert math.hypot(x - b.x, y - b.y) < 3  # ticks of 0.1 um; the angle itself comes from rounded points
            assert type(a) is type(b)
            assert a.z == b.z


def test_a_channel_met_by_petals_keeps_its_own_plan_and_the_petals_share_one() -> None:
    (operation,) = program_for(job_for(ring("45.06", "46.51"), petals("46.51", "53.3", 12))).operations
    entries = [m for m in operation.moves if isinstance(m, Rapid)]
    assert sum(isinstance(m, Swing) for m in operation.moves) > 12
    assert len(entries) >= 2 * 13
