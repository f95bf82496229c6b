"""Spec -> SVG: a pure function whose bytes depend on the spec and COMPILER_VERSION alone.

The drawing is in millimetres with the origin at the canvas' upper left corner and Y down, as SVG has it; the part frame
(origin in the middle, Y up) is mirrored into it. `fill_mode` "solid" is a picture of the inlaid rosette on its ground,
"none" is a line drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from contracts.outlines import Arc, Contour, Line, Outline, pieces
from contracts.spec import RosetteSpec
from services.art_studio.domain.captions import description_of, shape_caption, title_of
from services.art_studio.domain.numbers import number_text
from services.art_studio.domain.palette import GRAIN, GROUND, LINE, REFERENCE_LINE, tints_of

COMPILER_VERSION = "1.0.0"
"""Part of what makes a drawing reproducible: raised whenever the same spec would give other bytes."""
MAX_PIECES = 30_000
"""About 4 MB of drawing. A rosette of 20 bands with 720 pieces each is half of it."""
GRAIN_LINES = 72


class DrawingTooLarge(Exception):
    """The spec asks for more pieces than a drawing may have; the message says what to change."""


def compile_svg(spec: RosetteSpec) -> bytes:
    """The drawing, UTF-8. Raises DrawingTooLarge."""
    _check_size(spec)
    return "\n".join(_lines(spec)).encode() + b"\n"


def piece_count(spec: RosetteSpec) -> int:
    """How many tiles, petals, dots and bands the spec means."""
    return sum(
        getattr(shape, "petals", getattr(shape, "count", 1)) * (2 if shape.type == "herringbone_ring" else 1)
        for shape in spec.shapes
    )


def _check_size(spec: RosetteSpec) -> None:
    count = piece_count(spec)
    if count > MAX_PIECES:
        raise DrawingTooLarge(
            f"the design has {count} pieces, a drawing takes {MAX_PIECES}: fewer shapes or longer tiles"
        )


def _lines(spec: RosetteSpec) -> Iterator[str]:
    size = number_text(spec.canvas_mm)
    yield _open(
        "svg", height=f"{size}mm", viewBox=f"0 0 {size} {size}", width=f"{size}mm", xmlns="http://www.w3.org/2000/svg"
    )
    yield f"<title>{escape(title_of(spec))}</title>"
    yield f"<desc>{escape(description_of(spec, COMPILER_VERSION))}</desc>"
    solid = spec.fill_mode == "solid"
    if solid:
        yield from _ground(spec)
    pen = {"stroke": LINE, "stroke-linejoin": "round", "stroke-width": number_text(spec.stroke_mm)}
    yield _open("g", fill="none", **{"fill-rule": "evenodd"}, **pen)
    page = _Page(float(spec.canvas_mm) / 2)
    for index, outlines in groupby(pieces(spec), key=lambda outline: outline.shape):
        shape = spec.shapes[index]
        yield _open("g", id=f"shape-{index + 1}")
        yield f"<title>{escape(shape_caption(shape))}</title>"
        if shape.type == "circle" and shape.material is None and shape.depth_mm is None:
            yield from (page.reference(outline, float(spec.stroke_mm)) for outline in outlines)
        elif solid:
            yield from _coloured(page, outlines)
        else:
            yield from (page.drawn(outline) for outline in outlines)
        yield "</g>"
    yield "</g>"
    yield "</svg>"


def _ground(spec: RosetteSpec) -> Iterator[str]:
    """The soundboard, its grain upright as on an instrument. The uneven spacing comes from a fixed integer sequence."""
    size = number_text(spec.canvas_mm)
    yield _open("g", id="ground")
    yield _empty("rect", fill=GROUND, height=size, width=size)
    step = float(spec.canvas_mm) / GRAIN_LINES
    places = (step * k + step * (k * k * 7 % 11 - 5) / 16 for k in range(1, GRAIN_LINES))
    lines = "".join(f"M{number_text(x)} 0V{size}" for x in places)
    width = number_text(step / 12)
    yield _empty("path", d=lines, fill="none", stroke=GRAIN, **{"stroke-width": width})
    yield "</g>"


def _coloured(page: _Page, outlines: Iterable[Outline]) -> Iterator[str]:
    """One group a colour, in the order in which the colours first appear; pieces of one shape do not overlap."""
    by_fill: dict[str, list[Outline]] = {}
    seen: dict[str | None, int] = {}
    for outline in outlines:
        tints = tints_of(outline.material)
        nth = seen.get(outline.material, 0)
        seen[outline.material] = nth + 1
        by_fill.setdefault(tints[_shimmer(nth) % len(tints)], []).append(outline)
    for fill, same in by_fill.items():
        yield _open("g", fill=fill)
        yield from (page.drawn(outline) for outline in same)
        yield "</g>"


def _shimmer(nth: int) -> int:
    """An order of the five tints in which neighbours always differ and no short period catches the eye."""
    return nth * 2 + nth // 5


class _Page:
    """The canvas' frame: where a point of the part frame is drawn."""

    def __init__(self, half_mm: float) -> None:
        self._half = half_mm

    def drawn(self, outline: Outline) -> str:
        """A circle element for a whole disc, otherwise one path with its holes."""
        first = outline.outer[0]
        if isinstance(first, Arc) and _is_circle(first) and not outline.holes:
            return self._circle(first)
        data = "".join(self._contour(contour) for contour in (outline.outer, *outline.holes))
        return _empty("path", d=data)

    def reference(self, outline: Outline, stroke_mm: float) -> str:
        """A reference line: dashed, never filled."""
        arc = outline.outer[0]
        assert isinstance(arc, Arc)  # reference lines are circles
        dash = f"{number_text(max(1.2, 4 * stroke_mm))} {number_text(max(0.8, 3 * stroke_mm))}"
        return self._circle(arc, stroke=REFERENCE_LINE, **{"stroke-dasharray": dash})

    def _circle(self, arc: Arc, **pen: str) -> str:
        return _empty("circle", cx=self._x(arc.cx), cy=self._y(arc.cy), r=number_text(arc.x0 - arc.cx), **pen)

    def _contour(self, contour: Contour) -> str:
        start = contour[0]
        steps = [f"M{self._x(start.x0)} {self._y(start.y0)}"]
        for segment in contour[:-1]:
            steps.extend(self._segment(segment))
        if isinstance(contour[-1], Arc):  # a closing line is what Z draws
            steps.extend(self._segment(contour[-1]))
        return "".join(steps) + "Z"

    def _segment(self, segment: Line | Arc) -> Iterator[str]:
        if isinstance(segment, Line):
            yield f"L{self._x(segment.x1)} {self._y(segment.y1)}"
            return
        # sqrt is correctly rounded by IEEE 754, hypot is not: its last bit differs between platforms
        radius = number_text(((segment.x0 - segment.cx) ** 2 + (segment.y0 - segment.cy) ** 2) ** 0.5)
        sweep = 0 if segment.ccw else 1  # Y is mirrored
        middle = _middle(segment)
        ends = [(segment.x1, segment.y1)] if middle is None else [middle, (segment.x1, segment.y1)]
        for x, y in ends:
            yield f"A{radius} {radius} 0 0 {sweep} {self._x(x)} {self._y(y)}"

    def _x(self, x_mm: float) -> str:
        return number_text(self._half + x_mm)

    def _y(self, y_mm: float) -> str:
        return number_text(self._half - y_mm)


def _is_circle(arc: Arc) -> bool:
    return arc.x0 == arc.x1 and arc.y0 == arc.y1


def _middle(arc: Arc) -> tuple[float, float] | None:
    """The middle of an arc of more than a half turn, else None.

    Drawn in two, no arc needs the large-arc flag, and none can vanish because its ends round to one point.
    """
    ax, ay, bx, by = arc.x0 - arc.cx, arc.y0 - arc.cy, arc.x1 - arc.cx, arc.y1 - arc.cy
    if _is_circle(arc):
        return arc.cx - ax, arc.cy - ay
    turn = ax * by - ay * bx
    square = ax * ax + ay * ay
    if (turn if arc.ccw else -turn) > -1e-9 * square:
        return None
    sx, sy = ax + bx, ay + by
    length = (sx * sx + sy * sy) ** 0.5
    if length == 0.0:
        return None  # exactly a half turn
    scale = square**0.5 / length
    return arc.cx - sx * scale, arc.cy - sy * scale


def _open(name: str, **attributes: str) -> str:
    return f"<{name}{_attributes(attributes)}>"


def _empty(name: str, **attributes: str) -> str:
    return f"<{name}{_attributes(attributes)}/>"


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(attributes[name])}" for name in sorted(attributes))
