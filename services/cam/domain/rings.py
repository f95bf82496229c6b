"""Plans for rings and discs, computed from radii alone."""

from __future__ import annotations

import math

from services.cam.domain.contours import circle
from services.cam.domain.plans import CORE_SHARE, FIT_SLACK_MM, MIN_TRAVEL_DIAMETERS, Band, Cutting, Loop, Named, Plan
from services.cam.domain.regions import Annulus
from services.cam.domain.toolpath import TICKS_PER_MM
from services.cam.errors import ChannelTooNarrow, NoRoomForEntry


def annulus_plan(ring: Annulus, cutting: Cutting, name: Named) -> Plan:
    if ring.r_inner == 0:
        return _disc_plan(ring, cutting, name)
    low, high = ring.r_inner + cutting.radius, ring.r_outer - cutting.radius
    if high - low < -2 * FIT_SLACK_MM:
        raise ChannelTooNarrow(name(), ring.r_outer - ring.r_inner, 2 * cutting.radius)
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


def _disc_plan(disc: Annulus, cutting: Cutting, name: Named) -> Plan:
    high = disc.r_outer - cutting.radius
    if high < -FIT_SLACK_MM:
        raise ChannelTooNarrow(name(), 2 * disc.r_outer, 2 * cutting.radius)
    needed = MIN_TRAVEL_DIAMETERS * 2 * cutting.radius
    if math.tau * high < needed:
        raise NoRoomForEntry(name(), math.tau * max(0.0, high), needed)
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
