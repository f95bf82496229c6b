"""Outlines as shapely polygons, and the few operations on them the analysis is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from shapely import GEOSException, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from contracts.outlines import Arc, Contour, Outline
from services.rmos.domain.feasibility.geometry import CHORD_ERROR_MM

GRID_MM = 1e-5
CLOSE_MM = 0.003
"""More than the chord errors of two borders that ought to be one."""


def polygon_of(outline: Outline) -> Polygon:
    """The area with arcs as chords whose ends lie on the arc; may be invalid if the outline crosses itself."""
    return Polygon(_points(outline.outer), [_points(hole) for hole in outline.holes])


def quarter_segments(radius: float) -> int:
    """Chords per quarter turn that keep the sagitta within CHORD_ERROR_MM."""
    half_step = math.acos(max(0.5, 1 - CHORD_ERROR_MM / max(radius, CHORD_ERROR_MM)))
    return max(6, math.ceil(math.pi / 4 / half_step))


def pie(centre: tuple[float, float], reach: float, start_rad: float, end_rad: float) -> Polygon:
    """A sector about `centre` from angle to angle; its far side is eight chords of the circle of radius `reach`."""
    x, y = centre
    angles = [start_rad + (end_rad - start_rad) * k / 8 for k in range(9)]
    return Polygon([centre, *((x + reach * math.cos(a), y + reach * math.sin(a)) for a in angles)])


def eroded(area: BaseGeometry, radius: float) -> BaseGeometry:
    """Where the centre of a disc of this radius that stays inside `area` can be."""
    return area.buffer(-radius, quad_segs=quarter_segments(radius))


def grown(centres: BaseGeometry, radius: float) -> BaseGeometry:
    """What discs of this radius about these centres cover."""
    return centres if centres.is_empty else centres.buffer(radius, quad_segs=quarter_segments(radius))


def opened(area: BaseGeometry, radius: float) -> BaseGeometry:
    """Where a disc of this radius that stays inside `area` can be: the morphological opening."""
    return grown(eroded(area, radius), radius)


def centre_travel(area: BaseGeometry, radius: float) -> float:
    """Shortest round the cutter's centre can make along the walls of a pocket, mm; inf where it cannot enter."""
    return min((part.exterior.length for part in parts_of(eroded(area, radius))), default=math.inf)


def union(areas: Sequence[BaseGeometry]) -> BaseGeometry:
    """The union. Where floating point overlay finds a topology conflict, it is made on a fixed grid, which cannot."""
    try:
        return areal(shapely.union_all(areas))
    except GEOSException:
        return areal(shapely.union_all(areas, grid_size=GRID_MM))


def common(a: BaseGeometry, b: BaseGeometry) -> BaseGeometry:
    """The common area, without the lines and points where the two only touch; robust like `union`."""
    try:
        return areal(shapely.intersection(a, b))
    except GEOSException:
        return areal(shapely.intersection(a, b, grid_size=GRID_MM))


def without(a: BaseGeometry, b: BaseGeometry) -> BaseGeometry:
    """What of `a` does not lie in `b`; robust like `union`."""
    try:
        return areal(shapely.difference(a, b))
    except GEOSException:
        return areal(shapely.difference(a, b, grid_size=GRID_MM))


def areal(area: BaseGeometry) -> BaseGeometry:
    """The polygons of a geometry; lines and points are left over from touching borders."""
    if area.geom_type in {"Polygon", "MultiPolygon"}:
        return area
    return MultiPolygon([part for part in getattr(area, "geoms", []) if isinstance(part, Polygon)])


def united(areas: Sequence[BaseGeometry]) -> BaseGeometry:
    """The union in which areas whose gap is chord error only are joined (a closing of CLOSE_MM)."""
    if len(areas) == 1:
        return areas[0]
    grown = union([area.buffer(CLOSE_MM, quad_segs=2) for area in areas])
    return union([grown.buffer(-CLOSE_MM, quad_segs=2), *areas]).simplify(CHORD_ERROR_MM / 2)


def parts_of(area: BaseGeometry) -> list[Polygon]:
    """The polygons of any geometry, in an order that depends on the geometry alone."""
    parts = [part for part in getattr(area, "geoms", [area]) if isinstance(part, Polygon) and part.area > 0]
    return sorted(parts, key=lambda part: tuple(round(bound, 4) for bound in part.bounds))


def inscribed_diameter(polygon: Polygon) -> float:
    """Diameter of the largest disc inside, mm, at most 0.01 too small; 0 for an area without width."""
    if polygon.area <= 0:
        return 0.0
    return 2 * float(shapely.length(shapely.maximum_inscribed_circle(polygon, tolerance=0.005)))


def widest_inscribed(parts: Iterable[Polygon]) -> float:
    """Greatest inscribed diameter of several areas, mm. Congruent ones (equal area and border) are measured once, and
    none that is too small to beat the best: no disc is larger than one of the part's own area."""
    best, measured = 0.0, set[tuple[float, float]]()
    for part in sorted(parts, key=lambda part: -float(part.area)):
        if 2 * math.sqrt(part.area / math.pi) <= best:
            break
        alike = round(float(part.area), 4), round(float(part.length), 4)
        if alike not in measured:
            measured.add(alike)
            best = max(best, inscribed_diameter(part))
    return best


def slender_diameter(polygon: Polygon, most: float) -> float:
    """As `inscribed_diameter`, for a long thin area of at most this width: how far it can be shrunk, by bisection."""
    low, high = 0.0, most
    while high - low > 0.01:
        middle = (low + high) / 2
        if polygon.buffer(-middle / 2, quad_segs=2).is_empty:
            high = middle
        else:
            low = middle
    return low


def radial_extent(areas: Iterable[Polygon], centre: tuple[float, float]) -> tuple[float, float]:
    """Least and greatest distance of the areas from the centre, mm."""
    origin = shapely.Point(centre)
    inner, outer = math.inf, 0.0
    for area in areas:
        inner = min(inner, float(area.distance(origin)))
        points = np.asarray(area.exterior.coords)
        outer = max(outer, float(np.hypot(points[:, 0] - centre[0], points[:, 1] - centre[1]).max()))
    return inner, outer


def _points(contour: Contour) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for segment in contour:
        points.append((segment.x0, segment.y0))
        if isinstance(segment, Arc):
            points.extend(_between(segment))
    return points


def _between(arc: Arc) -> list[tuple[float, float]]:
    sweep, radius = arc.sweep_rad, arc.radius
    count = max(2, math.ceil(abs(sweep) / (math.pi / 2) * quarter_segments(radius)))
    angles = math.atan2(arc.y0 - arc.cy, arc.x0 - arc.cx) + sweep * np.arange(1, count) / count
    xs, ys = arc.cx + radius * np.cos(angles), arc.cy + radius * np.sin(angles)
    return list(zip(xs.tolist(), ys.tolist(), strict=True))
