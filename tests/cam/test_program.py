"""Given a design, when a program is generated, then its text cuts all the cutter can reach and nothing else."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import GEOSException

from services.cam.domain import program, program_for
from services.cam.domain.toolpath import Feed, Rapid, Swing
from services.cam.errors import CamError, ChannelTooNarrow, GeometryFailed, NoRoomForEntry
from services.cam.generate import generate
from tests.cam.jobs import REGIONS, RING_AND_DISCS, disc, job_for, petals, ring, shapes, tiles


@pytest.mark.parametrize("post", ["grbl", "linuxcnc"])
@pytest.mark.parametrize("name", REGIONS)
def test_every_kind_of_area_is_cut_completely_and_nothing_beside_it(name: str, post: str) -> None:
    report = generate(job_for(REGIONS[name], post=post)).simulation
    assert report.passed
    assert report.coverage_of_reachable >= Decimal("0.9999")
    assert report.gouge_mm2 <= Decimal("0.001")
    assert report.deepest_mm == Decimal("1.5")
    assert (report.rapids_below_top, report.plunges_in_stock) == (0, 0)
    assert report.max_ramp_deg <= 5


@given(
    drawn=st.lists(shapes(), min_size=1, max_size=3),
    diameter=st.sampled_from([0.8, 1.0, 1.2]),
    depths=st.lists(st.sampled_from([0.4, 1.0, 1.5]), min_size=3, max_size=3),
    stepover=st.sampled_from(["0.2", "0.4", "0.5", "0.9"]),
    post=st.sampled_from(["grbl", "linuxcnc"]),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_designed_a_program_passes_its_simulation_or_the_reason_names_the_feature(
    drawn: list[dict[str, object]], diameter: float, depths: list[float], stepover: str, post: str
) -> None:
    cut = [{**shape, "depth_mm": depth} for shape, depth in zip(drawn, depths, strict=False)]
    job = job_for(*cut, diameter=diameter, post=post, feeds={"stepover_ratio": stepover}, canvas=100)
    try:
        generated = generate(job)
    except (ChannelTooNarrow, NoRoomForEntry) as refusal:
        named = refusal.feature
    else:
        named = ""
        assert generated.simulation.passed
        assert generated.gcode == generate(job).gcode
    assert named == "" or named.startswith("shape ")


def test_a_ring_as_wide_as_the_cutter_is_one_circle_per_level() -> None:
    job = job_for(ring(40, 41), depth=1)
    turns = [
        move
        for operation in program_for(job).operations
        for move in operation.moves
        if isinstance(move, Swing) and move.purpose == "rough"
    ]
    assert len(turns) == 2
    assert {math.hypot(move.x, move.y) for move in turns} == {405000.0}


def test_a_ring_is_cut_from_the_middle_outwards_and_its_walls_last() -> None:
    (operation,) = program_for(job_for(ring(40, 45), depth=0.5)).operations
    rough = [math.hypot(m.x, m.y) for m in operation.moves if isinstance(m, Swing) and m.purpose == "rough"]
    finish = [math.hypot(m.x, m.y) for m in operation.moves if isinstance(m, Swing) and m.purpose == "finish"]
    assert rough[0] == 425000
    assert sorted(finish) == [405000, 445000]
    assert max(rough) < 445000
    assert min(rough) > 405000


def test_levels_are_equal_and_none_exceeds_the_stepdown() -> None:
    (operation,) = program_for(job_for(ring(40, 45), depth=1.2)).operations
    assert operation.levels_mm == (0.4, 0.8, 1.2)


def test_within_one_pocket_the_cutter_never_leaves_the_stock() -> None:
    (operation,) = program_for(job_for(ring(40, 45))).operations
    assert sum(isinstance(move, Rapid) for move in operation.moves) == 3  # over, down to the clearance, up at the end


@pytest.mark.parametrize("name", REGIONS)
def test_below_the_top_every_descent_is_along_a_ramp(name: str) -> None:
    for operation in program_for(job_for(REGIONS[name])).operations:
        before: Rapid | Feed | Swing | None = None
        for move in operation.moves:
            if isinstance(move, Feed) and before is not None and move.z < min(before.z, 0):
                assert (move.x, move.y) != (before.x, before.y)
            before = move


def test_features_are_cut_from_the_inside_of_the_rosette_outwards() -> None:
    names = [o.features[0] for o in program_for(job_for(ring(40, 45), disc(4), ring(20, 23))).operations]
    assert names == ["shape 1 (circle) piece 0", "shape 2 (ring) piece 0", "shape 0 (ring) piece 0"]


def test_touching_rings_of_equal_depth_become_one_channel() -> None:
    one = program_for(job_for(ring(40, 45)))
    two = program_for(job_for(ring(40, 42), ring(42, 45)))
    assert len(two.operations) == 1
    assert [o.moves for o in two.operations] == [o.moves for o in one.operations]


def test_touching_areas_of_different_depth_are_cut_in_layers() -> None:
    generated = generate(job_for(ring(40, 43, depth_mm=1), ring(43, 46, depth_mm=2)))
    operations = orjson.loads(generated.opplan)["operations"]
    assert [(o["top_mm"], o["levels_mm"][-1]) for o in operations] == [("0", "1"), ("1", "2")]


def test_overlapping_areas_of_different_kinds_become_one_pocket_with_exact_walls() -> None:
    job = job_for(ring(20, 23), {"type": "dot_ring", "r": 23, "dot_r": 2, "count": 5})
    generated = generate(job)
    assert len(orjson.loads(generated.opplan)["operations"]) == 1
    assert generated.simulation.coverage_of_reachable > Decimal("0.9999")


def test_a_channel_one_cutter_wide_with_bumps_is_cut_between_the_bumps_too() -> None:
    """The bumps, petals too narrow by themselves, are where an erosion by the radius still finds room."""
    job = job_for(ring(52, 53, depth_mm=1.5), petals(51, "52.5", 35, web_mm=0, depth_mm=1))
    assert generate(job).simulation.coverage_of_reachable > Decimal("0.9999")


def test_a_lattice_of_overlaps_is_entered_where_there_is_room_and_not_in_its_tiny_cores() -> None:
    """Cores a tenth of the cutter across took a million moves to ramp in."""
    dots = {"type": "dot_ring", "r": "34.1", "dot_r": "2.61", "count": 47, "angle_deg": "138.19"}
    lens = petals(35, "41.946", 15, angle_deg="-54.83", web_mm="1.4")
    (operation,) = program_for(job_for(dots, lens, feeds={"stepover_ratio": "0.5"})).operations
    assert len(operation.moves) < 30_000


def test_petals_whose_tips_touch_a_channel_become_one_feature_and_are_cut() -> None:
    """Areas that meet in points only: the polygons' closing crosses itself there, and GEOS cannot node it as it is."""
    rope = {"type": "rope_ring", "r_inner": "45.06", "r_outer": "46.51", "count": 38}
    generated = generate(job_for(rope, petals("46.51", "53.3", 46, web_mm="0.98"), stock=2.8, flute=4))
    assert len(orjson.loads(generated.opplan)["operations"]) == 1
    assert generated.simulation.coverage_of_reachable > Decimal("0.9999")


