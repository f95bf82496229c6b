"""Offsets of a region's boundary as exact lines and arcs.

A fine polygon erosion says which pieces of the boundary matter and in what order; each of its edges then belongs to
the offset of one exact piece (a parallel line, a concentric arc, or an arc about a reflex corner), and neighbouring
pieces are joined where these exact curves meet. So nothing is fitted, and no offset is made from another offset.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from shapely import LinearRing, Polygon, STRtree, dwithin, get_coordinates, prepare
from shapely import points as shapely_points
from shapely.geometry.polygon import orient

from contracts.outlines import Arc, Contour, Line, Segment
from services.cam.domain.contours import Point, signed_area
from services.cam.domain.curves import Curve, Orbit, Track, joint
from services.cam.domain.regions import Region, parts_of, quarter_segments

MATCH_MM = 0.0005
"""An eroded edge this near to an exact offset curve belongs to it; the polygon itself is true to about 0.2 µm."""

DEVIATION_MM = 0.001
"""Mean distance of the exact curves from the polygon beyond which they cannot be right."""

COARSENESS_MM = 0.0003
"""By how much chords that stand in for exact curves may leave the polygon; as much as a wall may be off anyway."""

THINNEST_MM = 0.0003
"""Parts thinner than this are arithmetic dust: whether they appear at all hangs on the last digits."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Eroded:
    """One connected part of a region shrunk by a distance: outer contour counter-clockwise, inner ones clockwise."""

    polygon: Polygon
    outer: Contour
    inner: tuple[Contour, ...]


def eroded(region: Region, distance: float) -> tuple[Eroded, ...]:
    """The parts of the region farther than `distance` mm from its boundary; empty when none is."""
    shrunk = region.polygon.buffer(-distance, quad_segs=quarter_segments(distance))
    corners = STRtree(np.asarray(shapely_points(get_coordinates(region.polygon)), dtype=object))
    result = []
    for part in parts_of(shrunk):
        polygon = orient(part)
        if 2 * polygon.area / polygon.length < THINNEST_MM:
            continue
        contours = [_contour(np.asarray(ring.coords), region, corners, distance) for ring in _rings(polygon)]
        result.append(Eroded(polygon, contours[0], tuple(contours[1:])))
    return tuple(result)


def _rings(polygon: Polygon) -> list[LinearRing]:
    return [polygon.exterior, *polygon.interiors]


def _contour(points: Floats, region: Region, corners: STRtree, distance: float) -> Contour:
    """The ring as exact curves, or as chords if curves so short that their joints pass each other spoil it."""
    exact = _exact(points, region, corners, distance)
    (x, y), steps = points.T, np.diff(points, axis=0)
    area = float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
    allowed = float(np.hypot(steps[:, 0], steps[:, 1]).sum()) * DEVIATION_MM
    return exact if exact and abs(signed_area(exact) - area) <= allowed else _chords(points)


def _chords(points: Floats) -> Contour:
    """The ring's own edges, fewer where that changes less than COARSENESS_MM: controllers starve on shorter ones."""
    coarse = LinearRing(points).simplify(COARSENESS_MM)
    return tuple(Line(*a, *b) for a, b in pairwise(get_coordinates(coarse).tolist()))


