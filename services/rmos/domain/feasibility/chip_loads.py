"""Published chip loads and what they say for a diameter, a wood and a depth.

Two tiers: the hobby table (Shapeoko A-Z) for light machines, the tool maker's chart (AST Tooling) for stiff ones.
Below 1/16 inch nothing is published: the band is scaled with the diameter and marked estimated.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from contracts.catalog import MachineClass, Material

INCH = 25.4
Band = tuple[float, float]

HOBBY: dict[float, tuple[Band, Band]] = {
    INCH / 16: ((0.025, 0.040), (0.013, 0.025)),
    INCH / 8: ((0.025, 0.063), (0.013, 0.025)),
    INCH / 4: ((0.025, 0.127), (0.025, 0.050)),
}
"""Diameter → (soft, hard) chip load in mm per tooth. Shapeoko A-Z (jheyman), which calls it arguable."""

MAKER: dict[float, tuple[Band, Band]] = {
    INCH / 8: ((0.076, 0.127), (0.051, 0.102)),
    INCH / 4: ((0.152, 0.203), (0.127, 0.178)),
}
"""The same from AST Tooling's speeds and feeds chart, for a depth of one diameter."""

SMALLEST_PUBLISHED_MM = INCH / 16 - 0.01
SOFT_BELOW_KG_M3, HARD_FROM_KG_M3 = 500.0, 600.0
"""Between the two classes of the tables the band is mixed by density."""

DEPTH_FACTORS = ((1.0, 1.0), (2.0, 0.75), (3.0, 0.5))
"""Depth in diameters → factor (AST Tooling: 25 % less at 2 d, 50 % less at 3 d); deeper stays at the last."""


@dataclass(frozen=True, slots=True)
class ChipBand:
    """Chip load that cuts clean: `low` rubs below, `high` loads the bit above, `ceiling` is the most published."""

    low_mm: float
    high_mm: float
    ceiling_mm: float
    estimated: bool

    @property
    def middle_mm(self) -> float:
        return float((self.low_mm * self.high_mm) ** 0.5)


def band_for(
    diameter_mm: float, stepdown_mm: float, material: Material, machine_class: MachineClass
) -> ChipBand | None:
    """The band for this cutter at this depth a pass, None when the material has no chip load."""
    if material.chip_load_factor is None:
        return None
    softness = _softness(float(material.density.value))
    hobby, maker = _mixed(HOBBY, diameter_mm, softness), _mixed(MAKER, diameter_mm, softness)
    stiff = machine_class is not MachineClass.DESKTOP
    factor = float(material.chip_load_factor.value) * interpolated(DEPTH_FACTORS, stepdown_mm / diameter_mm)
    high, ceiling = (maker[1] if stiff else hobby[1]), max(maker[1], hobby[1])
    estimated = diameter_mm < SMALLEST_PUBLISHED_MM or diameter_mm > INCH / 4 + 0.01
    return ChipBand(
        hobby[0] * factor, high * factor, ceiling * factor, estimated or material.chip_load_factor.estimated
    )


def interpolated(points: tuple[tuple[float, float], ...], at: float) -> float:
    """Piecewise linear through ascending points, constant beyond both ends."""
    if at <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return points[-1][1]


def _softness(density: float) -> float:
    """1 for woods of the tables' soft class, 0 for the hard class."""
    return min(1.0, max(0.0, (HARD_FROM_KG_M3 - density) / (HARD_FROM_KG_M3 - SOFT_BELOW_KG_M3)))


def _mixed(table: dict[float, tuple[Band, Band]], diameter: float, softness: float) -> Band:
    (soft_low, soft_high), (hard_low, hard_high) = _at(table, diameter)
    return hard_low + softness * (soft_low - hard_low), hard_high + softness * (soft_high - hard_high)


def _at(table: dict[float, tuple[Band, Band]], diameter: float) -> tuple[Band, Band]:
    """The row for a diameter: linear between rows, scaled in proportion to the diameter outside them."""
    sizes = sorted(table)
    edge = sizes[0] if diameter < sizes[0] else sizes[-1] if diameter > sizes[-1] else None
    columns = tuple(
        tuple(
            table[edge][side][end] * diameter / edge
            if edge is not None
            else interpolated(tuple((size, table[size][side][end]) for size in sizes), diameter)
            for end in (0, 1)
        )
        for side in (0, 1)
    )
    (soft_low, soft_high), (hard_low, hard_high) = columns
    return (soft_low, soft_high), (hard_low, hard_high)
