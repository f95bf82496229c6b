"""The closed forms against worked examples and textbooks."""

from __future__ import annotations

import math

import pytest

from contracts.catalog import MachineClass
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import cutting
from services.rmos.domain.feasibility.chip_loads import band_for


def test_a_bar_of_one_diameter_bends_as_the_cantilever_formula_says() -> None:
    force, length, core, youngs = 3.4, 8.0, 0.8, 580_000.0
    euler_bernoulli = force * length**3 / (3 * youngs * math.pi * core**4 / 64)

    assert cutting.deflection_mm(force, length, 1.0, length, 3.175, youngs) == pytest.approx(euler_bernoulli)


def test_the_worked_one_millimetre_bit_bends_6_and_50_micrometres() -> None:
    # 1 mm bit, 18,000 rev/min, 600 mm/min, 0.5 mm slot in hard wood (k_c 52.5): 3.4 N; 4 mm out 6 µm, 8 mm out 50 µm
    chip = cutting.chip_load_mm(600, 18_000, 2)
    force = cutting.cutting_force_n(52.5, 0.5, chip)

    assert force == pytest.approx(3.4, abs=0.05)
    assert 1000 * cutting.deflection_mm(force, 4, 1, 8, 3.175, 580_000) == pytest.approx(6, abs=0.3)
    assert 1000 * cutting.deflection_mm(force, 8, 1, 8, 3.175, 580_000) == pytest.approx(50, abs=1)


def test_a_stepped_tool_bends_as_the_numeric_integral_of_the_moment_says() -> None:
    # δ = ∫ F·x²/(E·I(x)) dx from the tip to the collet (Castigliano), here by the midpoint rule
    force, length, flutes, youngs, n = 2.0, 15.0, 4.0, 580_000.0, 200_000
    core, shank = math.pi * 0.8**4 / 64, math.pi * 3.175**4 / 64
    step = length / n
    integral = sum(
        ((k + 0.5) * step) ** 2 / (core if (k + 0.5) * step < flutes else shank) * step for k in range(n)
    )  # fmt: skip

    assert cutting.deflection_mm(force, length, 1, flutes, 3.175, youngs) == pytest.approx(
        force / youngs * integral, rel=1e-4
    )


def test_chip_thinning_is_the_inverse_of_the_published_feed_factor() -> None:
    # Shapeoko A-Z: feed factor d / (2·√(d·a_e − a_e²)) below half a diameter of stepover
    for diameter, stepover in ((1.0, 0.1), (3.175, 0.5), (6.0, 2.4)):
        factor = diameter / (2 * math.sqrt(diameter * stepover - stepover**2))
        assert cutting.thinning(stepover / diameter) == pytest.approx(1 / factor)
    assert cutting.thinning(0.5) == 1
    assert cutting.thinning(1.0) == 1


def test_engagement_of_a_slot_is_half_a_turn_and_of_half_a_diameter_a_quarter() -> None:
    assert cutting.engagement_rad(1.0) == pytest.approx(math.pi)
    assert cutting.engagement_rad(0.5) == pytest.approx(math.pi / 2)
    assert math.degrees(cutting.engagement_rad(0.4)) == pytest.approx(78.46, abs=0.01)


def test_power_in_a_slot_equals_specific_energy_times_removal_rate() -> None:
    # One of two teeth is always in the wood. Its mean chip is f_z·2/π wide open slot; F·v over Q is π·F/(z·a_p·f_z·z/2)
    diameter, speed, feed, step, k = 6.0, 18_000.0, 3000.0, 3.0, 52.5
    chip = cutting.chip_load_mm(feed, speed, 2)
    force = cutting.cutting_force_n(k, step, chip)
    power = cutting.cutting_power_w(force, cutting.surface_speed_m_per_s(diameter, speed), 2, 1.0)
    removal = cutting.removal_rate_mm3_per_min(diameter, step, feed) / 60

    specific_n_per_mm2 = power * 1000 / removal
    assert specific_n_per_mm2 == pytest.approx(k / math.sqrt(chip) * math.pi / 2, rel=1e-9)


def test_torque_is_the_force_on_the_edge_times_its_radius() -> None:
    force, diameter, speed = 10.6, 3.175, 18_000.0  # one of two teeth in the slot
    power = cutting.cutting_power_w(force, cutting.surface_speed_m_per_s(diameter, speed), 2, 1.0)
    assert cutting.torque_n_mm(power, speed) == pytest.approx(force * diameter / 2)
    assert cutting.torque_n_mm(1250, 30_000) == pytest.approx(398, abs=0.5)  # 1.25 kW at 30,000 rev/min: 0.4 N·m


def test_stress_at_the_collet_counts_when_the_shank_is_thin() -> None:
    thin = cutting.bending_stress_n_per_mm2(10, 40, 3, 5, 3)
    assert thin == pytest.approx(10 * 40 * 1.5 / (math.pi * 3**4 / 64))
    flutes = cutting.bending_stress_n_per_mm2(10, 5, 3, 12, 3)
    assert flutes == pytest.approx(10 * 5 * 1.2 / (math.pi * 2.4**4 / 64))


def test_a_one_millimetre_bit_in_hard_wood_gets_the_scaled_chip_load() -> None:
    # no table below 1/16 inch; scaled in proportion from 0.013-0.025 it is 0.008-0.016 mm and estimated
    band = band_for(1.0, 0.5, load_catalog().material("maple_hard"), MachineClass.DESKTOP)
    assert band is not None
    assert (round(band.low_mm, 3), round(band.high_mm, 3)) == (0.008, 0.016)
    assert band.estimated


def test_published_rows_come_back_as_they_are_printed() -> None:
    spruce, maple = load_catalog().material("spruce_sitka"), load_catalog().material("maple_hard")
    soft = band_for(3.175, 3.0, spruce, MachineClass.DESKTOP)
    stiff = band_for(6.35, 6.0, maple, MachineClass.INDUSTRIAL)
    assert soft is not None
    assert stiff is not None
    assert (soft.low_mm, soft.high_mm, soft.ceiling_mm, soft.estimated) == (0.025, 0.063, 0.127, False)
    assert (stiff.high_mm, stiff.estimated) == (0.178, False)


def test_chip_load_shrinks_by_a_quarter_at_two_and_a_half_at_three_diameters_deep() -> None:
    maple = load_catalog().material("maple_hard")
    at = {k: band_for(3.175, 3.175 * k, maple, MachineClass.DESKTOP) for k in (1, 2, 3, 4)}
    lows = {k: band.low_mm for k, band in at.items() if band is not None}
    assert lows[2] == pytest.approx(0.75 * lows[1])
    assert lows[3] == pytest.approx(0.5 * lows[1]) == pytest.approx(lows[4])
