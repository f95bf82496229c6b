"""The blade's plate as a ring of constant thickness, clamped inside by the flanges and free at the rim.

Rayleigh-Ritz after Kirchhoff's plate theory: the shapes (r − b)²·P_k(r)·cos mθ meet the clamping exactly; stiffness and
mass are integrated by Gauss-Legendre. The frequency parameters agree within 0.5 % with the tables of Vogel and Skinner
(J. Appl. Mech. 32, 1965) and Leissa (NASA SP-160, 1969). Tensioning, slots, teeth and the stiffening by rotation are
left out: all but the teeth raise the critical speed of a blade that is made well, so what is found is on the safe side.

All in plain floats and correctly rounded sums: libraries of linear algebra round differently from processor to
processor, and the digest of a verdict must not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

STEEL_YOUNGS_N_PER_MM2, STEEL_POISSON, STEEL_KG_PER_M3 = 210_000.0, 0.3, 7850.0
"""Handbook values of tool steel: every plate is steel, carbide is only on the teeth."""
NODAL_DIAMETERS = 20
"""Shapes with 0 to 19 nodal diameters. Those left out add to the rim's compliance as 1/m³ and are summed so."""
_RADIAL_TERMS, _PANELS, _ITERATIONS = 8, 12, 25


@dataclass(frozen=True, slots=True)
class PlateShape:
    """What follows from the ratio of clamping and rim diameter alone.

    `parameters[m]` is λ² in f = λ²/(2πR²)·√(D/ρh) of the lowest mode with m nodal diameters. `compliance` is c in
    δ = c·F·R²/D: the deflection at the rim under a force across the rim, right there.
    """

    parameters: tuple[float, ...]
    compliance: float


@lru_cache(maxsize=256)
def plate_shape(clamping_ratio: float, poisson: float = STEEL_POISSON) -> PlateShape:
    """For 0 < clamping_ratio < 1, the flanges' diameter over the blade's."""
    shapes = _Radial.over(clamping_ratio)
    modes = [_mode(shapes, poisson, m) for m in range(NODAL_DIAMETERS)]
    left_out = modes[-1][1] * (NODAL_DIAMETERS - 1) / 2
    return PlateShape(
        tuple(parameter for parameter, _ in modes), math.fsum([*(compliance for _, compliance in modes), left_out])
    )


def bending_stiffness_n_mm(thickness_mm: float) -> float:
    """D = E·h³ / (12·(1 − ν²))."""
    return STEEL_YOUNGS_N_PER_MM2 * thickness_mm**3 / (12 * (1 - STEEL_POISSON**2))


def natural_frequency_hz(parameter: float, diameter_mm: float, thickness_mm: float) -> float:
    """f = λ²/(2πR²)·√(D/(ρh))."""
    radius_m, thickness_m = diameter_mm / 2000, thickness_mm / 1000
    stiffness_n_m = bending_stiffness_n_mm(thickness_mm) / 1000
    return parameter / (math.tau * radius_m**2) * math.sqrt(stiffness_n_m / (STEEL_KG_PER_M3 * thickness_m))


def critical_speed(diameter_mm: float, thickness_mm: float, flange_mm: float) -> tuple[float, int, float]:
    """Lowest n = 60·f/m over m ≥ 2 in rev/min, with its number of nodal diameters and its frequency in Hz.

    At that speed a wave runs backward round the plate as fast as the plate turns: it stands still in the wood's frame,
    and any sideways push of the wood builds it up.
    """
    parameters = plate_shape(round(flange_mm / diameter_mm, 4)).parameters
    found = [(natural_frequency_hz(p, diameter_mm, thickness_mm), m) for m, p in enumerate(parameters) if m >= 2]
    return min((60 * frequency / m, m, frequency) for frequency, m in found)


def rim_compliance_mm_per_n(diameter_mm: float, thickness_mm: float, flange_mm: float) -> float:
    """Deflection of the rim for each newton that pushes it aside."""
    shape = plate_shape(round(flange_mm / diameter_mm, 4))
    return shape.compliance * (diameter_mm / 2) ** 2 / bending_stiffness_n_mm(thickness_mm)


def _mode(shapes: _Radial, poisson: float, m: int) -> tuple[float, float]:
    """Frequency parameter and rim compliance of the shapes with m nodal diameters, for D = ρh = R = 1."""
    across = [
        [d / r - m * m * w / (r * r) for w, d, r in zip(ws, ds, shapes.r, strict=True)]
        for ws, ds in zip(shapes.values, shapes.slopes, strict=True)
    ]
    twist = [
        [m * (d / r - w / (r * r)) for w, d, r in zip(ws, ds, shapes.r, strict=True)]
        for ws, ds in zip(shapes.values, shapes.slopes, strict=True)
    ]
    right = [[*c, *a, *t] for c, a, t in zip(shapes.curves, across, twist, strict=True)]
    left = [
        [
            *((x + poisson * y) * area for x, y, area in zip(c, a, shapes.area, strict=True)),
            *((y + poisson * x) * area for x, y, area in zip(c, a, shapes.area, strict=True)),
            *(2 * (1 - poisson) * z * area for z, area in zip(t, shapes.area, strict=True)),
        ]
        for c, a, t in zip(shapes.curves, across, twist, strict=True)
    ]
    stiffness = _cholesky([[_dot(row, column) for column in right] for row in left])
    around = math.tau if m == 0 else math.pi
    return math.sqrt(_lowest(stiffness, shapes.mass)), _dot(shapes.rim, _solved(stiffness, shapes.rim)) / around


