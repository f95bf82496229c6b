"""Everything a saw calculator may look at: the parts to be sawn, the resolved catalog entries, speed and feed.

The stock on the saw is of `material_id`; where the design's pieces name materials it is a stack or log glued from
those, so every one of them is judged and the worst counts. The stock is sawn through, in passes of `stepdown_mm`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from contracts.catalog import Machine, MachineClass, Material, Tool, ToolKind
from contracts.feasibility import CalculatorResult, CuttingContext, Feeds
from contracts.spec import RosetteSpec
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.feasibility import sawing
from services.rmos.domain.feasibility.geometry import Cut, cuts_of
from services.rmos.domain.feasibility.saw_feeds import PROJECTION_MM, saw_feeds_for
from services.rmos.domain.feasibility.saw_parts import SawPart, part_of
from services.rmos.domain.feasibility.sawing import Engagement
from services.rmos.domain.feasibility.situation import NotJudged

MOST_FLANGE = 0.9
"""Of the blade's diameter: beyond, hardly a rim is left and the plate's formulas do not hold."""

Judge = Callable[[Material], CalculatorResult]


@dataclass(frozen=True)  # no slots: what was worked out is kept
class SawSituation:
    """A design whose parts are sawn, and what is known of blade, materials, saw and stock."""

    spec: RosetteSpec
    context: CuttingContext
    catalog: Catalog
    cuts: tuple[Cut, ...]
    given_material: Material | None
    given_blade: Tool | None
    given_machine: Machine | None
    given_feeds: Feeds | None

    @property
    def blade(self) -> Tool:
        if self.given_blade is None:
            raise missing("tool_id")
        if self.given_blade.kind is not ToolKind.SAW_BLADE:
            raise NotJudged(
                f"{self.given_blade.id} is a {self.given_blade.kind} tool: a saw takes a blade",
                "choose a saw blade as tool_id (tool ids saw_…), or ask for mode router",
            )
        return self.given_blade

    @property
    def machine(self) -> Machine:
        if self.given_machine is None:
            raise missing("machine_id")
        if self.given_machine.machine_class is not MachineClass.SAW:
            raise NotJudged(
                f"{self.given_machine.id} is a router: blades are judged on saws",
                "choose a table or CNC saw as machine_id, or ask for mode router",
            )
        return self.given_machine

    @property
    def diameter_mm(self) -> float:
        return float(self.blade.diameter.value)

    @property
    def kerf_mm(self) -> float:
        assert self.blade.kerf is not None  # a blade has all three: contracts.catalog
        return float(self.blade.kerf.value)

    @property
    def plate_mm(self) -> float:
        assert self.blade.plate is not None
        return float(self.blade.plate.value)

    @property
    def flange_mm(self) -> float:
        """Diameter of the flanges between which the blade is clamped; larger than the bore, smaller than the rim."""
        blade, given = self.blade, self.context.flange_diameter_mm
        flange = float(given) if given is not None else None if blade.flange is None else float(blade.flange.value)
        if flange is None:
            raise missing("flange_diameter_mm")
        bore = 0.0 if blade.bore is None else float(blade.bore.value)
        if not bore < flange <= MOST_FLANGE * self.diameter_mm:
            raise NotJudged(
                f"flanges of {flange:g} mm do not clamp a blade of {self.diameter_mm:g} mm with a bore of {bore:g} mm",
                f"give flange_diameter_mm between {bore:g} and {MOST_FLANGE * self.diameter_mm:g} mm; "
                f"a third of the blade, {self.diameter_mm / 3:.0f} mm, is usual",
            )
        return flange

    @property
    def stock_thickness_mm(self) -> float:
        if self.context.stock_thickness_mm is None:
            raise missing("stock_thickness_mm")
        return float(self.context.stock_thickness_mm)

    @property
    def projection_mm(self) -> float:
        given = self.context.blade_projection_mm
        return PROJECTION_MM if given is None else float(given)

    @property
    def feeds(self) -> Feeds:
        """Given or proposed speed and feed."""
        _ = self.blade, self.machine, self.stock_thickness_mm  # name what is missing before anything else
        if self.given_feeds is not None:
            return self.given_feeds
        hardest = self.hardest
        raise NotJudged(
            f"no rim speed and bite are published for {hardest.name}: feeds cannot be proposed",
            f"give rpm and feed_mm_per_min found by a test cut in {hardest.name} with {self.blade.id}",
            ("rpm", "feed_mm_per_min"),
        )

    @property
    def rev_per_min(self) -> float:
        return float(self.feeds.spindle_rev_per_min)

    @property
    def bite_mm(self) -> float:
        return sawing.bite_mm(float(self.feeds.feed_mm_per_min), self.rev_per_min, self.blade.flutes)

    @property
    def pass_depth_mm(self) -> float:
        return min(float(self.feeds.stepdown_mm), self.stock_thickness_mm)

    @property
    def engagement(self) -> Engagement:
        """At full depth, or as deep as the radius allows: what is deeper is blade_reach's to refuse."""
        most = self.diameter_mm / 2 - self.projection_mm
        found = (
            sawing.engagement(self.diameter_mm, min(self.pass_depth_mm, most), self.projection_mm) if most > 0 else None
        )
        if found is None:
            raise NotJudged(
                f"a blade of {self.diameter_mm:g} mm cannot stand {self.projection_mm:g} mm beyond the stock",
                f"give a blade_projection_mm below {self.diameter_mm / 2:g} mm; 3 to 6 mm are usual",
            )
        return found

    @cached_property
    def parts(self) -> tuple[SawPart, ...]:
        """What is to be sawn; shapes that a saw cannot make are not among them."""
        if not self.cuts:
            raise missing("channel_depth_mm")
        return tuple(part for cut in self.cuts if (part := part_of(cut)) is not None)

    @cached_property
    def materials(self) -> tuple[Material, ...]:
        """The stock's material and those of the pieces, each once."""
        if self.given_material is None:
            raise missing("material_id")
        found = {self.given_material.id: self.given_material}
        for part in self.parts:
            for name in part.materials:
                material = self.catalog.find_material(name)
                if material is None:
                    near = self.catalog.near_materials(name)
                    raise NotJudged(
                        f"material {name!r} is not in the catalog",
                        "use materials of the catalog" + (f", for example {', '.join(near)}" if near else ""),
                        (f"material {name}",),
                    )
                found[material.id] = material
        return tuple(found.values())

    @property
    def hardest(self) -> Material:
        return max(self.materials, key=_hardness)

    def materials_of(self, part: SawPart) -> tuple[Material, ...]:
        """What the part is made of: what it names, else the stock's material."""
        by_name = tuple(m for name in part.materials if (m := self.catalog.find_material(name)) is not None)
        return by_name or self.materials[:1]

    def in_the_worst(self, judge: Judge) -> CalculatorResult:
        """The result for the material that is judged worst; among equals for the hardest."""
        hardest_first = sorted(self.materials, key=_hardness, reverse=True)
        return min((judge(material) for material in hardest_first), key=lambda result: result.score or 0)

    @property
    def assumed_projection(self) -> tuple[str, ...]:
        if self.context.blade_projection_mm is not None:
            return ()
        return (f"the blade stands {PROJECTION_MM:g} mm beyond the stock: blade_projection_mm was not given",)

    @property
    def assumed_flange(self) -> tuple[str, ...]:
        if self.context.flange_diameter_mm is not None:
            return ()
        return (f"flanges of {self.flange_mm:g} mm from the catalog's entry",)


