"""Numbers in messages: one number has one spelling, however it was written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.model import Message, Number, decimal_of, decimal_text, for_people

EXACT = st.decimals(min_value=-999_999_999, max_value=999_999_999, places=6)
ANY = st.decimals(min_value=-999_999_999, max_value=999_999_999, allow_nan=False)


class Cut(Message):
    depth_mm: Number


@given(EXACT, st.integers(0, 6))
def test_trailing_zeros_do_not_show(number: Decimal, zeros: int) -> None:
    written = f"{number:f}" + "0" * zeros
    assert decimal_text(decimal_of(written)) == decimal_text(decimal_of(number))


@given(st.integers(-999_999_999, 999_999_999))
def test_an_integer_its_float_and_its_text_are_one_number(number: int) -> None:
    assert {decimal_text(decimal_of(value)) for value in (number, float(number), str(number), f"{number}.0")} == {
        str(number)
    }


@given(st.integers(-(10**12), 10**12))
def test_a_json_number_with_six_places_is_the_number_it_was_written_as(millionths: int) -> None:
    number = Decimal(millionths).scaleb(-6)
    assert decimal_of(float(number)) == number


@given(ANY)
def test_the_spelling_is_plain_and_reads_back_as_itself(number: Decimal) -> None:
    text = decimal_text(decimal_of(number))
    assert decimal_text(decimal_of(text)) == text
    assert "e" not in text.lower()
    assert text != "-0"
    assert not (("." in text) and text.endswith(("0", ".")))


@given(ANY)
def test_rounding_moves_a_number_by_half_a_millionth_at_most(number: Decimal) -> None:
    assert abs(decimal_of(number) - number) <= Decimal("0.0000005")


@given(ANY)
def test_a_message_says_a_string_to_services_and_a_number_to_people(number: Decimal) -> None:
    cut = Cut(depth_mm=number)
    assert cut.model_dump(mode="json") == {"depth_mm": decimal_text(cut.depth_mm)}
    shown = for_people(cut)["depth_mm"]
    assert isinstance(shown, int | float)
    assert Cut.model_validate({"depth_mm": shown}) == cut


@given(EXACT)
def test_people_see_an_integer_exactly_where_there_are_no_decimals(number: Decimal) -> None:
    shown = for_people(Cut(depth_mm=number))["depth_mm"]
    assert isinstance(shown, int) == (number == number.to_integral_value())


def test_a_number_that_was_read_before_does_not_vouch_for_what_equals_it() -> None:
    assert decimal_of(1) == 1
    with pytest.raises(ValueError, match="not a boolean"):
        decimal_of(True)


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "1e3",
        "1E3",
        ".5",
        "5.",
        "1_000",
        "1,5",
        "٣",
        "NaN",
        "Infinity",
        float("nan"),
        float("inf"),
        float("-inf"),
        10**9,
        "1000000000",
        999_999_999.9999999,
        Decimal("999999999.9999999"),
        Decimal("1e400"),
        Decimal("NaN"),
        [1],
    ],
    ids=repr,
)
def test_what_is_no_plain_finite_number_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Cut(depth_mm=value)


@pytest.mark.parametrize(("value", "text"), [("-0", "0"), (-0.0, "0"), ("0.0000005", "0"), ("0.0000015", "0.000002")])
def test_zero_has_no_sign_and_halves_go_to_the_even_neighbour(value: str | float, text: str) -> None:
    assert decimal_text(decimal_of(value)) == text
