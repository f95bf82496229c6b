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
from services.rmos.domain.feasibility.narrow_stock import narrow_stock
from services.rmos.domain.feasibility.pieces import collision, crossed
from services.rmos.domain.feasibility.polygons import (
    CLOSE_MM,
    common,
    parts_of,
    pie,
    polygon_of,
    radial_extent,
    slender_diameter,
    union,
    united,
    widest_inscribed,
)
from services.rmos.domain.feasibility.reach import Layer, shortest_way, worst_reach
from services.rmos.domain.feasibility.widths import own_width


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

    def cuts(self, part: BaseGeometry) -> bool:
        """Whether the part goes on beyond the window: one like it lies whole in the middle."""
        return self.area is not None and float(part.distance(self.area.exterior)) < CLOSE_MM


WHOLE = Window(1, 0.0, math.tau, None, None)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A shape's pieces that reach into the window, and their area in it."""

    cut: Cut
    polygons: tuple[Polygon, ...]
    area: BaseGeometry

    def pieces(self, window: Window) -> list[BaseGeometry]:
        """Those in the middle, whole; of a piece that goes all round what the middle has of it."""
        if len(self.cut.outlines) == 1:
            return [window.measured(self.area)]
        return [polygon for polygon in self.polygons if window.shows(polygon)]


def analyse(cuts: list[Cut], radius: float, least_wall: float, found: Findings) -> Profile | None:
    """Adds shares, overlaps and walls; gives the profile as cut, None if nothing is reached or centres differ."""
    window = _window(cuts, 4 * radius + 6 * least_wall)
    sound = [drawn for cut in cuts if (drawn := _drawn(cut, window, found)) is not None]
    if not sound:
        return None
    _overlaps(sound, found)
    layers = []
    for depth in sorted({drawn.cut.depth_mm for drawn in sound}):
        deep = [drawn for drawn in sound if drawn.cut.depth_mm >= depth]
        layer = Layer(united([drawn.area for drawn in deep]), radius)
        layers.append(layer.opened())
        found.border_mm += window.sectors * window.border(layer.opened())
        for drawn in (drawn for drawn in deep if drawn.cut.depth_mm == depth):
            found.shares.append(_share(drawn, [other for other in deep if other is not drawn], layer, window))
    parts = parts_of(layers[0] if len(layers) == 1 else union(layers))
    pockets = parts_of(union([drawn.area.buffer(CLOSE_MM, quad_segs=2) for drawn in sound]))
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


def _drawn(cut: Cut, window: Window, found: Findings) -> Drawn | None:
    polygons = [polygon_of(outline) for outline in _shown(cut, window)]
    if not all(polygon.is_valid and polygon.area > 0 for polygon in polygons):
        found.faults.append(crossed(cut))
        return None
    if any(_overlap_width(a, b) > 0 for a, b in itertools.pairwise([*polygons, polygons[0]]) if a is not b):
        found.faults.append(collision(cut))
    shown = [window.inside(polygon) for polygon in polygons]
    return Drawn(cut, tuple(polygons), shown[0] if len(shown) == 1 else union(shown))


def _overlap_width(a: BaseGeometry, b: BaseGeometry) -> float:
    """Width in mm of the widest common part; 0 for a shared edge."""
    if not a.intersects(b):
        return 0.0
    both = common(a, b)
    if both.area <= 0 or both.buffer(-OVERLAP_MM / 2).is_empty:
        return 0.0
    return widest_inscribed(parts_of(both))


def _overlaps(sound: list[Drawn], found: Findings) -> None:
    for a, b in itertools.combinations(sound, 2):
        width = _overlap_width(a.area, b.area)
        if width > 0 and a.cut.depth_mm != b.cut.depth_mm:
            found.faults.append(clash(a.cut, b.cut, width))
        elif width > 0:
            found.merged.append((a.cut.index, b.cut.index))


def _share(drawn: Drawn, others: list[Drawn], layer: Layer, window: Window) -> Share:
    """`others` are the layer's other shapes."""
    cut, whole, sectors = drawn.cut, window.measured(drawn.area), window.sectors
    reached = min(common(whole, layer.opened()).area, whole.area)
    beside = [other.area for other in others if other.area.intersects(drawn.area)]
    worst = worst_reach(drawn.pieces(window), union(beside) if beside else None, own_width(cut), layer)
    return Share(
        cut.index,
        cut.shape.type,
        cut.depth_mm,
        sectors * whole.area,
        sectors * reached,
        worst.width_mm,
        shortest_way(whole, layer),
        worst.stranded,
    )


def _walls(parts: list[Polygon], pockets: list[Polygon], window: Window, least_wall: float, found: Findings) -> None:
    if len(parts) > 1:
        for i, j in STRtree(parts).query(parts, predicate="dwithin", distance=4 * least_wall).T.tolist():
            if i < j and (window.shows(parts[i]) or window.shows(parts[j])):
                _wall(parts[i], parts[j], pockets, found)
    for part in parts:
        for hole in part.interiors:
            _island(Polygon(hole), parts, least_wall, found)
        if window.shows(part):
            _thin_places(part, pockets, window, least_wall, found)


def _island(island: Polygon, parts: list[Polygon], least_wall: float, found: Findings) -> None:
    """Stock inside a pocket, unless other pockets lie in it (that wall is measured) or it is thick enough."""
    if any(island.contains(part.representative_point()) for part in parts):
        return
    if not island.buffer(-0.75 * least_wall).is_empty:
        return
    thickness = slender_diameter(island, 1.5 * least_wall)
    if thickness > TOUCH_MM:
        found.walls.append(Wall(thickness, ("a pocket", "the island inside it")))


def _thin_places(part: Polygon, pockets: list[Polygon], window: Window, least_wall: float, found: Findings) -> None:
    """Webs and tongues of stock between two arms of one pocket."""
    for narrow in narrow_stock(part, least_wall):
        if window.shows(narrow.place) and not window.cuts(narrow.place):
            joined = any(pocket.contains(narrow.middle) for pocket in pockets)
            found.walls.append(Wall(narrow.thickness_mm, ("two arms of one pocket", "each other"), joined))


def _wall(a: Polygon, b: Polygon, pockets: list[Polygon], found: Findings) -> None:
    thickness = float(a.distance(b))
    if thickness > TOUCH_MM:
        joined = _one_pocket(a, b, pockets)
        found.walls.append(Wall(thickness, ("two neighbouring pockets", "each other"), joined))


def _one_pocket(a: Polygon, b: Polygon, pockets: list[Polygon]) -> bool:
    points = a.representative_point(), b.representative_point()
    return any(all(pocket.intersects(point) for point in points) for pocket in pockets)
