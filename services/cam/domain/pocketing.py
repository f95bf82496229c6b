"""Which contours the cutter's centre follows to clear an area: roughing from the inside out, then the walls.

Every contour is an offset of the area's own outline. Two facts make full coverage certain and need no clean-up pass:
a point between two successive offsets is at most one stepover from the outer of them, and the innermost contour is
added until no point is farther than 0.9 cutter radii from it. So a stepover of up to one radius covers everything a
disc of the cutter's size can reach. Outer contours run counter-clockwise and islands clockwise: climb milling with a
clockwise spindle, the remaining stock on the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

from shapely import LineString, Polygon, STRtree, hausdorff_distance, maximum_inscribed_circle, prepare, union_all
from shapely import Point as ShapelyPoint

from contracts.outlines import Contour
from services.cam.domain.contours import Point, circle, perimeter
from services.cam.domain.offsets import Eroded, eroded
from services.cam.domain.regions import Annulus, Area, Layer, Region, parts_of
from services.cam.domain.toolpath import TICKS_PER_MM, Purpose
from services.cam.errors import ChannelTooNarrow, NoRoomForEntry

CORE_SHARE = 0.9
"""The innermost contour clears a core of up to this many cutter radii; the rest is margin for rounding."""

ALLOWANCE_SHARE = 0.1
ALLOWANCE_LIMIT_MM = 0.1
"""Stock left on the walls for the finishing pass: a tenth of the cutter's diameter, at most 0.1 mm."""

THIN_SKIN = 2.5
"""The walls are finished in one pass at full depth where that pass takes at most this many allowances."""

FIT_SLACK_MM = 0.0003
"""A passage narrower than the cutter by up to twice this is taken as exactly as wide."""

MIN_TRAVEL_DIAMETERS = 0.15
"""A ramp needs a closed path of at least this many cutter diameters; below it the entry would be a drilling cut."""

LEAST_REACHED = 0.02
"""Less of an outline's own area than this within the cutter's reach is as good as nothing."""

ORIGIN = ShapelyPoint(0, 0)


@dataclass(frozen=True, slots=True)
class Cutting:
    """How an area is to be cleared, mm."""

    radius: float
    stepover: float
    allowance: float

    @classmethod
    def of(cls, diameter: float, stepover_ratio: float) -> Cutting:
        """Stepovers above 0.49 diameters are reduced to it: beyond one radius, corners would keep islands."""
        allowance = min(ALLOWANCE_LIMIT_MM, ALLOWANCE_SHARE * diameter)
        return cls(diameter / 2, min(stepover_ratio, 0.49) * diameter, allowance)


Shrunk = Callable[[float], tuple[Eroded, ...]]
"""The parts of one region at an offset from its boundary, mm."""


class CentreArea(Protocol):
    """Where the cutter's centre may be without touching a wall."""

    def holds(self, a: Point, b: Point) -> bool:
        """Whether the straight move from a to b stays inside (within 1 µm)."""
        ...


@dataclass(frozen=True, slots=True)
class Loop:
    """A closed contour. `joined`: may be reached by a straight move from where the previous loop ended."""

    contour: Contour
    joined: bool
    purpose: Purpose = "rough"


@dataclass(frozen=True, slots=True)
class Plan:
    """One area's loops: `rough` at every level (walls included where need be), then `finish` once at full depth."""

    rough: tuple[Loop, ...]
    finish: tuple[Loop, ...]
    centre: CentreArea


@dataclass(frozen=True, slots=True)
class Band:
    """Centre area of an annulus, exact."""

    cx: float
    cy: float
    low: float
    high: float

    def holds(self, a: Point, b: Point) -> bool:
        line = LineString([(a[0] - self.cx, a[1] - self.cy), (b[0] - self.cx, b[1] - self.cy)])
        far = max(math.dist(a, (self.cx, self.cy)), math.dist(b, (self.cx, self.cy)))
        near = line.distance(ORIGIN) if self.low > 0 else 0.0
        return near >= self.low - 0.001 and far <= self.high + 0.001


class Inside:
    """Centre area of any region: its erosion by the cutter's radius."""

    def __init__(self, area: Polygon) -> None:
        self._area = area.buffer(0.001)
        prepare(self._area)

    def holds(self, a: Point, b: Point) -> bool:
        return bool(self._area.covers(LineString([a, b])))


