"""Regions that are one another moved and turned: a rosette repeats its pieces, their offsets are computed once."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.outlines import Arc, Contour, Line, Segment
from services.cam.domain.contours import Point, end_of, start_of
from services.cam.domain.regions import Region

SAME_MM = 1e-7
"""Exact pieces this near to each other are the same: a thousandth of the output grid, far above rounding errors."""

SAME_AREA_MM2 = 1e-5
"""What the chords of the two polygons may differ by."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A turn about the origin (a unit complex number) and then a shift, mm."""

    turn: complex
    shift: complex

    def point(self, point: Point) -> Point:
        moved = complex(*point) * self.turn + self.shift
        return moved.real, moved.imag

    def back(self, point: Point) -> Point:
        moved = (complex(*point) - self.shift) * self.turn.conjugate()
        return moved.real, moved.imag

    def contour(self, contour: Contour) -> Contour:
        return tuple(self.segment(segment) for segment in contour)

    def segment(self, segment: Segment) -> Segment:
        ends = (*self.point(start_of(segment)), *self.point(end_of(segment)))
        if isinstance(segment, Line):
            return Line(*ends)
        return Arc(*ends, *self.point((segment.cx, segment.cy)), segment.ccw)


def placement_of(twin: Region, original: Region) -> Placement | None:
    """How `original` must be placed to become `twin`; None if no placement makes all their exact pieces agree."""
    if len(twin.edges) != len(original.edges) or twin.merged != original.merged:
        return None
    if abs(twin.polygon.area - original.polygon.area) > SAME_AREA_MM2:
        return None
    placement = _placement(_marks(original.edges), _marks(twin.edges))
    if placement is None or not all(
        _agree(placement.segment(a), b) for a, b in zip(original.edges, twin.edges, strict=True)
    ):
        return None
    middle, there = original.polygon.centroid, twin.polygon.centroid
    return placement if _near(placement.point((middle.x, middle.y)), (there.x, there.y), SAME_AREA_MM2) else None


def _marks(edges: Sequence[Segment]) -> tuple[Point, Point] | None:
    """Two points by which a region is placed: the ends of its first open piece."""
    for edge in edges:
        if start_of(edge) != end_of(edge):
            return start_of(edge), end_of(edge)
    return None


def _placement(before: tuple[Point, Point] | None, after: tuple[Point, Point] | None) -> Placement | None:
    if before is None or after is None:
        return None
    (a, b), (c, d) = [tuple(complex(*point) for point in pair) for pair in (before, after)]
    if abs(abs(d - c) - abs(b - a)) > SAME_MM:
        return None
    turn = cmath.rect(1.0, cmath.phase((d - c) / (b - a)))
    return Placement(turn, c - a * turn)


def _agree(a: Segment, b: Segment) -> bool:
    if isinstance(a, Arc) and isinstance(b, Arc):
        centres = _near((a.cx, a.cy), (b.cx, b.cy), SAME_MM) and a.ccw == b.ccw
        full = (start_of(a) == end_of(a), start_of(b) == end_of(b))
        if full == (True, True):  # where a full circle begins says nothing
            return centres and abs(a.radius - b.radius) <= SAME_MM
        return centres and full == (False, False) and _same_ends(a, b)
    return type(a) is type(b) and _same_ends(a, b)


def _same_ends(a: Segment, b: Segment) -> bool:
    return _near(start_of(a), start_of(b), SAME_MM) and _near(end_of(a), end_of(b), SAME_MM)


def _near(a: Point, b: Point, limit: float) -> bool:
    return abs(a[0] - b[0]) <= limit and abs(a[1] - b[1]) <= limit
