"""What a drawing says about itself to people: its title, its description, a line for each shape."""

from __future__ import annotations

import re
from typing import assert_never

from contracts.model import decimal_text
from contracts.spec import (
    Circle,
    DotRing,
    HerringboneRing,
    PolygonRing,
    RadialPetals,
    Ring,
    RopeRing,
    RosetteSpec,
    Sector,
    Shape,
    TileRing,
)

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 (fifth edition), production 2: characters outside this range cannot stand in a document, escaped or not."""


def title_of(spec: RosetteSpec) -> str:
    """The spec's own title (`meta.title`), or one made from its measures."""
    own = _plain(spec.meta.get("title", ""))
    return own or f"Rosette on a canvas of {decimal_text(spec.canvas_mm)} mm"


def description_of(spec: RosetteSpec, compiler_version: str) -> str:
    kinds: dict[str, int] = {}
    for shape in spec.shapes:
        kinds[shape.type] = kinds.get(shape.type, 0) + 1
    counted = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
    return (
        f"Rosette spec {spec.version}: {counted}. Units are millimetres. Drawn by rosette compiler {compiler_version}."
    )


def shape_caption(shape: Shape) -> str:
    """A line such as "tile ring, radius 42 to 44 mm, 48 tiles, ebony_african + maple_hard, 2 mm deep"."""
    return ", ".join([*_form(shape), *_materials(shape), *_depth(shape)])


def _form(shape: Shape) -> list[str]:  # noqa: PLR0911 - a table: one line a kind of shape
    match shape:
        case Circle():
            return ["circle", f"radius {decimal_text(shape.r)} mm"]
        case DotRing():
            return ["dot ring", f"radius {decimal_text(shape.r)} mm", f"{shape.count} dots", *_dot(shape)]
        case Ring():
            return ["ring", _span(shape)]
        case RadialPetals():
            return ["radial petals", _span(shape), f"{shape.petals} petals"]
        case TileRing():
            return ["tile ring", _span(shape), f"{shape.count} tiles"]
        case HerringboneRing():
            return ["herringbone ring", _span(shape), f"2 rows of {shape.count} tiles"]
        case RopeRing():
            return ["rope ring", _span(shape), f"{shape.count} strands"]
        case PolygonRing():
            return ["polygon ring", _span(shape), f"{shape.sides} sides"]
        case Sector():
            return ["arc", _span(shape), f"{decimal_text(shape.start_deg)} to {decimal_text(shape.end_deg)} degrees"]
        case _:
            assert_never(shape)


def _span(shape: Ring | RadialPetals | TileRing | HerringboneRing | RopeRing | PolygonRing | Sector) -> str:
    return f"radius {decimal_text(shape.r_inner)} to {decimal_text(shape.r_outer)} mm"


def _dot(shape: DotRing) -> list[str]:
    return [f"dot radius {decimal_text(shape.dot_r)} mm"]


def _materials(shape: Shape) -> list[str]:
    named: tuple[str | None, ...]
    named = shape.materials if isinstance(shape, TileRing | HerringboneRing | RopeRing | DotRing) else (shape.material,)
    text = " + ".join(dict.fromkeys(material for material in named if material))
    return [text] if text else []


def _depth(shape: Shape) -> list[str]:
    if shape.depth_mm is None:
        reference = isinstance(shape, Circle) and shape.material is None
        return ["reference line"] if reference else []
    return [f"{decimal_text(shape.depth_mm)} mm deep"]


def _plain(text: str) -> str:
    return " ".join(_NOT_XML.sub(" ", text).split())
