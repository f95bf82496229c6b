"""In what two designs differ as areas: what came, what went, what is cut deeper or inlaid in another material."""

from __future__ import annotations

from collections.abc import Iterator

import shapely
from shapely import GEOSException, MultiPolygon
from shapely.geometry.base import BaseGeometry

from contracts.comparison import GeometryDiff
from contracts.model import decimal_of
from contracts.outlines import pieces
from contracts.spec import Circle, RosetteSpec
from services.rmos.domain.feasibility.polygons import GRID_MM, areal, common, parts_of, polygon_of, union

Finish = tuple[float | None, str | None]
"""Depth in mm and material: what makes the same area another one."""

SLIVER_MM2 = 0.0005
"""Parts below this are left over from chords that end at different places."""
_PAINT = (("stays", "#c9c9c9"), ("changed", "#e6a700"), ("removed", "#d1493f"), ("added", "#2f9e58"))


def compared(a: RosetteSpec, b: RosetteSpec) -> GeometryDiff:
    """The areas in mm² and a picture. The same designs always give the same bytes."""
    before, after = _finishes(a), _finishes(b)
    old, new = union(list(before.values())), union(list(after.values()))
    stays = common(old, new)
    alike = union([common(area, after[finish]) for finish, area in before.items() if finish in after])
    areas = {
        "stays": stays,
        "changed": _without(stays, alike),
        "removed": _without(old, new),
        "added": _without(new, old),
    }
    return GeometryDiff(
        a_mm2=_mm2(old),
        b_mm2=_mm2(new),
        common_mm2=_mm2(stays),
        added_mm2=_mm2(areas["added"]),
        removed_mm2=_mm2(areas["removed"]),
        changed_mm2=_mm2(areas["changed"]),
        svg=_picture(areas, max(float(a.canvas_mm), float(b.canvas_mm))),
    )


def _finishes(spec: RosetteSpec) -> dict[Finish, BaseGeometry]:
    """The design's areas by finish. A circle with neither depth nor material is a reference line, not an area."""
    parts: dict[Finish, list[BaseGeometry]] = {}
    for outline in pieces(spec):
        shape = spec.shapes[outline.shape]
        if isinstance(shape, Circle) and shape.depth_mm is None and shape.material is None:
            continue
        parts.setdefault((outline.depth_mm, outline.material), []).append(shapely.make_valid(polygon_of(outline)))
    return {finish: union(areas) for finish, areas in parts.items()}


def _without(area: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    try:
        left = areal(shapely.difference(area, other))
    except GEOSException:
        left = areal(shapely.difference(area, other, grid_size=GRID_MM))
    return MultiPolygon([part for part in parts_of(left) if part.area >= SLIVER_MM2])


def _mm2(area: BaseGeometry) -> object:
    return decimal_of(round(float(area.area), 3))


def _picture(areas: dict[str, BaseGeometry], canvas_mm: float) -> str:
    half, size = _text(canvas_mm / 2), _text(canvas_mm)
    paths = "".join(
        f'<path id="{name}" fill="{colour}" fill-rule="evenodd" d="{path}"/>'
        for name, colour in _PAINT
        if (path := " ".join(_paths(areas[name])))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}mm" height="{size}mm" '
        f'viewBox="-{half} -{half} {size} {size}"><title>Difference of two designs</title>'
        f"<desc>grey stays, amber changed depth or material, red removed, green added</desc>{paths}</svg>"
    )


def _paths(area: BaseGeometry) -> Iterator[str]:
    for part in parts_of(area):
        for ring in (part.exterior, *part.interiors):
            points = " ".join(f"{_text(x)} {_text(-y)}" for x, y in list(ring.coords)[:-1])
            yield f"M{points}Z"


def _text(value: float) -> str:
    """At most three decimals (1 µm); no negative zero."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
