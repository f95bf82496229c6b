"""Laws of walking along contours."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.outlines import Contour, Line
from services.cam.domain.contours import circle, end_of, length_of, run_up, start_of

SQUARE: Contour = (Line(0, 0, 4, 0), Line(4, 0, 4, 3), Line(4, 3, 0, 3), Line(0, 3, 0, 0))
CHIPPED: Contour = (*SQUARE[:3], Line(0, 3, 0, 0.01), Line(0, 0.01, 0, 0))


@given(contour=st.sampled_from([SQUARE, circle(1, 2, 3, ccw=True), circle(1, 2, 3, ccw=False)]), mm=st.floats(0.01, 99))
@settings(max_examples=50)
def test_a_run_up_is_connected_as_long_as_asked_and_ends_at_the_contours_start(contour: Contour, mm: float) -> None:
    way = run_up(contour, mm, 0.02)
    assert sum(length_of(segment) for segment, _ in way) == pytest.approx(mm)
    assert way[-1][1] == pytest.approx(mm)
    assert end_of(way[-1][0]) == start_of(contour[0])
    for (before, _), (after, _) in itertools.pairwise(way):
        assert math.dist(end_of(before), start_of(after)) < 1e-9


def test_short_segments_are_passed_but_not_counted() -> None:
    way = run_up(CHIPPED, 15, 0.02)
    chips = [i for i, (segment, _) in enumerate(way) if length_of(segment) < 0.02]
    assert len(chips) == 2
    assert all(way[i][1] == way[i - 1][1] for i in chips)
    assert sum(length_of(segment) for segment, _ in way) == pytest.approx(15.02)


def test_where_most_segments_are_short_they_are_counted() -> None:
    chords = [(math.cos(k / 500 * math.tau), math.sin(k / 500 * math.tau)) for k in range(501)]
    contour = tuple(Line(*a, *b) for a, b in itertools.pairwise(chords))
    assert sum(length_of(segment) for segment, _ in run_up(contour, 20, 0.02)) == pytest.approx(20)
