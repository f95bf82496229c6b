"""Will it cut well and will the bit live: chip load, surface speed, heat, force, deflection, power."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.catalog import Figure
from contracts.feasibility import CalculatorResult, Feeds
from services.rmos.domain.feasibility import cutting
from services.rmos.domain.feasibility.chip_loads import band_for
from services.rmos.domain.feasibility.grading import Curve, at_most, bound_named, judged, quantity, score_on
from services.rmos.domain.feasibility.situation import NotJudged, Situation

RUBBING: Curve = ((0.1, 0), (0.25, 30), (0.5, 50), (1.0, 80), (1.4, 100))
"""Chip thickness over the low end of the published band: a cutter that rubs heats instead of cutting."""
OVERLOAD: Curve = ((0.75, 100), (1.0, 80), (1.5, 50), (2.5, 30), (3.5, 0))
"""Feed per tooth over the high end of the band of this class of machine."""
BEYOND_PUBLISHED: Curve = ((1.0, 79), (1.3, 50), (2.0, 30), (3.0, 0))
"""Feed per tooth over the most that any table gives."""

SURFACE_SPEED: Curve = ((0.2, 0), (0.36, 30), (0.5, 50), (0.9, 80), (2.0, 95), (10.0, 100), (40.0, 90), (60.0, 50))
"""m/s of the edge. Textbooks say 10-40; a 1 mm bit at 18,000 rev/min runs at 1 m/s and still cuts, slower ones tear."""

HEATING: Curve = ((60.0, 100), (110.0, 80), (160.0, 50), (220.0, 30), (300.0, 0))
"""K. Wood browns at a rise of about 150 K and chars from 200 to 250 °C; ranks rubbing, not a thermometer."""

STRESS: Curve = ((0.15, 100), (0.35, 80), (0.6, 50), (0.8, 30), (1.0, 0))
"""Bending stress over the strength counted on."""

DEFLECTION_MM: Curve = ((0.004, 100), (0.02, 80), (0.05, 50), (0.08, 30), (0.12, 0))
"""A glue gap is 0.02-0.08 mm a side: a bit that bends by that much eats it."""

POWER: Curve = ((0.25, 100), (0.6, 80), (0.85, 50), (1.0, 30))
SPINDLE_EFFICIENCY = 0.7
"""Shaft power over the power on the plate of universal motors and small spindles [est]."""


@dataclass(frozen=True, slots=True)
class Load:
    """The worst tooth: a full slot (first pass) at the programmed feed."""

    coefficient: Figure
    feeds: Feeds
    chip_mm: float
    force_n: float
    most: str
    """Before its figures in a summary."""
    basis: tuple[str, ...]
    """What its figures assume of the wood."""


def chip_load(situation: Situation) -> CalculatorResult:
    """Feed per tooth inside the published band: thicker chips load the bit, thinner ones rub."""
    material, tool, feeds, machine = situation.material, situation.tool, situation.feeds, situation.machine
    band = band_for(situation.diameter_mm, situation.pass_depth_mm, material, machine.machine_class)
    if band is None:
        raise NotJudged(
            f"no chip load is published for {material.name}", "cut a test piece; the catalog needs a chip_load_factor"
        )
    per_tooth = _per_tooth(feeds, tool.flutes)
    chip = per_tooth * cutting.thinning(float(feeds.stepover_ratio))
    score = min(score_on(RUBBING, chip / band.low_mm), score_on(OVERLOAD, per_tooth / band.high_mm))
    if per_tooth > band.ceiling_mm:
        score = min(score, score_on(BEYOND_PUBLISHED, per_tooth / band.ceiling_mm))
    teeth = float(feeds.spindle_rev_per_min) * tool.flutes
    rubs = chip < band.low_mm
    limit = quantity("least_chip", band.low_mm, "mm") if rubs else quantity("most_chip_load", band.high_mm, "mm")
    basis = "no table covers this diameter and wood: scaled from the nearest one" if band.estimated else ""
    return judged(
        "chip_load",
        score,
        f"{per_tooth:.4f} mm per tooth (chip {chip:.4f} mm), clean between {band.low_mm:.4f} and {band.high_mm:.4f} mm",
        inputs=[
            quantity("feed", float(feeds.feed_mm_per_min), "mm/min"),
            quantity("spindle_speed", float(feeds.spindle_rev_per_min), "rev/min"),
            quantity("flutes", tool.flutes, "1"),
        ],
        results=[quantity("chip_load", per_tooth, "mm"), quantity("chip_thickness", chip, "mm")],
        limiting=limit,
        suggestion=f"feed {band.low_mm * teeth:.0f} to {band.high_mm * teeth:.0f} mm/min "
        f"at {feeds.spindle_rev_per_min} rev/min",
        estimated=band.estimated,
        assumptions=(basis,) if basis else (),
    )


def surface_speed(situation: Situation) -> CalculatorResult:
    """Speed of the cutting edge."""
    diameter, speed = situation.diameter_mm, float(situation.feeds.spindle_rev_per_min)
    edge = cutting.surface_speed_m_per_s(diameter, speed)
    wanted = 0.9 * 60_000 / (3.141592653589793 * diameter)
    result = quantity("surface_speed", edge, "m/s")
    return judged(
        "surface_speed",
        score_on(SURFACE_SPEED, edge),
        f"the edge of a {diameter:g} mm cutter moves at {edge:.2f} m/s at {speed:.0f} rev/min",
        inputs=[quantity("tool_diameter", diameter, "mm"), quantity("spindle_speed", speed, "rev/min")],
        results=[result],
        limiting=result,
        suggestion=f"turn at about {wanted:.0f} rev/min ({'faster' if edge < 10 else 'slower'}), "
        f"or take a cutter of {'more' if edge < 10 else 'less'} diameter",
    )


def heating(situation: Situation) -> CalculatorResult:
    """Does it burn: the heating index of the cut surface, scaled by how readily the wood burns."""
    material, load = situation.material, _load(situation)
    burn, heat = material.burn_tendency, material.specific_heat
    if burn is None or heat is None:
        raise NotJudged(
            f"{material.name} has no burn_tendency or specific_heat in the catalog",
            "cut a test piece and watch for heat",
        )
    chip = load.chip_mm * cutting.thinning(float(load.feeds.stepover_ratio))
    rise = cutting.surface_heating_k(
        float(load.coefficient.value), chip, float(material.density.value), float(heat.value)
    ) * (0.75 + 0.5 * float(burn.value))
    result = quantity("surface_heating", rise, "K")
    return judged(
        "heating",
        score_on(HEATING, rise),
        f"chips of {chip:.4f} mm heat the cut surface by {load.most}about {rise:.0f} K",
        inputs=[quantity("chip_thickness", chip, "mm"), quantity("burn_tendency", float(burn.value), "1")],
        results=[result],
        limiting=result,
        suggestion=f"feed faster or turn slower: chips of {chip * (rise / 110) ** 2:.4f} mm or more stay below 110 K",
        estimated=load.coefficient.estimated,
        assumptions=["an index for ranking: a fifth of the cutting energy stays in the work", *load.basis],
    )


def cutting_force(situation: Situation) -> CalculatorResult:
    """Ettelt's force on one tooth in a full slot, and the stress it makes in the bit."""
    tool, load = situation.tool, _load(situation)
    assert tool.flute_length is not None  # a flat tool has both: contracts.catalog
    assert tool.shank is not None
    shape = situation.diameter_mm, float(tool.flute_length.value), float(tool.shank.value)
    stress = cutting.bending_stress_n_per_mm2(load.force_n, situation.stickout_mm, *shape)
    strength = cutting.STRENGTH_N_PER_MM2[tool.material]
    use = stress / strength
    limit = quantity("strength_used", use, "1")
    step = situation.pass_depth_mm
    return judged(
        "cutting_force",
        score_on(STRESS, use),
        f"{load.most}{load.force_n:.2f} N bend the bit with {stress:.0f} N/mm², {100 * use:.0f} % of what "
        f"{tool.material} is counted on for",
        inputs=[
            quantity("cutting_coefficient", float(load.coefficient.value), "N/mm^1.5"),
            quantity("pass_depth", step, "mm"),
            quantity("chip_load", load.chip_mm, "mm"),
        ],
        results=[quantity("cutting_force", load.force_n, "N"), quantity("bending_stress", stress, "N/mm2"), limit],
        limiting=limit,
        suggestion=f"cut at most {step * 0.35 / use:.2f} mm deep a pass, or use a shorter or thicker tool",
        estimated=load.coefficient.estimated,
        assumptions=load.basis,
    )


