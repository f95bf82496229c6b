"""The reachable share against an independent count of pixels: a disc slid over a bitmap of the design."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.spec import DotRing, PolygonRing, RadialPetals, Ring, RosetteSpec, Sector, Shape
from services.rmos.domain.feasibility.analysis import geometry_of
from services.rmos.domain.feasibility.geometry import cuts_of

PIXEL_MM = 0.05
Bitmap = NDArray[np.bool_]


def inside(shape: Shape, x: NDArray[np.float64], y: NDArray[np.float64]) -> Bitmap:
    """Membership from each shape's definition, not from its outline."""
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    match shape:
        case Ring():
            return (r >= float(shape.r_inner)) & (r <= float(shape.r_outer))
        case Sector():
            turned = np.degrees(angle) % 360
            band = (r >= float(shape.r_inner)) & (r <= float(shape.r_outer))
            return band & (turned >= float(shape.start_deg)) & (turned <= float(shape.end_deg))
        case DotRing():
            found = np.zeros_like(x, dtype=bool)
            for k in range(shape.count):
                a = math.tau * k / shape.count
                centre = float(shape.r) * math.cos(a), float(shape.r) * math.sin(a)
                found |= np.hypot(x - centre[0], y - centre[1]) <= float(shape.dot_r)
            return found
        case PolygonRing():
            apothem = r * np.cos((angle % (math.tau / shape.sides)) - math.pi / shape.sides)
            flat = math.cos(math.pi / shape.sides)
            return (apothem >= float(shape.r_inner) * flat) & (apothem <= float(shape.r_outer) * flat)
        case _:
            raise NotImplementedError(shape.type)


def shifted_any(bitmap: Bitmap, radius_mm: float) -> Bitmap:
    """Dilation by a disc."""
    reach = round(radius_mm / PIXEL_MM)
    found = np.zeros_like(bitmap)
    for dx in range(-reach, reach + 1):
        span = int(math.sqrt(reach**2 - dx**2))
        column = np.zeros_like(bitmap)
        moved = np.roll(bitmap, dx, axis=0)
        for dy in range(-span, span + 1):
            column |= np.roll(moved, dy, axis=1)
        found |= column
    return found


@pytest.mark.parametrize(
    "shapes",
    [
        (Ring(r_inner=6, r_outer=8), Ring(r_inner=8, r_outer="8.5")),
        (PolygonRing(sides=5, r_inner=4, r_outer=8),),
        (DotRing(r=6, dot_r="1.2", count=9), Ring(r_inner="7.1", r_outer=9)),
        (Sector(r_inner=4, r_outer=8, start_deg=20, end_deg=200), Ring(r_inner="7.5", r_outer=9)),
        (PolygonRing(sides=6, r_inner=0, r_outer=5), Ring(r_inner="4.6", r_outer=6)),
    ],
    ids=lambda shapes: "+".join(shape.type for shape in shapes),
)
def test_the_reachable_share_is_what_a_disc_slid_over_a_bitmap_covers(shapes: tuple[Shape, ...]) -> None:
    radius = 0.75
    grid = np.arange(-10, 10, PIXEL_MM) + PIXEL_MM / 2
    x, y = np.meshgrid(grid, grid, indexing="ij")
    pocket = np.logical_or.reduce([inside(shape, x, y) for shape in shapes])
    reached = shifted_any(~shifted_any(~pocket, radius), radius) & pocket

    spec = RosetteSpec(canvas_mm=40, shapes=shapes).with_default_depth(1)  # type: ignore[arg-type]
    found = geometry_of(cuts_of(spec), radius, 0.8)

    for share, shape in zip(found.shares, shapes, strict=True):
        member = inside(shape, x, y)
        counted = float((reached & member).sum() / member.sum())
        assert share.ratio == pytest.approx(counted, abs=0.03)
        assert share.area_mm2 == pytest.approx(float(member.sum()) * PIXEL_MM**2, rel=0.01)


def test_a_petal_is_the_common_area_of_two_discs() -> None:
    # area of a lens of half width w and length l: two segments of a circle of radius (l²/4 + w²)/2w
    spec = RosetteSpec(canvas_mm=40, shapes=(RadialPetals(r_inner=4, r_outer=14, petals=6, web_mm=0),))
    found = geometry_of(cuts_of(spec.with_default_depth(1)), 0.5, 0.8)  # type: ignore[arg-type]
    half, length = found.shares[0].width_mm / 2, 10.0
    radius = (length**2 / 4 + half**2) / (2 * half)
    segment = 2 * math.asin(length / 2 / radius)
    lens = radius**2 * (segment - math.sin(segment))
    assert found.shares[0].area_mm2 == pytest.approx(6 * lens, rel=2e-3)
