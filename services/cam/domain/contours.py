"""Walking along closed contours of lines and arcs: lengths, splitting, the nearest place, starting elsewhere."""

from __future__ import annotations

import math
from itertools import accumulate

from contracts.outlines import Arc, Contour, Line, Segment

Point = tuple[float, float]


def start_of(segment: Segment) -> Point:
    return segment.x0, segment.y0


def end_of(segment: Segment) -> Point:
    return segment.x1, segment.y1


def length_of(segment: Segment) -> float:
    if isinstance(segment, Arc):
        return abs(segment.sweep_rad) * segment.radius
    return math.hypot(segment.x1 - segment.x0, segment.y1 - segment.y0)


def perimeter(contour: Contour) -> float:
    return sum(length_of(segment) for segment in contour)


def signed_area(contour: Contour) -> float:
    """Enclosed area, mm2; positive when counter-clockwise."""
    area = 0.0
    for segment in contour:
        area += (segment.x0 * segment.y1 - segment.x1 * segment.y0) / 2
        if isinstance(segment, Arc):
            area += segment.radius**2 * (segment.sweep_rad - math.sin(segment.sweep_rad)) / 2
    return area


def circle(cx: float, cy: float, radius: float, *, ccw: bool, angle: float = 0.0) -> Contour:
    """The full circle as a contour that starts at the given angle (radians)."""
    x, y = cx + radius * math.cos(angle), cy + radius * math.sin(angle)
    return (Arc(x, y, x, y, cx, cy, ccw),)


def is_circle(contour: Contour) -> bool:
    first = contour[0]
    return len(contour) == 1 and isinstance(first, Arc) and start_of(first) == end_of(first)


def point_along(segment: Segment, distance: float) -> Point:
    """The point at `distance` mm from the segment's start."""
    whole = length_of(segment)
    share = distance / whole if whole > 0 else 0.0
    if isinstance(segment, Line):
        return segment.x0 + share * (segment.x1 - segment.x0), segment.y0 + share * (segment.y1 - segment.y0)
    angle = math.atan2(segment.y0 - segment.cy, segment.x0 - segment.cx) + share * segment.sweep_rad
    return segment.cx + segment.radius * math.cos(angle), segment.cy + segment.radius * math.sin(angle)


def split(segment: Segment, distance: float) -> tuple[Segment, Segment]:
    """The parts before and after the point at `distance` mm; 0 < distance < length."""
    x, y = point_along(segment, distance)
    if isinstance(segment, Line):
        return Line(segment.x0, segment.y0, x, y), Line(x, y, segment.x1, segment.y1)
    head = Arc(segment.x0, segment.y0, x, y, segment.cx, segment.cy, segment.ccw)
    return head, Arc(x, y, segment.x1, segment.y1, segment.cx, segment.cy, segment.ccw)


def nearest_along(contour: Contour, point: Point) -> float:
    """Distance along the contour, mm, of its point nearest to `point`."""
    best, found, done = math.inf, 0.0, 0.0
    for segment in contour:
        along = _nearest_on(segment, point)
        gap = math.dist(point_along(segment, along), point)
        if gap < best - 1e-9:
            best, found = gap, done + along
        done += length_of(segment)
    return found % done if done > 0 else 0.0


def _nearest_on(segment: Segment, point: Point) -> float:
    whole = length_of(segment)
    if isinstance(segment, Line):
        if whole == 0:
            return 0.0
        dx, dy = (segment.x1 - segment.x0) / whole, (segment.y1 - segment.y0) / whole
        return min(whole, max(0.0, (point[0] - segment.x0) * dx + (point[1] - segment.y0) * dy))
    begin = math.atan2(segment.y0 - segment.cy, segment.x0 - segment.cx)
    wanted = math.atan2(point[1] - segment.cy, point[0] - segment.cx)
    turned = (wanted - begin) % math.tau if segment.ccw else (begin - wanted) % math.tau
    if turned <= abs(segment.sweep_rad):
        return turned * segment.radius
    ends = ((math.dist(point, start_of(segment)), 0.0), (math.dist(point, end_of(segment)), whole))
    return min(ends)[1]


def starting_at(contour: Contour, distance: float) -> Contour:
    """The same closed contour, begun at the point `distance` mm along it."""
    distance %= perimeter(contour)
    if is_circle(contour):
        arc = contour[0]
        assert isinstance(arc, Arc)
        if distance < 1e-9:
            return contour
        x, y = point_along(arc, distance)
        return (Arc(x, y, x, y, arc.cx, arc.cy, arc.ccw),)
    done = 0.0
    for index, segment in enumerate(contour):
        inside = distance - done
        if inside < 1e-6:
            return contour[index:] + contour[:index]
        if inside < length_of(segment) - 1e-6:
            head, tail = split(segment, inside)
            return (tail, *contour[index + 1 :], *contour[:index], head)
        done += length_of(segment)
    return contour


def run_up(contour: Contour, distance: float, least: float) -> list[tuple[Segment, float]]:
    """The way round and round the contour that ends at its start after `distance` mm, with the distance so far.

    Segments shorter than `least` mm are passed but not counted; where they are most of the contour, only those shorter
    than a tenth of it.
    """
    lengths = [length_of(segment) for segment in contour]
    counted = [length if length >= least else 0.0 for length in lengths]
    if sum(counted) < sum(lengths) / 2:
        counted = [length if length >= least / 10 else 0.0 for length in lengths]
    if sum(counted) < sum(lengths) / 2:
        counted = lengths
    turns, rest = divmod(distance, sum(counted))
    way: list[tuple[Segment, float]] = []
    for segment, length, share in zip(reversed(contour), reversed(lengths), reversed(counted), strict=True):
        if rest <= 1e-6:
            break
        if share > rest + 1e-6:
            way.append((split(segment, length - rest)[1], rest))
            rest = 0.0
        else:
            way.append((segment, share))
            rest -= share
    way = way[::-1] + list(zip(contour, counted, strict=True)) * int(turns)
    so_far = list(accumulate(share for _, share in way))
    return [(segment, done) for (segment, _), done in zip(way, so_far, strict=True)]
