"""What is to be cut, as connected features: areas of equal depth that touch become one area.

An area is either an annulus (or disc), known exactly, or a region: a polygon fine enough for topology together with
the exact lines and arcs its boundary came from, so that offsets can be made from these and not from the polygon.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from shapely import GEOSException, Polygon, STRtree, make_valid, union_all
from shapely.geometry.base import BaseGeometry

from contracts.outlines import Arc, Contour, Line, Outline, Segment, pockets
from contracts.spec import RosetteSpec
from services.cam.errors import BadOutline, NothingToCut

CHORD_ERROR_MM = 0.0001
"""Sagitta of the chords that stand for arcs where topology is computed; exact arcs replace them in the paths."""

TOUCH_MM = 0.001
"""Areas nearer than this are one area: the wall between them would be thinner than a cutter's runout."""

CLOSING_MM = 0.0003
"""Gaps and overlaps up to twice this are chords of one shared arc; larger would shift reflex corners."""

SNAP_MM = 1e-6
"""Grid of the unions that GEOS cannot node in full precision: far below the chords' error."""


@dataclass(frozen=True, slots=True)
class Annulus:
    """A ring (or, with r_inner 0, a disc), mm."""

    cx: float
    cy: float
    r_inner: float
    r_outer: float


@dataclass(frozen=True, slots=True)
class Region:
    """Any other area. `edges` are the exact pieces its boundary lies on; if `merged`, some may lie inside it."""

    polygon: Polygon
    edges: tuple[Segment, ...]
    merged: bool


Area = Annulus | Region


@dataclass(frozen=True, slots=True)
class Source:
    """One outline of the design and the name a person finds it by."""

    name: str
    outline: Outline
    polygon: Polygon

    @property
    def annulus(self) -> Annulus | None:
        return annulus_of(self.outline)


