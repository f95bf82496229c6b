"""A design as pockets in stock: widths, reachable shares, walls and collisions for one cutter radius.

Shapes about one centre are sorted into clusters by their radial extents. A cluster of annuli is pure arithmetic; a
single n-fold shape is judged by one piece and its neighbour; only what really interlocks is united as polygons.
Polygons stand for arcs with chords of CHORD_ERROR_MM sagitta, so lengths are right within 0.01 mm.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from services.rmos.domain.feasibility import annuli, interlocking, pieces
from services.rmos.domain.feasibility.geometry import TOUCH_MM, Cut, Fault, Findings, Geometry, Profile, Wall


@lru_cache(maxsize=256)
def geometry_of(cuts: tuple[Cut, ...], cutter_radius_mm: float, least_wall_mm: float) -> Geometry:
    """The pockets judged for a cutter of this radius in stock whose walls hold from `least_wall_mm`.

    `cuts` must not be empty. A shape without any piece (petals that do not fit) is a fault.
    """
    found = Findings()
    solid = [cut for cut in cuts if cut.outlines]
    for cut in cuts:
        if not cut.outlines:
            mend = f"use fewer than {cut.fold} petals, a smaller web_mm or a larger r_inner"
            found.faults.append(Fault(f"{cut.name} leaves no area to cut", (cut.index,), mend))
    profiles = [_cluster(group, cutter_radius_mm, least_wall_mm, found) for group in clusters(solid)]
    for inner, outer in itertools.pairwise(profiles):
        if inner is not None and outer is not None:
            found.walls.append(Wall(outer.inner_mm - inner.outer_mm, (inner.name, outer.name)))
    return Geometry(
        tuple(found.faults),
        tuple(found.merged),
        tuple(sorted(found.shares, key=lambda share: share.shape)),
        tuple(found.walls),
        found.border_mm,
        _bounds(solid),
    )


def clusters(cuts: Sequence[Cut]) -> list[list[Cut]]:
    """Groups of shapes that may touch, from the inside outwards. Shapes about several centres are one group."""
    if len({cut.centre for cut in cuts}) > 1:
        return [list(cuts)]
    groups: list[list[Cut]] = []
    reach = -math.inf
    for cut in sorted(cuts, key=lambda cut: (cut.inner_mm, cut.outer_mm, cut.index)):
        if groups and cut.inner_mm <= reach + TOUCH_MM:
            groups[-1].append(cut)
        else:
            groups.append([cut])
        reach = max(reach, cut.outer_mm)
    return groups


def _cluster(cuts: list[Cut], radius: float, least_wall: float, found: Findings) -> Profile | None:
    if all(cut.fold == 0 for cut in cuts) and len({cut.centre for cut in cuts}) == 1:
        return annuli.analyse(cuts, radius, least_wall, found)
    if len(cuts) == 1 and cuts[0].fold > 1:
        return pieces.analyse(cuts[0], radius, least_wall, found)
    return interlocking.analyse(cuts, radius, least_wall, found)


def _bounds(cuts: Iterable[Cut]) -> tuple[float, float, float, float]:
    """x and y extent of the pockets in mm; a shape counts with its full reach about its centre."""
    boxes = [(x - r, y - r, x + r, y + r) for cut in cuts for (x, y), r in [(cut.centre, cut.outer_mm)]]
    if not boxes:
        return 0.0, 0.0, 0.0, 0.0
    low_x, low_y, high_x, high_y = zip(*boxes, strict=True)
    return min(low_x), min(low_y), max(high_x), max(high_y)
