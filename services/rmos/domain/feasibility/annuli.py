"""A cluster of concentric rings and discs: everything follows from their radii."""

from __future__ import annotations

import itertools
import math

from services.rmos.domain.feasibility.geometry import TOUCH_MM, Cut, Fault, Findings, Profile, Share, Wall

Interval = tuple[float, float]


def analyse(cuts: list[Cut], radius: float, least_wall: float, found: Findings) -> Profile | None:
    """Adds shares, overlaps and inner islands; gives the profile as cut, None if the cutter reaches nothing."""
    _overlaps(cuts, found)
    reached: list[Interval] = []
    for depth in sorted({cut.depth_mm for cut in cuts}):
        allowed = joined([(cut.inner_mm, cut.outer_mm) for cut in cuts if cut.depth_mm >= depth])
        wide = [interval for interval in allowed if _width(interval) >= 2 * radius - 1e-9]
        reached += wide
        found.border_mm += sum(math.tau * (low + high) for low, high in wide)
        for cut in (cut for cut in cuts if cut.depth_mm == depth):
            channel = next(i for i in allowed if i[0] - 1e-9 <= cut.inner_mm and cut.outer_mm <= i[1] + 1e-9)
            area = math.pi * (cut.outer_mm**2 - cut.inner_mm**2)
            reachable = area if channel in wide else 0.0
            travel = math.pi * (channel[1] * 2 - 2 * radius) if channel[0] <= 0 else math.inf
            found.shares.append(Share(cut.index, cut.shape.type, depth, area, reachable, _width(channel), travel))
    if not reached:
        return None
    as_cut = joined(reached)
    for inner, outer in itertools.pairwise(as_cut):
        found.walls.append(Wall(outer[0] - inner[1], (cuts[0].name, cuts[-1].name)))
    low, high = as_cut[0][0], as_cut[-1][1]
    if 0 < 2 * low < 4 * least_wall:
        found.walls.append(Wall(2 * low, (cuts[0].name, "the island in its middle")))
    return Profile(low, high, ", ".join(cut.name for cut in cuts))


def joined(intervals: list[Interval]) -> list[Interval]:
    """The union of radial intervals, ascending; what touches within TOUCH_MM is one."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + TOUCH_MM:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _width(interval: Interval) -> float:
    low, high = interval
    return high - low if low > 0 else 2 * high


def _overlaps(cuts: list[Cut], found: Findings) -> None:
    for a, b in itertools.combinations(cuts, 2):
        common = min(a.outer_mm, b.outer_mm) - max(a.inner_mm, b.inner_mm)
        if common <= TOUCH_MM:
            continue
        if a.depth_mm != b.depth_mm:
            found.faults.append(clash(a, b, common))
        else:
            found.merged.append((a.index, b.index))


def clash(a: Cut, b: Cut, width: float) -> Fault:
    """Two shapes of different depth share an area `width` mm wide."""
    return Fault(
        f"{a.name}, {a.depth_mm:g} mm deep, and {b.name}, {b.depth_mm:g} mm deep, overlap by {width:.3f} mm",
        (a.index, b.index),
        f"move one of them by {width:.3f} mm or give both the same depth",
    )
