"""Everything a calculator may look at: the design, the resolved catalog entries and the feeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from contracts.catalog import Machine, MachineClass, Material, Tool, ToolKind
from contracts.feasibility import CuttingContext, Feeds
from contracts.spec import RosetteSpec
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.feasibility.analysis import geometry_of
from services.rmos.domain.feasibility.feeds import feeds_for
from services.rmos.domain.feasibility.geometry import Cut, Geometry, cuts_of

NO_CUTTER_RADIUS_MM = 0.005
"""Stands for the cutter where only the design itself is judged."""
NO_MATERIAL_WALL_MM = 0.8


class NotJudged(Exception):
    """A calculator cannot judge: what is missing or out of its range, and what to give."""

    def __init__(self, summary: str, suggestion: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(summary)
        self.summary, self.suggestion, self.missing = summary, suggestion, missing


@dataclass(frozen=True)  # no slots: the analysed geometry is kept once it was asked for
class Situation:
    """A design with a depth on every shape to be cut, and what is known of tool, material, machine and stock."""

    spec: RosetteSpec
    context: CuttingContext
    catalog: Catalog
    cuts: tuple[Cut, ...]
    given_material: Material | None
    given_tool: Tool | None
    given_machine: Machine | None
    given_feeds: Feeds | None

    @property
    def material(self) -> Material:
        if self.given_material is None:
            raise missing("material_id")
        return self.given_material

    @property
    def machine(self) -> Machine:
        if self.given_machine is None:
            raise missing("machine_id")
        if self.given_machine.machine_class is MachineClass.SAW:
            raise NotJudged(f"{self.given_machine.id} is a saw: pockets need a router", "choose a router as machine_id")
        return self.given_machine

    @property
    def tool(self) -> Tool:
        """The flat end mill. Anything else is outside what the router calculators know."""
        if self.given_tool is None:
            raise missing("tool_id")
        if self.given_tool.kind is not ToolKind.FLAT:
            raise NotJudged(
                f"{self.given_tool.id} is a {self.given_tool.kind} tool: only flat end mills are judged for pockets",
                "choose a flat end mill (tool ids flat_…)",
            )
        return self.given_tool

    @property
    def diameter_mm(self) -> float:
        return float(self.tool.diameter.value)

    @property
    def stickout_mm(self) -> float:
        if self.context.stickout_mm is not None:
            return float(self.context.stickout_mm)
        if self.tool.stickout is None:
            raise missing("stickout_mm")
        return float(self.tool.stickout.value)

    @property
    def stock_thickness_mm(self) -> float:
        if self.context.stock_thickness_mm is None:
            raise missing("stock_thickness_mm")
        return float(self.context.stock_thickness_mm)

    @property
    def feeds(self) -> Feeds:
        """Given or proposed speeds and feeds."""
        tool = self.tool  # names a missing or unsuitable tool before anything else
        if self.given_feeds is not None:
            return self.given_feeds
        material, _ = self.material, self.machine
        raise NotJudged(
            f"no chip load is published for {material.name}: feeds cannot be proposed",
            f"give rpm and feed_mm_per_min found by a test cut in {material.name} with {tool.id}",
            ("rpm", "feed_mm_per_min"),
        )

    @property
    def pass_depth_mm(self) -> float:
        """Depth of the deepest pass: the stepdown, or the whole pocket if that is shallower."""
        return min(float(self.feeds.stepdown_mm), self.deepest_mm)

    @cached_property
    def design_geometry(self) -> Geometry:
        """The design itself: its faults and bounds do not depend on the cutter, so the cutter's analysis serves too."""
        if self.given_tool is not None and self.given_tool.kind is ToolKind.FLAT:
            return self.geometry
        return geometry_of(self._some_cuts, NO_CUTTER_RADIUS_MM, NO_MATERIAL_WALL_MM)

    @cached_property
    def geometry(self) -> Geometry:
        """The design as this cutter will cut it."""
        wall = NO_MATERIAL_WALL_MM if self.given_material is None else float(self.given_material.min_wall.value)
        return geometry_of(self._some_cuts, self.diameter_mm / 2, wall)

    @property
    def sound_geometry(self) -> Geometry:
        """As `geometry`, but refuses a design of which nothing remains to be judged."""
        geometry = self.geometry
        if not geometry.shares:
            raise NotJudged(
                "no shape of the design has an area that can be judged", "mend the shapes named under geometry_validity"
            )
        return geometry

    @property
    def _some_cuts(self) -> tuple[Cut, ...]:
        if not self.cuts:
            raise missing("channel_depth_mm")
        return self.cuts

    @property
    def deepest_mm(self) -> float:
        return max(cut.depth_mm for cut in self._some_cuts)


def situation_of(
    spec: RosetteSpec,
    context: CuttingContext,
    catalog: Catalog,
) -> Situation:
    """Ids resolved, default depth applied, feeds proposed. Raises RmosError(INVALID_REQUEST) for unknown ids."""
    material = None if context.material_id is None else catalog.material(context.material_id)
    tool = None if context.tool_id is None else catalog.tool(context.tool_id)
    machine = None if context.machine_id is None else catalog.machine(context.machine_id)
    if context.channel_depth_mm is not None:
        spec = spec.with_default_depth(context.channel_depth_mm)
    usable = tool is not None and tool.kind is ToolKind.FLAT
    feeds = feeds_for(context, tool, material, machine) if tool is not None and usable else None
    return Situation(spec, context, catalog, cuts_of(spec), material, tool, machine, feeds)


WHAT_TO_GIVE = {
    "material_id": "give material_id: what the stock is made of (catalog materials)",
    "tool_id": "give tool_id: a flat end mill of the catalog, for example flat_1_0",
    "machine_id": "give machine_id: the router it is cut on (catalog machines)",
    "stock_thickness_mm": "give stock_thickness_mm: the thickness of the top in mm (2.2 to 3.2 is usual)",
    "stickout_mm": "give stickout_mm: how far the tool stands out of the collet in mm",
    "channel_depth_mm": "give channel_depth_mm, or a depth_mm on the shapes to be cut: 1.0 to 2.0 mm is usual",
}


def missing(name: str) -> NotJudged:
    """The refusal for an input that was not given."""
    return NotJudged(f"{name} was not given", WHAT_TO_GIVE[name], (name,))
