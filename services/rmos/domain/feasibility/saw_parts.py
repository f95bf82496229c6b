"""What a saw makes for a rosette: strips for its bands, and pieces cut off those strips.

A band becomes a strip as wide as the band, bent or mitred into place; tiles, chips of a rope and leaves of a
herringbone are cut off such strips. Dots, petals and discs have no straight sides: a saw cannot make them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

from contracts.spec import (
    Circle,
    DotRing,
    HerringboneRing,
    PolygonRing,
    RadialPetals,
    Ring,
    RopeRing,
    Sector,
    Shape,
    TileRing,
)
from services.rmos.domain.feasibility.geometry import Cut


@dataclass(frozen=True, slots=True)
class SawPart:
    """Strips of one shape and, where `piece_mm` is given, `pieces` cut off them. Empty `materials`: the stock's."""

    name: str
    materials: tuple[str, ...]
    strip_mm: float
    strips_length_mm: float
    """Of all strips together, without the kerfs of the pieces."""
    height_mm: float
    piece_mm: float | None = None
    pieces: int = 0

    @property
    def thinnest_mm(self) -> float:
        return self.strip_mm if self.piece_mm is None else min(self.strip_mm, self.piece_mm)

    def length_with_kerfs_mm(self, kerf_mm: float) -> float:
        return self.strips_length_mm + self.pieces * kerf_mm


def part_of(cut: Cut) -> SawPart | None:
    """The sawn part of a shape; None where the shape cannot be sawn."""
    dimensions = _dimensions(cut.shape)
    if dimensions is None:
        return None
    strip, length, piece, pieces = dimensions
    return SawPart(cut.name, _materials(cut.shape), strip, length, cut.depth_mm, piece, pieces)


_Dimensions = tuple[float, float, float | None, int]


def _dimensions(shape: Shape) -> _Dimensions | None:  # noqa: PLR0911 - one answer a kind of shape
    """Width of the strip, length of all strips, length of a piece along the strip, number of pieces."""
    match shape:
        case Circle() | DotRing() | RadialPetals():
            return None
        case Ring():
            return (_width(shape), math.tau * _middle(shape), None, 0) if shape.r_inner > 0 else None
        case Sector():
            sweep = math.radians(float(shape.end_deg - shape.start_deg))
            return (_width(shape), sweep * _middle(shape), None, 0) if shape.r_inner > 0 else None
        case PolygonRing():
            side = 2 * float(shape.r_outer) * math.sin(math.pi / shape.sides)
            strip = _width(shape) * math.cos(math.pi / shape.sides)
            return (strip, shape.sides * side, side, shape.sides) if shape.r_inner > 0 else None
        case TileRing():
            tile = math.tau * _middle(shape) / shape.count - float(shape.gap_mm)
            return _width(shape), shape.count * tile, tile, shape.count
        case RopeRing():
            chip = math.tau * _middle(shape) / shape.count * math.cos(math.radians(float(shape.slant_deg)))
            return _width(shape), shape.count * chip, chip, shape.count
        case HerringboneRing():  # two rows of leaves at 45 degrees
            leaf = math.tau * _middle(shape) / shape.count * math.cos(math.pi / 4)
            return _width(shape) / 2, 2 * shape.count * leaf, leaf, 2 * shape.count
        case _:
            assert_never(shape)


_Bands = Ring | Sector | PolygonRing | TileRing | RopeRing | HerringboneRing


def _width(shape: _Bands) -> float:
    return float(shape.r_outer - shape.r_inner)


def _middle(shape: _Bands) -> float:
    return float(shape.r_inner + shape.r_outer) / 2


def _materials(shape: Shape) -> tuple[str, ...]:
    if isinstance(shape, TileRing | HerringboneRing | RopeRing | DotRing):
        return tuple(dict.fromkeys(shape.materials))
    return () if shape.material is None else (shape.material,)
