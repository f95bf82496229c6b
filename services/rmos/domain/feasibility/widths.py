"""How wide single pieces are: the largest disc inside them, in closed form where there is one."""

from __future__ import annotations

import math

from contracts.outlines import petal_half_width
from contracts.spec import DotRing, PolygonRing, RadialPetals, TileRing
from services.rmos.domain.feasibility.geometry import Cut
from services.rmos.domain.feasibility.polygons import inscribed_diameter, polygon_of


def own_width(cut: Cut) -> float:
    """Diameter of the largest disc inside one piece of the shape by itself, mm."""
    if cut.fold == 0:
        return cut.outer_mm - cut.inner_mm if cut.inner_mm > 0 else 2 * cut.outer_mm
    match cut.shape:
        case DotRing():
            return 2 * float(cut.shape.dot_r)
        case RadialPetals():
            web = float(cut.shape.web_mm)
            return 2 * petal_half_width(cut.inner_mm, cut.outer_mm, cut.shape.petals, web)
        case PolygonRing():  # at a corner, between its two outer edges and the inner corner
            inner, outer, slant = float(cut.shape.r_inner), cut.outer_mm, math.cos(math.pi / cut.shape.sides)
            return 2 * slant * (outer - inner) / (1 + slant) if inner > 0 else 2 * slant * outer
        case TileRing():
            return tile_width(cut.shape)
        case _:
            return inscribed_diameter(polygon_of(cut.outlines[0]))


def tile_width(shape: TileRing) -> float:
    """Diameter of the largest disc inside one tile, mm: between both radii, or, where the sides are nearer, touching
    them and the outer radius. The sides lie half the gap beside the radii at half a pitch."""
    inner, outer, side = float(shape.r_inner), float(shape.r_outer), float(shape.gap_mm) / 2
    slant = math.sin(math.pi / shape.count)
    if (inner + outer) / 2 * slant - side >= (outer - inner) / 2:
        return outer - inner
    return max(0.0, 2 * (outer - (outer + side) / (1 + slant)))
