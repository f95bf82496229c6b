"""Lines and circles without ends, and where two of them meet."""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.cam.domain.contours import Point

JOIN_MM = 0.02
"""Neighbouring curves are joined at their intersection if it lies this near to the polygon's vertex."""


@dataclass(frozen=True, slots=True)
class Track:
    """The straight line through (x, y) in direction (dx, dy), a unit vector."""

    x: float
    y: float
    dx: float
    dy: float


@dataclass(frozen=True, slots=True)
class Orbit:
    """The circle about (cx, cy)."""

    cx: float
    cy: float
    radius: float


Curve = Track | Orbit


def joint(a: Curve, b: Curve, vertex: Point) -> Point:
    """Where two neighbouring curves meet: their intersection next to `vertex`, or the vertex where they only touch."""
    found = min(_meetings(a, b), key=lambda point: math.dist(point, vertex), default=vertex)
    return found if math.dist(found, vertex) <= JOIN_MM else vertex


def _meetings(a: Curve, b: Curve) -> list[Point]:
    if isinstance(a, Track) and isinstance(b, Track):
        return _lines_meet(a, b)
    if isinstance(a, Orbit) and isinstance(b, Orbit):
        return _circles_meet(a, b)
    if isinstance(a, Track) and isinstance(b, Orbit):
        return _line_meets_circle(a, b)
    assert isinstance(a, Orbit)
    assert isinstance(b, Track)
    return _line_meets_circle(b, a)


def _lines_meet(a: Track, b: Track) -> list[Point]:
    cross = a.dx * b.dy - a.dy * b.dx
    if abs(cross) < 1e-6:
        return []
    t = ((b.x - a.x) * b.dy - (b.y - a.y) * b.dx) / cross
    return [(a.x + t * a.dx, a.y + t * a.dy)]


def _line_meets_circle(a: Track, b: Orbit) -> list[Point]:
    px, py = b.cx - a.x, b.cy - a.y
    along, off = px * a.dx + py * a.dy, px * a.dy - py * a.dx
    square = b.radius * b.radius - off * off
    if square < 0:
        return []
    root = math.sqrt(square)
    return [(a.x + (along + s * root) * a.dx, a.y + (along + s * root) * a.dy) for s in (-1.0, 1.0)]


def _circles_meet(a: Orbit, b: Orbit) -> list[Point]:
    gap = math.hypot(b.cx - a.cx, b.cy - a.cy)
    if gap < 1e-9:
        return []
    along = (gap * gap + a.radius * a.radius - b.radius * b.radius) / (2 * gap)
    square = a.radius * a.radius - along * along
    if square < 0:
        return []
    root, ux, uy = math.sqrt(square), (b.cx - a.cx) / gap, (b.cy - a.cy) / gap
    return [(a.cx + along * ux - s * root * uy, a.cy + along * uy + s * root * ux) for s in (-1.0, 1.0)]