@dataclass(frozen=True, slots=True)
class _Radial:
    """The radial shapes x²·L_k(2x − 1) over x = (r − b)/(1 − b): values and derivatives by r at the points, the values
    at the rim, and the products of the shapes over the plate."""

    r: Row
    area: Row
    values: Rows
    slopes: Rows
    curves: Rows
    rim: Row
    mass: Rows

    @classmethod
    def over(cls, inner: float) -> _Radial:
        width = 1 - inner
        places, weights = _gauss_points()
        r = [inner + width * x for x in places]
        area = [weight * width * radius for weight, radius in zip(weights, r, strict=True)]
        at = [_legendre(2 * x - 1) for x in places]
        shapes = range(_RADIAL_TERMS)
        values = [[x * x * p[k][0] for x, p in zip(places, at, strict=True)] for k in shapes]
        slopes = [[(2 * x * p[k][0] + 2 * x * x * p[k][1]) / width for x, p in zip(places, at, strict=True)]
                  for k in shapes]  # fmt: skip
        curves = [[(2 * p[k][0] + 8 * x * p[k][1] + 4 * x * x * p[k][2]) / (width * width)
                   for x, p in zip(places, at, strict=True)] for k in shapes]  # fmt: skip
        weighed = [[value * a for value, a in zip(row, area, strict=True)] for row in values]
        mass = [[_dot(row, column) for column in values] for row in weighed]
        return cls(r, area, values, slopes, curves, [1.0] * _RADIAL_TERMS, mass)


Row = list[float]
Rows = list[Row]


def _gauss_points() -> tuple[Row, Row]:
    """Places and weights of five-point Gauss-Legendre in each of the panels of 0 to 1."""
    far, near = (math.sqrt(5 + sign * 2 * math.sqrt(10 / 7)) / 3 for sign in (1, -1))
    light, heavy = ((322 - sign * 13 * math.sqrt(70)) / 900 for sign in (1, -1))
    rule = ((-far, light), (-near, heavy), (0.0, 128 / 225), (near, heavy), (far, light))
    places = [(panel + (1 + node) / 2) / _PANELS for panel in range(_PANELS) for node, _ in rule]
    return places, [weight / 2 / _PANELS for _ in range(_PANELS) for _, weight in rule]


def _legendre(t: float) -> list[tuple[float, float, float]]:
    """L_k and its first two derivatives at t for every radial term, by Bonnet's recursion and its derivatives."""
    found = [(1.0, 0.0, 0.0), (t, 1.0, 0.0)]
    for k in range(1, _RADIAL_TERMS - 1):
        (p0, d0, c0), (p1, d1, c1) = found[-2:]
        found.append((
            ((2 * k + 1) * t * p1 - k * p0) / (k + 1),
            ((2 * k + 1) * (p1 + t * d1) - k * d0) / (k + 1),
            ((2 * k + 1) * (2 * d1 + t * c1) - k * c0) / (k + 1),
        ))  # fmt: skip
    return found


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    """The scalar product, its sum rounded once."""
    return math.fsum(map(mul, a, b))


def _cholesky(matrix: Rows) -> Rows:
    """The lower triangle L with L·Lᵀ = matrix, symmetric and positive definite."""
    lower: Rows = []
    for i, row in enumerate(matrix):
        lower.append([])
        for j in range(i + 1):
            left = row[j] - _dot(lower[i][:j], lower[j][:j])
            lower[i].append(math.sqrt(left) if i == j else left / lower[j][j])
    return lower


def _solved(lower: Rows, right: Row) -> Row:
    """x with L·Lᵀ·x = right."""
    forward: Row = []
    for i, row in enumerate(lower):
        forward.append((right[i] - _dot(row[:i], forward)) / row[i])
    back: Row = [0.0] * len(right)
    for i in reversed(range(len(right))):
        below = range(i + 1, len(right))
        back[i] = (forward[i] - math.fsum(lower[k][i] * back[k] for k in below)) / lower[i][i]
    return back


def _lowest(stiffness: Rows, mass: Rows) -> float:
    """Least λ⁴ of stiffness·x = λ⁴·mass·x, by inverse iteration; `stiffness` by its Cholesky triangle. The next one is
    several times as large, so that each turn adds more than a digit."""
    x = [1.0] + [0.0] * (len(mass) - 1)
    value = 0.0
    for _ in range(_ITERATIONS):
        pushed = [_dot(row, x) for row in mass]
        y = _solved(stiffness, pushed)
        value = _dot(x, pushed) / _dot(y, pushed)
        size = math.sqrt(_dot(y, [_dot(row, y) for row in mass]))
        x = [item / size for item in y]
    return value
