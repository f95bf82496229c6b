"""Widths, shares and walls against elementary geometry, within 0.01 mm."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.outlines import petal_half_width, pieces
from contracts.spec import DotRing, PolygonRing, RadialPetals, Ring, RosetteSpec, Sector, Shape, TileRing
from services.rmos.domain.feasibility import interlocking
from services.rmos.domain.feasibility.analysis import clusters, geometry_of
from services.rmos.domain.feasibility.geometry import Findings, Geometry, cuts_of
from services.rmos.domain.feasibility.polygons import inscribed_diameter, polygon_of, slender_diameter
from services.rmos.domain.feasibility.widths import own_width, tile_width


def geometry(*shapes: Shape, diameter: float = 1.0, wall: float = 0.8) -> Geometry:
    spec = RosetteSpec(canvas_mm=300, shapes=shapes).with_default_depth(1)  # type: ignore[arg-type]
    return geometry_of(cuts_of(spec), diameter / 2, wall)


def thinnest(found: Geometry) -> float:
    return min(wall.thickness_mm for wall in found.walls)


def test_a_ring_is_as_wide_as_its_radii_say_and_fully_reached() -> None:
    found = geometry(Ring(r_inner=44, r_outer="46.25"))
    assert found.narrowest.width_mm == pytest.approx(2.25)
    assert found.area_mm2 == found.reachable_mm2 == pytest.approx(math.pi * (46.25**2 - 44**2))


def test_the_wall_between_rings_is_the_difference_of_their_radii() -> None:
    assert thinnest(geometry(Ring(r_inner=44, r_outer=46), Ring(r_inner="46.7", r_outer=49))) == pytest.approx(0.7)


def test_dots_are_as_far_apart_as_the_chord_less_their_diameter() -> None:
    found = geometry(DotRing(r=48, dot_r="1.5", count=80))
    assert thinnest(found) == pytest.approx(2 * 48 * math.sin(math.pi / 80) - 3, abs=0.01)
    assert found.narrowest.width_mm == pytest.approx(3, abs=0.01)


def test_a_square_loses_in_each_corner_the_square_less_the_quarter_disc() -> None:
    found = geometry(PolygonRing(sides=4, r_inner=0, r_outer=5), diameter=2)
    assert found.shares[0].area_mm2 == pytest.approx(50, abs=0.01)
    assert found.shares[0].reachable_mm2 == pytest.approx(50 - 4 * (1 - math.pi / 4), abs=0.01)


def test_petals_keep_the_web_they_were_drawn_with_and_more_where_the_cutter_rounds_them() -> None:
    found = geometry(RadialPetals(r_inner=20, r_outer=50, petals=12, web_mm=1))
    half = petal_half_width(20, 50, 12, 1)
    assert found.narrowest.width_mm == pytest.approx(2 * half, abs=0.01)
    assert 1 - 0.01 <= thinnest(found) <= 1.3


def test_separate_tiles_are_as_far_apart_as_their_gap() -> None:
    assert thinnest(geometry(TileRing(r_inner=45, r_outer=48, count=60, gap_mm=1))) == pytest.approx(1, abs=0.01)


def test_a_sector_is_judged_by_itself() -> None:
    found = geometry(Sector(r_inner=40, r_outer=44, start_deg=10, end_deg=100))
    assert found.narrowest.width_mm == pytest.approx(4, abs=0.02)
    assert found.shares[0].area_mm2 == pytest.approx(math.pi / 4 * (44**2 - 40**2), rel=1e-4)


def test_a_window_of_sectors_sees_what_the_whole_ring_shows() -> None:
    spec = RosetteSpec(
        canvas_mm=120,
        shapes=(
            Ring(r_inner=43, r_outer="45.5"),
            RadialPetals(r_inner="45.5", r_outer=52, petals=24, angle_deg=7),
            Ring(r_inner=52, r_outer=54),
        ),
    ).with_default_depth(1)  # type: ignore[arg-type]
    group = clusters(cuts_of(spec))[0]
    windowed, whole = Findings(), Findings()
    interlocking.analyse(group, 0.5, 0.8, windowed)
    window, interlocking._window = interlocking._window, lambda *_: interlocking.WHOLE
    try:
        interlocking.analyse(group, 0.5, 0.8, whole)
    finally:
        interlocking._window = window

    assert interlocking._window(group, 6.8).sectors == 24
    for a, b in zip(windowed.shares, whole.shares, strict=True):
        assert a.area_mm2 == pytest.approx(b.area_mm2, rel=2e-4)
        assert a.reachable_mm2 == pytest.approx(b.reachable_mm2, rel=2e-4)
        assert a.width_mm == pytest.approx(b.width_mm, abs=0.01)
    assert min(w.thickness_mm for w in windowed.walls) == pytest.approx(
        min(w.thickness_mm for w in whole.walls), abs=0.01
    )


def test_turning_the_whole_design_changes_no_measure() -> None:
    plain = geometry(
        RadialPetals(r_inner=45, r_outer=54, petals=12), TileRing(r_inner=40, r_outer=43, count=40, gap_mm=1)
    )
    turned = geometry(
        RadialPetals(r_inner=45, r_outer=54, petals=12, angle_deg="11.3"),
        TileRing(r_inner=40, r_outer=43, count=40, gap_mm=1, angle_deg="11.3"),
    )
    assert turned.reachable_mm2 == pytest.approx(plain.reachable_mm2, rel=1e-4)
    assert thinnest(turned) == pytest.approx(thinnest(plain), abs=0.01)


def test_a_deeper_neighbour_lets_the_cutter_pass_over_a_narrow_shallow_ring() -> None:
    beside = geometry(Ring(r_inner=44, r_outer="44.6", depth_mm=1), Ring(r_inner="44.6", r_outer=47, depth_mm=2))
    alone = geometry(Ring(r_inner=44, r_outer="44.6", depth_mm=1))
    assert beside.shares[0].ratio == 1
    assert alone.shares[0].ratio == 0


@settings(max_examples=25, deadline=None)
@given(
    gap=st.decimals("0.05", "1.0", places=2),
    inner=st.integers(10, 60),
    wide=st.decimals("1.1", "8", places=1),
    diameter=st.sampled_from([0.5, 1.0]),
)
def test_the_web_between_an_arcs_ends_is_the_chord_where_the_cutter_leaves_its_corners(
    gap: Decimal, inner: int, wide: Decimal, diameter: float
) -> None:
    found = geometry(Sector(r_inner=inner, r_outer=inner + wide, start_deg=0, end_deg=360 - gap), diameter=diameter)
    straight_from = math.sqrt((inner + diameter / 2) ** 2 - (diameter / 2) ** 2)
    chord = 2 * straight_from * math.sin(math.radians(float(gap)) / 2)
    webs = [wall.thickness_mm for wall in found.walls if wall.between[0] == "two arms of one pocket"]
    if chord < 0.8:
        assert min(webs) == pytest.approx(chord, abs=0.01)
    else:  # the least wall holds
        assert all(web > 0.79 for web in webs)


@pytest.mark.parametrize("width", ["0.1", "0.3", "0.6"])
@pytest.mark.parametrize("length_deg", [4, 60])
def test_a_tongue_is_as_thick_as_its_arms_are_apart(width: str, length_deg: int) -> None:
    inner_arm = Sector(r_inner=44, r_outer=46, start_deg=0, end_deg=length_deg)
    outer_arm = Sector(r_inner=46 + Decimal(width), r_outer=49, start_deg=0, end_deg=length_deg)
    found = geometry(inner_arm, outer_arm, Sector(r_inner=44, r_outer=49, start_deg=length_deg, end_deg=length_deg + 5))
    assert thinnest(found) == pytest.approx(float(width), abs=0.01)


@pytest.mark.parametrize("angle_deg", [20, 60, 90, 150])
def test_a_corner_of_stock_is_no_tongue(angle_deg: int) -> None:
    # two slots that leave a corner of this angle between them, in an otherwise open field
    found = geometry(
        Sector(r_inner=0, r_outer=20, start_deg=0, end_deg=360 - angle_deg), diameter=1.0
    )  # fmt: skip
    assert found.walls == ()


def test_one_piece_out_of_reach_is_the_shapes_width_however_wide_the_others_lie() -> None:
    arc = Sector(r_inner=41, r_outer=47, start_deg=0, end_deg=324)
    dots = geometry(DotRing(r="43.16", dot_r="0.28", count=24), arc, diameter=3.0).shares[0]
    assert dots.stranded
    assert dots.width_mm == pytest.approx(0.56, abs=0.01)
    held = geometry(DotRing(r="43.16", dot_r="0.28", count=24), Ring(r_inner=41, r_outer=47), diameter=3.0).shares[0]
    assert not held.stranded
    assert held.width_mm == pytest.approx(6)


def test_a_bulge_the_cutter_fits_in_without_room_to_go_round_is_a_short_way() -> None:
    # dots of 1.04 mm at a slot of 0.9 mm that joins them: the centre of 1 mm can only stay in the dots
    slot = Sector(r_inner="47.55", r_outer="48.45", start_deg=0, end_deg=180)
    found = geometry(DotRing(r=48, dot_r="0.52", count=12), slot)
    assert found.shares[0].travel_mm < 0.2


@settings(max_examples=40, deadline=None)
@given(
    shape=st.one_of(
        st.builds(
            TileRing,
            r_inner=st.integers(20, 45),
            r_outer=st.integers(46, 60),
            count=st.integers(6, 90),
            gap_mm=st.sampled_from(["0", "0.4", "1"]),
        ),
        st.builds(RadialPetals, r_inner=st.integers(20, 40), r_outer=st.integers(42, 60), petals=st.integers(6, 24)),
        st.builds(
            DotRing, r=st.integers(30, 60), dot_r=st.sampled_from(["0.5", "1.25", "2"]), count=st.integers(2, 20)
        ),
        st.builds(PolygonRing, r_inner=st.integers(10, 45), r_outer=st.integers(46, 60), sides=st.integers(3, 16)),
    )
)
def test_the_closed_form_of_a_pieces_width_is_its_largest_inscribed_disc(shape: Shape) -> None:
    spec = RosetteSpec(canvas_mm=140, shapes=(shape,)).with_default_depth(1)  # type: ignore[arg-type]
    cut = cuts_of(spec)[0]
    width = tile_width(shape) if isinstance(shape, TileRing) else own_width(cut)
    piece = next(pieces(spec))
    assert width == pytest.approx(inscribed_diameter(polygon_of(piece)), abs=0.03)


def test_a_slender_area_is_as_wide_as_its_largest_inscribed_disc() -> None:
    for width in (0.1, 0.35, 0.8, 1.1):
        strip = polygon_of(next(pieces(RosetteSpec(canvas_mm=140, shapes=(arc(width),)))))
        assert slender_diameter(strip, 1.2) == pytest.approx(width, abs=0.015)


def arc(width: float) -> Sector:
    return Sector(r_inner=45, r_outer=Decimal("45") + Decimal(str(width)), start_deg=0, end_deg=70)
