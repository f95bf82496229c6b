"""The closed forms of sawing against tables, limits that have an exact answer, and numeric integration."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys

import pytest

from services.rmos.domain.feasibility import blade_plate, sawing
from services.rmos.domain.feasibility.blade_plate import plate_shape

ANNULAR_PLATE = {
    0.1: (4.24, 3.48),
    0.3: (6.66, 6.55, 7.96, 13.3),
    0.5: (13.0, 13.3, 14.7, 18.5),
    0.7: (37.0, 37.5, 39.3, 42.6),
}
"""λ² of the annular plate clamped inside and free outside, Poisson 0.3, for 0, 1, 2, 3 nodal diameters by ratio of the
radii: Vogel and Skinner, J. Appl. Mech. 32 (1965); the same table in Blevins, Formulas for Natural Frequency."""


@pytest.mark.parametrize("ratio", sorted(ANNULAR_PLATE))
def test_a_clamped_blade_has_the_published_natural_frequencies(ratio: float) -> None:
    published = ANNULAR_PLATE[ratio]
    assert plate_shape(ratio).parameters[: len(published)] == pytest.approx(published, rel=5e-3)


def test_southwells_blade_of_ratio_0_276_has_the_parameter_6_25() -> None:
    # R. V. Southwell, Proc. R. Soc. A 101 (1922), as tabulated in Leissa, NASA SP-160: no nodal diameter, Poisson 0.3
    assert plate_shape(0.276).parameters[0] == pytest.approx(6.25, rel=5e-3)


def test_a_narrow_ring_vibrates_and_bends_as_a_cantilever() -> None:
    # width L of a ring with ratio near 1: f of a cantilever, λ² = 1.875²·(R/L)²; δ = F·L³/3D over the whole rim
    ratio = 0.99
    shape, width = plate_shape(ratio), 1 - ratio
    assert shape.parameters[0] == pytest.approx(1.8751**2 / width**2, rel=0.01)
    ring_only = width**3 / 3 / math.tau
    assert blade_plate._mode(blade_plate._Radial.over(ratio), 0.3, 0)[1] == pytest.approx(ring_only, rel=0.02)


def test_the_plates_figures_are_the_same_to_the_last_bit_whatever_kernels_the_processor_asks_for() -> None:
    script = """
from services.rmos.domain.feasibility.blade_plate import plate_shape
for at in range(200, 900, 25):
    print(plate_shape(at / 1000))
