"""Stock that is left thin inside one pocket: webs between two of its arms, and tongues that reach into it.

Closing the pocket with a disc twice as wide as the least wall fills the places of the stock that are narrower; with one
as wide as the least wall, it would reach through a neck of little less between two round ends. The border of
a filled place is partly the pocket's own (its arms) and partly open to wider stock (its mouths). Between two mouths it
is a web, as thick as its arms are near each other; with one mouth it is a tongue, or the point of a corner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.ops import substring

from services.rmos.domain.feasibility.geometry import OVERLAP_MM
from services.rmos.domain.feasibility.polygons import areal, parts_of

ARMS_OVER_MOUTH = 8.0
"""A place with one mouth is a tongue when its border in the stock is this many mouths long: a strip three and a half
times as long as wide, or a point sharper than 14 degrees. What is blunter is a corner, which holds. The mouth is as
wide as the sides promise further in: at its lips they turn away."""
LEAST_AREA_MM2 = 0.005
ON_BORDER_MM = 1e-4

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Narrow:
    """A place `thickness_mm` thick; `middle` lies in it, where its thickness was taken."""

    thickness_mm: float
    middle: Point
    place: Polygon


def narrow_stock(part: Polygon, least_wall: float) -> Iterator[Narrow]:
    """Webs and tongues of stock between arms of this pocket: all thinner than `least_wall` mm, some up to twice it.

    A tongue is as thick as its sides are near each other, a point as thick as a third of its length from the tip. What
    is thinner than chord error is no wall.
    """
    closed = part.buffer(least_wall, quad_segs=4).buffer(-least_wall, quad_segs=4)
    places = [place for place in parts_of(areal(closed.difference(part))) if place.area >= LEAST_AREA_MM2]
    if not places:
        return
    border = part.boundary
    shapely.prepare(border)
    for place in places:
        arms = _arms(place, border)
        narrow = _web(place, arms) if len(arms) > 1 else _tongue(place, arms[0]) if arms else None
        if narrow is not None and narrow.thickness_mm > OVERLAP_MM:
            yield narrow


def _arms(place: Polygon, border: shapely.Geometry) -> list[Points]:
    """The runs of the place's border that are the pocket's border. None for a hole that is filled all round."""
    ring = np.asarray(place.exterior.coords)
    points: Points = [(x, y) for x, y in ring[:-1].tolist()]
    middles = shapely.points((ring[:-1] + ring[1:]) / 2)
    open_: list[bool] = np.greater(shapely.distance(middles, border), ON_BORDER_MM).tolist()
    if True not in open_:
        return []
    first = open_.index(True)  # begin at a mouth, so that no run is cut in two
    arms: list[Points] = []
    mouth_mm = math.inf
    for k in range(len(points)):
        at = (first + k) % len(points)
        start, end = points[at], points[(at + 1) % len(points)]
        if open_[at]:
            mouth_mm += math.dist(start, end)
        elif arms and mouth_mm <= OVERLAP_MM:  # no mouth: rounding on one arm
            arms[-1].append(end)
            mouth_mm = 0.0
        else:
            arms.append([start, end])
            mouth_mm = 0.0
    return arms


def _web(place: Polygon, arms: list[Points]) -> Narrow:
    between = (shapely.shortest_line(LineString(a), LineString(b)) for a, b in itertools.combinations(arms, 2))
    nearest = min(between, key=lambda line: float(line.length))
    return Narrow(float(nearest.length), nearest.interpolate(0.5, normalized=True), place)


def _tongue(place: Polygon, arm: Points) -> Narrow | None:
    border = LineString(arm)
    sides = substring(border, 0, 1 / 3, normalized=True), substring(border, 2 / 3, 1, normalized=True)
    across = [border.interpolate(at, normalized=True).distance(border.interpolate(1 - at, normalized=True))
              for at in (1 / 6, 1 / 3)]  # fmt: skip
    if border.length < ARMS_OVER_MOUTH * (2 * across[0] - across[1]):
        return None
    nearest = shapely.shortest_line(*sides)
    return Narrow(float(nearest.length), nearest.interpolate(0.5, normalized=True), place)
