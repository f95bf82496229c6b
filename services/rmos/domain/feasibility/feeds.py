"""Speeds and feeds: what the client gave, and a proposal for the rest."""

from __future__ import annotations

import math
from decimal import Decimal

from contracts.catalog import Machine, Material, Tool
from contracts.feasibility import CuttingContext, Feeds
from contracts.model import decimal_of
from services.rmos.domain.feasibility.chip_loads import band_for

STEPDOWN_RATIO = 0.5
"""Depth a pass in diameters: the deep end of wide and shallow, 10-50 % (Shapeoko A-Z)."""
STEPOVER_RATIO = 0.4
"""Clears a pocket with overlap to spare and keeps chip thinning at 2 %."""
RAMP_SHARE = 0.7
"""Feed on the ramp over feed (ramps 70-95 %, at most 5 degrees)."""
RAMP_ANGLE_DEG = 5.0
SMALL_BIT_MM, SMALL_BIT_REV_PER_MIN, USUAL_REV_PER_MIN = 3.0, 24_000.0, 18_000.0
"""Below 3 mm the surface speed is the bottleneck, so such bits turn as fast as a usual spindle does."""


def feeds_for(context: CuttingContext, tool: Tool, material: Material | None, machine: Machine | None) -> Feeds | None:
    """Feeds with the client's figures where given, to the last digit; None when a missing figure cannot be proposed.

    The proposal takes the middle of the published chip load band. If the machine cannot feed that fast the spindle
    is slowed rather than the chip thinned, because thin chips rub and burn.
    """
    diameter = float(tool.diameter.value)
    stepdown = _given(context.stepdown_mm) or math.floor(diameter * STEPDOWN_RATIO * 1000) / 1000
    speed, feed = _given(context.rpm), _given(context.feed_mm_per_min)
    if speed is None or feed is None:
        if material is None or machine is None:
            return None
        band = band_for(diameter, stepdown, material, machine.machine_class)
        if band is None:
            return None
        speed, feed = _speed_and_feed(speed, feed, band.middle_mm, tool, machine)
    return Feeds(
        spindle_rev_per_min=context.rpm or decimal_of(speed),
        feed_mm_per_min=context.feed_mm_per_min or decimal_of(feed),
        ramp_feed_mm_per_min=_ramp_feed(feed, machine),
        stepdown_mm=context.stepdown_mm or decimal_of(stepdown),
        stepover_ratio=context.stepover_ratio or decimal_of(STEPOVER_RATIO),
        proposed=None in (context.rpm, context.feed_mm_per_min, context.stepdown_mm, context.stepover_ratio),
    )


def _ramp_feed(feed: float, machine: Machine | None) -> Decimal:
    """Down to 0.1 mm/min from 1 mm/min on; below that as it is, so that no feed a client can give becomes 0."""
    ramp = feed * RAMP_SHARE
    if machine is not None:
        ramp = min(ramp, float(machine.max_feed_z.value) / math.sin(math.radians(RAMP_ANGLE_DEG)))
    return decimal_of(math.floor(ramp * 10 + 1e-6) / 10 if ramp >= 1 else round(ramp, 6))


def _speed_and_feed(
    speed: float | None, feed: float | None, chip_mm: float, tool: Tool, machine: Machine
) -> tuple[float, float]:
    flutes = tool.flutes
    if speed is None:
        fastest = min(float(machine.max_spindle_speed.value), float(tool.max_speed.value))
        small = float(tool.diameter.value) < SMALL_BIT_MM
        wanted = max(SMALL_BIT_REV_PER_MIN, fastest) if small else USUAL_REV_PER_MIN
        limit = feed if feed is not None else float(machine.max_feed_xy.value)
        wanted = min(wanted, fastest, limit / (chip_mm * flutes))
        speed = math.floor(max(wanted, float(machine.min_spindle_speed.value)))
    if feed is None:
        feed = math.floor(min(chip_mm * flutes * speed, float(machine.max_feed_xy.value)))
    return speed, max(feed, 1.0)


def _given(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]  # a Number, which is a Decimal
