"""Does the saw cut well and safely: bite, kickback, power and force, heat."""

from __future__ import annotations

from contracts.catalog import Figure, Material
from contracts.feasibility import CalculatorResult
from services.rmos.domain.feasibility import cutting, sawing
from services.rmos.domain.feasibility.grading import Curve, at_most, bound_named, judged, quantity, score_on
from services.rmos.domain.feasibility.saw_situation import SawSituation
from services.rmos.domain.feasibility.saw_tables import ROUGH_BITE_MM, Band, bites
from services.rmos.domain.feasibility.situation import NotJudged

RUBBING: Curve = ((0.1, 0), (0.25, 30), (0.5, 50), (1.0, 80), (1.4, 100))
"""Bite over the least of the band. At a quarter of 0.03 mm the bite is the radius of a carbide edge, 5-10 µm: the tooth
pushes the fibres instead of cutting them."""
ROUGH: Curve = ((0.75, 100), (1.0, 80), (1.5, 50), (3.0, 35), (4.0, 0))
"""Bite over the most of the band for fine work; three times as much is where rough sawing begins (0.3 mm)."""

EXPOSURE_MM: Curve = ((4.0, 100), (8.0, 80), (16.0, 50), (25.0, 30), (40.0, 0))
"""Blade beyond the stock, weighted: what stands out catches a piece that closes on it [est]."""
RIPPING, DULL = 1.25, 0.5
"""Along the grain the kerf closes on the blade; a bite that rubs lifts the work. Both by judgement [est]."""

POWER: Curve = ((0.25, 100), (0.6, 80), (0.85, 50), (1.0, 30))
HEATING: Curve = ((60.0, 100), (110.0, 80), (160.0, 50), (220.0, 30), (300.0, 0))
"""K, as for routers: wood browns at a rise of about 150 K; ranks rubbing, not a thermometer."""


def coefficient_of(material: Material) -> Figure:
    """The cutting resistance. Refuses a material that has none."""
    if material.cutting_coefficient is None:
        raise NotJudged(
            f"no cutting resistance is published for {material.name}",
            f"saw a test piece of {material.name}; the catalog needs a cutting_coefficient to judge it",
        )
    return material.cutting_coefficient


def bite(situation: SawSituation) -> CalculatorResult:
    """Feed per tooth inside the band for fine work: less rubs and burns, more tears."""
    return situation.in_the_worst(lambda material: _bite(situation, material))


def _bite(situation: SawSituation, material: Material) -> CalculatorResult:
    band, per_tooth = _band(situation, material), situation.bite_mm
    teeth = situation.rev_per_min * situation.blade.flutes
    rubs = per_tooth < band.low
    most = float(situation.machine.max_feed_xy.value)
    coarser = max(1, int(situation.blade.flutes * most / (band.low * teeth)))
    by_feed = f"feed {band.low * teeth:.0f} to {band.high * teeth:.0f} mm/min at {situation.rev_per_min:.0f} rev/min"
    by_blade = f"take a blade of at most {coarser} teeth: {situation.machine.name} feeds {most:.0f} mm/min at most"
    return judged(
        "bite",
        min(score_on(RUBBING, per_tooth / band.low), score_on(ROUGH, per_tooth / band.high)),
        f"each tooth takes {per_tooth:.4f} mm of {material.name}; {band.low:.3f} to {band.high:.3f} mm saw clean",
        inputs=[
            quantity("feed", float(situation.feeds.feed_mm_per_min), "mm/min"),
            quantity("spindle_speed", situation.rev_per_min, "rev/min"),
            quantity("teeth", situation.blade.flutes, "1"),
        ],
        results=[quantity("bite", per_tooth, "mm")],
        limiting=quantity("least_bite", band.low, "mm") if rubs else quantity("most_bite", band.high, "mm"),
        suggestion=by_blade if rubs and band.low * teeth > most else by_feed,
        estimated=band.estimated,
        assumptions=[f"fine work; rough sawing takes {ROUGH_BITE_MM:g} mm and more"],
    )


def _band(situation: SawSituation, material: Material) -> Band:
    band = bites(material, situation.diameter_mm)
    if band is None:
        raise NotJudged(
            f"no bite is published for {material.name}",
            f"saw a test piece of {material.name}; this engine judges wood with a chip_load_factor on the saw",
        )
    return band


def kickback(situation: SawSituation) -> CalculatorResult:
    """Blade beyond the stock, made worse by ripping and by a bite that rubs."""
    return situation.in_the_worst(lambda material: _kickback(situation, material))


