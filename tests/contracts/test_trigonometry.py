"""Trigonometry for hashed geometry: as exact as the C library's, and the same bits everywhere."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts import trigonometry

ANGLE = st.floats(-1000, 1000)
ULP = 2.0**-52


@given(ANGLE)
@example(0.0)
@example(math.pi / 4)
@example(math.pi / 2)
@example(math.tau)
def test_sine_and_cosine_agree_with_the_c_library(angle: float) -> None:
    assert abs(trigonometry.sin(angle) - math.sin(angle)) <= 2 * ULP
    assert abs(trigonometry.cos(angle) - math.cos(angle)) <= 2 * ULP


@given(st.floats(-1.31, 1.31))
def test_the_tangent_agrees_within_75_degrees(angle: float) -> None:
    assert trigonometry.tan(angle) == pytest.approx(math.tan(angle), rel=1e-14, abs=1e-15)


@given(st.floats(-1, 1))
@example(1.0)
@example(-1.0)
@example(0.5)
def test_the_arcsine_agrees_with_the_c_library(value: float) -> None:
    assert abs(trigonometry.asin(value) - math.asin(value)) <= 4 * ULP


@given(ANGLE)
def test_sine_is_odd_and_cosine_even(angle: float) -> None:
    assert trigonometry.sin(-angle) == -trigonometry.sin(angle)
    assert trigonometry.cos(-angle) == trigonometry.cos(angle)


@pytest.mark.parametrize(
    ("function", "argument", "bits"),
    [
        ("sin", 1.0, "0x1.aed548f090ceep-1"),
        ("cos", 1.0, "0x1.14a280fb5068cp-1"),
        ("sin", 100.0, "-0x1.03425b78c4db8p-1"),
        ("cos", -6.25, "0x1.ffb7d58a8f975p-1"),
        ("tan", 0.75, "0x1.dcfa36110eeebp-1"),
        ("asin", 0.3, "0x1.380159e14f6ffp-2"),
        ("asin", 0.9, "0x1.1ea93705fa172p+0"),
    ],
)
def test_the_bits_are_the_same_on_every_platform(function: str, argument: float, bits: str) -> None:
    assert getattr(trigonometry, function)(argument).hex() == bits


@pytest.mark.parametrize("angle", [math.nan, math.inf, 1000.1, -1e9])
def test_angles_out_of_range_are_refused(angle: float) -> None:
    with pytest.raises(ValueError, match="range"):
        trigonometry.sin(angle)


@pytest.mark.parametrize("value", [math.nan, 1.0000001, -2])
def test_the_arcsine_of_what_has_none_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="arcsine"):
        trigonometry.asin(value)
