"""Shapes that touch, overlap or lie about several centres: united as polygons, depth by depth."""

from __future__ import annotations

import itertools
import math

import shapely
from shapely import Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from services.rmos.domain.feasibility.annuli import clash
from services.rmos.domain.feasibility.geometry import OVERLAP_MM, TOUCH_MM, Cut, Fault, Findings, Profile, Share, Wall
from services.rmos.domain.feasibility.pieces import crossed
from services.rmos.domain.feasibility.polygons import (
    inscribed_diameter,
    near_length,
    opened,
    parts_of,
    polygon_of,
    radial_extent,
    rim_of,
    united,
)


def analyse(cuts: list[Cut], radius: float, least_wall: float, found: Findings) -> Profile | None:
    """Adds shares, overlaps and walls; gives the profile as cut, None if nothing is reached or centres differ."""
    areas: dict[int, BaseGeometry] = {}
    for cut in cuts:
        area = _area(cut, found)
        if area is not None:
            areas[cut.index] = area
    sound = [cut for cut in cuts if cut.index in areas]
    _overlaps(sound, areas, found)
    layers = []
    for depth in sorted({cut.depth_mm for cut in sound}):
        allowed = united([areas[cut.index] for cut in sound if cut.depth_mm >= depth])
        layer = opened(allowed, radius)
        layers.append(layer)
        found.border_mm += layer.length
        for cut in (cut for cut in sound if cut.depth_mm == depth):
            found.shares.append(_share(cut, areas[cut.index], allowed, layer, radius))
    parts = parts_of(shapely.union_all(layers)) if layers else []
    _walls(parts, least_wall, found)
    if not parts or len({cut.centre for cut in cuts}) > 1:
        return None
    centre = cuts[0].centre
    inner, outer = radial_extent(parts, centre)
    full = any(cut.fold == 0 for cut in cuts)
    rim = () if full else tuple(item for part in parts for item in rim_of(part, centre))
    return Profile(inner, outer, ", ".join(cut.name for cut in cuts), rim)


def _area(cut: Cut, found: Findings) -> BaseGeometry | None:
    polygons = [polygon_of(outline) for outline in cut.outlines]
    if not all(polygon.is_valid and polygon.area > 0 for polygon in polygons):
        found.faults.append(crossed(cut))
        return None
    if len(polygons) > 1:
        pairs = STRtree(polygons).query(polygons, predicate="intersects").T.tolist()
        if any(i < j and _overlap_width(polygons[i], polygons[j]) > 0 for i, j in pairs):
            mend = "use fewer or smaller pieces, or a larger radius"
            found.faults.append(Fault(f"{cut.name}: neighbouring pieces overlap", (cut.index,), mend))
    return united(polygons)


def _overlap_width(a: BaseGeometry, b: BaseGeometry) -> float:
    """Width in mm of the widest common part; 0 for a shared edge."""
    common = shapely.intersection(a, b)
    if common.area <= 0 or common.buffer(-OVERLAP_MM / 2).is_empty:
        return 0.0
    return max(inscribed_diameter(part) for part in parts_of(common))


def _overlaps(cuts: list[Cut], areas: dict[int, BaseGeometry], found: Findings) -> None:
    for a, b in itertools.combinations(cuts, 2):
        if not areas[a.index].intersects(areas[b.index]):
            continue
        width = _overlap_width(areas[a.index], areas[b.index])
        if width > 0 and a.depth_mm != b.depth_mm:
            found.faults.append(clash(a, b, width))
        elif width > 0:
            found.merged.append((a.index, b.index))


def _share(cut: Cut, area: BaseGeometry, allowed: BaseGeometry, layer: BaseGeometry, radius: float) -> Share:
    reachable = shapely.intersection(area, layer).area
    own = min(_width(part) for part in parts_of(area))
    if own < 2 * radius and reachable > area.area / 2:  # it lies in a wider pocket that other shapes make with it
        own = max(own, max(_width(part) for part in parts_of(allowed) if part.intersects(area)))
    return Share(cut.index, cut.shape.type, cut.depth_mm, area.area, min(reachable, area.area), own)


def _width(part: Polygon) -> float:
    return inscribed_diameter(part)


def _walls(parts: list[Polygon], least_wall: float, found: Findings) -> None:
    if len(parts) > 1:
        for i, j in STRtree(parts).query(parts, predicate="dwithin", distance=4 * least_wall).T.tolist():
            if i < j:
                _wall(parts[i], parts[j], least_wall, found)
    for part in parts:
        for hole in part.interiors:
            island = inscribed_diameter(Polygon(hole))
            if TOUCH_MM < island < 4 * least_wall and not _filled(hole, parts):
                found.walls.append(Wall(island, float(hole.length), ("a pocket", "the island inside it")))


def _wall(a: Polygon, b: Polygon, least_wall: float, found: Findings) -> None:
    thickness = float(a.distance(b))
    if thickness <= TOUCH_MM:
        return
    spot = 0.0
    if thickness < least_wall:
        # the part that lies inside the other's hole shows its whole outer boundary; take the shorter side
        spot = min(near_length(a, b, least_wall) or math.inf, near_length(b, a, least_wall) or math.inf)
    found.walls.append(Wall(thickness, spot if math.isfinite(spot) else a.length, ("neighbouring", "pockets")))


def _filled(hole: shapely.LinearRing, parts: list[Polygon]) -> bool:
    """Whether another pocket lies inside the hole: then the wall between them was measured already."""
    inside = Polygon(hole)
    return any(inside.contains(part.representative_point()) for part in parts)
