"""Spec -> SVG: laws that hold for every spec, bytes that do not change, pictures that show the spec."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
import resvg_py
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contracts.spec import Circle, DotRing, HerringboneRing, Ring, RosetteSpec, Sector, TileRing
from services.art_studio.domain import compiler
from services.art_studio.domain.compiler import DrawingTooLarge, compile_svg, piece_count
from services.art_studio.domain.numbers import number_text
from services.art_studio.domain.palette import GROUND, LINE, tints_of
from services.art_studio.domain.svg_check import check_svg
from services.art_studio.rendering import render_png
from tests.art_studio.pixels import Picture, read_png
from tests.art_studio.specs import EVERYTHING, spec_of, specs

NS = {"s": "http://www.w3.org/2000/svg"}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def tree(spec: RosetteSpec) -> ET.Element:
    return ET.fromstring(compile_svg(spec))


def pictured(spec: RosetteSpec, width_px: int = 400) -> Picture:
    svg = compile_svg(spec).decode()
    return read_png(resvg_py.svg_to_bytes(svg_string=svg, width=width_px, dpi=96, skip_system_fonts=True))


@given(specs())
@example(EVERYTHING)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_spec_gives_a_drawing_that_our_own_check_accepts(spec: RosetteSpec) -> None:
    verdict = check_svg(compile_svg(spec))
    assert verdict.reason is None
    assert verdict.accepted


@given(specs())
@example(EVERYTHING)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_drawing_renders_to_a_square_picture(spec: RosetteSpec) -> None:
    svg = compile_svg(spec).decode()
    png = resvg_py.svg_to_bytes(svg_string=svg, width=64, dpi=96, skip_system_fonts=True)
    picture = read_png(png)
    assert (picture.width, picture.height) == (64, 64)


@given(specs())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_number_of_a_drawing_is_short_and_inside_the_canvas(spec: RosetteSpec) -> None:
    canvas = float(spec.canvas_mm)
    root = tree(spec)
    places = [element.get("d", "") for element in root.iter() if element.get("d")]
    numbers = [number for data in places for number in NUMBER.findall(data)]
    assert all(re.fullmatch(r"(0|[1-9]\d*)(\.\d{0,5}[1-9])?", number) for number in numbers)
    assert all(float(number) <= canvas + 1e-6 for number in numbers)


@given(st.floats(-1e6, 1e6) | st.decimals(-1000, 1000, places=6))
@example(-0.0)
@example(-1e-9)
@example(0.1 + 0.2)
@example(1e-7)
def test_a_number_has_at_most_six_decimals_and_one_spelling(value: float) -> None:
    text = number_text(value)
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d{0,5}[1-9])?", text)
    assert text != "-0"
    assert abs(float(text) - float(value)) <= 0.5000001e-6


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_not_drawn(value: float) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        number_text(value)


def test_the_same_spec_gives_the_same_bytes_under_another_hash_seed_locale_and_timezone() -> None:
    program = (
        "import hashlib, sys; from contracts.spec import RosetteSpec;"
        "from services.art_studio.domain.compiler import compile_svg;"
        "print(hashlib.sha256(compile_svg(RosetteSpec.model_validate_json(sys.stdin.read()))).hexdigest())"
    )
    here = hashlib.sha256(compile_svg(EVERYTHING)).hexdigest()
    for seed, locale in (("1", "C"), ("4711", "de_DE.UTF-8"), ("random", "tr_TR.UTF-8")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": "Asia/Kathmandu"}
        there = subprocess.run(
            [sys.executable, "-c", program],
            input=EVERYTHING.model_dump_json(),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here


def test_the_bytes_of_this_compiler_version_are_fixed() -> None:
    """Recorded drawings are verified by compiling again: other bytes need another COMPILER_VERSION."""
    drawn = hashlib.sha256(compile_svg(EVERYTHING)).hexdigest()
    lines = hashlib.sha256(compile_svg(EVERYTHING.model_copy(update={"fill_mode": "none"}))).hexdigest()
    assert {compiler.COMPILER_VERSION: (drawn, lines)} == {
        "1.0.0": (
            "f4c82d3558a64abc3ccdffcc8d836e0eef2ef23f9bfc8f0cd9928e75b91684b1",
            "78b432ba0f08e6970457e74bfc077881600599d7cd89e31a0e58d0b95cab9326",
        )
    }


def test_the_page_is_in_millimetres_with_its_origin_in_the_corner() -> None:
    root = tree(spec_of(Ring(r_inner=40, r_outer=50), canvas_mm=120.5))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("120.5mm", "120.5mm", "0 0 120.5 120.5")


def test_y_points_down_on_the_page_and_up_in_the_spec() -> None:
    upper_right = spec_of(Sector(r_inner=30, r_outer=60, start_deg=0, end_deg=90, material="ebony"))
    picture = pictured(upper_right)
    assert picture.at(0.5 + 0.2, 0.5 - 0.2) == tints_of("ebony")[0]
    for x, y in ((0.3, 0.3), (0.3, 0.7), (0.7, 0.7)):
        assert picture.at(x, y) != tints_of("ebony")[0]


def test_a_ring_leaves_its_inside_free() -> None:
    picture = pictured(spec_of(Ring(r_inner=30, r_outer=60, material="rosewood_east_indian")))
    assert picture.at(0.5 + 45 / 150, 0.5) == tints_of("rosewood")[0]
    assert picture.at(0.5, 0.5 - 45 / 150) == tints_of("rosewood")[0]
    assert picture.at(0.5 + 20 / 150, 0.5) != tints_of("rosewood")[0]


@pytest.mark.parametrize("end_deg", [179.5, 180, 180.5, 270, 359.999])
def test_an_arc_of_any_sweep_is_filled_on_its_own_side(end_deg: float) -> None:
    picture = pictured(spec_of(Sector(r_inner=30, r_outer=60, start_deg=0, end_deg=end_deg, material="padauk")))
    upper, lower = picture.at(0.5, 0.5 - 45 / 150), picture.at(0.5 + 0.02, 0.5 + 45 / 150)
    assert upper == tints_of("padauk")[0]
    assert (lower == tints_of("padauk")[0]) == (end_deg > 275)


def test_materials_alternate_round_a_tile_ring() -> None:
    picture = pictured(spec_of(TileRing(r_inner=30, r_outer=60, count=4, materials=("ebony", "holly"))))
    around = [picture.at(0.5 + 0.2 * sx, 0.5 - 0.2 * sy) for sx, sy in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    ebony, holly = tints_of("ebony")[0], tints_of("holly")[0]
    assert around == [ebony, holly, ebony, holly]


def test_a_circle_without_depth_and_material_is_a_dashed_line_and_nothing_else() -> None:
    root = tree(spec_of(Circle(r=40)))
    circle = root.find(".//s:circle", NS)
    assert circle is not None
    assert circle.get("stroke-dasharray")
    assert circle.get("fill") is None
    assert root.find(".//s:g[@id='shape-1']", NS).get("fill") is None  # type: ignore[union-attr]  # it is there


@pytest.mark.parametrize("shape", [Circle(r=40, depth_mm=2), Circle(r=40, material="ebony")])
def test_a_circle_with_depth_or_material_is_a_filled_disc(shape: Circle) -> None:
    root = tree(spec_of(shape))
    assert root.find(".//s:g[@id='shape-1']/s:g", NS).get("fill") == tints_of(shape.material)[0]  # type: ignore[union-attr]  # it is there
    assert root.find(".//s:circle", NS).get("stroke-dasharray") is None  # type: ignore[union-attr]  # it is there


def test_fill_mode_none_draws_lines_only() -> None:
    fills = {element.get("fill") for element in tree(EVERYTHING.model_copy(update={"fill_mode": "none"})).iter()}
    assert fills == {None, "none"}
    assert GROUND not in compile_svg(EVERYTHING.model_copy(update={"fill_mode": "none"})).decode()


def test_the_lines_are_as_wide_as_the_spec_says() -> None:
    pen = tree(spec_of(Ring(r_inner=10, r_outer=20), stroke_mm="0.35")).find(".//s:g[@stroke]", NS)
    assert pen is not None
    assert (pen.get("stroke-width"), pen.get("stroke")) == ("0.35", LINE)


def test_every_piece_is_drawn_once_under_its_shape() -> None:
    root = tree(EVERYTHING)
    for index, shape in enumerate(EVERYTHING.shapes, start=1):
        group = root.find(f".//s:g[@id='shape-{index}']", NS)
        assert group is not None
        drawn = [element for element in group.iter() if element.tag.endswith(("}path", "}circle"))]
        assert len(drawn) == piece_count(spec_of(shape))


def test_attributes_are_sorted() -> None:
    for tag in re.findall(r"<[a-z]+ ([^>]*?)/?>", compile_svg(EVERYTHING).decode()):
        names = re.findall(r'([\w-]+)="', tag)
        assert names == sorted(names)


def test_title_and_description_are_for_people_and_escaped() -> None:
    root = tree(EVERYTHING)
    assert root.findtext("s:title", namespaces=NS) == "Everything <&> once"
    description = root.findtext("s:desc", namespaces=NS)
    assert description is not None
    assert "1 herringbone ring" in description
    assert f"rosette compiler {compiler.COMPILER_VERSION}" in description


def test_characters_that_xml_cannot_hold_leave_the_title() -> None:
    root = tree(spec_of(Circle(r=10), meta={"title": "a\x00b\x1bc\ufffe\n d"}))
    assert root.findtext("s:title", namespaces=NS) == "a b c d"


def test_a_shape_says_what_it_is() -> None:
    root = tree(spec_of(DotRing(r=63, dot_r=0.8, count=48, materials=("silver", "bone"), depth_mm=1)))
    caption = root.findtext(".//s:g[@id='shape-1']/s:title", namespaces=NS)
    assert caption == "dot ring, radius 63 mm, 48 dots, dot radius 0.8 mm, silver + bone, 1 mm deep"


def test_a_design_of_too_many_pieces_is_refused_before_it_is_drawn() -> None:
    ring = HerringboneRing(r_inner=10, r_outer=20, count=720)
    with pytest.raises(DrawingTooLarge, match="fewer shapes"):
        compile_svg(spec_of(*[ring] * 30))


def test_the_largest_drawing_passes_our_own_check() -> None:
    ring = HerringboneRing(
        r_inner="333.333333", r_outer="499.999999", count=720, angle_deg="0.123456", materials=("ebony", "maple")
    )
    spec = spec_of(*[ring] * 20, canvas_mm=1000)
    assert piece_count(spec) == 28_800
    assert check_svg(compile_svg(spec)).accepted


def test_catalog_ids_have_their_own_colours_and_unknown_ones_a_fixed_neutral() -> None:
    assert tints_of("maple_hard") == tints_of("maple_soft") == tints_of("maple")
    assert tints_of("fibre_black") != tints_of("fibre_white")
    assert tints_of("veneer_dyed_red") == tints_of("red")
    assert len(tints_of("mother_of_pearl")) > 1
    assert tints_of("unobtainium") == tints_of("unobtainium")
    assert tints_of("unobtainium") != tints_of("kryptonite_4")
    assert all(re.fullmatch("#[0-9a-f]{6}", tint) for name in ("unobtainium", "x", None) for tint in tints_of(name))


def test_pearl_neighbours_never_share_a_tint() -> None:
    tiles = TileRing(r_inner=30, r_outer=40, count=50, materials=("mother_of_pearl",))
    root = tree(spec_of(tiles))
    drawn = [
        (path.get("d", ""), group.get("fill"))
        for group in root.iterfind(".//s:g[@id='shape-1']/s:g", NS)
        for path in group
    ]
    around = [fill for _, fill in sorted(drawn, key=lambda piece: _angle_of_first_point(piece[0]))]
    assert len(around) == 50
    assert all(one != next_one for one, next_one in itertools.pairwise(around))


def _angle_of_first_point(data: str) -> float:
    x, y = (float(number) - 75 for number in NUMBER.findall(data)[:2])
    return round(math.atan2(75 - (y + 75), x) % math.tau, 6)


def test_the_preview_is_a_png_of_the_stated_width_on_white() -> None:
    picture = read_png(render_png(compile_svg(spec_of(Circle(r=40), fill_mode="none")), width_px=200))
    assert (picture.width, picture.height) == (200, 200)
    assert picture.at(0.01, 0.01) == "#ffffff"
