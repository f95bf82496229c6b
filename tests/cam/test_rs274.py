"""LinuxCNC's own interpreter as a judge of our text and of our reader; skipped where it is not installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services.cam.domain import program_for
from services.cam.posts import write
from services.cam.simulate.reader import read
from tests.cam.jobs import REGIONS, job_for

RS274 = shutil.which("rs274")

pytestmark = pytest.mark.skipif(RS274 is None, reason="rs274 (Debian package linuxcnc-uspace) is not installed")


@pytest.mark.parametrize("name", REGIONS)
def test_linuxcnc_accepts_the_program_and_reads_the_same_end_points(name: str, tmp_path: Path) -> None:
    job = job_for(REGIONS[name], post="linuxcnc")
    text = write(program_for(job), job, "engine").text
    (tmp_path / "tool.tbl").write_text("T1 P1 Z0 D1.0 ;flat\n")
    (tmp_path / "job.ngc").write_bytes(text)
    answer = subprocess.run(
        [str(RS274), "-g", "-n", "2", "-t", "tool.tbl", "job.ngc"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    theirs = []
    for kind, arguments in re.findall(r"(STRAIGHT_TRAVERSE|STRAIGHT_FEED|ARC_FEED)\((.*)\)", answer.stdout):
        figures = [float(figure) for figure in arguments.split(",")]
        theirs.append((kind, figures[0], figures[1], figures[5 if kind == "ARC_FEED" else 2]))
    kinds = {True: "STRAIGHT_TRAVERSE", False: "STRAIGHT_FEED"}
    ours = [
        ("ARC_FEED" if motion.centre else kinds[motion.rapid], *(round(figure, 4) for figure in motion.end))
        for motion in read(text, "linuxcnc").motions
    ]
    assert theirs == ours
