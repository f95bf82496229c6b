"""Rosette parameters: the luthier's way to say a rosette (bands from the soundhole outward), and what they mean."""

from __future__ import annotations

import math
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.model import CatalogId, Message, Number, Positive
from contracts.spec import (
    Circle,
    DotRing,
    HerringboneRing,
    RadialPetals,
    Ring,
    RopeRing,
    RosetteSpec,
    Shape,
    TileRing,
)


class PatternType(StrEnum):
    SOLID = "solid"
    TILE = "tile"
    HERRINGBONE = "herringbone"
    ROPE = "rope"
    PETALS = "petals"
    DOTS = "dots"
    HATCH = "hatch"


class RingParam(Message):
    """One band. `tile_length_mm` is measured along the middle radius; `alternate_material_id` is the second colour."""

    ring_index: Annotated[int, Field(ge=0, le=40)]
    width_mm: Annotated[Number, Field(gt=0, le=100)]
    pattern_type: PatternType
    tile_length_mm: Annotated[Number, Field(ge=Decimal("0.1"), le=100)] | None = None
    material_id: CatalogId | None = None
    alternate_material_id: CatalogId | None = None


class RosetteParamSpec(Message):
    """Bands listed from the soundhole outward. Widths must fit between the two diameters; what is left stays wood."""

    inner_diameter_mm: Annotated[Number, Field(gt=0, le=1000)]
    outer_diameter_mm: Annotated[Number, Field(gt=0, le=1000)]
    ring_params: Annotated[tuple[RingParam, ...], Field(min_length=1, max_length=40)]
    channel_depth_mm: Positive

    @model_validator(mode="after")
    def _bands_fit(self) -> Self:
        if self.inner_diameter_mm >= self.outer_diameter_mm:
            raise ValueError("inner_diameter_mm must be smaller than outer_diameter_mm")
        for place, ring in enumerate(self.ring_params):
            if ring.ring_index != place:
                raise ValueError(f"ring_params[{place}] has ring_index {ring.ring_index}: indices run 0, 1, 2, …")
        band = (self.outer_diameter_mm - self.inner_diameter_mm) / 2
        total = sum((ring.width_mm for ring in self.ring_params), Decimal(0))
        if total > band:
            raise ValueError(f"the rings take {total} mm, the band is {band} mm wide: narrower rings or a wider band")
        return self


def tile_count(r_inner: Number, r_outer: Number, tile_length: Number, period: int) -> int:
    """Tiles round the ring, rounded to fit and to whole periods of the material pattern; at least two periods."""
    mean = float(r_inner + r_outer) / 2
    fitting = math.tau * mean / float(tile_length)
    return min(720 - 720 % period, max(2 * period, period * round(fitting / period)))


def spec_of(design: RosetteParamSpec) -> RosetteSpec:
    """The spec v1 that these parameters mean: one shape a band plus the soundhole's edge as a reference line."""
    shapes: list[Shape] = [Circle(r=design.inner_diameter_mm / 2)]
    inner = design.inner_diameter_mm / 2
    for ring in design.ring_params:
        outer = inner + ring.width_mm
        shapes.append(_band(ring, inner, outer, design.channel_depth_mm))
        inner = outer
    canvas = Decimal(math.ceil(design.outer_diameter_mm) + 10)
    return RosetteSpec(canvas_mm=canvas, shapes=tuple(shapes), meta={"source": "parameters"})


def _band(ring: RingParam, r_inner: Number, r_outer: Number, depth: Number) -> Shape:
    span = {"r_inner": r_inner, "r_outer": r_outer, "depth_mm": depth}
    materials = tuple(m for m in (ring.material_id, ring.alternate_material_id) if m)
    # without a stated length: square-ish tiles, slim hatch lines, petals as long as the band is wide
    default = {PatternType.HATCH: Decimal("0.6"), PatternType.PETALS: ring.width_mm * Decimal("0.8")}
    length = ring.tile_length_mm or default.get(ring.pattern_type, ring.width_mm)
    count = tile_count(r_inner, r_outer, length, 2 if len(materials) != 1 else 1)
    match ring.pattern_type:
        case PatternType.SOLID:
            return Ring(**span, material=ring.material_id)
        case PatternType.TILE | PatternType.HATCH:
            return TileRing(**span, count=count, materials=materials)
        case PatternType.HERRINGBONE:
            return HerringboneRing(**span, count=count, materials=materials)
        case PatternType.ROPE:
            return RopeRing(**span, count=count, materials=materials)
        case PatternType.PETALS:
            return RadialPetals(**span, petals=max(3, min(64, count)), material=ring.material_id)
        case PatternType.DOTS:
            middle = (r_inner + r_outer) / 2
            dot_r = ring.width_mm * Decimal("0.4")
            return DotRing(r=middle, dot_r=dot_r, count=min(720, count), materials=materials, depth_mm=depth)