def tool_deflection(situation: Situation) -> CalculatorResult:
    """How far the tip bends aside under the cutting force."""
    tool, load = situation.tool, _load(situation)
    assert tool.flute_length is not None  # a flat tool has both: contracts.catalog
    assert tool.shank is not None
    stickout, flutes = situation.stickout_mm, float(tool.flute_length.value)
    bend = cutting.deflection_mm(
        load.force_n, stickout, situation.diameter_mm, flutes, float(tool.shank.value),
        cutting.YOUNGS_MODULUS_N_PER_MM2[tool.material],
    )  # fmt: skip
    step = situation.pass_depth_mm
    result = quantity("deflection", bend, "mm")
    assumed = () if situation.context.stickout_mm else (f"stickout {stickout:g} mm from the catalog's entry",)
    return judged(
        "tool_deflection",
        score_on(DEFLECTION_MM, bend),
        f"the tip bends {load.most}{1000 * bend:.1f} µm under {load.force_n:.2f} N at {stickout:g} mm stickout",
        inputs=[quantity("stickout", stickout, "mm"), quantity("flute_length", flutes, "mm")],
        results=[result],
        limiting=result,
        suggestion=f"cut at most {max(step * 0.02 / bend, 0.01):.2f} mm deep a pass, or use a shorter or thicker tool",
        estimated=load.coefficient.estimated,
        assumptions=(*load.basis, *assumed),
    )


