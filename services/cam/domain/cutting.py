"""From loops to moves: ramped entries, links that stay inside the pocket, retracts where no link is safe.

Below the stock's top the cutter only ever feeds: it goes down along a loop at RAMP_DEG and up vertically, and rapids
begin and end above the stock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from contracts.outlines import Arc, Contour, Segment
from services.cam.domain.contours import (
    Point,
    end_of,
    length_of,
    nearest_along,
    run_up,
    split,
    start_of,
    starting_at,
)
from services.cam.domain.plans import Loop, Plan
from services.cam.domain.toolpath import TICKS_PER_MM, Feed, Move, Purpose, Rapid, Swing, ticks

RAMP_DEG = 4.5
"""Slope of entries; half a degree under the 5 degrees asked for, so that rounding never passes it."""

CLEARANCE_MM = 1.0
"""Height above the stock where rapids end."""

TOUCHDOWN_MM = 0.1
"""Height above the stock where the ramp begins, for a stock that is not quite flat."""

SHORTEST_ARC_MM = 0.005
"""Shorter arcs become lines: GRBL takes an arc whose ends coincide in its arithmetic for a full turn."""

SHORTEST_RAMP_MM = 0.02
"""Ramps go level along shorter segments: rounded to the grid, their slope could be anything."""

NEARLY_ROUND_RAD = 5.5
"""Open arcs beyond this sweep are written as two."""


class Cutter:
    """Collects the moves of one operation; knows where the cutter is."""

    def __init__(self, safe_z: int) -> None:
        self.moves: list[Move] = []
        self._safe_z = safe_z
        self._at: Point | None = None
        self._x = self._y = 0
        self._z = safe_z

    def clear(self, plan: Plan, top_mm: float, levels_mm: Sequence[float]) -> None:
        """Cut the plan's roughing at every level, then its walls at the last one, then leave."""
        above = top_mm
        for level in levels_mm:
            self._level(plan, above, level)
            above = level
        for loop in plan.finish:
            self._joined(plan, loop)
        self._retract()

    def _level(self, plan: Plan, above: float, level: float) -> None:
        first, *others = plan.rough
        self._entry(plan, first.contour, above, level)
        for loop in others:
            if not loop.joined:
                self._retract()
                self._entry(plan, loop.contour, above, level)
            else:
                self._joined(plan, loop)

    def _entry(self, plan: Plan, contour: Contour, above: float, level: float) -> None:
        """Down along the contour, then once round it, ending where the ramp ended.

        The round trip begins at the contour's own start at every level, so levels repeat each other exactly.
        """
        here = self._at
        height = -above
        slope = math.tan(math.radians(RAMP_DEG))
        ramp = run_up(contour, (level - above) / slope, SHORTEST_RAMP_MM)
        if here is None or not plan.centre.holds(here, start_of(ramp[0][0])):
            # through air the ramp is as slow as in wood, but nothing then depends on what was cleared before
            self._retract()
            height = TOUCHDOWN_MM
            ramp = run_up(contour, (level + height) / slope, SHORTEST_RAMP_MM)
            self._approach(start_of(ramp[0][0]))
        else:
            self._line_to(start_of(ramp[0][0]), "link")
        for segment, done in ramp:
            self._follow(segment, height - done * slope, "entry")
        self._z = ticks(-level)
        self._round(contour, "rough")

    def _joined(self, plan: Plan, loop: Loop) -> None:
        """Over to the contour's nearest point and once round it; retract and ramp if no straight link is safe."""
        assert self._at is not None
        begun = starting_at(loop.contour, nearest_along(loop.contour, self._at))
        if not plan.centre.holds(self._at, start_of(begun[0])):
            level = -self._z / TICKS_PER_MM
            self._retract()
            self._entry(plan, loop.contour, 0.0, level)
            return
        self._line_to(start_of(begun[0]), "link")
        self._round(begun, loop.purpose)

    def _round(self, contour: Contour, purpose: Purpose) -> None:
        for segment in contour:
            self._follow(segment, self._z / TICKS_PER_MM, purpose)

    def _approach(self, point: Point) -> None:
        x, y = ticks(point[0]), ticks(point[1])
        self.moves += [Rapid(x, y, self._safe_z), Rapid(x, y, ticks(CLEARANCE_MM))]
        self.moves.append(Feed(x, y, ticks(TOUCHDOWN_MM), "approach"))
        self._x, self._y, self._z, self._at = x, y, ticks(TOUCHDOWN_MM), point

    def _retract(self) -> None:
        if self._at is None:
            return
        self.moves.append(Feed(self._x, self._y, ticks(TOUCHDOWN_MM), "retract"))
        self.moves.append(Rapid(self._x, self._y, self._safe_z))
        self._z, self._at = self._safe_z, None

    def _line_to(self, point: Point, purpose: Purpose) -> None:
        self._step(ticks(point[0]), ticks(point[1]), self._z, purpose)
        self._at = point

    def _follow(self, segment: Segment, z_mm: float, purpose: Purpose) -> None:
        x, y, z = ticks(segment.x1), ticks(segment.y1), ticks(z_mm)
        if isinstance(segment, Arc) and length_of(segment) >= SHORTEST_ARC_MM:
            if abs(segment.sweep_rad) > NEARLY_ROUND_RAD and start_of(segment) != end_of(segment):
                # the grid could turn ends that nearly coincide into a full turn, or a full turn into none
                half, rest = split(segment, length_of(segment) / 2)
                self._follow(half, (self._z / TICKS_PER_MM + z_mm) / 2, purpose)
                segment = rest
                assert isinstance(segment, Arc)
            self.moves.append(Swing(x, y, z, ticks(segment.cx), ticks(segment.cy), segment.ccw, purpose))
            self._x, self._y, self._z = x, y, z
        else:
            self._step(x, y, z, purpose)
        self._at = end_of(segment)

    def _step(self, x: int, y: int, z: int, purpose: Purpose) -> None:
        if purpose == "entry" and (x, y) == (self._x, self._y):
            return  # less than the grid: the next segment goes down for both
        if (x, y, z) != (self._x, self._y, self._z):
            self.moves.append(Feed(x, y, z, purpose))
            self._x, self._y, self._z = x, y, z


def levels_between(top_mm: float, bottom_mm: float, stepdown_mm: float) -> tuple[float, ...]:
    """Depths of equal steps down to `bottom_mm`, none larger than `stepdown_mm`, on the output grid."""
    count = max(1, math.ceil((bottom_mm - top_mm) / stepdown_mm - 1e-9))
    return tuple(round(top_mm + (bottom_mm - top_mm) * (i + 1) / count, 4) for i in range(count))
