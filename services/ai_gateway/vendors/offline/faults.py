"""Failures on request: `[[fault:NAME]]` in a prompt makes the offline provider fail that way, `[[fault:NAME:once]]`
only in the first attempt. So repair, retries, budgets and search can be exercised without a model."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import orjson

from contracts.errors import ErrorCode
from services.ai_gateway.ports import ProviderFailure

_MARKER = re.compile(r"\[\[fault:([a-z_]+)(:once)?\]\]")


def split_marker(prompt: str, attempt: int) -> tuple[str, str | None]:
    """The prompt without the marker, and the fault to show in this attempt. Raises ProviderFailure for other names."""
    match = _MARKER.search(prompt)
    if match is None:
        return prompt, None
    name = match[1]
    if name not in FAULTS:
        raise ProviderFailure(ErrorCode.INVALID_REQUEST, f"no fault {name!r}; there are: {', '.join(FAULTS)}")
    return _MARKER.sub("", prompt).strip() or "a rosette", None if match[2] and attempt > 1 else name


async def without_answer(fault: str) -> None:
    """Raises where the fault is that no answer comes; returns for the faults that spoil an answer."""
    if fault == "hang":
        await asyncio.Event().wait()  # until the caller's deadline cancels it
    failure = _FAILURES.get(fault)
    if failure is not None:
        raise failure()


def spoiled(fault: str, text: str) -> str:
    """The answer with the fault in it."""
    if fault in _TEXT_FAULTS:
        return _TEXT_FAULTS[fault](text)
    value = orjson.loads(text)
    if not isinstance(value, dict) or fault not in _SPEC_FAULTS:
        return text
    return _SPEC_FAULTS[fault](value)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _banded(value: dict[str, Any]) -> dict[str, Any]:
    shapes: list[dict[str, Any]] = value.get("shapes", [])
    return next((shape for shape in shapes if "r_outer" in shape), shapes[0] if shapes else value)


def _wrong_types(value: dict[str, Any]) -> str:
    return _json({**value, "canvas_mm": "wide", "shapes": "many"})


def _out_of_range(value: dict[str, Any]) -> str:
    petals = {"type": "radial_petals", "petals": 9000, "r_inner": 42, "r_outer": 50, "depth_mm": 1.5}
    return _json({**value, "shapes": [petals]})


def _extra_fields(value: dict[str, Any]) -> str:
    return _json({**value, "approved": True, "note": "cut me"})


def _missing_fields(value: dict[str, Any]) -> str:
    return _json({key: item for key, item in value.items() if key != "shapes"})


def _unknown_shape(value: dict[str, Any]) -> str:
    return _json({**value, "shapes": [{"type": "spirograph", "r": 40}]})


def _nan(value: dict[str, Any]) -> str:
    return _json({**value, "canvas_mm": 0.5}).replace('"canvas_mm":0.5', '"canvas_mm":NaN')


def _infinity(value: dict[str, Any]) -> str:
    return _json({**value, "canvas_mm": 0.5}).replace('"canvas_mm":0.5', '"canvas_mm":1e999')


def _radii_swapped(value: dict[str, Any]) -> str:
    band = _banded(value)
    band["r_inner"], band["r_outer"] = band.get("r_outer", 2), band.get("r_inner", 1)
    return _json(value)


def _off_canvas(value: dict[str, Any]) -> str:
    band = _banded(value)
    band["cx"] = value.get("canvas_mm", 100)
    return _json(value)


_TEXT_FAULTS: dict[str, Callable[[str], str]] = {
    "prose_around_json": lambda text: f"Certainly! Here is your rosette:\n{text}\nLet me know if you want changes.",
    "fenced_json": lambda text: f"```json\n{text}\n```",
    "truncated": lambda text: text[: max(1, len(text) * 2 // 3)],
    "empty": lambda _: "",
}
_SPEC_FAULTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "wrong_types": _wrong_types,
    "out_of_range": _out_of_range,
    "extra_fields": _extra_fields,
    "missing_fields": _missing_fields,
    "unknown_shape": _unknown_shape,
    "nan": _nan,
    "infinity": _infinity,
    "r_inner_over_r_outer": _radii_swapped,
    "off_canvas": _off_canvas,
}
_FAILURES: dict[str, Callable[[], ProviderFailure]] = {
    "refusal": lambda: ProviderFailure(ErrorCode.AI_REFUSED, "the model declined to answer; change the prompt"),
    "timeout": lambda: ProviderFailure(ErrorCode.AI_TIMEOUT, "the model gave no answer in time", retryable=True),
    "rate_limited": lambda: ProviderFailure(
        ErrorCode.AI_RATE_LIMITED, "the provider asked to slow down", retryable=True, retry_after_s=0.01
    ),
    "server_error": lambda: ProviderFailure(
        ErrorCode.AI_PROVIDER_ERROR, "the provider answered with status 500", retryable=True
    ),
    "connection_error": lambda: ProviderFailure(
        ErrorCode.AI_PROVIDER_ERROR, "the provider could not be reached", retryable=True
    ),
}
FAULTS = (*_TEXT_FAULTS, *_SPEC_FAULTS, *_FAILURES, "hang")
"""The names that a marker may use. The last two of the spec faults pass a JSON Schema: geometry is judged elsewhere."""
