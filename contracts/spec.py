"""Rosette specification v1: what is drawn and what is cut, in millimetres in the part frame.

Part frame: origin at the rosette's centre, X right, Y up, Z up with Z 0 on top of the stock. A shape that states a
`depth_mm` is cut to that depth below Z 0. A circle without depth and material is a reference line (the soundhole's
edge, say) and is only drawn. Angles are degrees, counter-clockwise from +X.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contracts.model import CatalogId, Message, NonNegative, Number, Positive

Depth = Annotated[Number, Field(gt=0, le=50)]
Radius = Annotated[Number, Field(ge=0, le=1000)]
Angle = Annotated[Number, Field(ge=-360, le=360)]
Coordinate = Annotated[Number, Field(ge=-1000, le=1000)]


class _Shape(Message):
    cx: Coordinate = Field(default=0, validate_default=True)
    cy: Coordinate = Field(default=0, validate_default=True)
    depth_mm: Depth | None = None

    @property
    def reach(self) -> Number:
        """The largest distance of the shape from its own centre, mm."""
        raise NotImplementedError


class _Band(_Shape):
    """A shape between two radii."""

    r_inner: Radius
    r_outer: Annotated[Number, Field(gt=0, le=1000)]

    @model_validator(mode="after")
    def _not_degenerate(self) -> Self:
        if self.r_inner >= self.r_outer:
            raise ValueError(f"r_inner ({self.r_inner}) must be smaller than r_outer ({self.r_outer})")
        return self

    @property
    def reach(self) -> Number:
        return self.r_outer


class Circle(_Shape):
    type: Literal["circle"] = "circle"
    r: Annotated[Number, Field(gt=0, le=1000)]
    material: CatalogId | None = None

    @property
    def reach(self) -> Number:
        return self.r


class Ring(_Band):
    """A plain annulus: a purfling line or a channel."""

    type: Literal["ring"] = "ring"
    material: CatalogId | None = None


class RadialPetals(_Band):
    """Equal lens-shaped petals, tips on the two radii; neighbours keep at least `web_mm` of wood between them."""

    type: Literal["radial_petals"] = "radial_petals"
    petals: Annotated[int, Field(ge=3, le=64)]
    angle_deg: Angle = Field(default=0, validate_default=True)
    web_mm: Annotated[Number, Field(ge=0, le=10)] = Field(default=1, validate_default=True)
    material: CatalogId | None = None

    @model_validator(mode="after")
    def _tips_keep_the_web(self) -> Self:
        if 2 * float(self.r_inner) * math.sin(math.pi / self.petals) < float(self.web_mm):
            raise ValueError(
                "the inner tips are nearer than web_mm: fewer petals, a larger r_inner or a smaller web_mm"
            )
        return self


Materials = Annotated[tuple[CatalogId, ...], Field(max_length=12)]


class _Pieces(_Band):
    """Pieces laid round a band; the list of materials repeats along the ring."""

    count: Annotated[int, Field(ge=2, le=720)]
    angle_deg: Angle = Field(default=0, validate_default=True)
    materials: Materials = ()


class TileRing(_Pieces):
    """Annular-sector tiles. With `gap_mm` 0 they lie side by side in one channel; otherwise each has its own pocket."""

    type: Literal["tile_ring"] = "tile_ring"
    gap_mm: NonNegative = Field(default=0, validate_default=True)

    @model_validator(mode="after")
    def _pattern_closes(self) -> Self:
        chord = 2 * float(self.r_inner) * math.sin(math.pi / self.count)
        if self.gap_mm > 0 and (self.gap_mm * self.count >= 6 * self.r_inner or self.gap_mm >= chord):
            raise ValueError("the gaps leave no tile at r_inner: fewer tiles or a smaller gap_mm")
        return self


class HerringboneRing(_Pieces):
    """Two rows of slanted tiles that lean against each other, side by side in one channel."""

    type: Literal["herringbone_ring"] = "herringbone_ring"


class RopeRing(_Pieces):
    """One row of slanted tiles (the twisted-rope look), side by side in one channel."""

    type: Literal["rope_ring"] = "rope_ring"
    slant_deg: Annotated[Number, Field(ge=-75, le=75)] = Field(default=45, validate_default=True)


class DotRing(_Shape):
    """Round dots whose centres lie on one circle."""

    type: Literal["dot_ring"] = "dot_ring"
    r: Annotated[Number, Field(gt=0, le=1000)]
    dot_r: Positive
    count: Annotated[int, Field(ge=2, le=720)]
    angle_deg: Angle = Field(default=0, validate_default=True)
    materials: Materials = ()

    @model_validator(mode="after")
    def _not_degenerate(self) -> Self:
        if self.dot_r >= self.r:
            raise ValueError("dot_r must be smaller than r")
        return self

    @property
    def reach(self) -> Number:
        return self.r + self.dot_r


class PolygonRing(_Band):
    """A band between two regular polygons with the same corners' directions; the radii are those of the corners."""

    type: Literal["polygon_ring"] = "polygon_ring"
    sides: Annotated[int, Field(ge=3, le=64)]
    angle_deg: Angle = Field(default=0, validate_default=True)
    material: CatalogId | None = None


class Sector(_Band):
    """An arc-shaped band from `start_deg` counter-clockwise to `end_deg`."""

    type: Literal["arc"] = "arc"
    start_deg: Angle
    end_deg: Angle
    material: CatalogId | None = None

    @model_validator(mode="after")
    def _sweeps(self) -> Self:
        if not 0 < self.end_deg - self.start_deg < 360:
            raise ValueError("end_deg must be more than start_deg by less than 360 (a whole band is a ring)")
        return self


Shape = Annotated[
    Circle | Ring | RadialPetals | TileRing | HerringboneRing | RopeRing | DotRing | PolygonRing | Sector,
    Field(discriminator="type"),
]


class RosetteSpec(Message):
    """A rosette as shapes on a square canvas whose middle is the part's origin."""

    version: Literal["v1"] = "v1"
    canvas_mm: Annotated[Number, Field(gt=0, le=1000)]
    stroke_mm: Annotated[Number, Field(gt=0, le=5)] = Field(default="0.2", validate_default=True)
    fill_mode: Literal["none", "solid"] = "solid"
    shapes: Annotated[tuple[Shape, ...], Field(min_length=1, max_length=200)]
    meta: Annotated[dict[str, Annotated[str, Field(max_length=500)]], Field(max_length=40)] = {}

    @model_validator(mode="after")
    def _inside_canvas(self) -> Self:
        half = self.canvas_mm / 2
        for index, shape in enumerate(self.shapes):
            beyond = max(abs(shape.cx), abs(shape.cy)) + shape.reach - half
            if beyond > 0:
                raise ValueError(
                    f"shapes[{index}] ({shape.type}) passes the canvas edge by {beyond} mm: "
                    f"a larger canvas_mm or a smaller radius"
                )
        for key in self.meta:
            if not key.isascii() or not 0 < len(key) <= 64:
                raise ValueError(f"meta key {key!r}: keys are 1-64 ASCII characters")
        return self

    def with_default_depth(self, depth_mm: Number) -> RosetteSpec:
        """The spec with every area shape that states no depth cut to `depth_mm`; reference circles stay uncut."""
        shapes = tuple(
            shape
            if shape.depth_mm is not None or (shape.type == "circle" and shape.material is None)
            else shape.model_copy(update={"depth_mm": depth_mm})
            for shape in self.shapes
        )
        return self.model_copy(update={"shapes": shapes})
