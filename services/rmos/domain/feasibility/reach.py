"""What the cutter reaches of each piece of a shape that shares pockets with others.

One piece out of reach spoils the work however wide the pockets of the others are: nothing here is an average over a
shape's pieces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from services.rmos.domain.feasibility.polygons import (
    common,
    eroded,
    grown,
    inscribed_diameter,
    parts_of,
    widest_inscribed,
    without,
)

WIDTH_STEPS = (2.0, 1.5, 1.2, 1.0)
"""A piece that is narrow by itself but lies in a wider pocket: how many cutters wide that pocket is, at least."""
LEAST_OWN, LEAST_REACHED = 0.015, 0.03
"""A piece is stranded when the cutter reaches less than LEAST_REACHED of what it shares with no other shape, if that is
at least LEAST_OWN of it. CAM refuses such a piece at 0.02 and 0.02."""
SHORT_TRAVEL = 0.5
"""Ways of the cutter's centre shorter than so many diameters are told apart; longer ones leave room for any ramp."""


class Layer:
    """What may be cut at one depth, and what cutters of some widths reach of it (each computed once)."""

    def __init__(self, allowed: BaseGeometry, radius: float) -> None:
        centres = eroded(allowed, radius)
        self.allowed, self.radius = allowed, radius
        self._opened = {1.0: grown(centres, radius)}
        self.closed = [pocket for pocket in parts_of(allowed) if not pocket.intersects(centres)]
        """Pockets that the cutter cannot enter anywhere."""
        limit = SHORT_TRAVEL * 2 * radius
        self.short_ways = [way for way in parts_of(centres) if way.exterior.length < limit]

    def opened(self, cutters: float = 1.0) -> BaseGeometry:
        """What a cutter so many times as wide reaches."""
        if cutters not in self._opened:
            radius = cutters * self.radius
            self._opened[cutters] = grown(eroded(self.allowed, radius), radius)
        return self._opened[cutters]


@dataclass(frozen=True, slots=True)
class Reach:
    """Of a shape's worst piece: the width of its pocket, mm, and whether the cutter gets nothing of it done."""

    width_mm: float
    stranded: bool


def worst_reach(pieces: Sequence[BaseGeometry], others: BaseGeometry | None, width: float, layer: Layer) -> Reach:
    """Of these pieces, each `width` mm wide by itself; `others` is what the layer's other shapes cover.

    A pocket that is wider than the piece counts as wide, in WIDTH_STEPS, where most of the piece lies in it.
    """
    stranded = list(_stranded(pieces, others, layer))
    if stranded:
        return Reach(min(stranded), True)
    if width >= 2 * WIDTH_STEPS[0] * layer.radius:
        return Reach(width, False)
    return Reach(max(width, min(_pocket_width(piece, layer) for piece in pieces)), False)


def shortest_way(area: BaseGeometry, layer: Layer) -> float:
    """Length of the shortest closed way of the cutter's centre in a pocket of this area, mm; inf if none is short."""
    near = (way for way in layer.short_ways if way.distance(area) < layer.radius)
    return min((float(way.exterior.length) for way in near), default=math.inf)


def _stranded(pieces: Sequence[BaseGeometry], others: BaseGeometry | None, layer: Layer) -> Iterator[float]:
    """How wide, in mm, each is of which the cutter gets nothing done."""
    opened = layer.opened()
    for piece in pieces:
        pocket = _closed_pocket(piece, layer)
        if pocket is not None:
            yield inscribed_diameter(pocket)
            continue
        left = without(piece, opened)
        if left.area < (1 - LEAST_REACHED) * LEAST_OWN * piece.area:
            continue
        own = piece if others is None else without(piece, others)
        if own.area >= LEAST_OWN * piece.area and common(own, opened).area < LEAST_REACHED * own.area:
            yield widest_inscribed(parts_of(own))


def _closed_pocket(piece: BaseGeometry, layer: Layer) -> Polygon | None:
    return next((pocket for pocket in layer.closed if common(pocket, piece).area > 0.5 * piece.area), None)


def _pocket_width(piece: BaseGeometry, layer: Layer) -> float:
    for step in WIDTH_STEPS:
        if common(piece, layer.opened(step)).area > 0.5 * piece.area:
            return 2 * step * layer.radius
    return 0.0