"""
    path = os.pathsep.join([os.getcwd(), *(p for p in sys.path if p)])
    outputs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PATH": os.defpath, "PYTHONPATH": path, "OPENBLAS_CORETYPE": kernels},
            capture_output=True, text=True, check=True,
        ).stdout
        for kernels in ("Prescott", "Nehalem", "Haswell")
    ]  # fmt: skip
    assert outputs[0]
    assert len(set(outputs)) == 1


@pytest.mark.parametrize("ratio", [0.2, 0.33, 0.5, 0.7, 0.85])
def test_no_nodal_diameters_are_missing_from_the_rims_compliance(ratio: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plate_shape(ratio).compliance
    plate_shape.cache_clear()
    monkeypatch.setattr(blade_plate, "NODAL_DIAMETERS", 80)
    assert found == pytest.approx(plate_shape(ratio).compliance, rel=0.01)
    plate_shape.cache_clear()


def test_frequency_is_proportional_to_the_plate_and_inverse_to_the_square_of_the_diameter() -> None:
    f = blade_plate.natural_frequency_hz
    assert f(8.0, 160, 2.0) == pytest.approx(2 * f(8.0, 160, 1.0))
    assert f(8.0, 320, 1.0) == pytest.approx(f(8.0, 160, 1.0) / 4)
    # by hand: D = 210e9·0.001³/(12·0.91) = 19.23 N·m, ρh = 7.85 kg/m², √(D/ρh) = 1.5652, over 2π·0.08² = 0.040212
    assert f(8.0, 160, 1.0) == pytest.approx(8 * 1.5652 / 0.040212, rel=1e-4)


def test_the_critical_speed_is_the_least_of_60_f_over_m() -> None:
    critical, nodes, frequency = blade_plate.critical_speed(160, 1.0, 54)
    by_hand = {
        m: 60 * blade_plate.natural_frequency_hz(p, 160, 1.0) / m
        for m, p in enumerate(plate_shape(0.3375).parameters)
        if m >= 2
    }
    assert critical == pytest.approx(min(by_hand.values()))
    assert critical == pytest.approx(60 * frequency / nodes)


def test_a_commercial_blade_is_about_as_stiff_as_measured() -> None:
    # Merhar, Gornik Bučar, Pepelnjak, BioResources 12(3) 2017: 60 N/mm measured and 81 N/mm computed at the rim of a
    # commercial blade clamped at a quarter of its diameter. Its size is that of common blades: 300 mm, 2.2 mm plate.
    stiffness = 1 / blade_plate.rim_compliance_mm_per_n(300, 2.2, 75)
    assert 40 < stiffness < 120


def test_the_rim_of_160_mm_at_3000_runs_at_25_metres_a_second() -> None:
    assert sawing.rim_speed_m_per_s(160, 3000) == pytest.approx(25.1, abs=0.05)
    assert sawing.speed_for_rim(160, 40) == pytest.approx(4775, abs=1)


def test_the_engaged_arc_is_that_of_the_circle_between_two_lines() -> None:
    radius, depth, projection, n = 80.0, 20.0, 5.0, 100_000
    found = sawing.engagement(2 * radius, depth, projection)
    assert found is not None
    # the arc between the heights R−p and R−p−t, by summing chords; mean sine by the same sum
    heights = [radius - projection - depth * k / n for k in range(n + 1)]
    across = [math.sqrt(radius**2 - h**2) for h in heights]
    chords = [math.hypot(depth / n, b - a) for a, b in itertools.pairwise(across)]
    assert found.length_mm == pytest.approx(sum(chords), rel=1e-6)
    mean = sum(c * math.sin(math.acos(h / radius)) for c, h in zip(chords, heights, strict=False)) / sum(chords)
    assert found.mean_sine == pytest.approx(mean, rel=1e-4)


def test_a_blade_is_not_engaged_beyond_its_arbor() -> None:
    assert sawing.engagement(160, 80, 3) is None
    assert sawing.engagement(160, 77, 3) is not None


def test_power_by_volume_equals_power_by_teeth() -> None:
    # P = k_c·kerf·depth·v_f must be z·φ/2π teeth, each with k·b·√h, times the rim speed
    k, kerf, depth, feed, speed, teeth, diameter = 49.7, 1.4, 12.0, 9000.0, 6700.0, 32, 160.0
    engaged = sawing.engagement(diameter, depth, 3)
    assert engaged is not None
    chip = engaged.mean_chip_mm(sawing.bite_mm(feed, speed, teeth))
    by_volume = sawing.sawing_power_w(sawing.specific_resistance_n_per_mm2(k, chip), kerf, depth, feed)
    on_teeth = engaged.teeth_in_cut(teeth) * sawing.tooth_force_n(k, kerf, chip)
    assert by_volume == pytest.approx(on_teeth * sawing.rim_speed_m_per_s(diameter, speed), rel=1e-9)


def test_one_newton_a_square_millimetre_is_a_thousandth_joule_a_cubic_millimetre() -> None:
    # 60 mm³ a second at 1 N/mm² are 0.06 W, not 60 W
    assert sawing.sawing_power_w(1.0, 1.0, 1.0, 3600.0) == pytest.approx(0.06)


def test_strips_take_their_width_and_a_kerf_each() -> None:
    # N·w + (N − 1)·kerf, and one kerf that trims the stock: 10 strips of 3 mm with 1.4 mm
    assert sawing.width_for_strips(10, 3, 1.4) == pytest.approx(10 * 3 + 9 * 1.4 + 1.4)
