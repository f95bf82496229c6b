"""Shapes that touch, overlap or lie about several centres: united as polygons, depth by depth.

When every shape repeats about one centre, a window of a few sectors stands for the whole: what is measured in its
middle sector, far enough from the window's ends, holds for each of them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from shapely import Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from contracts.outlines import Outline
from contracts.spec import TileRing
from services.rmos.domain.feasibility.annuli import clash
from services.rmos.domain.feasibility.geometry import OVERLAP_MM, TOUCH_MM, Cut, Findings, Profile, Share, Wall
from services.rmos.domain.feasibility.pieces import collision, crossed
from services.rmos.domain.feasibility.polygons import (
    CLOSE_MM,
    areal,
    common,
    opened,
    parts_of,
    pie,
    polygon_of,
    radial_extent,
    slender_diameter,
    union,
    united,
    widest_inscribed,
)
from services.rmos.domain.feasibility.widths import own_width

WIDTH_STEPS = (2.0, 1.5, 1.2)
"""A shape that is narrow by itself but lies in a wider pocket: how many cutters wide that pocket is, at least."""
TONGUE_LENGTHS = 4.0
"""A filled gulf this many least walls long is a tongue of stock; the fillet in a corner above 14 degrees is shorter."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the plane that is united. `middle` None: everything, once; otherwise one of `sectors` like it."""

    sectors: int
    start_rad: float
    span_rad: float
    area: Polygon | None
    middle: Polygon | None

    def inside(self, area: BaseGeometry) -> BaseGeometry:
        return area if self.area is None else common(area, self.area)

    def measured(self, area: BaseGeometry) -> BaseGeometry:
        return area if self.middle is None else common(area, self.middle)

    def border(self, area: BaseGeometry) -> float:
        """Length of the area's border in the middle."""
        edge = area.boundary
        return float(edge.length if self.middle is None else edge.intersection(self.middle).length)

    def shows(self, part: BaseGeometry) -> bool:
        return self.middle is None or bool(part.intersects(self.middle))


class Layer:
    """What may be cut at one depth, and what cutters of some radii reach of it (each computed once)."""

    def __init__(self, allowed: BaseGeometry) -> None:
        self.allowed = allowed
        self._opened: dict[float, BaseGeometry] = {}

    def opened(self, radius: float) -> BaseGeometry:
        if radius not in self._opened:
            self._opened[radius] = opened(self.allowed, radius)
        return self._opened[radius]


WHOLE = Window(1, 0.0, math.tau, None, None)


def analyse(cuts: list[Cut], radius: float, least_wall: float, found: Findings) -> Profile | None:
    """Adds shares, overlaps and walls; gives the profile as cut, None if nothing is reached or centres differ."""
    window = _window(cuts, 4 * radius + 6 * least_wall)
    areas: dict[int, BaseGeometry] = {}
    for cut in cuts:
        area = _area(cut, window, found)
        if area is not None:
            areas[cut.index] = area
    sound = [cut for cut in cuts if cut.index in areas]
    if not sound:
        return None
    _overlaps(sound, areas, found)
    layers = []
    for depth in sorted({cut.depth_mm for cut in sound}):
        layer = Layer(united([areas[cut.index] for cut in sound if cut.depth_mm >= depth]))
        layers.append(layer.opened(radius))
        found.border_mm += window.sectors * window.border(layer.opened(radius))
        for cut in (cut for cut in sound if cut.depth_mm == depth):
            found.shares.append(_share(cut, areas[cut.index], layer, radius, window))
    parts = parts_of(layers[0] if len(layers) == 1 else union(layers))
    pockets = parts_of(union([area.buffer(CLOSE_MM, quad_segs=2) for area in areas.values()]))
    _walls(parts, pockets, window, least_wall, found)
    if not parts or len({cut.centre for cut in cuts}) > 1:
        return None
    centre = cuts[0].centre
    inner, outer = radial_extent(parts, centre)
    return Profile(inner, outer, ", ".join(cut.name for cut in cuts))


def _window(cuts: list[Cut], margin_mm: float) -> Window:
    """A window with `margin_mm` on both sides of its middle sector, or WHOLE where that is no smaller."""
    folds = [cut.symmetry for cut in cuts if cut.symmetry]
    inner = min(cut.inner_mm for cut in cuts)
    sectors = math.gcd(*folds) if folds else 1
    if sectors < 4 or inner <= margin_mm or len({cut.centre for cut in cuts}) > 1:
        return WHOLE
    sector = math.tau / sectors
    beside = max(sector, 1.05 * margin_mm / inner)
    if sector + 2 * beside > math.tau * 0.75:
        return WHOLE
    reach = 1.1 * max(cut.outer_mm for cut in cuts) / math.cos(min(1.2, (sector + 2 * beside) / 8))
    start = _piece_angle(next(cut for cut in cuts if cut.symmetry), 0) - sector / 2
    centre = cuts[0].centre
    area = pie(centre, reach, start - beside, start + sector + beside)
    return Window(sectors, start - beside, sector + 2 * beside, area, pie(centre, reach, start, start + sector))


def _piece_angle(cut: Cut, piece: int) -> float:
    """Direction of the middle of a piece, radians."""
    first = math.radians(float(getattr(cut.shape, "angle_deg", 0)))
    half = 0.5 if isinstance(cut.shape, TileRing) else 0.0
    return first + math.tau * (piece + half) / max(cut.symmetry, 1)