def plans_for(layer: Layer, cutting: Cutting) -> tuple[Plan, ...]:
    """The plans that clear every area of a layer. Raises ChannelTooNarrow and NoRoomForEntry."""
    plans: list[Plan] = []
    for area in layer.areas:
        if isinstance(area, Annulus):
            plans.append(_annulus_plan(area, cutting, _names(layer, area)))
        else:
            plans.extend(_region_plans(area, cutting, _names(layer, area)))
            _each_source_is_reached(layer, area, cutting)
    for plan in plans:
        _has_room(plan, cutting, layer)
    return tuple(plans)


def _names(layer: Layer, area: Area) -> str:
    if len(layer.areas) == 1:
        touching = list(layer.sources)
    elif isinstance(area, Region):
        touching = [source for source in layer.sources if source.polygon.intersects(area.polygon)]
    else:
        rings = [(source, source.annulus) for source in layer.sources]
        touching = [s for s, ring in rings if ring and area.r_inner <= ring.r_inner <= ring.r_outer <= area.r_outer]
    return ", ".join(source.name for source in touching)


def _annulus_plan(ring: Annulus, cutting: Cutting, name: str) -> Plan:
    if ring.r_inner == 0:
        return _disc_plan(ring, cutting, name)
    low, high = ring.r_inner + cutting.radius, ring.r_outer - cutting.radius
    if high - low < -2 * FIT_SLACK_MM:
        raise ChannelTooNarrow(name, ring.r_outer - ring.r_inner, 2 * cutting.radius)
    centre = Band(ring.cx, ring.cy, min(low, high), max(low, high))
    middle = (low + high) / 2
    if high - low < 2 * FIT_SLACK_MM:  # exactly one cutter wide: one circle is channel and both walls
        return Plan((Loop(circle(ring.cx, ring.cy, middle, ccw=True), False),), (), centre)
    walls = (
        Loop(circle(ring.cx, ring.cy, _floor(high), ccw=True), True, "finish"),
        Loop(circle(ring.cx, ring.cy, _ceil(low), ccw=False), True, "finish"),
    )
    rough_low, rough_high = low + cutting.allowance, high - cutting.allowance
    if rough_high <= rough_low:
        return Plan((Loop(circle(ring.cx, ring.cy, middle, ccw=True), False),), walls, centre)
    count = math.ceil((rough_high - rough_low) / cutting.stepover - 1e-9)
    radii = [rough_low + (rough_high - rough_low) * i / count for i in range(count + 1)]
    start = (count + 1) // 2  # from the middle out to the outer wall, then from the middle in to the inner wall
    outward = [Loop(circle(ring.cx, ring.cy, radius, ccw=True), i > 0) for i, radius in enumerate(radii[start:])]
    inward = [Loop(circle(ring.cx, ring.cy, radius, ccw=False), True) for radius in reversed(radii[:start])]
    # the roughing ends at the inner wall, so the finish begins there
    return Plan((*outward, *inward), (walls[1], walls[0]), centre)


def _disc_plan(disc: Annulus, cutting: Cutting, name: str) -> Plan:
    high = disc.r_outer - cutting.radius
    if high < -FIT_SLACK_MM:
        raise ChannelTooNarrow(name, 2 * disc.r_outer, 2 * cutting.radius)
    needed = MIN_TRAVEL_DIAMETERS * 2 * cutting.radius
    if math.tau * high < needed:
        raise NoRoomForEntry(name, math.tau * max(0.0, high), needed)
    wall = Loop(circle(disc.cx, disc.cy, _floor(high), ccw=True), True, "finish")
    rough_high = high - cutting.allowance
    core = CORE_SHARE * cutting.radius
    if math.tau * rough_high < needed:  # the wall's circle alone clears so small a disc
        return Plan((Loop(wall.contour, False),), (), Band(disc.cx, disc.cy, 0.0, high))
    count = max(0, math.ceil((rough_high - core) / cutting.stepover - 1e-9))
    lowest = min(core, rough_high)
    radii = [lowest + (rough_high - lowest) * i / count for i in range(count + 1)] if count else [rough_high]
    rough = [Loop(circle(disc.cx, disc.cy, radius, ccw=True), i > 0) for i, radius in enumerate(radii)]
    return Plan(tuple(rough), (wall,), Band(disc.cx, disc.cy, 0.0, high))


def _floor(radius: float) -> float:
    """Rounded towards less: the outer wall's circle on the output grid never leaves the area."""
    return math.floor(radius * TICKS_PER_MM + 1e-6) / TICKS_PER_MM


def _ceil(radius: float) -> float:
    return math.ceil(radius * TICKS_PER_MM - 1e-6) / TICKS_PER_MM


