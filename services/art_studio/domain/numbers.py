"""How a drawing spells a number."""

from __future__ import annotations

from decimal import Decimal


def number_text(value: float | Decimal) -> str:
    """At most six decimals, no exponent, no trailing zero, no "-0".

    Binary floats are rounded by CPython's own correctly rounding conversion (Python/dtoa.c), which does not depend on
    the platform or the locale. Raises ValueError for NaN and infinities.
    """
    text = f"{value:.6f}"
    if not text[-1].isdigit():
        raise ValueError(f"{value!r} cannot be drawn")
    text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
