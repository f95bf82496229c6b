"""One n-fold shape on its own (petals, dots, separate tiles): one piece and its neighbour tell everything."""

from __future__ import annotations

import math

from shapely import Polygon
from shapely.affinity import rotate

from contracts.spec import DotRing
from services.rmos.domain.feasibility.geometry import OVERLAP_MM, TOUCH_MM, Cut, Fault, Findings, Profile, Share, Wall
from services.rmos.domain.feasibility.polygons import (
    centre_travel,
    common,
    opened,
    parts_of,
    polygon_of,
    radial_extent,
)
from services.rmos.domain.feasibility.widths import own_width


def analyse(cut: Cut, radius: float, least_wall: float, found: Findings) -> Profile | None:
    """Adds share, collisions and the wall to the neighbour; gives the profile as cut, None if nothing is reached."""
    piece = polygon_of(cut.outlines[0])
    if not piece.is_valid or piece.area <= 0:
        found.faults.append(crossed(cut))
        return None
    neighbour = rotate(piece, 360 / cut.fold, origin=cut.centre)
    collide = piece.distance(neighbour) <= 0 and not common(piece, neighbour).buffer(-OVERLAP_MM / 2).is_empty
    if collide:
        found.faults.append(collision(cut))
    reach = opened(piece, radius)
    areas = cut.fold * piece.area, cut.fold * reach.area
    travel = centre_travel(piece, radius)
    found.shares.append(Share(cut.index, cut.shape.type, cut.depth_mm, *areas, own_width(cut), travel))
    found.border_mm += cut.fold * reach.length
    parts = parts_of(reach)
    if not parts:
        return None
    if not collide:
        _wall_to_neighbour(cut, parts, least_wall, found)
    inner, outer = radial_extent(parts, cut.centre)
    return Profile(inner, outer, cut.name)


def collision(cut: Cut) -> Fault:
    """Pieces of one shape that overlap."""
    mend = f"use at most {_most_beside_each_other(cut)} pieces, smaller ones, or a larger radius"
    return Fault(f"{cut.name}: neighbouring pieces overlap", (cut.index,), mend)


def _most_beside_each_other(cut: Cut) -> int:
    """Dots touch where their chord 2·r·sin(π/n) is their diameter; of other pieces one less than there are."""
    if not isinstance(cut.shape, DotRing):
        return cut.fold - 1
    ratio = float(cut.shape.dot_r / cut.shape.r)
    return max(1, math.floor(math.pi / math.asin(ratio) + 1e-9)) if ratio < 1 else 1


def crossed(cut: Cut) -> Fault:
    """An outline that crosses itself or has no area."""
    mend = f"use fewer than {cut.fold} pieces or a smaller gap"
    return Fault(f"{cut.name} crosses itself or has no area", (cut.index,), mend)


def _wall_to_neighbour(cut: Cut, parts: list[Polygon], least_wall: float, found: Findings) -> None:
    for part in parts:
        turned = [rotate(other, 360 / cut.fold, origin=cut.centre) for other in parts]
        nearest = min(turned, key=part.distance)
        thickness = part.distance(nearest)
        if TOUCH_MM < thickness < 4 * least_wall:
            found.walls.append(Wall(float(thickness), (cut.name, "its own neighbour")))
