"""The base of every message, and the number types that keep floats out of hashed data."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializationInfo,
    WithJsonSchema,
)

_PLAIN = re.compile(r"-?\d{1,9}(\.\d{1,12})?\Z", re.ASCII)
_QUANTUM = Decimal("0.000001")
_LIMIT = Decimal(10) ** 9


class Message(BaseModel):
    """Frozen, closed to unknown fields; `model_dump(mode="json")` is the canonical (float-free) form."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="strings", protected_namespaces=(), defer_build=True
    )


M = TypeVar("M", bound=BaseModel)


def for_people(model: BaseModel, **options: Any) -> dict[str, Any]:
    """The model as HTTP clients see it: decimals as JSON numbers instead of the canonical strings."""
    dumped: dict[str, Any] = model.model_dump(mode="json", context={"numbers": True}, **options)
    return dumped


def decimal_of(value: object) -> Decimal:
    """A finite decimal with at most six places, from a JSON number or a plain decimal string.

    Values are rounded half-even to 1e-6 (1 nm where the unit is mm), finer than any stated tolerance, so that one
    number has one spelling. Raises ValueError for booleans, NaN, infinities, exponents and magnitudes >= 1e9.
    """
    # the same figures come again and again, and every service reads all of a message's: remembered, one costs a tenth
    return _remembered(value) if type(value) in _REMEMBERED else _decimal_of(value)


_REMEMBERED = frozenset({str, int, float})


def _decimal_of(value: object) -> Decimal:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not a boolean")
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, int):
        number = Decimal(value)
    elif isinstance(value, float):
        number = Decimal(repr(value))
    elif isinstance(value, str) and _PLAIN.match(value):
        number = Decimal(value)
    else:
        raise ValueError("a number is needed (a JSON number, or a plain decimal string such as '42.5')")
    # judged before and after rounding: quantize fails on huge numbers, and 999999999.9999999 rounds up to the limit
    if number.is_finite() and abs(number) < _LIMIT:
        quantised = number.quantize(_QUANTUM, rounding=ROUND_HALF_EVEN).normalize()
        if abs(quantised) < _LIMIT:
            return quantised + 0  # +0 turns -0 into 0
    raise ValueError("the number must be finite and below 1e9 in magnitude")


_remembered = lru_cache(maxsize=8192, typed=True)(_decimal_of)


def decimal_text(value: Decimal) -> str:
    """Plain decimal digits, no exponent, no trailing zeros: the one canonical spelling."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if "." in text and text[-1] in "0.":
        text = text.rstrip("0").rstrip(".")
    return text


def _dump(value: Decimal, info: SerializationInfo) -> str | float | int:
    if info.context and info.context.get("numbers"):
        number = float(value)  # exact enough to tell: at most fifteen digits, see decimal_of
        return int(number) if number.is_integer() else number
    return decimal_text(value)


Number = Annotated[
    Decimal,
    BeforeValidator(decimal_of),
    PlainSerializer(_dump, return_type=Any),  # a union of the three would be tried one by one, at twice the cost
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d{1,9}(\.\d{1,12})?$"}]}),
]
"""A decimal that travels as a string between services and in the log, and as a JSON number over HTTP."""

Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Score = Annotated[Number, Field(ge=0, le=100)]
"""0 (unmakeable) to 100."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""Lower-case hex SHA-256."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$")]
"""An id as it may appear in a path or a subject-free header: visible ASCII, at most 128 characters."""

RequestId = Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
"""The id of a request, which a client may choose freely: 1-128 visible ASCII characters."""

CatalogId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.:-]{0,63}$")]
Timestamp = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$")]
"""UTC, microseconds, RFC 3339: sorts as text."""
