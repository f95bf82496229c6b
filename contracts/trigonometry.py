"""Sine, cosine, tangent and arcsine whose last bit is the same on every platform.

The C library's differ between systems in the last place, and a drawing's or a program's bytes (so: digests) would
differ with them. These use additions, multiplications, divisions and square roots only, which IEEE 754 defines to the
last bit. Method and coefficients: FreeBSD msun (fdlibm) k_sin.c, k_cos.c, e_rem_pio2.c, e_asin.c; errors below 2 units
in the last place of max(|result|, 1) for |angle| <= 1000 rad.
"""

from __future__ import annotations

import math

_PI_2_HIGH = 1.57079632673412561417e00  # the first 33 bits of pi/2: times a small integer it is exact
_PI_2_LOW = 6.07710050650619224932e-11
_SIN = (
    -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
    2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10,
)  # fmt: skip
_COS = (
    4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
    -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11,
)  # fmt: skip
_ASIN_P = (
    1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
    -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05,
)  # fmt: skip
_ASIN_Q = (
    1.0, -2.40339491173441421878e00, 2.02094576023350569471e00, -6.88283971605453293030e-01, 7.70381505559019352791e-02,
)  # fmt: skip
_LIMIT_RAD = 1000.0


def sin(angle_rad: float) -> float:
    """Raises ValueError beyond ±1000 rad, where the reduction would lose digits."""
    quadrant, rest = _reduced(angle_rad)
    value = _kernel_cos(rest) if quadrant & 1 else _kernel_sin(rest)
    return -value if quadrant & 2 else value


def cos(angle_rad: float) -> float:
    """Raises ValueError as `sin`."""
    quadrant, rest = _reduced(angle_rad)
    value = _kernel_sin(rest) if quadrant & 1 else _kernel_cos(rest)
    return -value if quadrant in {1, 2} else value


def tan(angle_rad: float) -> float:
    return sin(angle_rad) / cos(angle_rad)


def asin(value: float) -> float:
    """Radians in [-pi/2, pi/2]. Raises ValueError outside [-1, 1]."""
    size = abs(value)
    if not size <= 1.0:
        raise ValueError(f"asin of {value}: only -1 to 1 has an arcsine")
    if size < 0.5:
        square = value * value
        return value + value * (square * _polynomial(square, _ASIN_P) / _polynomial(square, _ASIN_Q))
    # asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)), where the series is short again
    half = (1.0 - size) * 0.5
    root = math.sqrt(half)
    ratio = half * _polynomial(half, _ASIN_P) / _polynomial(half, _ASIN_Q)
    result = math.pi / 2 - 2.0 * (root + root * ratio)
    return -result if value < 0 else result


def _reduced(angle: float) -> tuple[int, float]:
    """The quadrant (0-3) and the rest in [-pi/4, pi/4]."""
    if not abs(angle) <= _LIMIT_RAD:
        raise ValueError(f"{angle} rad is outside the range of this trigonometry")
    turns = round(angle * (2.0 / math.pi))
    return turns & 3, (angle - turns * _PI_2_HIGH) - turns * _PI_2_LOW


def _kernel_sin(x: float) -> float:
    square = x * x
    return x + x * square * _polynomial(square, _SIN)


def _kernel_cos(x: float) -> float:
    square = x * x
    return 1.0 - (0.5 * square - square * square * _polynomial(square, _COS))


def _polynomial(x: float, coefficients: tuple[float, ...]) -> float:
    value = 0.0
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value