def _hardness(material: Material) -> tuple[Decimal, str]:
    return material.density.value, material.id


def saw_situation_of(spec: RosetteSpec, context: CuttingContext, catalog: Catalog) -> SawSituation:
    """Ids resolved, default depth applied, feeds proposed. Raises RmosError(INVALID_REQUEST) for unknown ids."""
    material = None if context.material_id is None else catalog.material(context.material_id)
    blade = None if context.tool_id is None else catalog.tool(context.tool_id)
    machine = None if context.machine_id is None else catalog.machine(context.machine_id)
    if context.channel_depth_mm is not None:
        spec = spec.with_default_depth(context.channel_depth_mm)
    bare = SawSituation(spec, context, catalog, cuts_of(spec), material, blade, machine, None)
    if blade is None or blade.kind is not ToolKind.SAW_BLADE:
        return bare
    feeds = saw_feeds_for(context, blade, _to_feed_by(bare), machine)
    return SawSituation(spec, context, catalog, bare.cuts, material, blade, machine, feeds)


def _to_feed_by(situation: SawSituation) -> Material | None:
    """The hardest material, which asks for the slowest rim and the thinnest bite; None where it is not known."""
    try:
        return situation.hardest
    except NotJudged:
        return None


WHAT_TO_GIVE = {
    "material_id": "give material_id: what the stock on the saw is made of (catalog materials)",
    "tool_id": "give tool_id: a saw blade of the catalog, for example saw_160_1_2",
    "machine_id": "give machine_id: the table or CNC saw (catalog machines)",
    "stock_thickness_mm": "give stock_thickness_mm: how thick the stock is that the blade cuts through, in mm",
    "flange_diameter_mm": "give flange_diameter_mm: the flanges that clamp the blade; a third of the blade is usual",
    "channel_depth_mm": "give channel_depth_mm, or a depth_mm on the shapes to be made: how high their pieces are",
    "max_blade": "add max_blade to this saw's catalog entry: the largest blade that fits it, in mm",
}


def missing(name: str) -> NotJudged:
    """The refusal for an input that was not given."""
    return NotJudged(f"{name} was not given", WHAT_TO_GIVE[name], (name,))
