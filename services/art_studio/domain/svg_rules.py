"""What an SVG from outside may contain: elements, their attributes, and how each value must be spelled.

Everything that is not here is refused. No value may hold a reference: no form below admits `url(`, a colon or a quote.
SVG 2 (https://www.w3.org/TR/SVG2/) names the elements and attributes; the list is the part that draws plain shapes.
"""

from __future__ import annotations

import re

SVG = "http://www.w3.org/2000/svg"
MAX_BYTES = 8_000_000
MAX_ELEMENTS = 50_000
MAX_DEPTH = 16
MAX_VALUE = 500
"""Characters of an attribute's value, path and point data aside; also what keeps the patterns below cheap."""
TEXT_ELEMENTS = frozenset({"title", "desc"})

_NUMBER = r"[+-]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][+-]?\d{1,2})?"
_LIST = rf"\s*{_NUMBER}(?:[\s,]+{_NUMBER}){{0,7}}\s*"
NUMBER = re.compile(_NUMBER)
LENGTH = re.compile(rf"{_NUMBER}(?:mm|cm|in|pt|pc|px|%)?")
NUMBERS = re.compile(_LIST)
DASHES = re.compile(rf"none|{_LIST}")
PATH = re.compile(r"[MmLlHhVvCcSsQqTtAaZz0-9eE+\-., \t\r\n]*")
POINTS = re.compile(r"[0-9eE+\-., \t\r\n]*")
DATA = frozenset({PATH, POINTS})
COLOUR = re.compile(r"none|currentColor|#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6}|[A-Za-z]{3,24}|rgb\([0-9.%, ]{5,40}\)")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
TRANSFORM = re.compile(rf"(?:\s*(?:matrix|translate|scale|rotate|skewX|skewY)\s*\({_LIST}\)\s*,?){{0,8}}\s*")
RATIO = re.compile(r"none|x(?:Min|Mid|Max)Y(?:Min|Mid|Max)(?: (?:meet|slice))?")
VERSION = re.compile(r"\d\.\d")

_PAINT: dict[str, re.Pattern[str]] = {
    "clip-rule": re.compile("nonzero|evenodd"),
    "color": COLOUR,
    "fill": COLOUR,
    "fill-opacity": NUMBER,
    "fill-rule": re.compile("nonzero|evenodd"),
    "id": NAME,
    "opacity": NUMBER,
    "stroke": COLOUR,
    "stroke-dasharray": DASHES,
    "stroke-dashoffset": LENGTH,
    "stroke-linecap": re.compile("butt|round|square"),
    "stroke-linejoin": re.compile("miter|round|bevel"),
    "stroke-miterlimit": NUMBER,
    "stroke-opacity": NUMBER,
    "stroke-width": LENGTH,
    "transform": TRANSFORM,
}


def _lengths(*names: str) -> dict[str, re.Pattern[str]]:
    return {**_PAINT, **dict.fromkeys(names, LENGTH)}


ELEMENTS: dict[str, dict[str, re.Pattern[str]]] = {
    "circle": _lengths("cx", "cy", "r"),
    "desc": {},
    "ellipse": _lengths("cx", "cy", "rx", "ry"),
    "g": _PAINT,
    "line": _lengths("x1", "y1", "x2", "y2"),
    "path": {**_PAINT, "d": PATH, "pathLength": NUMBER},
    "polygon": {**_PAINT, "points": POINTS},
    "polyline": {**_PAINT, "points": POINTS},
    "rect": _lengths("x", "y", "width", "height", "rx", "ry"),
    "svg": {**_lengths("width", "height"), "preserveAspectRatio": RATIO, "version": VERSION, "viewBox": NUMBERS},
    "title": {},
}
