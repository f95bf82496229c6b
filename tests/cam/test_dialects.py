"""What each controller accepts and refuses, rule by rule, and that the posts keep every rule."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.gcode_header import ProgramOrigin, lines_of, run_named_in
from services.cam.domain import program_for
from services.cam.posts import write
from services.cam.posts.writer import number
from services.cam.simulate.reader import read
from tests.cam.jobs import ORIGIN, REGIONS, job_for

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", fullmatch=True)
ORIGINS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}", fullmatch=True)

GRBL = "G17 G21 G40 G90 G94\nG0 Z5\nS9000 M3\n{}\nM5\nM30\n"
LINUXCNC = "G17 G21 G40 G90 G94\nT1 M6\nG43\nG0 Z5\nS9000 M3\n{}\nM5\nM2\n"

GRBL_REFUSES = [
    ("M6", "M6 is refused"),
    ("D1", "no word D"),
    ("G41", "G41 is refused"),
    ("G42", "G42 is refused"),
    ("G43", "G43 is refused"),
    ("G64 P0.01", "G64 is refused"),
    ("G90.1", "G90.1 is refused"),
    ("M7", "M7 is refused"),
    ("%", "'%'"),
    ("(what now?)", "'?'"),
    ("(stop!)", "'!'"),
    ("(~)", "'~'"),
    ("(naïve)", "not printable ASCII"),
    ("(caf\x18)", "not printable ASCII"),
    ("G3 X5 Y0 I-1 J0 P2 F100", "P without a code"),
    ("G1 X1 A3 F100", "no word A"),
    ("G1 X1 X2 F100", "the word X twice"),
    ("G1 G0 X1 F100", "two codes of the group motion"),
    ("G3 I-1 J0 F100", "an arc needs X or Y"),
    ("G3 X1 Y0 F100", "an arc needs I or J"),
    ("G2 X1 Y1 R1 F100", "no word R"),
    ("G3 X5 Y0 I-1 J0.1 F100", "radius differs"),
    ("G1 X1 I1 F100", "I and J belong to arcs"),
    ("G1 X1", "without a feed"),
    ("F-1", "F is negative"),
    ("T256", "T must be"),
    ("G4", "a dwell needs P"),
    ("G91", "G91 is refused"),
    ("G18", "G18 is refused"),
    ("G83 X1 Z-1", "G83 is refused"),
    ("G1 X1 F100 (unclosed", "unclosed or nested"),
    ("G1 X1 F100 (a (b))", "unclosed or nested"),
    ("G1 X1.2.3 F100", "not understood"),
    ("G1 X F100", "not understood"),
    ("(" + "x" * 80 + ")", "longer than 70"),
]


@pytest.mark.parametrize(("block", "reason"), GRBL_REFUSES, ids=[block[:20] for block, _ in GRBL_REFUSES])
def test_grbl_refuses(block: str, reason: str) -> None:
    findings = read(GRBL.format(block).encode("latin-1"), "grbl").findings
    assert len(findings) == 1, findings
    assert findings[0].startswith("line 4: ")
    assert reason in findings[0]


@pytest.mark.parametrize(
    "block",
    ["G1 X1 F100", "G1X1Y2F100", "G01 X.5 F100 ; to the right", "(just words)", "", "G4 P0.5", "M8", "T3",
     "G2 X0 Y0 I1 J0 F100", "G3 X2 Y0 I1 J0 Z-1 F100", "g1 x1 f100"],
)  # fmt: skip
def test_grbl_accepts(block: str) -> None:
    assert read(GRBL.format(block).encode(), "grbl").findings == ()


@pytest.mark.parametrize("block", ["G64 P0.002", "G43", "T2 M6", "G1 X1 F100"])
def test_linuxcnc_accepts(block: str) -> None:
    assert read(LINUXCNC.format(block).encode(), "linuxcnc").findings == ()


def test_linuxcnc_cuts_only_after_a_tool_change() -> None:
    text = LINUXCNC.format("G1 X1 F100").replace("T1 M6\n", "")
    assert "before the tool change" in read(text.encode(), "linuxcnc").findings[0]


def test_equal_ends_of_an_arc_are_a_full_turn() -> None:
    reading = read(GRBL.format("G2 X0 Y0 I3 J0 F100").encode(), "grbl")
    assert reading.motions[-1].length_xy == pytest.approx(2 * 3.141592653589793 * 3)
    assert reading.motions[-1].box == pytest.approx((0, -3, 6, 3))


@pytest.mark.parametrize("name", REGIONS)
def test_the_grbl_post_keeps_every_rule(name: str) -> None:
    job = job_for(REGIONS[name])
    text = write(program_for(job), job, "engine").text.decode("ascii")
    assert read(text.encode(), "grbl").findings == ()
    assert max(len(line) for line in text.splitlines()) <= 70
    assert not set("!?~%") & set(text)
    words = re.sub(r"\([^)]*\)", "", text)
    assert not re.search(r"M6|G41|G42|G43|G64|G90\.1|M7", words)
    assert "." not in re.sub(r"\.\d{1,4}(?!\d)", "", words)


def test_the_linuxcnc_post_sets_a_path_tolerance_and_ends_with_m2() -> None:
    job = job_for(REGIONS["ring"], post="linuxcnc")
    lines = write(program_for(job), job, "engine").text.decode("ascii").splitlines()
    assert "G64 P0.002" in lines
    assert lines[-1] == "M2"


def test_the_header_carries_digests_versions_tool_feeds_units_stock_and_zero() -> None:
    job = job_for(REGIONS["ring"])
    head = write(program_for(job), job, "engine-7").text.decode("ascii").split("G17")[0]
    for part in ("RMOS", "d" * 32, "f" * 32, "ENGINE engine-7", "POST grbl-1.1/2", "TOOL 1 flat-1", "D 1 ",
                 "SPINDLE 18000", "FEED 600", "RAMP 400", "UNITS MM", "STOCK 3", "ZERO"):  # fmt: skip
        assert part in head


def test_the_header_names_run_decision_and_record() -> None:
    job = job_for(REGIONS["ring"])
    text = write(program_for(job), job, "engine").text
    lines = text.decode("ascii").splitlines()
    assert f"(RUN {ORIGIN['run_id']})" in lines
    assert f"(RESTS ON {ORIGIN['rests_on_artifact_id']})" in lines
    assert f"(RECORD {ORIGIN['log_origin']})" in lines
    assert run_named_in(text) == ORIGIN["run_id"]


def test_without_an_earlier_decision_the_header_says_so() -> None:
    job = job_for(REGIONS["ring"], origin={"run_id": "run_1", "log_origin": "rmos.test/log"})
    assert b"(RESTS ON THE VERDICT OF ITS OWN RELEASE)" in write(program_for(job), job, "engine").text


@pytest.mark.parametrize("post", ["grbl", "linuxcnc"])
def test_the_longest_names_still_make_lines_that_a_controller_accepts(post: str) -> None:
    longest = {"run_id": "r" * 128, "rests_on_artifact_id": "a" * 128, "log_origin": "rmos.test/" + "o" * 118}
    job = job_for(REGIONS["ring"], post=post, origin=longest)
    text = write(program_for(job), job, "engine").text
    assert read(text, post).findings == ()  # type: ignore[arg-type]  # the parameters above are posts
    assert run_named_in(text) == "r" * 128


@given(origin=st.builds(ProgramOrigin, run_id=NAMES, rests_on_artifact_id=st.none() | NAMES, log_origin=ORIGINS))
@settings(max_examples=50)
def test_no_origin_makes_a_comment_that_a_controller_acts_on(origin: ProgramOrigin) -> None:
    lines = lines_of(origin)
    for line in lines:
        assert re.fullmatch(r"\([A-Za-z0-9_.:/ -]{1,68}\)", line)
        assert not re.match(r"\((MSG|DEBUG|PRINT|LOG|PROBE|PY)", line)
    assert run_named_in("\n".join(lines).encode()) == origin.run_id


@pytest.mark.parametrize("name", ["two words", "a+b", "(x)", "100%", "ende!", "schön", ""])
def test_an_origin_that_no_comment_can_hold_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        ProgramOrigin(run_id="run_1", log_origin=name)


@given(value=st.integers(-(10**7), 10**7))
@settings(max_examples=200)
def test_written_numbers_read_back_exactly(value: int) -> None:
    assert round(float(number(value)) * 10_000) == value
    assert number(value) != "-0"