def _shown(cut: Cut, window: Window) -> list[Outline]:
    """The outlines that can reach into the window."""
    if window.area is None or len(cut.outlines) == 1:
        return list(cut.outlines)
    step = math.tau / cut.fold
    middle, half = window.start_rad + window.span_rad / 2, window.span_rad / 2 + step
    return [
        outline
        for outline in cut.outlines
        if abs((_piece_angle(cut, outline.piece) - middle + math.pi) % math.tau - math.pi) <= half
    ]


def _area(cut: Cut, window: Window, found: Findings) -> BaseGeometry | None:
    polygons = [polygon_of(outline) for outline in _shown(cut, window)]
    if not all(polygon.is_valid and polygon.area > 0 for polygon in polygons):
        found.faults.append(crossed(cut))
        return None
    if any(_overlap_width(a, b) > 0 for a, b in itertools.pairwise([*polygons, polygons[0]]) if a is not b):
        found.faults.append(collision(cut))
    shown = [window.inside(polygon) for polygon in polygons]
    return shown[0] if len(shown) == 1 else union(shown)


def _overlap_width(a: BaseGeometry, b: BaseGeometry) -> float:
    """Width in mm of the widest common part; 0 for a shared edge."""
    if not a.intersects(b):
        return 0.0
    both = common(a, b)
    if both.area <= 0 or both.buffer(-OVERLAP_MM / 2).is_empty:
        return 0.0
    return widest_inscribed(parts_of(both))


def _overlaps(cuts: list[Cut], areas: dict[int, BaseGeometry], found: Findings) -> None:
    for a, b in itertools.combinations(cuts, 2):
        width = _overlap_width(areas[a.index], areas[b.index])
        if width > 0 and a.depth_mm != b.depth_mm:
            found.faults.append(clash(a, b, width))
        elif width > 0:
            found.merged.append((a.index, b.index))


def _share(cut: Cut, area: BaseGeometry, layer: Layer, radius: float, window: Window) -> Share:
    whole = window.measured(area)
    reached = min(common(whole, layer.opened(radius)).area, whole.area)
    width = own_width(cut)
    if width < 2 * WIDTH_STEPS[0] * radius and reached > whole.area / 2:
        width = max(width, _pocket_width(whole, layer, radius))
    sectors = window.sectors
    return Share(cut.index, cut.shape.type, cut.depth_mm, sectors * whole.area, sectors * reached, width)


def _pocket_width(area: BaseGeometry, layer: Layer, radius: float) -> float:
    """How wide the pocket is in which most of the area lies, in the steps of WIDTH_STEPS; at least the cutter."""
    for step in WIDTH_STEPS:
        if common(area, layer.opened(step * radius)).area > 0.5 * area.area:
            return 2 * step * radius
    return 2 * radius


def _walls(parts: list[Polygon], pockets: list[Polygon], window: Window, least_wall: float, found: Findings) -> None:
    if len(parts) > 1:
        for i, j in STRtree(parts).query(parts, predicate="dwithin", distance=4 * least_wall).T.tolist():
            if i < j and (window.shows(parts[i]) or window.shows(parts[j])):
                _wall(parts[i], parts[j], pockets, found)
    for part in parts:
        for hole in part.interiors:
            _island(Polygon(hole), parts, least_wall, found)
        if window.shows(part):
            _tongues(part, least_wall, found)


def _island(island: Polygon, parts: list[Polygon], least_wall: float, found: Findings) -> None:
    """Stock inside a pocket, unless other pockets lie in it (that wall is measured) or it is thick enough."""
    if any(island.contains(part.representative_point()) for part in parts):
        return
    if not island.buffer(-0.75 * least_wall).is_empty:
        return
    thickness = slender_diameter(island, 1.5 * least_wall)
    if thickness > TOUCH_MM:
        found.walls.append(Wall(thickness, ("a pocket", "the island inside it")))


def _tongues(part: Polygon, least_wall: float, found: Findings) -> None:
    """Stock between two arms of one pocket: what a closing fills that is longer than any corner it rounds."""
    closed = part.buffer(least_wall / 2, quad_segs=4).buffer(-least_wall / 2, quad_segs=4)
    for filled in parts_of(areal(closed.difference(part))):
        low_x, low_y, high_x, high_y = filled.bounds
        if max(high_x - low_x, high_y - low_y) < TONGUE_LENGTHS * least_wall:
            continue
        thickness = slender_diameter(filled, 1.5 * least_wall)
        if thickness > OVERLAP_MM and filled.area > 0.5 * TONGUE_LENGTHS * least_wall * thickness:
            found.walls.append(Wall(thickness, ("two arms of one pocket", "each other")))


def _wall(a: Polygon, b: Polygon, pockets: list[Polygon], found: Findings) -> None:
    thickness = float(a.distance(b))
    if thickness > TOUCH_MM:
        joined = _one_pocket(a, b, pockets)
        found.walls.append(Wall(thickness, ("two neighbouring pockets", "each other"), joined))


def _one_pocket(a: Polygon, b: Polygon, pockets: list[Polygon]) -> bool:
    points = a.representative_point(), b.representative_point()
    return any(all(pocket.intersects(point) for point in points) for pocket in pockets)
