"""Does the depth fit the stock and the tool."""

from __future__ import annotations

from contracts.feasibility import CalculatorResult
from services.rmos.domain.feasibility.grading import Curve, judged, quantity, score_on
from services.rmos.domain.feasibility.situation import Situation

FLOOR: Curve = ((0.0, 0), (0.5, 30), (0.7, 50), (1.0, 80), (1.3, 100))
"""Stock left under the deepest pocket, mm: a top wants at least 1.0 mm there (craft rule, estimated)."""

FLUTE: Curve = ((0.5, 100), (0.8, 90), (1.0, 80))
"""Depth over flute length; beyond 1 the shank rubs, which is a hard rule."""

COLLET_CLEARANCE_MM = 2.0
"""Room between collet nut and stock for chips, and for a top that is not flat."""
CLEARANCE: Curve = ((0.0, 30), (COLLET_CLEARANCE_MM, 80), (5.0, 100))


def depth_in_stock(situation: Situation) -> CalculatorResult:
    """What stays under the deepest pocket. Through the stock is a hard rule."""
    depth, stock = situation.deepest_mm, situation.stock_thickness_mm
    left = stock - depth
    floor = quantity("left_under_pocket", left, "mm")
    through = left <= 0
    return judged(
        "depth_in_stock",
        score_on(FLOOR, left),
        f"the deepest pocket, {depth:g} mm, goes through {stock:g} mm of stock"
        if through
        else f"{left:g} mm stay under the deepest pocket ({depth:g} mm in {stock:g} mm)",
        inputs=[quantity("depth", depth, "mm"), quantity("stock_thickness", stock, "mm")],
        results=[floor],
        limiting=floor,
        suggestion=f"cut at most {max(stock - 1, 0):g} mm deep or take stock of at least {depth + 1:g} mm",
        hard=through,
    )


def flute_and_stickout(situation: Situation) -> CalculatorResult:
    """Flutes as long as the pocket is deep, and a tool that stands out far enough to get there."""
    tool, stickout = situation.tool, situation.stickout_mm
    depth = situation.deepest_mm
    if tool.flute_length is None:
        raise TypeError(f"{tool.id} has no flute_length")  # the catalog refuses such a flat tool
    flutes = float(tool.flute_length.value)
    clearance = stickout - depth
    too_short = depth > flutes + 1e-9 or clearance <= 0
    in_collet = stickout < flutes
    score = min(score_on(FLUTE, depth / flutes), score_on(CLEARANCE, clearance), 60 if in_collet else 100)
    length = quantity("flute_length", flutes, "mm")
    return judged(
        "flute_and_stickout",
        score,
        f"{depth:g} mm deep with {flutes:g} mm of flutes, {stickout:g} mm out of the collet"
        + (" (flutes clamped in the collet)" if in_collet else ""),
        inputs=[quantity("depth", depth, "mm"), length, quantity("stickout", stickout, "mm")],
        results=[quantity("depth_over_flutes", depth / flutes, "1"), quantity("collet_clearance", clearance, "mm")],
        limiting=length if depth > flutes else quantity("stickout", stickout, "mm"),
        suggestion=f"cut at most {min(flutes, max(stickout - COLLET_CLEARANCE_MM, 0)):g} mm deep, or take flutes of at "
        f"least {depth:g} mm standing out at least {max(depth + COLLET_CLEARANCE_MM, flutes):g} mm",
        hard=too_short,
        assumptions=() if situation.context.stickout_mm else (f"stickout {stickout:g} mm from the catalog's entry",),
    )