def test_an_unforeseen_failure_of_the_geometry_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise GEOSException("TopologyException: side location conflict")

    monkeypatch.setattr(program, "features_of", broken)
    with pytest.raises(GeometryFailed, match="side location conflict") as failure:
        generate(job_for(ring(40, 45)))
    assert failure.value.cause == "GEOSException"
    assert pickle.loads(pickle.dumps(failure.value)).details == failure.value.details


def test_petal_tips_no_cutter_can_reach_are_left_and_told() -> None:
    report = generate(job_for(petals(25, 40, 8), diameter=2)).simulation
    assert report.coverage_of_reachable > Decimal("0.9999")
    assert report.coverage_of_design < report.coverage_of_reachable


def test_petals_are_cut_with_arcs_only_apart_from_links() -> None:
    assert generate(job_for(petals(25, 40, 8))).simulation.arc_share > Decimal("0.9")


def test_a_channel_narrower_than_the_cutter_names_the_feature() -> None:
    with pytest.raises(ChannelTooNarrow, match=r"shape 1 \(ring\) piece 0") as refusal:
        generate(job_for(ring(20, 25), ring(40, "40.9")))
    assert refusal.value.width_mm == pytest.approx(0.9)
    assert refusal.value.diameter_mm == 1


@pytest.mark.parametrize(
    "shape",
    [
        petals(20, 21.5, 12),
        tiles(30, "30.8", 20, 1),
        {"type": "arc", "r_inner": 20, "r_outer": 20.5, "start_deg": 0, "end_deg": 90},
    ],
    ids=["petals", "tiles", "sector"],
)
def test_other_areas_narrower_than_the_cutter_are_refused_too(shape: dict[str, object]) -> None:
    with pytest.raises(ChannelTooNarrow) as refusal:
        generate(job_for(shape))
    assert refusal.value.width_mm < 1


