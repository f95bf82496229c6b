"""Given figures beyond what cutter, stock or machine allow, when a program is asked for, then the reason is named."""

from __future__ import annotations

from typing import Any

import pytest

from services.cam.errors import LimitExceeded, NothingToCut
from services.cam.generate import generate
from tests.cam.jobs import job_for, ring


@pytest.mark.parametrize(
    ("change", "what", "value", "limit"),
    [
        ({"flute": 1}, "the depth of shape 0 (ring) piece 0", 1.5, 1),
        ({"stock": 1.2}, "the depth of shape 0 (ring) piece 0", 1.5, 1.2),
        ({"feeds": {"spindle_rev_per_min": 30000}}, "the spindle speed", 30000, 24000),
        ({"feeds": {"spindle_rev_per_min": 5000}}, "the spindle speed", 5000, 8000),
        ({"feeds": {"feed_mm_per_min": 2000}}, "the feed", 2000, 1500),
        ({"feeds": {"ramp_feed_mm_per_min": 1600}}, "the ramp feed", 1600, 1500),
        ({"machine": {"max_feed_z_mm_per_min": 20}}, "the ramp's vertical feed", 31.4, 20),
        ({"machine": {"envelope_x_mm": 80}}, "the reach in X", 44.5, 40),
        ({"machine": {"envelope_y_mm": 88}}, "the reach in Y", 44.5, 44),
        ({"machine": {"envelope_z_mm": 6}}, "the Z travel", 6.5, 6),
    ],
)
def test_a_figure_beyond_its_limit_is_refused_with_both_figures(
    change: dict[str, Any], what: str, value: float, limit: float
) -> None:
    with pytest.raises(LimitExceeded) as refusal:
        generate(job_for(ring(40, 45), **change))
    assert refusal.value.what == what
    assert refusal.value.value == pytest.approx(value, abs=0.1)
    assert refusal.value.limit == limit


def test_a_cut_through_the_whole_stock_is_still_within_it() -> None:
    assert generate(job_for(ring(40, 45), depth=3, stock=3)).simulation.passed


def test_a_design_without_depths_has_nothing_to_cut() -> None:
    with pytest.raises(NothingToCut):
        generate(job_for({"type": "circle", "r": 40}))


def test_an_arc_that_bulges_beyond_its_ends_counts_towards_the_reach() -> None:
    bulge = {"type": "arc", "r_inner": 40, "r_outer": 44, "start_deg": 60, "end_deg": 120}
    with pytest.raises(LimitExceeded, match="the reach in Y is 43"):
        generate(job_for(bulge, machine={"envelope_y_mm": 86}))
