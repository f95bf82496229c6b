"""The hard limits a caller puts into a prompt as a JSON object; they win over anything the text says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MATERIAL_ID = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}\Z")
_MAX_OBJECTS = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths in mm; None where nothing was stated. `materials` empty: any."""

    outer_mm: float | None = None
    inner_mm: float | None = None
    min_feature_mm: float | None = None
    depth_mm: float | None = None
    max_shapes: int | None = None
    materials: tuple[str, ...] = ()
    style_hints: tuple[str, ...] = ()


def split_json(text: str) -> tuple[str, list[dict[str, Any]]]:
    """The text without its JSON objects, and those objects."""
    decoder, found, prose, at = json.JSONDecoder(), [], [], 0
    for _ in range(_MAX_OBJECTS):
        start = text.find("{", at)
        if start < 0:
            break
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            prose.append(text[at : start + 1])
            at = start + 1
            continue
        found.append(value)
        prose.append(text[at:start])
        at = end
    return " ".join([*prose, text[at:]]), found


def limits_of(objects: list[dict[str, Any]]) -> Limits:
    """The known keys of the objects and of a `constraints` object inside them; later ones win. Odd values count as
    not stated: a schema or an example in the prompt must not become a limit."""
    stated: dict[str, Any] = {}
    for found in objects:
        for place in _places(found):
            stated.update({key: value for key, value in place.items() if value is not None})
    return Limits(
        outer_mm=_length(stated, ("diameter_mm", "outer_diameter_mm"), 1000),
        inner_mm=_length(stated, ("inner_diameter_mm",), 1000),
        min_feature_mm=_length(stated, ("min_feature_mm",), 20),
        depth_mm=_length(stated, ("depth_mm",), 20),
        max_shapes=_whole(stated.get("max_shapes"), 200),
        materials=tuple(m for m in _texts(stated.get("materials")) if MATERIAL_ID.match(m)),
        style_hints=_texts(stated.get("style_hints")),
    )


def _places(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield found
    nested = found.get("constraints")
    if isinstance(nested, dict):
        yield nested


def _length(stated: dict[str, Any], names: tuple[str, ...], most: float) -> float | None:
    for name in names:
        value = stated.get(name)
        if isinstance(value, str) and re.fullmatch(r"\d{1,4}(\.\d{1,6})?", value):
            value = float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most:
            return float(value)
    return None


def _whole(value: object, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value if isinstance(item, str))[:20] if isinstance(value, list) else ()
