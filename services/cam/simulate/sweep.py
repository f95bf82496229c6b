"""The plane geometry of the simulation: what is to be cut, and what the cutter's disc passes over.

Arcs stand as chords with a sagitta of 0.1 µm; buffers of chords are exact at their ends and short by as little
between. Comparisons therefore leave differences under RESOLUTION_MM out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon, buffer, get_parts, union_all
from shapely.geometry.base import BaseGeometry

from contracts.outlines import Arc, Contour, pockets
from contracts.spec import RosetteSpec
from services.cam.simulate.reader import Motion

SAGITTA_MM = 0.0001
RESOLUTION_MM = 0.0005
"""Differences narrower than this are below what the chords can show."""

OPENING_SLACK_MM = 0.0002
"""Covers the chords' error; more would count places as reachable that are just too narrow."""

SOLID_MM = 0.01
Z_TOLERANCE_MM = 0.001


@dataclass(frozen=True, slots=True)
class Stratum:
    """Everything that is to be cut at least to `depth_mm`; above it the cutter may be wherever this is."""

    above_mm: float
    depth_mm: float
    target: BaseGeometry
    reachable: BaseGeometry


@dataclass(frozen=True, slots=True)
class Trace:
    """A chain of feed motions below the stock's top. `flat`: at one depth; otherwise a ramp down to `depth_mm`."""

    depth_mm: float
    flat: bool
    line: int
    path: LineString | Point
    name: bytes


def strata(spec: RosetteSpec, radius: float) -> tuple[Stratum, ...]:
    """The target of each depth, shallowest first, and the part of it a disc of the cutter's radius can cover."""
    outlines = [(outline.depth_mm or 0.0, _polygon(outline.outer, outline.holes)) for outline in pockets(spec)]
    depths = sorted({depth for depth, _ in outlines})
    result = []
    for above, depth in zip([0.0, *depths], depths, strict=False):
        target = union_all([polygon for deep, polygon in outlines if deep >= depth])
        # a passage exactly as wide as the cutter has an empty erosion in floating point: open with a hair less
        slim = radius - OPENING_SLACK_MM
        fine = quarter_segments(radius)
        reachable = target.buffer(-slim, quad_segs=fine).buffer(slim, quad_segs=fine)
        result.append(Stratum(above, depth, target, reachable))
    return tuple(result)


def traces(motions: Iterable[Motion]) -> list[Trace]:
    """Chains of consecutive feed motions that share a depth (or are one ramp), as fine polylines."""
    result: list[Trace] = []
    chain: list[Motion] = []
    passed: set[tuple[float, float]] = set()

    def close() -> None:
        if chain:
            result.append(_trace(chain))
            chain.clear()

    for motion in motions:
        if motion.rapid or min(motion.start[2], motion.end[2]) > -1e-9 or _is_lift(motion):
            close()
            continue
        if chain and (_flat(chain[-1]) != _flat(motion) or (_flat(motion) and chain[-1].end[2] != motion.end[2])):
            close()
        if not chain:
            passed.clear()
            passed.add(motion.start[:2])
        chain.append(motion)
        # a loop's closing ends the chain: short chains are buffered faster and recur at the next level
        if motion.end[:2] in passed:
            close()
        passed.add(motion.end[:2])
    close()
    return result


def swept(paths: Sequence[LineString | Point], radius: float) -> BaseGeometry:
    """The union of the cutter's disc along every path."""
    return union_all(buffer(np.asarray(paths, dtype=object), radius, quad_segs=quarter_segments(radius)))


class SweptAreas:
    """Swept areas by their set of paths; levels that repeat each other are computed once."""

    def __init__(self, radius: float) -> None:
        self.radius = radius
        self._known: dict[frozenset[bytes], BaseGeometry] = {}

    def of(self, chains: Iterable[Trace]) -> BaseGeometry:
        paths = distinct(chains)
        key = frozenset(paths)
        if key not in self._known:
            smaller = max((known for known in self._known if known <= key), key=len, default=frozenset[bytes]())
            more = [path for name, path in paths.items() if name not in smaller]
            known = [self._known[smaller]] if smaller else []
            self._known[key] = union_all([*known, swept(more, self.radius)]) if more else known[0]
        return self._known[key]


def distinct(chains: Iterable[Trace]) -> dict[bytes, LineString | Point]:
    """Paths by name: levels that repeat each other have the same names."""
    return {chain.name: chain.path for chain in chains}


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


def quarter_segments(radius: float) -> int:
    return max(8, math.ceil(math.pi / 4 / math.acos(max(0.5, 1 - SAGITTA_MM / max(radius, SAGITTA_MM)))))


def _polygon(outer: Contour, holes: Sequence[Contour]) -> Polygon:
    return Polygon(_points(outer), [_points(hole) for hole in holes])


def _points(contour: Contour) -> NDArray[np.float64]:
    chunks = []
    for segment in contour:
        if isinstance(segment, Arc):
            start = math.atan2(segment.y0 - segment.cy, segment.x0 - segment.cx)
            chunks.append(_arc(segment.cx, segment.cy, segment.radius, start, segment.sweep_rad)[:-1])
        else:
            chunks.append(np.array([[segment.x0, segment.y0]]))
    return np.concatenate(chunks)


def _arc(cx: float, cy: float, radius: float, start: float, sweep: float) -> NDArray[np.float64]:
    count = max(2, math.ceil(abs(sweep) / (math.pi / 2) * quarter_segments(radius)))
    angles = start + sweep * np.linspace(0.0, 1.0, count + 1)
    return np.column_stack((cx + radius * np.cos(angles), cy + radius * np.sin(angles)))


def _trace(chain: Sequence[Motion]) -> Trace:
    points = np.concatenate([_path(motion) for motion in chain])
    keep = np.concatenate(([True], np.any(np.diff(points, axis=0) != 0, axis=1)))
    points = points[keep]
    path = LineString(points) if len(points) > 1 else Point(points[0])
    lowest = min(min(motion.start[2], motion.end[2]) for motion in chain)
    return Trace(-lowest, _flat(chain[0]), chain[0].line, path, np.round(points, 5).tobytes())


def _path(motion: Motion) -> NDArray[np.float64]:
    if motion.centre is None:
        return np.array([motion.start[:2], motion.end[:2]])
    start = math.atan2(motion.start[1] - motion.centre[1], motion.start[0] - motion.centre[0])
    sweep = motion.sweep_rad if motion.ccw else -motion.sweep_rad
    return _arc(*motion.centre, motion.radius, start, sweep)


def _flat(motion: Motion) -> bool:
    return motion.start[2] == motion.end[2]


def _is_lift(motion: Motion) -> bool:
    """Straight up: passes only over what was cut on the way down."""
    return motion.start[:2] == motion.end[:2] and motion.end[2] > motion.start[2]
