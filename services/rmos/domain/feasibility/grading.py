"""From a figure to a score, and from a score to a risk: the one place thresholds of risk live."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.catalog import Figure, Material
from contracts.feasibility import CalculatorResult, Quantity, RiskLevel
from services.rmos.domain.feasibility.chip_loads import interpolated

GREEN_FROM, RED_BELOW = 80.0, 30.0
"""A calculator is GREEN from 80, RED below 30 or on a hard rule, YELLOW between."""
BEST_ON_AN_ESTIMATE = 79.0
ON_AN_ESTIMATE = "cut 1 test piece: no table covers this cutter and wood, the figures are estimated"
"""What rests on an estimated cutting figure is YELLOW at best."""

Curve = tuple[tuple[float, float], ...]
"""Points (figure, score), ascending in the figure; linear between, constant beyond."""


def score_on(curve: Curve, figure: float) -> float:
    return interpolated(curve, figure)


LARGEST = 999_999_999.0
"""What a Number holds. A feed of 0.000001 mm/min takes longer than that, and is judged nevertheless."""


def quantity(name: str, value: float, unit: str) -> Quantity:
    """Rounded to six places; beyond LARGEST it is LARGEST."""
    return Quantity(name=name, value=round(max(-LARGEST, min(LARGEST, value)), 6), unit=unit)


def judged(
    calculator: str,
    score: float,
    summary: str,
    *,
    inputs: Iterable[Quantity] = (),
    results: Iterable[Quantity] = (),
    limiting: Quantity | None = None,
    suggestion: str | None = None,
    hard: bool = False,
    estimated: bool = False,
    assumptions: Iterable[str] = (),
) -> CalculatorResult:
    """The result with its risk. A broken hard rule scores 0. A GREEN result carries no suggestion."""
    if hard:
        score = 0.0
    elif estimated and score > BEST_ON_AN_ESTIMATE:
        suggestion = ON_AN_ESTIMATE if score >= GREEN_FROM else suggestion
        score = BEST_ON_AN_ESTIMATE
    risk = RiskLevel.RED if score < RED_BELOW else RiskLevel.YELLOW if score < GREEN_FROM else RiskLevel.GREEN
    return CalculatorResult(
        calculator=calculator,
        risk=risk,
        score=round(score, 2),
        hard=hard,
        summary=summary,
        inputs=tuple(inputs),
        results=tuple(results),
        limiting=limiting,
        suggestion=None if risk is RiskLevel.GREEN else suggestion,
        assumptions=tuple(assumptions),
    )


def at_most(coefficient: Figure) -> str:
    """Before a force or a heat in a summary: "at most " where it is reckoned with an upper bound, else nothing."""
    return "at most " if coefficient.is_bound else ""


def bound_named(coefficient: Figure, material: Material) -> tuple[str, ...]:
    """The assumption of a result that is reckoned with an upper bound; none for a figure of the wood itself."""
    if not coefficient.is_bound:
        return ()
    value = f"{coefficient.value} {coefficient.unit}"
    return (f"cutting_coefficient {value} is an upper bound for {material.name}: it is published for denser wood",)


def not_judged(calculator: str, summary: str, suggestion: str, missing: tuple[str, ...] = ()) -> CalculatorResult:
    """UNKNOWN: blocks, and says what to give."""
    return CalculatorResult(
        calculator=calculator, risk=RiskLevel.UNKNOWN, summary=summary, suggestion=suggestion, missing=missing
    )