@dataclass(frozen=True, slots=True)
class Layer:
    """The areas to be cut from `top_mm` down to `bottom_mm` below the stock's top."""

    top_mm: float
    bottom_mm: float
    areas: tuple[Area, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Feature:
    """Outlines that touch, directly or through others. One layer if all have one depth; deeper ones go on below."""

    sources: tuple[Source, ...]
    layers: tuple[Layer, ...]


def features_of(spec: RosetteSpec) -> tuple[Feature, ...]:
    """Every connected feature, from the inside of the rosette outwards, round by angle at one radius.

    Raises NothingToCut and BadOutline.
    """
    sources = [_source(outline) for outline in pockets(spec)]
    if not sources:
        raise NothingToCut
    features = [_feature([sources[i] for i in group]) for group in _touching(sources)]
    return tuple(sorted(features, key=_place))


def annulus_of(outline: Outline) -> Annulus | None:
    """The outline as an annulus or disc, None if it is not one."""
    outer = outline.outer[0]
    if len(outline.outer) != 1 or not isinstance(outer, Arc) or len(outline.holes) > 1:
        return None
    if not outline.holes:
        return Annulus(outer.cx, outer.cy, 0.0, outer.radius)
    inner = outline.holes[0][0]
    if len(outline.holes[0]) != 1 or not isinstance(inner, Arc) or (inner.cx, inner.cy) != (outer.cx, outer.cy):
        return None
    return Annulus(outer.cx, outer.cy, inner.radius, outer.radius)


def quarter_segments(radius: float) -> int:
    """Chords per quarter turn that keep the sagitta within CHORD_ERROR_MM."""
    half_step = math.acos(max(0.5, 1 - CHORD_ERROR_MM / max(radius, CHORD_ERROR_MM)))
    return max(8, math.ceil(math.pi / 4 / half_step))


def points_of(contour: Contour) -> list[tuple[float, float]]:
    """The contour's vertices with arcs as fine chords whose ends lie on the arc."""
    points: list[tuple[float, float]] = []
    for segment in contour:
        points.append((segment.x0, segment.y0))
        if isinstance(segment, Arc):
            points.extend(_between(segment))
    return points


def _between(arc: Arc) -> list[tuple[float, float]]:
    sweep, radius = arc.sweep_rad, arc.radius
    count = max(2, math.ceil(abs(sweep) / (math.pi / 2) * quarter_segments(radius)))
    angles = math.atan2(arc.y0 - arc.cy, arc.x0 - arc.cx) + sweep * np.arange(1, count) / count
    xs, ys = arc.cx + radius * np.cos(angles), arc.cy + radius * np.sin(angles)
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def _source(outline: Outline) -> Source:
    name = f"shape {outline.shape} ({outline.kind}) piece {outline.piece}"
    polygon = Polygon(points_of(outline.outer), [points_of(hole) for hole in outline.holes])
    if not polygon.is_valid or polygon.area <= 0:
        raise BadOutline(name, "its boundary crosses itself" if polygon.area else "it has no area")
    return Source(name, outline, polygon)


def _touching(sources: Sequence[Source]) -> list[list[int]]:
    """Index groups of outlines that touch, each in spec order."""
    parent = list(range(len(sources)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    polygons = [source.polygon for source in sources]
    pairs = STRtree(polygons).query(polygons, predicate="dwithin", distance=TOUCH_MM)
    for i, j in pairs.T.tolist():
        low, high = sorted((root(i), root(j)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for i in range(len(sources)):
        groups.setdefault(root(i), []).append(i)
    return list(groups.values())


def _feature(sources: Sequence[Source]) -> Feature:
    depths = sorted({source.outline.depth_mm or 0.0 for source in sources})
    layers = []
    for top, bottom in zip([0.0, *depths], depths, strict=False):
        deep = [source for source in sources if (source.outline.depth_mm or 0.0) >= bottom]
        layers.append(Layer(top, bottom, tuple(_merged(deep)), tuple(deep)))
    return Feature(tuple(sources), tuple(layers))


def _merged(sources: Sequence[Source]) -> list[Area]:
    annuli = [source.annulus for source in sources]
    exact = [annulus for annulus in annuli if annulus is not None]
    if len(exact) == len(sources) and len({(a.cx, a.cy) for a in exact}) == 1:
        return list(_concentric(exact))
    if len(sources) == 1:
        return [Region(sources[0].polygon, _edges(sources), False)]
    # a mitred closing makes shared edges, whose chords differ by sub-micrometres, disappear
    grown = _united([source.polygon.buffer(CLOSING_MM, join_style="mitre") for source in sources])
    shrunk = grown.buffer(-CLOSING_MM, join_style="mitre")
    # where areas meet in a point only, the way back can leave a polygon that crosses itself
    sound = shrunk if shrunk.is_valid else make_valid(shrunk)
    closed = _united([sound, *(source.polygon for source in sources)])
    tree = STRtree([source.polygon for source in sources])
    return [
        Region(part, _edges([sources[i] for i in sorted(tree.query(part, "dwithin", TOUCH_MM).tolist())]), True)
        for part in parts_of(closed)
    ]


def _united(geometries: Sequence[BaseGeometry]) -> BaseGeometry:
    """The union, in full precision where that is possible, else on a grid of SNAP_MM, which always is."""
    try:
        return union_all(geometries)
    except GEOSException:
        return union_all(geometries, grid_size=SNAP_MM)


def _concentric(annuli: Iterable[Annulus]) -> Iterable[Annulus]:
    ordered = sorted(annuli, key=lambda a: (a.r_inner, a.r_outer))
    current = ordered[0]
    for annulus in ordered[1:]:
        if annulus.r_inner <= current.r_outer + TOUCH_MM:
            r_outer = max(current.r_outer, annulus.r_outer)
            current = Annulus(current.cx, current.cy, current.r_inner, r_outer)
        else:
            yield current
            current = annulus
    yield current


def _edges(sources: Sequence[Source]) -> tuple[Segment, ...]:
    contours = [contour for source in sources for contour in (source.outline.outer, *source.outline.holes)]
    return tuple(dict.fromkeys(segment for contour in contours for segment in contour if not _is_point(segment)))


def _is_point(segment: Segment) -> bool:
    return isinstance(segment, Line) and math.hypot(segment.x1 - segment.x0, segment.y1 - segment.y0) < 1e-9


def parts_of(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons of any geometry, in an order that depends on the geometry alone."""
    polygons = [part for part in getattr(geometry, "geoms", [geometry]) if isinstance(part, Polygon) and part.area > 0]
    return sorted(polygons, key=lambda part: tuple(round(bound, 4) for bound in part.bounds))


def _place(feature: Feature) -> tuple[float, float, float]:
    """Inside-out: by the middle of the feature's distances from the origin, then by angle (4 decimals, one turn)."""
    points = np.concatenate([np.asarray(source.polygon.exterior.coords) for source in feature.sources])
    radii = np.hypot(points[:, 0], points[:, 1])
    x, y = points.mean(axis=0).tolist()
    angle = round(math.atan2(y, x) % math.tau, 4) % round(math.tau, 4) if math.hypot(x, y) > 0.01 else 0.0
    return round(float(radii.min() + radii.max()) / 2, 3), angle, float(radii.max())
