"""Does the blade run well: rim speed, dynamics of its plate, how far it bends aside, how deep it reaches."""

from __future__ import annotations

from contracts.catalog import Figure, Material
from contracts.feasibility import CalculatorResult
from services.rmos.domain.feasibility import blade_plate, sawing
from services.rmos.domain.feasibility.calculators.saw_cut import coefficient_of
from services.rmos.domain.feasibility.grading import Curve, at_most, bound_named, judged, quantity, score_on
from services.rmos.domain.feasibility.saw_situation import SawSituation
from services.rmos.domain.feasibility.saw_tables import rim_speeds
from services.rmos.domain.feasibility.situation import NotJudged

TOO_SLOW: Curve = ((0.35, 0), (0.5, 30), (0.75, 50), (1.0, 80), (1.15, 100))
"""Rim speed over the least of the band: a slow tooth tears, but nothing flies."""
TOO_FAST: Curve = ((0.9, 100), (1.0, 80), (1.06, 50), (1.12, 30), (1.3, 0))
"""Rim speed over the most of the band: the plate wanders, the wood burns, and the energy of a thrown piece grows."""

TO_CRITICAL: Curve = ((0.6, 100), (0.85, 80), (0.95, 50), (1.0, 0))
"""Speed over the critical one: 15 % below it is the published limit of operation (Stakhiev and Lyzhin 1972; Merhar and
others, BioResources 12(3), 2017). At the critical speed itself the blade has no stiffness: a hard rule."""

BENDING_MM: Curve = ((0.004, 100), (0.02, 80), (0.05, 50), (0.08, 30), (0.12, 0))
"""What the rim yields becomes an error of the strip's thickness, and a glue gap is 0.02-0.08 mm."""
SIDEWAYS_SHARE = 0.05
"""Force across the plate over force along the rim for teeth that are sharp and evenly set [est]."""

REACH_LEFT_MM: Curve = ((0.0, 50), (2.0, 80), (5.0, 100))
"""Room between flange and stock."""


def rim_speed(situation: SawSituation) -> CalculatorResult:
    """Speed of the teeth inside what is published for the wood. Above the blade's marked speed is a hard rule."""
    return situation.in_the_worst(lambda material: _rim_speed(situation, material))


def _rim_speed(situation: SawSituation, material: Material) -> CalculatorResult:
    diameter, speed, blade = situation.diameter_mm, situation.rev_per_min, situation.blade
    band = rim_speeds(material, diameter)
    if band is None:
        raise NotJudged(
            f"no rim speed is published for {material.name}",
            f"saw a test piece of {material.name}; this engine judges wood on the saw",
        )
    rim, marked = sawing.rim_speed_m_per_s(diameter, speed), float(blade.max_speed.value)
    over_mark = speed > marked + 1e-9
    result = quantity("rim_speed", rim, "m/s")
    low, high = (sawing.speed_for_rim(diameter, limit) for limit in (band.low, band.high))
    most = min(high, marked)
    mark = f", beyond the blade's marked {marked:.0f} rev/min" if over_mark else ""
    fitting = f"turn at {low:.0f} to {most:.0f} rev/min"
    none = f"take a blade marked for more than {low:.0f} rev/min, or one of more than {diameter * low / most:.0f} mm"
    slow = rim < band.low
    return judged(
        "rim_speed",
        min(score_on(TOO_SLOW, rim / band.low), score_on(TOO_FAST, rim / band.high)),
        f"the rim runs at {rim:.1f} m/s at {speed:.0f} rev/min; {material.name} is sawn at {band.low:g} to "
        f"{band.high:g} m/s{mark}",
        inputs=[quantity("blade_diameter", diameter, "mm"), quantity("spindle_speed", speed, "rev/min")],
        results=[result],
        limiting=quantity("marked_speed", marked, "rev/min")
        if over_mark
        else quantity("least_rim_speed" if slow else "most_rim_speed", band.low if slow else band.high, "m/s"),
        suggestion=fitting if low <= most else none,
        hard=over_mark,
        estimated=band.estimated,
        assumptions=("no table covers slitting saws in wood: the limits are estimated",) if band.estimated else (),
    )


