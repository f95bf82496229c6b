"""Speed and feed for the saw: what the client gave, and a proposal for the rest."""

from __future__ import annotations

import math

from contracts.catalog import Machine, Material, Tool
from contracts.feasibility import CuttingContext, Feeds
from contracts.model import decimal_of
from services.rmos.domain.feasibility import sawing
from services.rmos.domain.feasibility.saw_tables import Band, bites, rim_speeds
from services.rmos.domain.feasibility.sawing import speed_for_rim

PROJECTION_MM = 3.0
"""How far the blade stands beyond the stock where nobody said: about a tooth's height."""

POWER_SHARE = 0.6
"""Of the saw's power: what a proposal takes at most, so that a knot does not stall the blade."""


def saw_feeds_for(
    context: CuttingContext, blade: Tool, material: Material | None, machine: Machine | None
) -> Feeds | None:
    """Feeds with the client's figures where given, to the last digit; None when a missing figure cannot be proposed.

    The proposal is the middle of the bites at the middle of the rim speeds. Where the machine cannot feed that fast
    the blade is slowed, down to the least rim speed, because thin bites rub and burn; where its power does not suffice
    the feed is less.
    """
    depth = context.stepdown_mm or context.stock_thickness_mm
    if depth is None:
        return None
    given_speed, given_feed = context.rpm, context.feed_mm_per_min
    speed = None if given_speed is None else float(given_speed)
    feed = None if given_feed is None else float(given_feed)
    if speed is None or feed is None:
        if material is None or machine is None:
            return None
        diameter = float(blade.diameter.value)
        rims, bite = rim_speeds(material, diameter), bites(material, diameter)
        if rims is None or bite is None:
            return None
        fastest_feed = float(machine.max_feed_xy.value)
        if speed is None:
            limit = fastest_feed if feed is None else feed
            speed = _speed(blade, machine, rims, limit / (bite.middle * blade.flutes))
        if feed is None:
            feed = min(bite.middle * blade.flutes * speed, fastest_feed)
            feed = max(1.0, math.floor(min(feed, _powered(feed, speed, blade, material, machine, context))))
    return Feeds(
        spindle_rev_per_min=given_speed or decimal_of(speed),
        feed_mm_per_min=given_feed or decimal_of(feed),
        ramp_feed_mm_per_min=given_feed or decimal_of(feed),
        stepdown_mm=depth,
        stepover_ratio=decimal_of(1),
        proposed=None in (context.rpm, context.feed_mm_per_min, context.stepdown_mm),
    )


def _powered(
    feed: float, speed: float, blade: Tool, material: Material, machine: Machine, context: CuttingContext
) -> float:
    """The feed at which POWER_SHARE of the saw's power is used: power grows with the root of the feed."""
    depth = min(context.stepdown_mm or math.inf, context.stock_thickness_mm or math.inf)
    projection = PROJECTION_MM if context.blade_projection_mm is None else float(context.blade_projection_mm)
    engaged = sawing.engagement(float(blade.diameter.value), float(depth), projection)
    if engaged is None or material.cutting_coefficient is None or blade.kerf is None:
        return feed
    chip = engaged.mean_chip_mm(sawing.bite_mm(feed, speed, blade.flutes))
    resistance = sawing.specific_resistance_n_per_mm2(float(material.cutting_coefficient.value), chip)
    power = sawing.sawing_power_w(resistance, float(blade.kerf.value), float(depth), feed)
    motor, fastest = float(machine.spindle_power.value), float(machine.max_spindle_speed.value)
    return feed * (POWER_SHARE * sawing.available_power_w(motor, speed, fastest) / power) ** 2


def _speed(blade: Tool, machine: Machine, rims: Band, fed_rev_per_min: float) -> float:
    """As fast as the feed can follow, between the least and the middle rim speed, within blade and machine."""
    diameter = float(blade.diameter.value)
    wanted = max(speed_for_rim(diameter, rims.low), min(speed_for_rim(diameter, rims.middle), fed_rev_per_min))
    most = min(float(machine.max_spindle_speed.value), float(blade.max_speed.value))
    return float(math.ceil(max(min(wanted, most), float(machine.min_spindle_speed.value))))
