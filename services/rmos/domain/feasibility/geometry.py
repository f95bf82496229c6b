"""What is known of a design's pockets: the shapes to cut, and the record of widths, shares, walls and collisions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import assert_never

from contracts.outlines import Outline, pockets
from contracts.spec import (
    Circle,
    DotRing,
    HerringboneRing,
    PolygonRing,
    RadialPetals,
    Ring,
    RopeRing,
    RosetteSpec,
    Sector,
    Shape,
    TileRing,
)

CHORD_ERROR_MM = 0.002
TOUCH_MM = 0.001
"""Pockets nearer than this are one pocket: such a wall is thinner than any cutter's runout."""
OVERLAP_MM = 0.008
"""Two shapes overlap when their common area is wider than this; below, it is chord error on a shared edge."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A hard geometric rule broken: what, which shapes, and what would mend it."""

    what: str
    shapes: tuple[int, ...]
    mend: str


@dataclass(frozen=True, slots=True)
class Share:
    """How much of one shape's area the cutter reaches, and the widest place of the narrowest pocket of its pieces."""

    shape: int
    kind: str
    depth_mm: float
    area_mm2: float
    reachable_mm2: float
    width_mm: float
    travel_mm: float = math.inf
    """Length of the shortest closed path the cutter's centre has in one of its pockets; inf where that is not short."""

    stranded: bool = False
    """Whether the cutter gets nothing done of one of its pieces."""

    @property
    def ratio(self) -> float:
        return self.reachable_mm2 / self.area_mm2 if self.area_mm2 > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Wall:
    """Stock left between two pockets as they will be cut. `joined`: the design has no wall there; the cutter's radius
    leaves a skin where two shapes touch in a point (a petal's tip on a ring)."""

    thickness_mm: float
    between: tuple[str, str]
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """The radial extent of a cluster as it will be cut."""

    inner_mm: float
    outer_mm: float
    name: str


@dataclass(frozen=True, slots=True)
class Cut:
    """One shape that is cut, with its outlines and its radial extent about its own centre."""

    index: int
    shape: Shape
    depth_mm: float
    outlines: tuple[Outline, ...] = field(compare=False)  # they follow from the shape
    inner_mm: float
    outer_mm: float
    fold: int
    """How many equal pieces stand round the centre; 0 for an annulus or disc, 1 for anything else."""

    @property
    def symmetry(self) -> int:
        """Rotational symmetry about the centre; 0 for a full circle."""
        return self.shape.sides if isinstance(self.shape, PolygonRing) else self.fold

    @property
    def name(self) -> str:
        return f"shapes[{self.index}] ({self.shape.type})"

    @property
    def centre(self) -> tuple[float, float]:
        return float(self.shape.cx), float(self.shape.cy)


@dataclass(slots=True)
class Findings:
    """Collected while clusters are analysed; becomes a Geometry."""

    faults: list[Fault] = field(default_factory=list)
    merged: list[tuple[int, int]] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    walls: list[Wall] = field(default_factory=list)
    border_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Geometry:
    """Everything the calculators need to know of the shape of a design for one cutter."""

    faults: tuple[Fault, ...]
    merged: tuple[tuple[int, int], ...]
    """Pairs of shapes that overlap at one depth: one pocket, but their pieces cannot both lie in it."""
    shares: tuple[Share, ...]
    walls: tuple[Wall, ...]
    border_mm: float
    bounds: tuple[float, float, float, float]

    @property
    def deepest_mm(self) -> float:
        return max(share.depth_mm for share in self.shares)

    @property
    def area_mm2(self) -> float:
        return sum(share.area_mm2 for share in self.shares)

    @property
    def reachable_mm2(self) -> float:
        return sum(share.reachable_mm2 for share in self.shares)

    @property
    def narrowest(self) -> Share:
        return min(self.shares, key=lambda share: (share.width_mm, share.shape))


def cuts_of(spec: RosetteSpec) -> tuple[Cut, ...]:
    """The shapes with a depth. Empty when nothing is to be cut."""
    by_shape: dict[int, list[Outline]] = {}
    for outline in pockets(spec):
        by_shape.setdefault(outline.shape, []).append(outline)
    return tuple(
        Cut(index, shape, float(shape.depth_mm), tuple(by_shape.get(index, ())), *extent_of(shape))
        for index, shape in enumerate(spec.shapes)
        if shape.depth_mm is not None
    )


def extent_of(shape: Shape) -> tuple[float, float, int]:  # noqa: PLR0911 - one answer a kind of shape
    """Least and greatest distance from the shape's centre in mm, and its fold (see Cut.fold)."""
    match shape:
        case Circle():
            return 0.0, float(shape.r), 0
        case Ring() | HerringboneRing() | RopeRing():
            return float(shape.r_inner), float(shape.r_outer), 0
        case TileRing():
            return float(shape.r_inner), float(shape.r_outer), 0 if shape.gap_mm == 0 else shape.count
        case RadialPetals():
            return float(shape.r_inner), float(shape.r_outer), shape.petals
        case DotRing():
            return float(shape.r - shape.dot_r), float(shape.r + shape.dot_r), shape.count
        case PolygonRing():
            return float(shape.r_inner) * math.cos(math.pi / shape.sides), float(shape.r_outer), 1
        case Sector():
            return float(shape.r_inner), float(shape.r_outer), 1
        case _:
            assert_never(shape)
