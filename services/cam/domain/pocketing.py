"""Which contours the cutter's centre follows to clear an area: roughing from the inside out, then the walls.

Every contour is an offset of the area's own outline. Two facts make full coverage certain and need no clean-up pass:
a point between two successive offsets is at most one stepover from the outer of them, and the innermost contour is
added until no point is farther than 0.9 cutter radii from it. So a stepover of up to one radius covers everything a
disc of the cutter's size can reach. Outer contours run counter-clockwise and islands clockwise: climb milling with a
clockwise spindle, the remaining stock on the right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

from shapely import MultiPolygon, STRtree, dwithin, get_coordinates, maximum_inscribed_circle, prepare, union_all
from shapely import points as shapely_points

from services.cam.domain.contours import perimeter
from services.cam.domain.offsets import Eroded, eroded
from services.cam.domain.plans import (
    CORE_SHARE,
    FIT_SLACK_MM,
    MIN_TRAVEL_DIAMETERS,
    Cutting,
    Inside,
    Loop,
    Named,
    Plan,
    check_entry,
    moved,
)
from services.cam.domain.regions import Annulus, Area, Layer, Region
from services.cam.domain.rings import annulus_plan
from services.cam.domain.twins import placement_of
from services.cam.errors import ChannelTooNarrow

THIN_SKIN = 2.5
"""The walls are finished in one pass at full depth where that pass takes at most this many allowances."""

LEAST_REACHED = 0.02
"""Less of an outline's own area than this within the cutter's reach is as good as nothing."""

EASY_TRAVEL_DIAMETERS = 1.0
"""A contour shorter than this is not entered by a ramp if one around it can be: so many turns take long to run."""

LOST_MM = 0.05
"""What the erosion by the radius has this much less than the one by a hair less is a passage as wide as the cutter."""

Shrunk = Callable[[float], tuple[Eroded, ...]]
"""The parts of one region at an offset from its boundary, mm."""


class Planner:
    """Plans for the layers of one job; twins among their regions are planned once."""

    def __init__(self, cutting: Cutting) -> None:
        self._cutting = cutting
        self._planned: list[tuple[Region, tuple[Plan, ...]]] = []

    def plans_for(self, layer: Layer) -> tuple[Plan, ...]:
        """The plans that clear every area of a layer. Raises ChannelTooNarrow and NoRoomForEntry."""
        return tuple(plan for area in layer.areas for plan in self._plans(area, layer))

    def _plans(self, area: Area, layer: Layer) -> tuple[Plan, ...]:
        name = partial(_names, layer, area)
        if isinstance(area, Annulus):
            plan = annulus_plan(area, self._cutting, name)
            check_entry(plan, self._cutting, name)
            return (plan,)
        for original, plans in self._planned:
            placement = placement_of(area, original)
            if placement is not None:
                return tuple(moved(plan, placement) for plan in plans)
        plans = tuple(_region_plans(area, self._cutting, name))
        _each_source_is_reached(layer, area, self._cutting)
        for plan in plans:
            check_entry(plan, self._cutting, name)
        self._planned.append((area, plans))
        return plans


def _names(layer: Layer, area: Area) -> str:
    if len(layer.areas) == 1:
        touching = list(layer.sources)
    elif isinstance(area, Region):
        touching = [source for source in layer.sources if source.polygon.intersects(area.polygon)]
    else:
        rings = [(source, source.annulus) for source in layer.sources]
        touching = [s for s, ring in rings if ring and area.r_inner <= ring.r_inner <= ring.r_outer <= area.r_outer]
    return ", ".join(source.name for source in touching)


def _region_plans(region: Region, cutting: Cutting, name: Named) -> list[Plan]:
    # parts at one level ask for the same offsets again
    shrunk = cache(partial(eroded, region))
    wall_offset = cutting.radius
    walls = shrunk(wall_offset)
    slim = cutting.radius - FIT_SLACK_MM
    near = MultiPolygon([wall.polygon for wall in walls]).buffer(LOST_MM, quad_segs=2)
    if not near.covers(region.polygon.buffer(-slim)):
        # somewhere the area is exactly as wide as the cutter
        wall_offset, walls = slim, shrunk(slim)
    if not walls:
        width = 2 * maximum_inscribed_circle(region.polygon).length
        raise ChannelTooNarrow(name(), width, 2 * cutting.radius)
    return [_part_plan(shrunk, wall, wall_offset, cutting) for wall in walls]


def _part_plan(shrunk: Shrunk, wall: Eroded, wall_offset: float, cutting: Cutting) -> Plan:
    centre = Inside(wall.polygon)
    first = cutting.radius + cutting.allowance
    begun = _within(shrunk(first), wall)
    if not begun or min(perimeter(part.outer) for part in begun) < 2 * MIN_TRAVEL_DIAMETERS * cutting.radius:
        return Plan(tuple(_opened(_inside_out(shrunk, wall, wall_offset, cutting, True))), (), centre)
    rough = _opened([loop for part in begun for loop in _inside_out(shrunk, part, first, cutting, False)])
    walls = [Loop(contour, True, "finish") for contour in (wall.outer, *wall.inner)]
    if not _is_skin(wall, begun, THIN_SKIN * cutting.allowance):
        # in sharp corners and dead ends the walls' pass takes more than a skin: not at full depth at once
        return Plan((*rough, *walls), (), centre)
    return Plan(tuple(rough), tuple(walls), centre)


def _is_skin(wall: Eroded, begun: Sequence[Eroded], limit: float) -> bool:
    """Whether no point of the wall is farther than `limit` from what the roughing's outermost loops enclose."""
    rough = MultiPolygon([part.polygon for part in begun])
    prepare(rough)
    return bool(dwithin(rough, shapely_points(get_coordinates(wall.polygon)), limit).all())


def _inside_out(shrunk: Shrunk, part: Eroded, offset: float, cutting: Cutting, joined: bool) -> list[Loop]:
    """Loops of a part, its inner parts first. The first loop of a second inner part starts anew (not joined)."""
    loops: list[Loop] = []
    late: list[Loop] = []  # cores too small to ramp in well: cut from the side, after the loop round them
    if _within(shrunk(offset + CORE_SHARE * cutting.radius), part):
        deeper = offset + cutting.stepover
        for child in _within(shrunk(deeper), part):
            if perimeter(child.outer) < 2 * EASY_TRAVEL_DIAMETERS * cutting.radius:
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
