"""Arcs as chords, unions, parts and widths: the plane geometry that target and sweep share.

Arcs stand as chords with a sagitta of at most SAGITTA_MM. The target's chords, the path's and those of the cutter's
disc add up to three times that, so comparisons leave differences under RESOLUTION_MM out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from shapely import GEOSException, Polygon, get_parts, union_all
from shapely.geometry.base import BaseGeometry

SAGITTA_MM = 0.0001
RESOLUTION_MM = 0.0005
"""Differences narrower than this are below what the chords can show."""

SOLID_MM = 0.01
SNAP_MM = 1e-6


def quarter_segments(radius: float) -> int:
    """Chords per quarter turn that keep the sagitta within SAGITTA_MM."""
    half_step = 2 * math.asin(math.sqrt(min(0.25, SAGITTA_MM / 2 / max(radius, SAGITTA_MM))))
    return max(8, math.ceil(math.pi / 4 / half_step))


def arc_points(
    centre: tuple[float, float], radius: float, start: tuple[float, float], sweep_rad: float
) -> NDArray[np.float64]:
    """Points on the arc from `start` (included) over a signed sweep to its end (included)."""
    count = max(2, math.ceil(abs(sweep_rad) / (math.pi / 2) * quarter_segments(radius)))
    begin = math.atan2(start[1] - centre[1], start[0] - centre[0])
    angles = begin + (sweep_rad / count) * np.arange(count + 1)
    points = np.empty((count + 1, 2))
    points[:, 0] = centre[0] + radius * np.cos(angles)
    points[:, 1] = centre[1] + radius * np.sin(angles)
    return points


def united(geometries: Sequence[BaseGeometry]) -> BaseGeometry:
    """The union; on a grid of 1 nm where GEOS cannot node it in full precision."""
    try:
        return union_all(geometries)
    except GEOSException:
        return union_all(geometries, grid_size=SNAP_MM)


def widest_mm(pieces: Sequence[Polygon]) -> float:
    """An upper estimate, within a factor of two, of the widest disc in any piece: 0.0 when all are under 2 µm."""
    width = 0.0
    for piece in pieces:
        left: BaseGeometry = piece
        done, probe = 0.0, 0.001
        while not left.is_empty:
            left = left.buffer(-probe)
            done += 0.0 if left.is_empty else 2 * probe
            probe *= 2
        width = max(width, done)
    return width


def parts(geometry: BaseGeometry) -> list[Polygon]:
    return [part for part in get_parts(geometry) if isinstance(part, Polygon)]


def solid_parts(geometry: BaseGeometry) -> list[Polygon]:
    """Without the dust that chords leave along every wall: pieces smaller than a disc of SOLID_MM diameter."""
    return [part for part in parts(geometry) if part.area >= math.pi / 4 * SOLID_MM**2]
