"""Closed forms of cutting and bending, one function a formula. Lengths in mm, forces in N, speeds as named.

Sources: Ettelt's force F = k_c·b·√h with k_c from the FreeCAD cards SoftWood and HardWood (J. Baehr, CC-BY-3.0);
chip thinning and engagement as in Shapeoko A-Z and any machining text; beams after Euler-Bernoulli.
"""

from __future__ import annotations

import math

YOUNGS_MODULUS_N_PER_MM2 = {"carbide": 580_000.0, "hss": 210_000.0}
"""Cemented carbide after Machinery's Handbook (580 GPa); high speed steel 210 GPa."""

STRENGTH_N_PER_MM2 = {"carbide": 2000.0, "hss": 2200.0}
"""Bending strength counted on [est]: about half of the transverse rupture strength makers state (3,500-4,000 and
4,000-5,000 N/mm2), for runout, notches of the flutes and shock."""

FLUTED_CORE = 0.8
"""The fluted part bends like a round bar of 0.8 d (usual allowance)."""


def surface_speed_m_per_s(diameter_mm: float, rev_per_min: float) -> float:
    """Speed of the cutting edge: v = π·d·n."""
    return math.pi * diameter_mm * rev_per_min / 60_000


def chip_load_mm(feed_mm_per_min: float, rev_per_min: float, flutes: int) -> float:
    """Feed per tooth: f_z = v_f / (n·z)."""
    return feed_mm_per_min / (rev_per_min * flutes)


def thinning(stepover_ratio: float) -> float:
    """Greatest chip thickness over feed per tooth: 2·√(a_e/d − (a_e/d)²) below half engagement, else 1."""
    if stepover_ratio >= 0.5:
        return 1.0
    return 2 * math.sqrt(stepover_ratio - stepover_ratio**2)


def engagement_rad(stepover_ratio: float) -> float:
    """Arc of contact: φ = arccos(1 − 2·a_e/d); π in a full slot."""
    return math.acos(1 - 2 * stepover_ratio)


def removal_rate_mm3_per_min(stepover_mm: float, stepdown_mm: float, feed_mm_per_min: float) -> float:
    """Q = a_e·a_p·v_f."""
    return stepover_mm * stepdown_mm * feed_mm_per_min


def cutting_force_n(coefficient_n_per_mm15: float, chip_width_mm: float, chip_thickness_mm: float) -> float:
    """Ettelt: F = k_c·b·√h."""
    return coefficient_n_per_mm15 * chip_width_mm * math.sqrt(chip_thickness_mm)


def cutting_power_w(force_n: float, surface_speed: float, flutes: int, stepover_ratio: float) -> float:
    """P = F·v for each tooth in contact, at least one: z·φ/2π teeth cut at a time."""
    return force_n * surface_speed * max(1.0, flutes * engagement_rad(stepover_ratio) / math.tau)


def torque_n_mm(power_w: float, rev_per_min: float) -> float:
    """T = P / (2π·n)."""
    return 60_000 * power_w / (math.tau * rev_per_min)


def second_moment_mm4(diameter_mm: float) -> float:
    """I = π·d⁴/64 of a round bar."""
    return math.pi * diameter_mm**4 / 64


def deflection_mm(
    force_n: float, stickout_mm: float, diameter_mm: float, flute_length_mm: float, shank_mm: float, youngs: float
) -> float:
    """Deflection of the tip under a force at the tip: a cantilever of fluted part and, behind it, shank.

    δ = F/3E · [a³/I_flutes + (L³ − a³)/I_shank], a the fluted length that stands out (Castigliano); F·L³/3EI when
    only flutes stand out.
    """
    fluted = min(flute_length_mm, stickout_mm)
    core, shank = second_moment_mm4(FLUTED_CORE * diameter_mm), second_moment_mm4(shank_mm)
    return force_n / (3 * youngs) * (fluted**3 / core + (stickout_mm**3 - fluted**3) / shank)


def bending_stress_n_per_mm2(
    force_n: float, stickout_mm: float, diameter_mm: float, flute_length_mm: float, shank_mm: float
) -> float:
    """Greatest bending stress σ = M·(d/2)/I, at the end of the flutes or at the collet, whichever is worse."""
    core = FLUTED_CORE * diameter_mm
    flutes = force_n * min(flute_length_mm, stickout_mm) * core / 2 / second_moment_mm4(core)
    if stickout_mm <= flute_length_mm:
        return flutes
    return max(flutes, force_n * stickout_mm * shank_mm / 2 / second_moment_mm4(shank_mm))


def surface_heating_k(
    coefficient_n_per_mm15: float, chip_thickness_mm: float, density_kg_per_m3: float, specific_heat: float
) -> float:
    """Rise in temperature of the freshly cut surface, K, if WORK_SHARE of the cutting energy stays in as much wood
    as was cut away: ΔT = share·u/(ρ·c) with u = k_c/√h. An index: it ranks rubbing against cutting."""
    energy_j_per_m3 = coefficient_n_per_mm15 / math.sqrt(chip_thickness_mm) * 1e6
    return WORK_SHARE * energy_j_per_m3 / (density_kg_per_m3 * specific_heat)


WORK_SHARE = 0.2
"""Share of the cutting energy that heats the work; the chip takes most of the rest [taken over, not traced]."""