def _kickback(situation: SawSituation, material: Material) -> CalculatorResult:
    band, projection = _band(situation, material), situation.projection_mm
    rubbing = max(0.0, 1 - situation.bite_mm / band.low)
    weight = RIPPING * (1 + DULL * rubbing)
    exposure = weight * projection
    result = quantity("weighted_exposure", exposure, "mm")
    return judged(
        "kickback",
        score_on(EXPOSURE_MM, exposure),
        f"{projection:g} mm of blade stand beyond the stock while strips are ripped from it"
        + (", and the bite rubs" if rubbing > 0 else ""),
        inputs=[quantity("blade_projection", projection, "mm"), quantity("rubbing", rubbing, "1")],
        results=[result],
        limiting=result,
        suggestion=f"set the blade at most {8 / weight:.1f} mm beyond the stock"
        + (f", and take bites of at least {band.low:.3f} mm" if rubbing > 0 else ""),
        assumptions=["strips are ripped with a riving knife or the work clamped", *situation.assumed_projection],
    )


def sawing_power(situation: SawSituation) -> CalculatorResult:
    """Force along the rim, and power at the arbor against what the saw has at this speed."""
    return situation.in_the_worst(lambda material: _power(situation, material))


def _power(situation: SawSituation, material: Material) -> CalculatorResult:
    coefficient, machine, engaged = coefficient_of(material), situation.machine, situation.engagement
    feed, depth, kerf = float(situation.feeds.feed_mm_per_min), situation.pass_depth_mm, situation.kerf_mm
    chip = engaged.mean_chip_mm(situation.bite_mm)
    resistance = sawing.specific_resistance_n_per_mm2(float(coefficient.value), chip)
    power = sawing.sawing_power_w(resistance, kerf, depth, feed)
    rim = sawing.rim_speed_m_per_s(situation.diameter_mm, situation.rev_per_min)
    motor, fastest = float(machine.spindle_power.value), float(machine.max_spindle_speed.value)
    available = sawing.available_power_w(motor, situation.rev_per_min, fastest)
    use = power / available
    result = quantity("power_used", use, "1")
    return judged(
        "sawing_power",
        score_on(POWER, use),
        f"sawing {depth:g} mm of {material.name} takes {at_most(coefficient)}{power:.0f} W of the {available:.0f} W "
        f"at {situation.rev_per_min:.0f} rev/min, {power / rim:.1f} N along the rim",
        inputs=[
            quantity("cutting_coefficient", float(coefficient.value), "N/mm^1.5"),
            quantity("kerf", kerf, "mm"),
            quantity("pass_depth", depth, "mm"),
            quantity("feed", feed, "mm/min"),
        ],
        results=[
            quantity("specific_resistance", resistance, "N/mm2"),
            quantity("cutting_force", power / rim, "N"),
            quantity("cutting_power", power, "W"),
            quantity("available_power", available, "W"),
            result,
        ],
        limiting=result,
        suggestion=f"feed at most {feed * (0.6 / use) ** 2:.0f} mm/min, or saw at most {depth * 0.6 / use:.1f} mm deep "
        "a pass",
        hard=use > 1,
        estimated=coefficient.estimated,
        assumptions=(*bound_named(coefficient, material), *situation.assumed_projection),
    )


def heating(situation: SawSituation) -> CalculatorResult:
    """Does it burn: the heating index of the sawn face, scaled by how readily the wood burns."""
    return situation.in_the_worst(lambda material: _heating(situation, material))


def _heating(situation: SawSituation, material: Material) -> CalculatorResult:
    coefficient, burn, heat = coefficient_of(material), material.burn_tendency, material.specific_heat
    if burn is None or heat is None:
        raise NotJudged(
            f"{material.name} has no burn_tendency or specific_heat in the catalog", "saw a test piece, watch for heat"
        )
    chip = situation.engagement.mean_chip_mm(situation.bite_mm)
    density = float(material.density.value)
    rise = cutting.surface_heating_k(float(coefficient.value), chip, density, float(heat.value))
    rise *= 0.75 + 0.5 * float(burn.value)
    result = quantity("surface_heating", rise, "K")
    return judged(
        "heating",
        score_on(HEATING, rise),
        f"chips of {chip:.4f} mm heat the sawn face of {material.name} by {at_most(coefficient)}about {rise:.0f} K",
        inputs=[quantity("chip_thickness", chip, "mm"), quantity("burn_tendency", float(burn.value), "1")],
        results=[result],
        limiting=result,
        suggestion=f"take bites of at least {situation.bite_mm * (rise / 110) ** 2:.3f} mm: feed faster or turn slower",
        estimated=coefficient.estimated,
        assumptions=[
            "an index for ranking: a fifth of the cutting energy stays in the work",
            *bound_named(coefficient, material),
        ],
    )
