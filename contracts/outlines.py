"""What a spec means as plane geometry: exact contours of lines and circular arcs, mm in the part frame.

Three services read shapes through this one module (drawing, judging, cutting), so they cannot disagree about what a
petal is. Pure floating-point arithmetic, the same to the last bit on every platform; callers round where they write.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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
    RosetteSpec,
    Sector,
    Shape,
    TileRing,
)
from contracts.trigonometry import asin, cos, sin, tan

PETAL_ASPECT = 0.30
"""A petal's half width is at most this share of its length, so that few petals on a wide band stay petals."""


@dataclass(frozen=True, slots=True)
class Line:
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Arc:
    """A circular arc from (x0, y0) to (x1, y1) about (cx, cy); equal ends mean the full circle."""

    x0: float
    y0: float
    x1: float
    y1: float
    cx: float
    cy: float
    ccw: bool

    @property
    def radius(self) -> float:
        return math.hypot(self.x0 - self.cx, self.y0 - self.cy)

    @property
    def sweep_rad(self) -> float:
        """Signed sweep, positive counter-clockwise, magnitude in (0, 2π]."""
        start = math.atan2(self.y0 - self.cy, self.x0 - self.cx)
        end = math.atan2(self.y1 - self.cy, self.x1 - self.cx)
        sweep = (end - start) % math.tau if self.ccw else (start - end) % math.tau
        if sweep == 0.0 or (self.x0 == self.x1 and self.y0 == self.y1):
            sweep = math.tau
        return sweep if self.ccw else -sweep


Segment = Line | Arc
Contour = tuple[Segment, ...]
"""A closed chain of segments: counter-clockwise for an outer boundary, clockwise for a hole."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One area of the design. `depth_mm` None: drawn, not cut. `shape` and `piece` say where it comes from."""

    outer: Contour
    holes: tuple[Contour, ...]
    material: str | None
    depth_mm: float | None
    shape: int
    piece: int
    kind: str


def pieces(spec: RosetteSpec) -> Iterator[Outline]:
    """Every area as it is drawn and as it would be inlaid: one outline a tile, petal or dot, in spec order."""
    for index, shape in enumerate(spec.shapes):
        depth = None if shape.depth_mm is None else float(shape.depth_mm)
        for piece, (outer, holes, material) in enumerate(_areas(shape)):
            yield Outline(outer, holes, material, depth, index, piece, shape.type)


def pockets(spec: RosetteSpec) -> Iterator[Outline]:
    """Every area to be cut: like `pieces`, but pieces that lie side by side share one channel (an annulus).

    Empty when no shape states a depth.
    """
    for index, shape in enumerate(spec.shapes):
        if shape.depth_mm is None:
            continue
        depth = float(shape.depth_mm)
        if _one_channel(shape):
            x, y = float(shape.cx), float(shape.cy)
            outer, holes = _annulus(x, y, float(shape.r_inner), float(shape.r_outer))  # type: ignore[union-attr]
            yield Outline(outer, holes, None, depth, index, 0, "ring")
            continue
        for piece, (outer, holes, material) in enumerate(_areas(shape)):
            yield Outline(outer, holes, material, depth, index, piece, shape.type)


def petal_half_width(r_inner: float, r_outer: float, petals: int, web: float) -> float:
    """Half width in mm of the widest lens between the radii that leaves `web` mm between neighbours; 0 if none fits.

    The lens is the common area of two discs through both tips. Its edge is farthest towards the neighbour where the
    disc's normal meets the sector's boundary line, which gives a condition that grows with the width: bisection.
    """
    length = r_outer - r_inner
    middle = (r_inner + r_outer) / 2
    half_sector = math.pi / petals

    def clearance(width: float) -> float:
        radius = (length * length / 4 + width * width) / (2 * width)
        offset = radius - width
        # furthest point of the arc along the boundary's normal; the normal direction must lie within the arc's span
        towards = -middle * sin(half_sector) - offset * cos(half_sector) + radius
        span = asin(min(1.0, length / (2 * radius)))
        if half_sector <= span:
            return -towards
        tip = -r_inner * sin(half_sector)
        return -tip

    low, high = 0.0, PETAL_ASPECT * length
    if clearance(high) >= web / 2:
        return high
    for _ in range(60):
        probe = (low + high) / 2
        if clearance(probe) >= web / 2:
            low = probe
        else:
            high = probe
    return low


def _one_channel(shape: Shape) -> bool:
    return isinstance(shape, HerringboneRing | RopeRing) or (isinstance(shape, TileRing) and shape.gap_mm == 0)


_Area = tuple[Contour, tuple[Contour, ...], str | None]


def _areas(shape: Shape) -> Iterator[_Area]:
    x, y = float(shape.cx), float(shape.cy)
    match shape:
        case Circle():
            yield (_circle(x, y, float(shape.r), ccw=True),), (), shape.material
        case Ring():
            outer, holes = _annulus(x, y, float(shape.r_inner), float(shape.r_outer))
            yield outer, holes, shape.material
        case RadialPetals():
            yield from _petals(shape, x, y)
        case TileRing():
            yield from _tiles(shape, x, y)
        case RopeRing():
            yield from _rope(shape, x, y)
        case HerringboneRing():
            yield from _herringbone(shape, x, y)
        case DotRing():
            for k in range(shape.count):
                angle = math.radians(float(shape.angle_deg)) + math.tau * k / shape.count
                px, py = _polar(x, y, float(shape.r), angle)
                yield (_circle(px, py, float(shape.dot_r), ccw=True),), (), _material(shape.materials, k)
        case PolygonRing():
            start = math.radians(float(shape.angle_deg))
            outer = _polygon(x, y, float(shape.r_outer), shape.sides, start, ccw=True)
            holes = (_polygon(x, y, float(shape.r_inner), shape.sides, start, ccw=False),) if shape.r_inner else ()
            yield outer, holes, shape.material
        case Sector():
            start, end = math.radians(float(shape.start_deg)), math.radians(float(shape.end_deg))
            r_in, r_out = float(shape.r_inner), float(shape.r_outer)
            yield _slanted(x, y, r_in, r_out, (start, end), (start, end)), (), shape.material
        case _:
            assert_never(shape)