def spindle_power(situation: Situation) -> CalculatorResult:
    """Power and torque at the cutter against what the spindle has at this speed: its torque is the same at every speed
    up to the top, so that both are used alike."""
    machine, tool, load = situation.machine, situation.tool, _load(situation)
    speed = float(load.feeds.spindle_rev_per_min)
    edge = cutting.surface_speed_m_per_s(situation.diameter_mm, speed)
    power = cutting.cutting_power_w(load.force_n, edge, tool.flutes, 1.0)
    share = min(1.0, speed / float(machine.max_spindle_speed.value))
    available = SPINDLE_EFFICIENCY * float(machine.spindle_power.value) * share
    use = power / available
    result = quantity("power_used", use, "1")
    torques = [
        quantity(name, cutting.torque_n_mm(watts, speed), "N*mm")
        for name, watts in (("cutting_torque", power), ("available_torque", available))
    ]
    step = situation.pass_depth_mm
    return judged(
        "spindle_power",
        score_on(POWER, use),
        f"cutting takes {load.most}{power:.1f} W of the {available:.0f} W the spindle gives at {speed:.0f} rev/min, "
        f"{torques[0].value:.1f} of {torques[1].value:.0f} N*mm",
        inputs=[quantity("cutting_force", load.force_n, "N"), quantity("surface_speed", edge, "m/s")],
        results=[quantity("cutting_power", power, "W"), quantity("available_power", available, "W"), *torques, result],
        limiting=result,
        suggestion=f"cut at most {step * 0.6 / use:.2f} mm deep a pass or feed slower",
        hard=use > 1,
        estimated=load.coefficient.estimated,
        assumptions=load.basis,
    )


def _load(situation: Situation) -> Load:
    material, tool, feeds = situation.material, situation.tool, situation.feeds
    coefficient = material.cutting_coefficient
    if coefficient is None:
        raise NotJudged(
            f"no cutting resistance is published for {material.name}",
            f"cut a test piece of {material.name}; the catalog needs a cutting_coefficient to judge it",
        )
    chip = _per_tooth(feeds, tool.flutes)
    force = cutting.cutting_force_n(float(coefficient.value), situation.pass_depth_mm, chip)
    return Load(coefficient, feeds, chip, force, at_most(coefficient), bound_named(coefficient, material))


def _per_tooth(feeds: Feeds, flutes: int) -> float:
    return cutting.chip_load_mm(float(feeds.feed_mm_per_min), float(feeds.spindle_rev_per_min), flutes)