def _region_plans(region: Region, cutting: Cutting, name: str) -> list[Plan]:
    # parts at one level ask for the same offsets again
    shrunk = cache(partial(eroded, region))
    wall_offset = cutting.radius
    walls = shrunk(wall_offset)
    slim = cutting.radius - FIT_SLACK_MM
    roomier = parts_of(region.polygon.buffer(-slim))
    if any(not any(part.intersects(wall.polygon) for wall in walls) for part in roomier):
        # somewhere the area is exactly as wide as the cutter
        wall_offset, walls = slim, shrunk(slim)
    if not walls:
        width = 2 * maximum_inscribed_circle(region.polygon).length
        raise ChannelTooNarrow(name, width, 2 * cutting.radius)
    return [_part_plan(shrunk, wall, wall_offset, cutting) for wall in walls]


def _part_plan(shrunk: Shrunk, wall: Eroded, wall_offset: float, cutting: Cutting) -> Plan:
    centre = Inside(wall.polygon)
    first = cutting.radius + cutting.allowance
    begun = _within(shrunk(first), wall)
    if not begun or min(perimeter(part.outer) for part in begun) < 2 * MIN_TRAVEL_DIAMETERS * cutting.radius:
        return Plan(tuple(_opened(_inside_out(shrunk, wall, wall_offset, cutting, True))), (), centre)
    rough = _opened([loop for part in begun for loop in _inside_out(shrunk, part, first, cutting, False)])
    walls = [Loop(contour, True, "finish") for contour in (wall.outer, *wall.inner)]
    skin = hausdorff_distance(wall.polygon.boundary, union_all([part.polygon for part in begun]).boundary)
    if skin > THIN_SKIN * cutting.allowance:
        # in sharp corners and dead ends the walls' pass takes more than a skin: not at full depth at once
        return Plan((*rough, *walls), (), centre)
    return Plan(tuple(rough), tuple(walls), centre)


def _inside_out(shrunk: Shrunk, part: Eroded, offset: float, cutting: Cutting, joined: bool) -> list[Loop]:
    """Loops of a part, its inner parts first. The first loop of a second inner part starts anew (not joined)."""
    loops: list[Loop] = []
    late: list[Loop] = []  # cores too small to ramp in: cut from the side, after the loop round them
    if _within(shrunk(offset + CORE_SHARE * cutting.radius), part):
        deeper = offset + cutting.stepover
        for child in _within(shrunk(deeper), part):
            if perimeter(child.outer) < 2 * MIN_TRAVEL_DIAMETERS * cutting.radius:
                late.append(Loop(child.outer, True))
            else:
                loops.extend(_inside_out(shrunk, child, deeper, cutting, joined and not loops))
    loops.append(Loop(part.outer, joined or bool(loops)))
    loops.extend(Loop(contour, True) for contour in part.inner)
    return loops + late


def _opened(loops: list[Loop]) -> list[Loop]:
    """The first loop of all is always entered from above."""
    return [Loop(loops[0].contour, False), *loops[1:]]


def _within(parts: tuple[Eroded, ...], outer: Eroded) -> list[Eroded]:
    return [part for part in parts if outer.polygon.intersects(part.polygon.representative_point())]


def _each_source_is_reached(layer: Layer, region: Region, cutting: Cutting) -> None:
    """Names an outline of a merged area that adds hardly anything the cutter can reach; one alone was judged before."""
    if len(layer.sources) == 1:
        return
    slim = cutting.radius - FIT_SLACK_MM
    reached = region.polygon.buffer(-slim).buffer(slim)
    tree = STRtree([source.polygon for source in layer.sources])
    for index, source in enumerate(layer.sources):
        if source.polygon.intersection(region.polygon).area < source.polygon.area / 2:
            continue  # belongs to another part of the layer
        others = [layer.sources[i].polygon for i in sorted(tree.query(source.polygon).tolist()) if i != index]
        own = source.polygon.difference(union_all(others))
        if own.area > LEAST_REACHED * source.polygon.area and own.intersection(reached).area < LEAST_REACHED * own.area:
            width = 2 * maximum_inscribed_circle(source.polygon).length
            raise ChannelTooNarrow(source.name, width, 2 * cutting.radius)


def _has_room(plan: Plan, cutting: Cutting, layer: Layer) -> None:
    needed = MIN_TRAVEL_DIAMETERS * 2 * cutting.radius
    shortest = min((perimeter(loop.contour) for loop in plan.rough if not loop.joined), default=needed)
    if shortest < needed:
        raise NoRoomForEntry(", ".join(source.name for source in layer.sources), shortest, needed)
