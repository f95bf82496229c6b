"""Closed forms of circular sawing, one function a formula. Lengths in mm, forces in N, speeds as named.

The stock lies flat, the blade stands `projection_mm` out of its far side. Angles are taken at the arbor from the line
through arbor and that side's normal; feed runs along the stock. Geometry as in any text on circular sawing; force after
Ettelt (see cutting.py), with the mean chip on the engaged arc.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.rmos.domain.feasibility.cutting import cutting_force_n


@dataclass(frozen=True, slots=True)
class Engagement:
    """The part of the rim inside the wood: from the far side of the stock to the near one."""

    arc_rad: float
    length_mm: float
    mean_sine: float
    """Mean of sin φ over the arc: mean chip thickness over feed per tooth."""

    def teeth_in_cut(self, teeth: int) -> float:
        return teeth * self.arc_rad / math.tau

    def mean_chip_mm(self, bite_mm: float) -> float:
        """h_m = f_z·t / arc length."""
        return bite_mm * self.mean_sine


def engagement(diameter_mm: float, depth_mm: float, projection_mm: float) -> Engagement | None:
    """Of a blade that stands `projection_mm` beyond the stock; None where the depth passes the arbor."""
    radius = diameter_mm / 2
    if depth_mm <= 0 or projection_mm + depth_mm > radius + 1e-9:
        return None
    near, far = math.acos(1 - projection_mm / radius), math.acos(max(0.0, 1 - (projection_mm + depth_mm) / radius))
    arc = far - near
    return Engagement(arc, radius * arc, depth_mm / (radius * arc))


def rim_speed_m_per_s(diameter_mm: float, rev_per_min: float) -> float:
    """v = π·D·n."""
    return math.pi * diameter_mm * rev_per_min / 60_000


def speed_for_rim(diameter_mm: float, rim_m_per_s: float) -> float:
    """n = v / (π·D), rev/min."""
    return rim_m_per_s * 60_000 / (math.pi * diameter_mm)


def bite_mm(feed_mm_per_min: float, rev_per_min: float, teeth: int) -> float:
    """Feed per tooth: f_z = v_f / (n·z)."""
    return feed_mm_per_min / (rev_per_min * teeth)


def tooth_force_n(coefficient_n_per_mm15: float, kerf_mm: float, chip_mm: float) -> float:
    """Along the rim on one tooth with the mean chip: F = k·b·√h."""
    return cutting_force_n(coefficient_n_per_mm15, kerf_mm, chip_mm)


def specific_resistance_n_per_mm2(coefficient_n_per_mm15: float, chip_mm: float) -> float:
    """k_c = k/√h. 1 N/mm² is 10⁻³ J/mm³."""
    return coefficient_n_per_mm15 / math.sqrt(chip_mm)


def sawing_power_w(resistance_n_per_mm2: float, kerf_mm: float, depth_mm: float, feed_mm_per_min: float) -> float:
    """P = k_c·kerf·depth·v_f, by the volume that becomes sawdust."""
    return resistance_n_per_mm2 * kerf_mm * depth_mm * feed_mm_per_min / 60_000


def available_power_w(motor_w: float, rev_per_min: float, most_rev_per_min: float) -> float:
    """At the arbor: constant torque below the top speed, MOTOR_EFFICIENCY of the power on the plate."""
    return MOTOR_EFFICIENCY * motor_w * min(1.0, rev_per_min / most_rev_per_min)


MOTOR_EFFICIENCY = 0.7
"""Power at the arbor over the power on the plate [est]."""


def width_for_strips(count: int, strip_mm: float, kerf_mm: float) -> float:
    """N strips take N·w + (N − 1)·kerf, and one kerf more for the cut that trims the stock straight."""
    return count * (strip_mm + kerf_mm)
