"""Canonical JSON: our fast path writes exactly what RFC 8785 asks for, and refuses what it could not write safely."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import MAX_INTEGER, NotCanonical, canonical_bytes, digest_of
from contracts.model import Message

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)
"""The I-JSON profile that everything hashed lives in."""


@given(VALUES)
def test_the_fast_path_equals_rfc_8785(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.dictionaries(KEYS, SCALARS, min_size=2, max_size=8))
def test_the_order_in_which_an_object_was_built_does_not_show(value: dict[str, Any]) -> None:
    assert canonical_bytes(dict(reversed(value.items()))) == canonical_bytes(value)


def test_the_string_of_the_standard_is_written_as_the_standard_says() -> None:
    # RFC 8785, section 3.2.2.2 and its sample in 3.2.2
    value = {"string": '\u20ac$\u000f\nA\'B"\\\\"/', "literals": [None, True, False]}
    assert canonical_bytes(value) == (
        b'{"literals":[null,true,false],"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_a_digest_is_the_sha_256_of_the_canonical_bytes() -> None:
    # printf '{"a":1,"b":[]}' | sha256sum
    assert digest_of({"b": [], "a": 1}) == "f87e4099e9be5e75094e0a4f46d3dc18a9c37429314a5a2490fb78d31e7e170c"


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        1.0,
        float("nan"),
        {"a": [{"b": 0.1}]},
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        {"schön": 1},
        {1: "one"},
        "\ud800",
        {"a": "\udfff"},
        Decimal("1.5"),
        b"bytes",
        {"a": {1, 2}},
        ...,
    ],
    ids=repr,
)
def test_what_has_no_single_spelling_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical_bytes(value)


def test_nesting_without_end_is_refused() -> None:
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(NotCanonical):
        canonical_bytes(value)


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(NotCanonical, match=r"\$\.shapes\[1\]\.r: floats"):
        canonical_bytes({"shapes": [{}, {"r": 0.1}]})


def test_a_float_field_cannot_slip_into_canonical_bytes() -> None:
    class Planted(Message):
        depth_mm: float

    with pytest.raises(NotCanonical):
        canonical_bytes(Planted(depth_mm=1.5))