def _exact(points: Floats, region: Region, corners: STRtree, distance: float) -> Contour:
    """The ring's points (closed) as exact curves; a stretch that matches none stays a chain of lines.

    Empty when all of the ring seems to lie on one straight line.
    """
    curves = _curves_along(points, region, corners, distance)
    count = len(curves)
    first = next((i for i in range(count) if curves[i] is not curves[i - 1]), None)
    if first is None:
        return _whole(points, curves[0]) if isinstance(curves[0], Orbit) else ()
    runs: list[tuple[Curve, int, int]] = []  # curve, first vertex, last vertex (both counted on from `first`)
    for step in range(count):
        curve = curves[(first + step) % count]
        if runs and runs[-1][0] is curve:
            runs[-1] = (curve, runs[-1][1], step + 1)
        else:
            runs.append((curve, step, step + 1))
    vertex = [tuple(points[(first + step) % count].tolist()) for step in range(count + 1)]
    joints = [joint(runs[i - 1][0], run[0], vertex[run[1]]) for i, run in enumerate(runs)]
    ends = [*joints[1:], joints[0]]
    return tuple(
        _segment(run[0], joints[i], ends[i], vertex[(run[1] + run[2]) // 2], vertex[run[1]], vertex[run[2]])
        for i, run in enumerate(runs)
    )


def _curves_along(points: Floats, region: Region, corners: STRtree, distance: float) -> list[Curve]:
    """The exact offset curve of every edge of the ring."""
    edges = region.edges
    middles = (points[1:] + points[:-1]) / 2
    misses = np.stack([_miss(middles, edge, distance) for edge in edges])
    if region.merged:
        _forget_hidden(misses, middles, region)
    nearest = misses.argmin(axis=0)
    matched = misses[nearest, np.arange(len(middles))] <= MATCH_MM
    sides = np.zeros(len(middles))
    for index in np.unique(nearest[matched]).tolist():
        mine = nearest == index
        sides[mine] = _side(middles[mine], edges[index])
    made: dict[tuple[int, float], Curve] = {}
    same: dict[Curve, Curve] = {}  # equal curves of different pieces become one object, so that runs join
    curves: list[Curve] = []
    unmatched = iter(_corners_or_chords(points, ~matched, corners, distance))
    for i, index in enumerate(nearest.tolist()):
        if not matched[i]:
            curves.append(next(unmatched))
            continue
        key = (index, float(sides[i]))
        if key not in made:
            made[key] = _offset_curve(edges[index], key[1], distance)
        curves.append(made[key])
    return [same.setdefault(curve, curve) for curve in curves]


def _corners_or_chords(points: Floats, which: NDArray[np.bool_], corners: STRtree, distance: float) -> list[Curve]:
    """For these stretches the circle about the reflex corner each goes round; where there is none, the stretch."""
    begins, ends = points[:-1][which], points[1:][which]
    if not len(begins):
        return []
    middles = shapely_points((begins + ends) / 2)
    (_, found), reach = corners.query_nearest(middles, return_distance=True, all_matches=False)
    centres = get_coordinates(corners.geometries[found])
    return [
        Orbit(*_rounded(*centre), distance) if abs(gap - distance) <= MATCH_MM else _track(begin, end)
        for begin, end, centre, gap in zip(begins.tolist(), ends.tolist(), centres, reach, strict=True)
    ]


def _track(begin: Point, end: Point) -> Track:
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    length = math.hypot(dx, dy)
    return Track(*begin, dx / length, dy / length)


def _side(points: Floats, edge: Segment) -> Floats:
    """1.0 where a point is on the edge's left or outside its circle, -1.0 on the other side."""
    if isinstance(edge, Arc):
        value = np.hypot(points[:, 0] - edge.cx, points[:, 1] - edge.cy) - edge.radius
    else:
        dx, dy = edge.x1 - edge.x0, edge.y1 - edge.y0
        value = dx * (points[:, 1] - edge.y0) - dy * (points[:, 0] - edge.x0)
    return np.where(value > 0, 1.0, -1.0)


def _miss(points: Floats, edge: Segment, distance: float) -> Floats:
    """By how much each point's distance to the edge differs from `distance`; infinite beyond the edge's ends."""
    slack = 0.005
    if isinstance(edge, Line):
        length = math.hypot(edge.x1 - edge.x0, edge.y1 - edge.y0)
        dx, dy = (edge.x1 - edge.x0) / length, (edge.y1 - edge.y0) / length
        px, py = points[:, 0] - edge.x0, points[:, 1] - edge.y0
        along, off = px * dx + py * dy, np.abs(px * dy - py * dx)
        outside = (along < -slack) | (along > length + slack)
    else:
        px, py = points[:, 0] - edge.cx, points[:, 1] - edge.cy
        off = np.abs(np.hypot(px, py) - edge.radius)
        turned = np.arctan2(py, px) - math.atan2(edge.y0 - edge.cy, edge.x0 - edge.cx)
        turned = (turned if edge.ccw else -turned) % math.tau
        allowed = slack / edge.radius
        outside = (turned > abs(edge.sweep_rad) + allowed) & (turned < math.tau - allowed)
    return np.where(outside, np.inf, np.abs(off - distance))


def _forget_hidden(misses: Floats, points: Floats, region: Region) -> None:
    """Matches with a piece that is inside the merged area at that place, where it is no boundary any more."""
    boundary = region.polygon.boundary
    prepare(boundary)
    for row, edge in zip(misses, region.edges, strict=True):
        (near,) = np.nonzero(row <= MATCH_MM)
        if len(near):
            visible = dwithin(boundary, shapely_points(_feet(points[near], edge)), 2 * MATCH_MM)
            row[near[~visible]] = np.inf


def _feet(points: Floats, edge: Segment) -> Floats:
    """The points of the edge's line or circle nearest to each point."""
    if isinstance(edge, Arc):
        away = points - (edge.cx, edge.cy)
        return np.asarray((edge.cx, edge.cy) + away / np.hypot(away[:, 0], away[:, 1])[:, None] * edge.radius)
    length = math.hypot(edge.x1 - edge.x0, edge.y1 - edge.y0)
    along = np.array(((edge.x1 - edge.x0) / length, (edge.y1 - edge.y0) / length))
    start = np.array((edge.x0, edge.y0))
    return np.asarray(start + ((points - start) @ along)[:, None] * along)


def _offset_curve(edge: Segment, side: float, distance: float) -> Curve:
    """The edge's parallel curve on that side."""
    if isinstance(edge, Arc):
        return Orbit(*_rounded(edge.cx, edge.cy), round(edge.radius + side * distance, 9))
    length = math.hypot(edge.x1 - edge.x0, edge.y1 - edge.y0)
    dx, dy = (edge.x1 - edge.x0) / length, (edge.y1 - edge.y0) / length
    return Track(edge.x0 - side * distance * dy, edge.y0 + side * distance * dx, dx, dy)


def _rounded(x: float, y: float) -> Point:
    """Equal centres computed in two ways become one key."""
    return round(float(x), 9), round(float(y), 9)


def _whole(points: Floats, curve: Orbit) -> Contour:
    """A ring that follows one circle all the way, begun on its +X side."""
    area = float(np.sum(points[:-1, 0] * points[1:, 1] - points[1:, 0] * points[:-1, 1]))
    x, y = curve.cx + curve.radius, curve.cy
    return (Arc(x, y, x, y, curve.cx, curve.cy, area > 0),)


def _segment(curve: Curve, begin: Point, end: Point, middle: Point, first: Point, last: Point) -> Segment:
    if isinstance(curve, Track):
        return Line(*begin, *end)
    # the turn's sense from three of the ring's own points; with two, the chord's side of the centre decides
    if middle in (first, last):
        cross = (first[0] - curve.cx) * (last[1] - curve.cy) - (first[1] - curve.cy) * (last[0] - curve.cx)
    else:
        cross = (middle[0] - first[0]) * (last[1] - first[1]) - (middle[1] - first[1]) * (last[0] - first[0])
    return Arc(*begin, *end, curve.cx, curve.cy, cross > 0)
