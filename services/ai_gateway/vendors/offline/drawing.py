"""A design as a PNG: filled outlines on an indexed canvas, written with nothing but zlib (PNG: ISO/IEC 15948)."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

from contracts.outlines import Contour, Line, pieces
from contracts.spec import RosetteSpec

WOOD, SHADOW = (230, 196, 143), (119, 119, 119)
COLOURS: dict[str, tuple[int, int, int]] = {
    "ebony_african": (28, 25, 22), "ebony_macassar": (44, 33, 26), "maple_hard": (236, 217, 174),
    "maple_soft": (228, 207, 166), "holly": (246, 241, 226), "rosewood_east_indian": (74, 36, 28),
    "rosewood_brazilian": (88, 40, 24), "mother_of_pearl": (223, 230, 234), "abalone": (63, 143, 138),
    "walnut_black": (93, 64, 48), "mahogany_honduran": (135, 72, 44), "padauk": (181, 72, 42),
    "boxwood": (227, 197, 107), "pear": (216, 163, 131), "purpleheart": (107, 45, 92), "bloodwood": (141, 31, 31),
    "koa": (168, 103, 47), "wenge": (58, 44, 34), "brass": (201, 162, 39), "bone": (239, 232, 212),
    "cherry_black": (158, 88, 56), "zebrawood": (190, 146, 90), "copper": (184, 115, 51), "silver": (192, 192, 192),
    "reconstituted_stone": (64, 180, 170), "celluloid": (238, 234, 222), "fibre_black": (20, 20, 20),
}  # fmt: skip
"""Colours of the materials as they look under finish; anything else is grey."""
MAX_SIDE_PX = 2048
Point = tuple[float, float]


def png_of(spec: RosetteSpec, width_px: int, height_px: int) -> bytes:
    """The rosette from above on pale wood, centred, filling the shorter side. The same spec gives the same bytes."""
    scale = min(width_px, height_px) / float(spec.canvas_mm)
    palette: list[tuple[int, int, int]] = [WOOD]
    rows = [bytearray(width_px) for _ in range(height_px)]
    for outline in pieces(spec):
        if outline.depth_mm is None:
            continue
        colour = COLOURS.get(outline.material or "", SHADOW)
        if colour not in palette:
            palette.append(colour)
        rings = [_pixels(ring, scale, width_px, height_px) for ring in (outline.outer, *outline.holes)]
        _fill(rows, rings, palette.index(colour))
    return _png(rows, palette, width_px, height_px)


def _pixels(contour: Contour, scale: float, width: int, height: int) -> list[Point]:
    return [(width / 2 + x * scale, height / 2 - y * scale) for x, y in _points(contour, 0.25 / scale)]


def _points(contour: Contour, tolerance_mm: float) -> Iterator[Point]:
    """Corners of a polygon that strays from the contour by at most the tolerance."""
    for segment in contour:
        if isinstance(segment, Line):
            yield segment.x0, segment.y0
            continue
        radius, sweep = segment.radius, segment.sweep_rad
        step = 2 * math.acos(max(0.0, 1 - tolerance_mm / max(radius, tolerance_mm)))
        count = max(2, math.ceil(abs(sweep) / max(step, 0.01)))
        start = math.atan2(segment.y0 - segment.cy, segment.x0 - segment.cx)
        for k in range(count):
            angle = start + sweep * k / count
            yield segment.cx + radius * math.cos(angle), segment.cy + radius * math.sin(angle)


def _fill(rows: list[bytearray], rings: list[list[Point]], colour: int) -> None:
    """Even-odd scan conversion at pixel centres."""
    top = max(0, math.floor(min(y for _, y in rings[0])))
    bottom = min(len(rows), math.ceil(max(y for _, y in rings[0])))
    crossings: list[list[float]] = [[] for _ in range(max(0, bottom - top))]
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
            low, high = (y0, y1) if y0 < y1 else (y1, y0)
            for row in range(max(top, math.ceil(low - 0.5)), min(bottom, math.ceil(high - 0.5))):
                crossings[row - top].append(x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0))
    for row, found in enumerate(crossings, start=top):
        found.sort()
        for left, right in zip(found[::2], found[1::2], strict=True):
            first, last = max(0, math.ceil(left - 0.5)), min(len(rows[row]), math.ceil(right - 0.5))
            if first < last:
                rows[row][first:last] = bytes((colour,)) * (last - first)


def _png(rows: list[bytearray], palette: list[tuple[int, int, int]], width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits a pixel, colour type 3: indexed
    lines = b"".join(b"\0" + bytes(row) for row in rows)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", b"".join(bytes(colour) for colour in palette)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
