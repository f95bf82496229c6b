"""Coverage, gouges and depth of cut: what the cutter's disc passes over against what it should.

Every motion is looked up in the connected part of the target it begins in. If its path stays where the cutter's
centre may be, its sweep stays inside the target; such motions need no area to prove it, and concern that part alone.
Every other motion is a stray: its swept area is computed and compared with the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from shapely import LineString, Point, Polygon, STRtree, covers, get_coordinates, points, prepare
from shapely.geometry.base import BaseGeometry

from services.cam.simulate.plane import RESOLUTION_MM, parts, solid_parts, united, widest_mm
from services.cam.simulate.sweep import Name, SweptAreas, Trace, swept
from services.cam.simulate.tally import MOST_FINDINGS, Tally
from services.cam.simulate.target import Site, Stratum

LEAST_COVERAGE = 0.995
"""Of every separate part of the reachable area, so that no small pocket can be missing."""

MOST_UNCUT_WIDTH_MM = 0.01
"""A strip of reachable area left standing wider than this is a missed pass, however small its share."""

MOST_GOUGE_MM2 = 0.01
BATCH = 100
"""Strays judged at a time; after the first batch that gouges, the rest of a hopeless program is left."""

SKIM_SHARE = 0.3
"""A cut deeper than the stepdown is allowed where it is a skim: narrower than this share of the cutter's diameter."""

Z_TOLERANCE_MM = 0.001


@dataclass(frozen=True, slots=True)
class _Work:
    """A site with the motions that pass over it, and their swept areas, larger by the resolution."""

    site: Site
    chains: list[Trace]
    unions: SweptAreas


def judge_areas(
    tally: Tally, layers: Sequence[Stratum], chains: Sequence[Trace], radius: float, stepdown: float
) -> None:
    """Fill the tally's areas and add findings, at most about MOST_FINDINGS of them."""
    for layer in layers:
        relevant = [chain for chain in chains if not layer.above_mm or chain.depth_mm > layer.above_mm + Z_TOLERANCE_MM]
        works, strays = _located(layer, relevant, radius)
        judged = _judge_strays(tally, layer, strays, radius)
        _add_strays(works, judged, radius)
        for work in works:
            if tally.full:
                tally.findings.append(f"given up after {MOST_FINDINGS} findings: the areas are not complete")
                return
            _judge_coverage(tally, work, layer.depth_mm, radius)
            if not layer.above_mm:
                _judge_stepdown(tally, work, stepdown)
    if tally.reachable <= 0:
        tally.findings.append("the cutter can reach nothing of the design")
    _judge_depth(tally, layers, chains)


def _located(layer: Stratum, chains: Sequence[Trace], radius: float) -> tuple[list[_Work], list[list[Trace]]]:
    """The sites with the motions that stay inside them, and the strays: for each path, the motions along it."""
    works = [_Work(site, [], SweptAreas(radius + RESOLUTION_MM)) for site in layer.sites]
    by_path: dict[Name, list[Trace]] = {}
    for chain in chains:
        by_path.setdefault(chain.name, []).append(chain)
    same_path = list(by_path.values())
    strays = []
    for same, home in zip(same_path, _homes(layer.sites, [same[0].path for same in same_path]), strict=True):
        if home is None:
            strays.append(same)
        else:
            works[home].chains.extend(same)
    return works, strays


def _add_strays(works: Sequence[_Work], strays: Sequence[Sequence[Trace]], radius: float) -> None:
    """Strays cut too: to every site they pass over."""
    if not strays:
        return
    sites = STRtree([work.site.target for work in works])
    for stray, site in sites.query([same[0].path for same in strays], "dwithin", radius).T.tolist():
        works[site].chains.extend(strays[stray])


def _homes(sites: Sequence[Site], paths: Sequence[BaseGeometry]) -> list[int | None]:
    """For every path the site whose room holds all of it."""
    homes: list[int | None] = [None] * len(paths)
    if not paths:
        return homes
    starts = points(np.array([get_coordinates(path)[0] for path in paths]))
    rooms = np.array([site.room for site in sites], dtype=object)
    path, site = STRtree(rooms).query(starts)
    inside = covers(rooms[site], np.array(paths, dtype=object)[path])
    for i, home in zip(path[inside].tolist(), site[inside].tolist(), strict=True):
        homes[i] = home
    return homes


