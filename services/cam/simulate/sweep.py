"""What the cutter passes over: chains of motions as fine polylines, and the areas the cutter's disc sweeps on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon, buffer
from shapely.geometry.base import BaseGeometry

from services.cam.simulate.plane import arc_points, quarter_segments, united
from services.cam.simulate.reader import Motion

Name = tuple[object, ...]
"""What a path is known by: levels that repeat each other have the same names."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A chain of feed motions below the stock's top. `flat`: at one depth; otherwise a ramp down to `depth_mm`."""

    depth_mm: float
    flat: bool
    line: int
    path: LineString | Point
    name: Name


def traces(motions: Iterable[Motion]) -> list[Trace]:
    """Chains of consecutive feed motions that share a depth (or are one ramp)."""
    result: list[Trace] = []
    chain: list[Motion] = []
    passed: set[tuple[float, float]] = set()
    paths: dict[Name, LineString | Point] = {}

    def close() -> None:
        if chain:
            result.append(_trace(chain, paths))
            chain.clear()

    for motion in motions:
        if motion.rapid or min(motion.start[2], motion.end[2]) > -1e-9 or _is_lift(motion):
            close()
            continue
        if chain and (chain[-1].end != motion.start or _flat(chain[-1]) != _flat(motion)):
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


class SweptAreas:
    """Swept areas by their set of paths; what two sets share is computed once."""

    def __init__(self, radius: float) -> None:
        self.radius = radius
        self._known: dict[frozenset[Name], BaseGeometry] = {}
        self._single: dict[Name, BaseGeometry] = {}

    def of(self, chains: Iterable[Trace]) -> BaseGeometry:
        paths = {chain.name: chain.path for chain in chains}
        key = frozenset(paths)
        if not key:
            return Polygon()
        if key not in self._known:
            smaller = max((known for known in self._known if known <= key), key=len, default=frozenset[Name]())
            self._sweep(paths)
            more = [self._single[name] for name in paths if name not in smaller]
            known = [self._known[smaller]] if smaller else []
            self._known[key] = united([*known, *more]) if len(known) + len(more) > 1 else (known + more)[0]
        return self._known[key]

    def _sweep(self, paths: dict[Name, LineString | Point]) -> None:
        fresh = {name: path for name, path in paths.items() if name not in self._single}
        self._single.update(zip(fresh, swept(list(fresh.values()), self.radius), strict=True))


def swept(paths: Sequence[LineString | Point], radius: float) -> list[BaseGeometry]:
    """The area of the cutter's disc along every path."""
    if not paths:
        return []
    return list(buffer(np.asarray(paths, dtype=object), radius, quad_segs=quarter_segments(radius)))


def _trace(chain: Sequence[Motion], paths: dict[Name, LineString | Point]) -> Trace:
    name: Name = (_rounded(chain[0].start), *((_rounded(m.end), m.centre and _rounded(m.centre), m.ccw) for m in chain))
    path = paths.get(name)
    if path is None:
        path = paths[name] = _path(chain)
    lowest = min(min(motion.start[2], motion.end[2]) for motion in chain)
    return Trace(-lowest, _flat(chain[0]), chain[0].line, path, name)


def _rounded(point: tuple[float, ...]) -> tuple[float, float]:
    return round(point[0], 5), round(point[1], 5)


def _path(chain: Sequence[Motion]) -> LineString | Point:
    points = np.concatenate([_points(motion) for motion in chain])
    keep = np.concatenate(([True], np.any(np.diff(points, axis=0) != 0, axis=1)))
    points = points[keep]
    return LineString(points) if len(points) > 1 else Point(points[0])


def _points(motion: Motion) -> NDArray[np.float64]:
    if motion.centre is None:
        return np.array([motion.start[:2], motion.end[:2]])
    sweep = motion.sweep_rad if motion.ccw else -motion.sweep_rad
    return arc_points(motion.centre, motion.radius, motion.start[:2], sweep)


def _flat(motion: Motion) -> bool:
    return motion.start[2] == motion.end[2]


def _is_lift(motion: Motion) -> bool:
    """Straight up: passes only over what was cut on the way down."""
    return motion.start[:2] == motion.end[:2] and motion.end[2] > motion.start[2]