def _material(materials: tuple[str, ...], index: int) -> str | None:
    return materials[index % len(materials)] if materials else None


def _polar(x: float, y: float, radius: float, angle: float) -> tuple[float, float]:
    return x + radius * cos(angle), y + radius * sin(angle)


def _circle(x: float, y: float, radius: float, *, ccw: bool) -> Arc:
    return Arc(x + radius, y, x + radius, y, x, y, ccw)


def _annulus(x: float, y: float, r_inner: float, r_outer: float) -> tuple[Contour, tuple[Contour, ...]]:
    holes = ((_circle(x, y, r_inner, ccw=False),),) if r_inner > 0 else ()
    return (_circle(x, y, r_outer, ccw=True),), holes


def _polygon(x: float, y: float, radius: float, sides: int, start: float, *, ccw: bool) -> Contour:
    corners = [_polar(x, y, radius, start + math.tau * k / sides) for k in range(sides)]
    if not ccw:
        corners.reverse()
    return tuple(Line(*a, *b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))


def _petals(shape: RadialPetals, x: float, y: float) -> Iterator[_Area]:
    r_in, r_out = float(shape.r_inner), float(shape.r_outer)
    half = petal_half_width(r_in, r_out, shape.petals, float(shape.web_mm))
    length, middle = r_out - r_in, (r_in + r_out) / 2
    if half <= 0:
        return
    radius = (length * length / 4 + half * half) / (2 * half)
    for k in range(shape.petals):
        angle = math.radians(float(shape.angle_deg)) + math.tau * k / shape.petals
        ux, uy = cos(angle), sin(angle)
        inner, outer = _polar(x, y, r_in, angle), _polar(x, y, r_out, angle)
        shift = radius - half
        # the arc on the right of the axis bulges to -tangent and has its centre on the +tangent side
        right = (x + middle * ux - shift * uy, y + middle * uy + shift * ux)
        left = (x + middle * ux + shift * uy, y + middle * uy - shift * ux)
        yield (Arc(*inner, *outer, *right, True), Arc(*outer, *inner, *left, True)), (), shape.material


def _tiles(shape: TileRing, x: float, y: float) -> Iterator[_Area]:
    r_in, r_out, gap = float(shape.r_inner), float(shape.r_outer), float(shape.gap_mm)
    first, step = math.radians(float(shape.angle_deg)), math.tau / shape.count
    # half the gap as an angle at each radius, so that neighbouring sides are parallel
    trim_in = asin(min(1.0, gap / 2 / r_in)) if r_in > 0 and gap > 0 else 0.0
    trim_out = asin(gap / 2 / r_out) if gap > 0 else 0.0
    for k in range(shape.count):
        a, b = first + step * k, first + step * (k + 1)
        outline = _slanted(x, y, r_in, r_out, (a + trim_in, b - trim_in), (a + trim_out, b - trim_out))
        yield outline, (), _material(shape.materials, k)


def _rope(shape: RopeRing, x: float, y: float) -> Iterator[_Area]:
    r_in, r_out = float(shape.r_inner), float(shape.r_outer)
    lean = tan(math.radians(float(shape.slant_deg))) * (r_out - r_in) / ((r_in + r_out) / 2)
    yield from _row(x, y, r_in, r_out, shape.count, math.radians(float(shape.angle_deg)), lean, shape.materials, 0)


def _herringbone(shape: HerringboneRing, x: float, y: float) -> Iterator[_Area]:
    r_in, r_out = float(shape.r_inner), float(shape.r_outer)
    middle, first = (r_in + r_out) / 2, math.radians(float(shape.angle_deg))
    lean = (r_out - r_in) / 2 / middle  # 45 degrees at the middle radius
    yield from _row(x, y, r_in, middle, shape.count, first, lean, shape.materials, 0)
    yield from _row(x, y, middle, r_out, shape.count, first + lean, -lean, shape.materials, 1)


def _row(
    x: float, y: float, r_in: float, r_out: float, count: int, first: float, lean: float,
    materials: tuple[str, ...], shift: int,
) -> Iterator[_Area]:  # fmt: skip
    step = math.tau / count
    for k in range(count):
        a, b = first + step * k, first + step * (k + 1)
        yield _slanted(x, y, r_in, r_out, (a, b), (a + lean, b + lean)), (), _material(materials, k + shift)


def _slanted(
    x: float, y: float, r_in: float, r_out: float, inner: tuple[float, float], outer: tuple[float, float]
) -> Contour:
    """A tile between two radii whose straight sides join the given angles (radians) at each radius."""
    a, b = _polar(x, y, r_in, inner[0]), _polar(x, y, r_in, inner[1])
    c, d = _polar(x, y, r_out, outer[1]), _polar(x, y, r_out, outer[0])
    far = Arc(*d, *c, x, y, True)
    sides = (Line(*c, *b), Line(*a, *d))
    if r_in <= 0:
        return (far, *sides)
    return (far, sides[0], Arc(*b, *a, x, y, False), sides[1])