def _judge_coverage(tally: Tally, work: _Work, depth: float, radius: float) -> None:
    site = work.site
    deep = [chain for chain in work.chains if chain.flat and chain.depth_mm >= depth - Z_TOLERANCE_MM]
    tally.reachable += site.reachable.area
    tally.target += site.target.area
    area = work.unions.of(deep)
    prepare(area)
    if covers(area, site.reachable):
        return
    uncut = site.reachable.difference(SweptAreas(radius).of(deep))
    tally.uncut += uncut.area
    pieces = solid_parts(uncut)
    width = widest_mm(pieces)
    if width > MOST_UNCUT_WIDTH_MM:
        x, y = max(pieces, key=lambda part: part.area).representative_point().coords[0]
        tally.findings.append(f"at {depth:g} mm a strip about {width:.3f} mm wide is uncut near {x:.2f} {y:.2f}")
    for part in parts(site.reachable):
        gap = sum(piece.area for piece in pieces if part.dwithin(piece.representative_point(), RESOLUTION_MM))
        if gap > (1 - LEAST_COVERAGE) * part.area:
            point, share = part.representative_point(), max(0.0, 1 - gap / part.area)
            tally.findings.append(
                f"at {depth:g} mm the area near {point.x:.2f} {point.y:.2f} is cut only to {share:.4f}"
            )


def _judge_strays(
    tally: Tally, layer: Stratum, strays: Sequence[Sequence[Trace]], radius: float
) -> Sequence[Sequence[Trace]]:
    """What the strays cut outside the target; gives back those that were looked at before there was enough to say."""
    bottom = layer.depth_mm + Z_TOLERANCE_MM
    total = farthest = 0.0
    for done in range(0, len(strays), BATCH):
        batch = strays[done : done + BATCH]
        outside = _outside(layer, [same[0].path for same in batch if same[0].depth_mm <= bottom], radius)
        total += outside.area
        farthest = max(farthest, _farthest(outside, layer))
        if total > MOST_GOUGE_MM2:
            x, y = max(parts(outside), key=lambda part: part.area).representative_point().coords[0]
            rest = "; given up there" if done + BATCH < len(strays) else ""
            tally.findings.append(
                f"{total:.4f} mm2 outside the design, up to {farthest:.4f} mm, near {x:.2f} {y:.2f}{rest}"
            )
            strays = strays[: done + BATCH]
            break
    tally.gouge_mm2 += total
    tally.max_gouge_mm = max(tally.max_gouge_mm, farthest)
    return strays


def _outside(layer: Stratum, paths: Sequence[LineString | Point], radius: float) -> BaseGeometry:
    """What the disc passes over on these paths beyond the target."""
    if not paths:
        return Polygon()
    area = united(swept(paths, radius))
    targets = [site.target for site in layer.sites]
    near = [targets[i] for i in STRtree(targets).query(area, "dwithin", RESOLUTION_MM).tolist()]
    return area.difference(united([target.buffer(RESOLUTION_MM) for target in near]))


def _farthest(outside: BaseGeometry, layer: Stratum) -> float:
    if outside.area == 0:
        return 0.0
    edges = points(get_coordinates(outside))
    _, gaps = STRtree([site.target for site in layer.sites]).query_nearest(
        edges, return_distance=True, all_matches=False
    )
    return float(gaps.max())


def _judge_depth(tally: Tally, layers: Sequence[Stratum], chains: Iterable[Trace]) -> None:
    deepest = layers[-1].depth_mm if layers else 0.0
    for chain in chains:
        if chain.depth_mm > deepest + Z_TOLERANCE_MM:
            tally.findings.append(f"line {chain.line}: {chain.depth_mm:.4f} mm deep, the design asks for {deepest:g}")
            return


def _judge_stepdown(tally: Tally, work: _Work, stepdown: float) -> None:
    """What is cut at a depth must have been cut one stepdown higher before, or be a skim."""
    skim = SKIM_SHARE * work.unions.radius * 2
    earlier: list[Trace] = []
    flat = [chain for chain in work.chains if chain.flat]
    for depth in sorted({round(chain.depth_mm, 4) for chain in flat}):
        here = [chain for chain in flat if round(chain.depth_mm, 4) == depth]
        if depth > stepdown + Z_TOLERANCE_MM:
            high = [chain for chain in earlier if chain.depth_mm >= depth - stepdown - Z_TOLERANCE_MM]
            names = {chain.name for chain in high}
            fresh = [chain for chain in here if chain.name not in names]
            if fresh:
                deep = work.unions.of(fresh).difference(work.unions.of(high)).buffer(-skim / 2)
            if fresh and deep.area > MOST_GOUGE_MM2:
                x, y = deep.representative_point().coords[0]
                tally.findings.append(f"at {depth:g} mm more than the stepdown is cut at once near {x:.2f} {y:.2f}")
        earlier += here