def test_an_unreachable_area_that_touches_a_reachable_one_is_named() -> None:
    narrow = {"type": "arc", "r_inner": 45, "r_outer": 45.6, "start_deg": 0, "end_deg": 5}
    spur = {**narrow, "r_inner": "44.95", "r_outer": 49, "start_deg": 0, "end_deg": "0.5"}
    with pytest.raises(ChannelTooNarrow, match=r"shape 1 \(arc\)"):
        generate(job_for(ring(40, 45), spur))


@pytest.mark.parametrize("radius", ["0.5", "0.5001", "0.51"])
def test_a_hole_as_wide_as_the_cutter_is_refused_because_it_would_be_drilled(radius: str) -> None:
    with pytest.raises(NoRoomForEntry, match=r"shape 0 \(circle\) piece 0: .* drilling is not supported") as refusal:
        generate(job_for(disc(radius)))
    enough = 2 * (float(radius) + refusal.value.wider_mm / 2)
    assert enough == pytest.approx(1.048, abs=0.001)
    assert generate(job_for(disc(str(round(enough / 2, 6))))).simulation.passed


@pytest.mark.parametrize("diameter", [0.8, 1.0, 3.0])
@pytest.mark.parametrize("room", ["0.05", "0.1", "0.2"])
def test_a_hole_with_room_for_a_helix_is_entered_by_one(diameter: float, room: str) -> None:
    """`room`: what the hole is wider than the cutter, in cutter diameters."""
    hole = disc(str(round(diameter * (1 + float(room)) / 2, 4)))
    generated = generate(job_for(hole, diameter=diameter))
    assert generated.simulation.max_ramp_deg <= 5
    (operation,) = program_for(job_for(hole, diameter=diameter)).operations
    entries = [move for move in operation.moves if isinstance(move, Swing) and move.purpose == "entry"]
    sunk = sum(before.z - move.z for before, move in pairwise(entries) if before.z > move.z)
    assert sunk > 14000  # ticks: all but the first arc's share of 1.6 mm


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "polygon_ring", "r_inner": 0, "r_outer": "0.7425", "sides": 4},
        {"type": "arc", "r_inner": 40, "r_outer": "41.05", "start_deg": 0, "end_deg": "1.486"},
        petals(40, "43.57", 6),
    ],
    ids=["square", "tile", "petal"],
)
def test_other_small_areas_with_room_for_a_helix_are_entered_along_their_walls(shape: dict[str, object]) -> None:
    report = generate(job_for(shape)).simulation
    assert report.max_ramp_deg <= 5
    assert report.coverage_of_reachable == 1


def test_errors_survive_a_process_pool_with_their_figures() -> None:
    with pytest.raises(CamError) as refusal:
        generate(job_for(ring(40, "40.9")))
    copy = pickle.loads(pickle.dumps(refusal.value))
    assert isinstance(copy, ChannelTooNarrow)
    assert (str(copy), copy.details) == (str(refusal.value), refusal.value.details)


def test_generated_programs_can_be_passed_between_processes() -> None:
    generated = generate(job_for(ring(40, 43)))
    assert pickle.loads(pickle.dumps(generated)) == generated


_DIGESTS = """
import hashlib, sys
from services.cam.generate import generate
from tests.cam.jobs import RING_AND_DISCS, job_for, petals, tiles
g = generate(job_for(*RING_AND_DISCS, petals(20, 34, 6), tiles(8, 14, 5, 1)))
for data in (g.gcode, g.opplan, g.preview_svg):
    print(hashlib.sha256(data).hexdigest())
print(g.toolpaths_sha256)
"""


def test_another_process_with_another_hash_seed_writes_the_same_bytes() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", _DIGESTS],
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "4711")
    }
    assert len(answers) == 1
    assert len(answers.pop().split()) == 4


def test_the_same_path_has_the_same_digest_whatever_post_writes_it() -> None:
    grbl = generate(job_for(*RING_AND_DISCS))
    linuxcnc = generate(job_for(*RING_AND_DISCS, post="linuxcnc"))
    assert grbl.toolpaths_sha256 == linuxcnc.toolpaths_sha256
    assert grbl.gcode != linuxcnc.gcode
