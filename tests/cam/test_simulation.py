"""Given a sound program, when one fault is put into its text, then the simulation rejects it and says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.cam import Simulation, ToolpathJob
from services.cam.domain import program_for
from services.cam.errors import SimulationFailed
from services.cam.generate import ENGINE_VERSION, generate
from services.cam.posts import TABLES, write
from services.cam.simulate import simulate
from tests.cam.jobs import RING_AND_DISCS, job_for, petals, ring, tiles

JOB = job_for(*RING_AND_DISCS, petals(20, 34, 6), tiles(8, 14, 5, 1))
SOUND = generate(JOB).gcode.decode()


def judged(text: str, job: ToolpathJob = JOB) -> Simulation:
    return simulate(text.encode("latin-1"), job).report


def swap(text: str, old: str, new: str, nth: int = 0) -> str:
    """The text with the nth occurrence of a pattern replaced; the pattern must be there."""
    match = list(re.finditer(old, text, re.MULTILINE))[nth]
    return text[: match.start()] + match.expand(new) + text[match.end() :]


FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "outer wall 20 um too far out": (
        lambda text: text.replace("G3 X44.5 Y0 I-44.5 J0", "G3 X44.52 Y0 I-44.52 J0").replace(
            "G1 X44.5\n", "G1 X44.52\n"
        ),
        "outside the design, up to 0.02",
    ),
    "inner wall 20 um too far in": (
        lambda text: text.replace("G2 X40.5 Y0 I-40.5 J0", "G2 X40.48 Y0 I-40.48 J0").replace(
            "G1 X40.5\n", "G1 X40.48\n"
        ),
        "outside the design, up to 0.02",
    ),
    "one dot 20 um aside": (
        lambda text: swap(text, r"^G3 X(\S+) Y(\S+) I-1.5 J0$", r"G1 X\1 Y\2\nG3 X\1 Y\2 I-1.52 J0", 3),
        "outside the design, up to 0.0",
    ),
    "a missed finishing pass": (lambda text: swap(text, r"^G3 X44.5 Y0 I-44.5 J0\n", ""), "is uncut near"),
    "three missed roughing passes at the last level": (
        lambda text: swap(text, r"^G3 X43.26 Y0 I-43.26 J0\n(.*\n){4}", "", -1),
        "is uncut near",
    ),
    "three missed roughing passes at the first level": (
        lambda text: swap(text, r"^G3 X43.26 Y0 I-43.26 J0\n(.*\n){4}", ""),
        "more than the stepdown is cut at once",
    ),
    "a whole pocket missed": (
        lambda text: re.sub(r"\(POCKET 9:(.|\n)*?(?=\(POCKET 10:)", "", text),
        "cut only to 0.0000",
    ),
    "50 um too deep": (lambda text: text.replace("Z-1.5", "Z-1.55"), "1.5500 mm deep"),
    "50 um too shallow": (lambda text: text.replace("Z-1.5", "Z-1.45"), "cut only to 0.0000"),
    "a rapid in the stock": (lambda text: swap(text, r"^G1 X43.26$", "G0 X43.26"), "a rapid below the stock's top"),
    "a rapid down into the stock": (lambda text: swap(text, r"^G0 Z1$", "G0 Z-0.5"), "a rapid below the stock's top"),
    "a plunge": (lambda text: swap(text, r"^G1 Z0.1", "G1 Z-0.5"), "goes down into the stock at 90.00 degrees"),
    "a ramp too steep": (
        lambda text: swap(text, r"^G3 X42.5 Y0 Z-0.5 (.*)$", r"G3 X42.5 Y0 Z-1 \1"),
        "goes down into the stock at",
    ),
    "inches": (lambda text: text.replace("G21", "G20"), "X: "),
    "no units": (lambda text: text.replace("G21 ", ""), "before units"),
    "no distance mode": (lambda text: text.replace("G90 ", ""), "before units"),
    "a bad arc centre of a full turn": (
        lambda text: text.replace("X44.5 Y0 I-44.5 J0", "X44.5 Y0 I-44.5 J0.5"),
        "outside the design",
    ),
    "a bad arc centre of a part turn": (
        lambda text: swap(text, r"^(G3 X42.5 Y0 Z-0.5 I-\S+ J\d)", r"\g<1>1"),
        "the arc's radius differs",
    ),
    "a tool change": (lambda text: swap(text, r"^M5$", "M6"), "M6 is refused"),
    "cutter compensation": (lambda text: text.replace("G40", "G41"), "G41 is refused"),
    "the spindle off": (lambda text: text.replace("S18000 M3\n", ""), "spindle off"),
    "no feed": (lambda text: re.sub(r" F\d+", "", text), "without a feed"),
    "a feed beyond the machine": (lambda text: swap(text, r"F600", "F6000"), "the feed: 6000 passes 1500"),
    "no end": (lambda text: text.replace("M30\n", ""), "the program has no end"),
    "more after the end": (lambda text: text + "G0 X1\n", "after the program's end"),
    "beyond the machine": (lambda text: swap(text, r"^G0 X0 Y0$", "G0 X160 Y0"), "X: 160 passes 150"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_text_is_found(fault: str) -> None:
    plant, reason = FAULTS[fault]
    faulty = plant(SOUND)
    assert faulty != SOUND
    report = judged(faulty)
    assert not report.passed
    assert any(reason in finding for finding in report.findings), report.findings


def test_the_sound_program_passes() -> None:
    report = judged(SOUND)
    assert report.passed
    assert report.findings == ()


PETALS = job_for(petals(20, 34, 6))
_SOUND_PETALS = generate(PETALS).gcode.decode()
_ARCS = [match.start() for match in re.finditer(r"^G[23] (?!.*Z0)", _SOUND_PETALS, re.MULTILINE)]
"""Without the first arc of each entry, which is above the stock."""


@given(which=st.integers(0, len(_ARCS) - 1))
@settings(max_examples=15, deadline=None)
def test_no_arc_of_a_petal_can_be_turned_the_other_way(which: int) -> None:
    at = _ARCS[which]
    turned = _SOUND_PETALS[:at] + {"3": "G2", "2": "G3"}[_SOUND_PETALS[at + 1]] + _SOUND_PETALS[at + 2 :]
    report = judged(turned, PETALS)
    assert not report.passed
    assert report.gouge_mm2 > 1


@given(offset=st.sampled_from([-0.02, 0.02]), which=st.integers(0, 200))
@settings(max_examples=6, deadline=None)
def test_every_pocket_moved_by_20_um_is_a_gouge(offset: float, which: int) -> None:
    """The whole of one pocket is moved: a gouge on one side, an uncut strip on the other."""
    blocks = re.split(r"(?=\(POCKET )", SOUND)
    chosen = 1 + which % (len(blocks) - 1)
    blocks[chosen] = re.sub(r" X(\S+)", lambda match: f" X{float(match[1]) + offset:.4f}", blocks[chosen])
    report = judged("".join(blocks))
    assert not report.passed
    assert report.gouge_mm2 > Decimal("0.01")


def test_a_program_for_one_cutter_fails_with_a_larger_one() -> None:
    report = judged(SOUND, job_for(*RING_AND_DISCS, petals(20, 34, 6), tiles(8, 14, 5, 1), diameter=1.1))
    assert not report.passed
    assert report.max_gouge_mm == pytest.approx(Decimal("0.05"), abs=Decimal("0.001"))


def test_a_program_for_another_design_fails() -> None:
    assert not judged(SOUND, job_for(ring(40, 45))).passed


def test_a_failed_simulation_withholds_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A post with a wrong unit word: nothing is returned, the report says what was found."""
    monkeypatch.setitem(TABLES, "grbl", replace(TABLES["grbl"], modes=("G17 G20 G40 G49 G54 G80 G90 G94",)))
    with pytest.raises(SimulationFailed) as failure:
        generate(job_for(ring(8, 10)))
    assert not failure.value.report.passed
    assert failure.value.report.findings


