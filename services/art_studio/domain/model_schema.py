"""The JSON Schema that a language model answers in: contracts.spec as models read it best.

Numbers are numbers, every property says what it means, alternatives are `anyOf`. What contracts.spec has a default for
may be left out. contracts.spec has the last word on every answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SCHEMA_NAME = "RosetteSpec"

Schema = dict[str, Any]


def spec_schema(max_shapes: int | None = None, materials: Sequence[str] = ()) -> Schema:
    """The schema of a whole spec. `materials`: the only ids that may be used, empty for any; `max_shapes`: the most."""
    return _object(
        {
            "version": {"type": "string", "enum": ["v1"]},
            "canvas_mm": _number(
                "Side of the square canvas, mm; about 10 more than the rosette's diameter.", above=0, most=1000
            ),
            "stroke_mm": _number("Line width of the drawing, mm; usually 0.2.", above=0, most=5),
            "fill_mode": {"type": "string", "enum": ["solid", "none"], "description": "solid unless lines are asked"},
            "shapes": {
                "type": "array",
                "minItems": 1,
                "maxItems": max_shapes or 200,
                "items": {"anyOf": _shapes(materials)},
            },
            "meta": {
                "type": "object",
                "properties": {"title": {"type": "string", "maxLength": 200, "description": "A few words to show."}},
                "additionalProperties": {"type": "string", "maxLength": 500},
            },
        }
    )


def _shapes(materials: Sequence[str]) -> list[Schema]:
    one, many = _material(materials), _materials(materials)
    return [
        _shape("circle", {"r": _RADIUS, "material": one}, "A disc; without depth and material a reference line."),
        _shape("ring", {**_BAND, "material": one}, "A plain annulus: a purfling line or a channel."),
        _shape(
            "radial_petals",
            {
                **_BAND,
                "petals": _whole("Number of petals.", 3, 64),
                "angle_deg": _ANGLE,
                "web_mm": _number("Wood kept between neighbouring petals, mm; usually 1.", least=0, most=10),
                "material": one,
            },
            "Equal lens-shaped petals with their tips on the two radii.",
        ),
        _shape(
            "tile_ring",
            {**_PIECES, "materials": many, "gap_mm": _number("Wood between tiles, mm; 0: side by side.", least=0)},
            "Annular-sector tiles round the band.",
        ),
        _shape("herringbone_ring", {**_PIECES, "materials": many}, "Two rows of slanted tiles leaning on each other."),
        _shape(
            "rope_ring",
            {**_PIECES, "materials": many, "slant_deg": _number("Slant of the tiles; usually 45.", least=-75, most=75)},
            "One row of slanted tiles: a twisted rope.",
        ),
        _shape(
            "dot_ring",
            {
                "r": _number(
                    "Radius of the circle through the dots' centres, mm; more than dot_r.", above=0, most=1000
                ),
                "dot_r": _number("Radius of one dot, mm.", above=0),
                "count": _COUNT,
                "angle_deg": _ANGLE,
                "materials": many,
            },
            "Round dots on one circle.",
        ),
        _shape(
            "polygon_ring",
            {**_BAND, "sides": _whole("Number of sides.", 3, 64), "angle_deg": _ANGLE, "material": one},
            "A band between two regular polygons; the radii are those of the corners.",
        ),
        _shape(
            "arc",
            {
                **_BAND,
                "start_deg": _ANGLE,
                "end_deg": _number("More than start_deg, by less than 360.", least=-360, most=360),
                "material": one,
            },
            "An arc-shaped band from start_deg counter-clockwise to end_deg.",
        ),
    ]


def _shape(kind: str, own: Schema, description: str) -> Schema:
    centre = _number("Usually 0: the rosette's centre.", least=-1000, most=1000)
    return _object(
        {"type": {"type": "string", "enum": [kind]}, "cx": centre, "cy": centre, **own, "depth_mm": _DEPTH}, description
    )


def _object(properties: Schema, description: str | None = None) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in _OPTIONAL],
        "additionalProperties": False,
    }
    return schema if description is None else {"description": description, **schema}


def _number(description: str, *, least: int | None = None, above: int | None = None, most: int | None = None) -> Schema:
    bounds = {"minimum": least, "exclusiveMinimum": above, "maximum": most}
    return {"type": "number", "description": description, **{k: v for k, v in bounds.items() if v is not None}}


def _whole(description: str, least: int, most: int) -> Schema:
    return {"type": "integer", "description": description, "minimum": least, "maximum": most}


def _id(materials: Sequence[str]) -> Schema:
    if materials:
        return {"type": "string", "enum": list(materials)}
    return {"type": "string", "pattern": r"^[a-z0-9][a-z0-9_.:-]{0,63}$"}


def _material(materials: Sequence[str]) -> Schema:
    return {"anyOf": [_id(materials), {"type": "null"}], "description": "Material id, or null for none."}


def _materials(materials: Sequence[str]) -> Schema:
    return {
        "type": "array",
        "items": _id(materials),
        "maxItems": 12,
        "description": "Material ids that repeat along the ring; count should be a multiple of their number.",
    }


_OPTIONAL = frozenset(
    {
        "version", "stroke_mm", "fill_mode", "meta", "cx", "cy", "angle_deg", "web_mm", "gap_mm", "slant_deg",
        "material", "materials", "depth_mm",
    }
)  # fmt: skip
"""What contracts.spec has a default for."""
_RADIUS = _number("Radius, mm.", above=0, most=1000)
_ANGLE = _number("Degrees, counter-clockwise from +X.", least=-360, most=360)
_COUNT = _whole("Number of pieces round the ring.", 2, 720)
_DEPTH: Schema = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 50}, {"type": "null"}],
    "description": "Depth of the cut below the surface, mm; null: not stated.",
}
_BAND: Schema = {
    "r_inner": _number("Inner radius, mm; less than r_outer.", least=0, most=1000),
    "r_outer": _number("Outer radius, mm.", above=0, most=1000),
}
_PIECES: Schema = {**_BAND, "count": _COUNT, "angle_deg": _ANGLE}