def blade_dynamics(situation: SawSituation) -> CalculatorResult:
    """Speed against the critical speed of the clamped plate; the suggestion is a speed or a plate."""
    diameter, plate, flange, speed = (
        situation.diameter_mm, situation.plate_mm, situation.flange_mm, situation.rev_per_min,
    )  # fmt: skip
    critical, nodes, frequency = blade_plate.critical_speed(diameter, plate, flange)
    ratio = speed / critical
    result = quantity("speed_over_critical", ratio, "1")
    return judged(
        "blade_dynamics",
        score_on(TO_CRITICAL, ratio),
        f"{speed:.0f} rev/min are {100 * ratio:.0f} % of the critical {critical:.0f} rev/min "
        f"({frequency:.0f} Hz with {nodes} nodal diameters)",
        inputs=[
            quantity("blade_diameter", diameter, "mm"),
            quantity("plate", plate, "mm"),
            quantity("flange_diameter", flange, "mm"),
        ],
        results=[
            quantity("natural_frequency", frequency, "Hz"),
            quantity("nodal_diameters", nodes, "1"),
            quantity("critical_speed", critical, "rev/min"),
            result,
        ],
        limiting=quantity("critical_speed", critical, "rev/min"),
        suggestion=f"turn at most at {0.85 * critical:.0f} rev/min, or take a plate of at least "
        f"{plate * ratio / 0.85:.2f} mm or larger flanges",
        hard=ratio >= 1,
        assumptions=[*situation.assumed_flange, "a flat steel plate without tensioning, slots and heat"],
    )


def blade_deflection(situation: SawSituation) -> CalculatorResult:
    """How far the rim yields to the force across it."""
    return situation.in_the_worst(lambda material: _deflection(situation, material))


def _deflection(situation: SawSituation, material: Material) -> CalculatorResult:
    coefficient: Figure = coefficient_of(material)
    engaged, plate = situation.engagement, situation.plate_mm
    chip = engaged.mean_chip_mm(situation.bite_mm)
    along = sawing.tooth_force_n(float(coefficient.value), situation.kerf_mm, chip)
    along *= max(1.0, engaged.teeth_in_cut(situation.blade.flutes))
    compliance = blade_plate.rim_compliance_mm_per_n(situation.diameter_mm, plate, situation.flange_mm)
    bend = SIDEWAYS_SHARE * along * compliance
    result = quantity("deflection", bend, "mm")
    return judged(
        "blade_deflection",
        score_on(BENDING_MM, bend),
        f"the rim yields {at_most(coefficient)}{1000 * bend:.0f} µm to {SIDEWAYS_SHARE * along:.2f} N "
        f"from the side in {material.name}",
        inputs=[quantity("plate", plate, "mm"), quantity("flange_diameter", situation.flange_mm, "mm")],
        results=[quantity("sideways_force", SIDEWAYS_SHARE * along, "N"), result],
        limiting=result,
        suggestion=f"take a plate of at least {plate * (bend / 0.02) ** (1 / 3):.2f} mm, larger flanges or a smaller "
        "blade",
        estimated=coefficient.estimated,
        assumptions=[
            f"{100 * SIDEWAYS_SHARE:g} % of the force along the rim act across it: sharp teeth, evenly set",
            *bound_named(coefficient, material),
            *situation.assumed_flange,
            *situation.assumed_projection,
        ],
    )


def blade_reach(situation: SawSituation) -> CalculatorResult:
    """Does the blade come through the stock before its flange touches it. If not, a hard rule."""
    stock, projection = situation.stock_thickness_mm, situation.projection_mm
    available = (situation.diameter_mm - situation.flange_mm) / 2
    left = available - stock - projection
    reach = quantity("depth_of_cut", available, "mm")
    return judged(
        "blade_reach",
        score_on(REACH_LEFT_MM, left),
        f"{available:g} mm of blade stand out of the flange for {stock:g} mm of stock and {projection:g} mm beyond",
        inputs=[quantity("stock_thickness", stock, "mm"), quantity("blade_projection", projection, "mm")],
        results=[reach, quantity("room_at_flange", left, "mm")],
        limiting=reach,
        suggestion=f"saw stock of at most {max(available - projection - 2, 0):.1f} mm, or take a blade of at least "
        f"{situation.flange_mm + 2 * (stock + projection + 2):.0f} mm",
        hard=left < 0,
        assumptions=[*situation.assumed_flange, *situation.assumed_projection],
    )
