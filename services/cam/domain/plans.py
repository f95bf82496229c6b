"""What a plan for an area is made of: loops, and where the cutter's centre may move between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shapely import LineString, Polygon, prepare
from shapely import Point as ShapelyPoint

from contracts.outlines import Contour
from services.cam.domain.contours import Point, perimeter
from services.cam.domain.toolpath import Purpose
from services.cam.domain.twins import Placement
from services.cam.errors import NoRoomForEntry

CORE_SHARE = 0.9
"""The innermost contour clears a core of up to this many cutter radii; the rest is margin for rounding."""

ALLOWANCE_SHARE = 0.1
ALLOWANCE_LIMIT_MM = 0.1
"""Stock left on the walls for the finishing pass: a tenth of the cutter's diameter, at most 0.1 mm."""

FIT_SLACK_MM = 0.0003
"""A passage narrower than the cutter by up to twice this is taken as exactly as wide."""

MIN_TRAVEL_DIAMETERS = 0.15
"""A ramp needs a closed path of at least this many cutter diameters: a helix 0.05 diameters across has 0.157. Below it
the entry would be a drilling cut. Feasibility asks for more (0.2), so what it passes finds room here."""

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


Named = Callable[[], str]
"""Names the outlines of an area, for refusals."""


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


class Moved:
    """Centre area of a region that is another one's twin."""

    def __init__(self, original: CentreArea, placement: Placement) -> None:
        self._original = original
        self._placement = placement

    def holds(self, a: Point, b: Point) -> bool:
        return self._original.holds(self._placement.back(a), self._placement.back(b))


def moved(plan: Plan, placement: Placement) -> Plan:
    rough, finish = (
        tuple(Loop(placement.contour(loop.contour), loop.joined, loop.purpose) for loop in loops)
        for loops in (plan.rough, plan.finish)
    )
    return Plan(rough, finish, Moved(plan.centre, placement))


def check_entry(plan: Plan, cutting: Cutting, name: Named) -> None:
    needed = MIN_TRAVEL_DIAMETERS * 2 * cutting.radius
    shortest = min((perimeter(loop.contour) for loop in plan.rough if not loop.joined), default=needed)
    if shortest < needed:
        raise NoRoomForEntry(name(), shortest, needed)
