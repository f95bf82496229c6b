"""What is to be cut, as the simulation sees it: the connected parts of every depth's target, from the outlines alone.

Parts do not touch each other, so each is judged by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, STRtree, make_valid, prepare
from shapely.geometry.base import BaseGeometry

from contracts.outlines import Arc, Contour, pockets
from contracts.spec import RosetteSpec
from services.cam.simulate.plane import RESOLUTION_MM, arc_points, parts, quarter_segments, united

OPENING_SLACK_MM = 0.0002
"""Covers the chords' error; more would count places as reachable that are just too narrow."""


@dataclass(frozen=True, slots=True)
class Site:
    """One connected part of a stratum's target.

    `reachable` is what a disc of the cutter's radius can cover of it, `room` where the cutter's centre may be so that
    the disc stays inside the target within RESOLUTION_MM.
    """

    target: Polygon
    reachable: BaseGeometry
    room: BaseGeometry


@dataclass(frozen=True, slots=True)
class Stratum:
    """Everything that is to be cut at least to `depth_mm`; above it the cutter may be wherever this is."""

    above_mm: float
    depth_mm: float
    sites: tuple[Site, ...]


def strata(spec: RosetteSpec, radius: float) -> tuple[Stratum, ...]:
    """The target of each depth, shallowest first."""
    outlines = [(outline.depth_mm or 0.0, _polygon(outline.outer, outline.holes)) for outline in pockets(spec)]
    depths = sorted({depth for depth, _ in outlines})
    return tuple(
        Stratum(above, depth, tuple(_site(part, radius) for part in _connected([p for d, p in outlines if d >= depth])))
        for above, depth in zip([0.0, *depths], depths, strict=False)
    )


def _connected(polygons: Sequence[Polygon]) -> list[Polygon]:
    """The union's connected parts; gaps below the resolution, which chords leave along shared edges, are closed."""
    group = list(range(len(polygons)))
    near = STRtree(polygons).query(polygons, predicate="dwithin", distance=RESOLUTION_MM)
    for a, b in near.T.tolist():
        if group[a] != group[b]:
            low, high = sorted((group[a], group[b]))
            group = [low if member == high else member for member in group]
    result: list[Polygon] = []
    for number in sorted(set(group)):
        members = [polygon for polygon, member in zip(polygons, group, strict=True) if member == number]
        result += members if len(members) == 1 else parts(_closed(members))
    return result


def _closed(polygons: Sequence[Polygon]) -> BaseGeometry:
    grown = united([polygon.buffer(RESOLUTION_MM / 2, quad_segs=2) for polygon in polygons])
    shrunk = grown.buffer(-RESOLUTION_MM / 2, quad_segs=2)
    return united([shrunk if shrunk.is_valid else make_valid(shrunk), *polygons])


def _site(target: Polygon, radius: float) -> Site:
    # a passage exactly as wide as the cutter has an empty erosion in floating point: open with a hair less
    slim = radius - OPENING_SLACK_MM
    fine = quarter_segments(radius)
    reachable = target.buffer(-slim, quad_segs=fine).buffer(slim, quad_segs=fine)
    room = target.buffer(RESOLUTION_MM - radius, quad_segs=fine)
    prepare(room)
    return Site(target, reachable, room)


def _polygon(outer: Contour, holes: Sequence[Contour]) -> Polygon:
    return Polygon(_points(outer), [_points(hole) for hole in holes])


def _points(contour: Contour) -> NDArray[np.float64]:
    chunks = []
    for segment in contour:
        if isinstance(segment, Arc):
            start = (segment.x0, segment.y0)
            chunks.append(arc_points((segment.cx, segment.cy), segment.radius, start, segment.sweep_rad)[:-1])
        else:
            chunks.append(np.array([[segment.x0, segment.y0]]))
    return np.concatenate(chunks)