def test_cycle_time_is_length_over_feed_plus_accelerations() -> None:
    """Slow machine, no corners: one circle one cutter wide, compared with a sum by hand."""
    job = job_for(ring(40, 41), depth=0.5)
    report = simulate(write(program_for(job), job, ENGINE_VERSION).text, job).report
    turn = 2 * 3.141592653589793 * 40.5 / 10  # s at 600 mm/min
    ramp = (0.6 / 0.0787017) / (400 / 60)  # s for 0.6 mm at 4.5 degrees
    approach, lift, dwell = 0.9 / (400 / 60), 0.6 / (400 / 60), 3
    rapids = (2 * 40.5) / 50 + (4 + 4.9) / (1000 / 60)
    assert float(report.cycle_time_s) == pytest.approx(turn + ramp + approach + lift + dwell + rapids, rel=0.02)


def test_a_program_of_refused_lines_is_read_only_so_far() -> None:
    findings = judged(SOUND.replace("\n", " Q1\n")).findings
    assert "given up after 50 refused lines" in findings
    assert sum("Q" in finding for finding in findings) == 50


def test_judging_stops_when_most_of_the_pockets_are_missing() -> None:
    job = job_for({"type": "dot_ring", "r": 60, "dot_r": 1, "count": 90})
    first = re.split(r"(?=\(POCKET 2:)", generate(job).gcode.decode())[0]
    report = judged(first + "M5\nM30\n", job)
    assert "given up after 50 findings: the areas are not complete" in report.findings
    assert len(report.findings) < 60


def test_judging_stops_when_hundreds_of_cuts_leave_the_design() -> None:
    """Everything is 3 mm aside; the first hundred paths say enough."""
    job = job_for({"type": "dot_ring", "r": 60, "dot_r": 1, "count": 90})
    aside = re.sub(
        r"^(G\d) X(\S+)", lambda m: f"{m[1]} X{float(m[2]) + 3:.4f}", generate(job).gcode.decode(), flags=re.M
    )
    (gouge,) = [finding for finding in judged(aside, job).findings if "outside the design" in finding]
    assert gouge.endswith("; given up there")


def test_a_program_in_inches_gouges_nowhere_that_must_be_computed() -> None:
    """Beyond the machine's reach no area is made: only the figure of the reach is a finding."""
    report = judged(SOUND.replace("G21", "G20"))
    assert any(finding.startswith("X: ") for finding in report.findings)
    assert report.coverage_of_reachable < Decimal("0.1")


@pytest.mark.parametrize("radius", ["1000000", "99999999999999"])
def test_an_arc_of_absurd_radius_is_judged_without_absurd_work(radius: str) -> None:
    text = swap(SOUND, r"^G3 X44.5 Y0 I-44.5 J0$", f"G1 X44.5 Y0\nG3 X44.5 Y0.0001 I-{radius} J0")
    assert not judged(text).passed
