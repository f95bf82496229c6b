"""How findings become a verdict: the one reviewed table of weights, and the rules of composition."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from contracts.feasibility import CalculatorResult, RiskLevel
from services.rmos.domain.feasibility.calculators import cutting, depth, machine, saw_blade, saw_cut, saw_parts, shape
from services.rmos.domain.feasibility.saw_situation import SawSituation
from services.rmos.domain.feasibility.situation import Situation

S = TypeVar("S", Situation, SawSituation)


@dataclass(frozen=True, slots=True)
class Row(Generic[S]):
    """A calculator, its weight in the overall score, and why it weighs that much."""

    name: str
    calculate: Callable[[S], CalculatorResult]
    weight: float
    reason: str


ROUTER: tuple[Row[Situation], ...] = (
    Row("geometry_validity", shape.geometry_validity, 10, "a design that contradicts itself cannot be cut at all"),
    Row("feature_size", shape.feature_size, 12, "the commonest mistake: a cutter too wide for the narrowest line"),
    Row("reachable_area", shape.reachable_area, 10, "what is not reached must be carved by hand"),
    Row("wall_thickness", shape.wall_thickness, 10, "a broken web spoils the top, and tops are dear"),
    Row("inlay_fragility", shape.inlay_fragility, 5, "a broken piece is replaced, a broken top is not"),
    Row("depth_in_stock", depth.depth_in_stock, 10, "the floor carries the string load around the soundhole"),
    Row("flute_and_stickout", depth.flute_and_stickout, 6, "mostly yes or no, seen before the first cut"),
    Row("chip_load", cutting.chip_load, 9, "decides between cutting and rubbing, but tables differ by a factor of 7"),
    Row("surface_speed", cutting.surface_speed, 4, "small bits cut far below the textbook range and still cut"),
    Row("heating", cutting.heating, 4, "burn marks lie inside the pocket, under the inlay"),
    Row("cutting_force", cutting.cutting_force, 8, "a broken bit stops the job and marks the work"),
    Row("tool_deflection", cutting.tool_deflection, 9, "bending widens the joint by as much as a glue gap"),
    Row("spindle_power", cutting.spindle_power, 3, "small bits never load a spindle; large ones may"),
    Row("machine_envelope", machine.machine_envelope, 5, "yes or no"),
    Row("stock_extent", machine.stock_extent, 4, "yes or no, when the stock's size is known"),
    Row("speeds_and_feeds", machine.speeds_and_feeds, 6, "beyond the limits the controller clamps in silence"),
    Row("cycle_time", machine.cycle_time, 2, "time is money, not feasibility"),
)
"""Router pockets. Weights sum to 117 and are relative; hard rules do not depend on them."""

SAW: tuple[Row[SawSituation], ...] = (
    Row("sawable_parts", saw_parts.sawable_parts, 10, "what has no straight sides is not made by a saw"),
    Row("kerf_and_strip", saw_parts.kerf_and_strip, 12, "the commonest mistake: a blade as thick as the strip"),
    Row("piece_fragility", saw_parts.piece_fragility, 6, "a broken strip costs a strip, not a top"),
    Row("strip_yield", saw_parts.strip_yield, 5, "yes or no, when the stock's size is known"),
    Row("rim_speed", saw_blade.rim_speed, 12, "too fast is dangerous, too slow tears"),
    Row("bite", saw_cut.bite, 10, "decides between sawing and rubbing"),
    Row("blade_dynamics", saw_blade.blade_dynamics, 10, "near its critical speed a blade snakes and may break"),
    Row("blade_deflection", saw_blade.blade_deflection, 8, "what the rim yields is an error of the strip"),
    Row("blade_reach", saw_blade.blade_reach, 8, "yes or no, and seen before the first cut"),
    Row("kickback", saw_cut.kickback, 12, "the commonest accident at the saw"),
    Row("sawing_power", saw_cut.sawing_power, 6, "a stalled blade is stopped by the wood: it grabs"),
    Row("heating", saw_cut.heating, 5, "burnt faces do not glue"),
    Row("saw_limits", saw_parts.saw_limits, 8, "what the saw has not, nobody can ask of it"),
)
"""Strips and pieces on a saw. Weights sum to 112 and are relative; hard rules do not depend on them."""

SEVERITY = {RiskLevel.GREEN: 0, RiskLevel.YELLOW: 1, RiskLevel.RED: 2, RiskLevel.UNKNOWN: 3}
RED_BELOW_OVERALL, YELLOW_BELOW_OVERALL = 50.0, 80.0


def overall(results: Iterable[CalculatorResult], rows: Iterable[Row[Any]]) -> tuple[RiskLevel, float | None]:
    """Worst risk, and the weighted geometric mean brought into that risk's band of scores.

    UNKNOWN of one makes the whole UNKNOWN, without a score. A mean below 50 is RED even if no single finding is.
    Bands: GREEN 80-100, YELLOW 50-80, RED 0-49, so that score and colour never contradict each other.
    """
    found, weights = list(results), {row.name: row.weight for row in rows}
    risk = max((result.risk for result in found), key=SEVERITY.__getitem__)
    if risk is RiskLevel.UNKNOWN:
        return risk, None
    total = sum(weights[result.calculator] for result in found)
    logs = (weights[r.calculator] * math.log(max(float(r.score or 0), 1.0)) for r in found)
    mean = math.exp(sum(logs) / total)
    if risk is RiskLevel.RED or mean < RED_BELOW_OVERALL:
        return RiskLevel.RED, mean * 0.49
    if risk is RiskLevel.YELLOW or mean < YELLOW_BELOW_OVERALL:
        return RiskLevel.YELLOW, 50 + (mean - 50) * 0.598
    return RiskLevel.GREEN, mean
