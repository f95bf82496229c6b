"""Argued truth: designs and contexts whose verdict follows from first principles, craft rules or published tables.

`limiting` names the calculator that must carry the stated risk; None where everything is GREEN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contracts.feasibility import CuttingContext, Mode
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


@dataclass(frozen=True)
class Case:
    argument: str
    spec: RosetteSpec
    risk: str
    limiting: str | None
    context: dict[str, Any] = field(default_factory=dict)
    mode: Mode = "router"

    @property
    def whole_context(self) -> CuttingContext:
        usual = USUAL if self.mode == "router" else SAWN
        return CuttingContext(**{key: value for key, value in (usual | self.context).items() if value is not None})


USUAL = {
    "material_id": "spruce_sitka",
    "tool_id": "flat_1_0",
    "machine_id": "shapeoko_4_xxl",
    "stock_thickness_mm": "2.8",
    "channel_depth_mm": "1.5",
}
"""A 1 mm carbide bit on a desktop router, 1.5 mm deep in a 2.8 mm Sitka top. None in a case takes a value away."""

SAWN = {
    "material_id": "maple_hard",
    "tool_id": "saw_160_1_4_32",
    "machine_id": "cnc_saw_precision",
    "stock_thickness_mm": "3",
    "channel_depth_mm": "1.5",
}
"""Strips of hard maple from a 3 mm board, on a CNC saw with a thin-kerf blade of 160 mm and 32 teeth."""

SMALL_BIT = "a bit below 1/16 inch has no published chip load: YELLOW at best"


def rosette(*shapes: Shape, canvas: str = "140") -> RosetteSpec:
    return RosetteSpec(canvas_mm=canvas, shapes=shapes)


def ring(r_inner: float | str, r_outer: float | str, **more: Any) -> Ring:
    return Ring(r_inner=r_inner, r_outer=r_outer, **more)


CHANNELS = rosette(Circle(r=42), ring(44, 47), ring(49, "51.5"))
WIDE = rosette(Circle(r=42), ring(44, 50))
PETALS = rosette(Circle(r=42), ring(43, "44.5"), RadialPetals(r_inner="45.5", r_outer=54, petals=12))


def arc_of(end_deg: str, start_deg: str = "0") -> Sector:
    """3 mm wide, 40 mm from the centre."""
    return Sector(r_inner=40, r_outer=43, start_deg=start_deg, end_deg=end_deg)


BESIDE_AN_ARC = rosette(
    DotRing(r="43.16", dot_r="0.28", count=24), Sector(r_inner=41, r_outer=47, start_deg=0, end_deg=324)
)


def case(argument: str, spec: RosetteSpec, risk: str, limiting: str | None, **context: Any) -> Case:
    return Case(argument, spec, risk, limiting, context)


def sawn(argument: str, spec: RosetteSpec, risk: str, limiting: str | None, **context: Any) -> Case:
    return Case(argument, spec, risk, limiting, context, "saw")


STRIPS = rosette(Circle(r=42), ring(44, 47), TileRing(r_inner=48, r_outer=52, count=70))

CASES = [
    # what a shop does every day
    case(SMALL_BIT, CHANNELS, "YELLOW", "chip_load"),
    case("1.5 mm is still below 1/16 inch, or 1.5875 mm", CHANNELS, "YELLOW", "chip_load", tool_id="flat_1_5"),
    case("1/16 inch in spruce: published, comfortable, stiff", WIDE, "GREEN", None, tool_id="flat_1_5875"),
    case("2 mm bit, 6 mm channel, cedar: every figure published", WIDE, "GREEN", None, tool_id="flat_2_0",
         material_id="cedar_western_red"),
    case("3.175 mm bit in a 6.4 mm channel in basswood", rosette(ring(44, "50.4")), "GREEN", None,
         tool_id="flat_3_175", material_id="basswood"),
    case("the same in maple: 52.5·1.5·√0.018 = 10.6 N at most, as in denser beech and oak, bend 18 mm of tool 11 µm",
         rosette(ring(44, "50.4")), "GREEN", None, tool_id="flat_3_175", material_id="maple_hard"),
    case("two channels in maple with 1/16 inch: at most 5.6 N and 5 µm", CHANNELS, "GREEN", None,
         tool_id="flat_1_5875", material_id="maple_hard"),
    case("mahogany, 2 mm bit: at most 8.6 N and 11 µm, a sixth of the strength", WIDE, "GREEN", None,
         tool_id="flat_2_0", material_id="mahogany_honduran"),
    case("walnut with 1/16 inch", CHANNELS, "GREEN", None, tool_id="flat_1_5875", material_id="walnut_black"),
    case("tiles in cherry with 2 mm: one channel of 4 mm", rosette(TileRing(r_inner=45, r_outer=49, count=60)),
         "GREEN", None, tool_id="flat_2_0", material_id="cherry_black"),
    case("koa on a stiff router", WIDE, "GREEN", None, tool_id="flat_3_0", machine_id="bcamcnc_2030",
         material_id="koa"),
    case("pear, nearly as dense as the beech and oak that were measured", WIDE, "GREEN", None, tool_id="flat_2_0",
         material_id="pear"),
    case("padauk: its force is bounded, but no table has chip loads for wood this hard", WIDE, "YELLOW", "chip_load",
         tool_id="flat_2_0", material_id="padauk"),
    case("rosewood is denser than all that was measured: an extrapolated force bounds nothing", WIDE, "YELLOW",
         "cutting_force", tool_id="flat_2_0", material_id="rosewood_east_indian"),
    case("2 mm a pass with 22 mm out: 52.5·2·√0.0267 = 17 N bend a 2 mm bit 36 µm, in mahogany perhaps less",
         WIDE, "YELLOW", "tool_deflection", tool_id="flat_2_0", material_id="mahogany_honduran", stepdown_mm=2,
         channel_depth_mm=2, stock_thickness_mm=4, stickout_mm=22),
    case("two neighbouring rings share one channel of 3 mm: no wall between them", rosette(ring(44, 46), ring(46, 47)),
         "YELLOW", "chip_load"),
    case("a 0.4 mm purfling beside a 3 mm ring lies in one 3.4 mm channel", rosette(ring(44, 47), ring(47, "47.4")),
         "YELLOW", "chip_load"),
    case("twelve petals of a 108 mm rosette, 1 mm bit: tips keep 98 %", PETALS, "YELLOW", "chip_load"),
    case("60 tiles side by side are one 3 mm channel", rosette(TileRing(r_inner=45, r_outer=48, count=60)),
         "YELLOW", "chip_load"),
    case("a rope lies in one channel", rosette(RopeRing(r_inner=45, r_outer=48, count=90)), "YELLOW", "chip_load"),
    case("a herringbone lies in one channel", rosette(HerringboneRing(r_inner=45, r_outer=49, count=72)), "YELLOW",
         "chip_load"),
    case("24 dots of 3 mm, 12.6 mm apart", rosette(DotRing(r=48, dot_r="1.5", count=24)), "YELLOW", "chip_load"),
    case("a stiff router takes the maker's chip loads", WIDE, "GREEN", None, tool_id="flat_2_0",
         machine_id="bcamcnc_2030", material_id="poplar_yellow"),
    case("ebony has no published chip load or force", CHANNELS, "YELLOW", "chip_load", material_id="ebony_african"),
    # cutter too large
    case("classic: 3.175 mm tool for a 1 mm channel", rosette(ring(44, 45)), "RED", "feature_size",
         tool_id="flat_3_175"),
    case("a slot as wide as the tool is cut at full engagement, both walls at once", rosette(ring(44, 45)), "YELLOW",
         "feature_size"),
    case("0.9 mm channel, 1 mm tool", rosette(ring(44, "44.9")), "RED", "feature_size"),
    case("dots of 0.8 mm, 1 mm tool", rosette(DotRing(r=48, dot_r="0.4", count=24)), "RED", "feature_size"),
    case("dots of 1.04 mm leave the centre of a 1 mm cutter 0.13 mm to go round: it cannot ramp in",
         rosette(DotRing(r=48, dot_r="0.52", count=24)), "RED", "feature_size"),
    case("dots of 1.2 mm leave it 0.63 mm", rosette(DotRing(r=48, dot_r="0.6", count=24)), "YELLOW", "chip_load"),
    case("petals 0.9 mm wide cannot be entered by 1 mm", rosette(RadialPetals(r_inner=45, r_outer="46.5", petals=12)),
         "RED", "feature_size"),
    case("a 6 mm cutter in petals 5.1 mm wide", PETALS, "RED", "feature_size", tool_id="flat_6_0"),
    case("separate tiles of 1.9 mm with a 2 mm cutter", rosette(TileRing(r_inner=45, r_outer=48, count=100, gap_mm=1)),
         "RED", "feature_size", tool_id="flat_2_0"),
    case("2 x 2 mm tiles lose 5.4 % in their corners to a 1 mm cutter: chisel or round the tile",
         rosette(TileRing(r_inner=45, r_outer=47, count=96, gap_mm=1)), "YELLOW", "reachable_area"),
    case("the 60 degree corners of a 10 mm triangle lose 11 % to a 3.175 mm cutter: 3r²(√3 - π/3) of 46.8 mm²",
         rosette(PolygonRing(sides=3, r_inner=0, r_outer=6)), "YELLOW", "reachable_area", tool_id="flat_3_175"),
    case("a hexagonal band of 2.6 mm keeps its corners but for 1 %",
         rosette(PolygonRing(sides=6, r_inner=45, r_outer=48)), "YELLOW", "chip_load"),
    case("two of 24 dots of 0.56 mm lie beside the wide arc that holds the others: 3 mm does not enter them",
         BESIDE_AN_ARC, "RED", "feature_size", tool_id="flat_3_0", material_id="birch_yellow",
         stock_thickness_mm="3.07"),
    case("the same with 1 mm", BESIDE_AN_ARC, "RED", "feature_size"),
    case("all of them in a ring: they add nothing to its pocket", rosette(DotRing(r="43.16", dot_r="0.28", count=24),
         ring(41, 47)), "YELLOW", "geometry_validity", tool_id="flat_3_0", stock_thickness_mm="3.07"),
    case("a slit of 0.33 mm reaches 1 mm out of its ring: 1 mm does not enter it",
         rosette(ring(40, 46), Sector(r_inner=41, r_outer=47, start_deg=0, end_deg="0.4")), "RED", "feature_size"),
    # walls
    case("classic: a web of 0.2 mm between two rings breaks out", rosette(ring(44, 46), ring("46.2", 48)), "RED",
         "wall_thickness"),
    case("a web of 0.7 mm spruce is under the 0.8 mm that holds", rosette(ring(44, 46), ring("46.7", 49)), "YELLOW",
         "wall_thickness"),
    case("a web of 0.7 mm in ebony holds (0.5 mm)", rosette(ring(44, 46), ring("46.7", 49)), "YELLOW", "chip_load",
         material_id="ebony_african"),
    case("a web of 1.2 mm of spruce holds", rosette(ring(44, 46), ring("47.2", 49)), "YELLOW", "chip_load"),
    case("dots 0.2 mm apart", rosette(DotRing(r=48, dot_r="1.5", count=94)), "RED", "wall_thickness"),
    case("petals with 0.1 mm of web between them", rosette(RadialPetals(r_inner=20, r_outer=50, petals=12,
         web_mm="0.1")), "RED", "wall_thickness"),
    case("petals that touch a ring leave thin points at their tips, no long web",
         rosette(ring(43, "45.5"), RadialPetals(r_inner="45.5", r_outer=54, petals=12)), "YELLOW", "wall_thickness"),
    case("a tongue of 0.3 mm between two arms of one pocket breaks off",
         rosette(Sector(r_inner=44, r_outer=46, start_deg=0, end_deg=60),
                 Sector(r_inner="46.3", r_outer=48, start_deg=0, end_deg=60),
                 Sector(r_inner=44, r_outer=48, start_deg=60, end_deg=70)), "RED", "wall_thickness"),
    case("arms 1.2 mm apart hold",
         rosette(Sector(r_inner=44, r_outer=46, start_deg=0, end_deg=60),
                 Sector(r_inner="47.2", r_outer=50, start_deg=0, end_deg=60),
                 Sector(r_inner=44, r_outer=50, start_deg=60, end_deg=70)), "YELLOW", "chip_load"),
    case("an arc all but 0.3 degrees leaves a web of 2·40·sin 0.15° = 0.21 mm, however short",
         rosette(arc_of("359.7")), "RED", "wall_thickness"),
    case("all but 0.1 degrees: 0.07 mm", rosette(arc_of("359.9")), "RED", "wall_thickness"),
    case("all but 1 degree: 0.70 mm", rosette(arc_of("359")), "YELLOW", "wall_thickness"),
    case("all but 2 degrees: 1.40 mm", rosette(arc_of("358")), "YELLOW", "chip_load"),
    case("the web of 0.21 mm between two arcs", rosette(arc_of("179.7"), arc_of("359.7", "180")), "RED",
         "wall_thickness"),
    case("an island of 0.2 mm between two bridged rings falls out",
         rosette(ring(44, 46), ring("46.2", 48), Sector(r_inner="44.5", r_outer="47.5", start_deg=0, end_deg=20)),
         "RED", "wall_thickness"),
    case("a post of 0.2 mm in the middle of a pocket falls out", rosette(ring("0.1", 5)), "RED", "wall_thickness",
         material_id="maple_hard", tool_id="flat_1_5875"),
    case("the same depth in one piece of stock: rings of other depth touch, no wall is left",
         rosette(ring(44, 46, depth_mm="1.0"), ring(46, 48, depth_mm="1.5")), "YELLOW", "chip_load"),
    # contradictory geometry
    case("rings of different depth overlap by 1 mm", rosette(ring(44, 47, depth_mm=1), ring(46, 49, depth_mm="1.5")),
         "RED", "geometry_validity"),
    case("rings of one depth overlap: one pocket, but the pieces collide", rosette(ring(44, 47), ring(46, 49)),
         "YELLOW", "geometry_validity"),
    case("petals deeper than the ring they reach into",
         rosette(ring(44, 47, depth_mm=1), RadialPetals(r_inner=46, r_outer=54, petals=12, depth_mm="1.5")), "RED",
         "geometry_validity"),
    case("dots larger than their spacing overlap", rosette(DotRing(r=10, dot_r=3, count=20)), "RED",
         "geometry_validity"),
    case("a sector across a ring of other depth",
         rosette(ring(44, 46, depth_mm=1), Sector(r_inner=45, r_outer=50, start_deg=0, end_deg=40, depth_mm="1.5")),
         "RED", "geometry_validity"),
    # depth
    case("classic: a channel deeper than the top", CHANNELS, "RED", "depth_in_stock", channel_depth_mm="3.0"),
    case("exactly through the top", CHANNELS, "RED", "depth_in_stock", channel_depth_mm="2.8"),
    case("0.3 mm stay under the channel: the top breaks", CHANNELS, "RED", "depth_in_stock", channel_depth_mm="2.5"),
    case("0.8 mm stay, less than the 1.0 mm rule", CHANNELS, "YELLOW", "depth_in_stock", channel_depth_mm="2.0"),
    case("5 mm deep with 4 mm of flutes: the shank rubs", CHANNELS, "RED", "flute_and_stickout",
         channel_depth_mm="5", stock_thickness_mm="10"),
    case("the collet meets the wood: 1.2 mm out for 1.5 mm of depth", CHANNELS, "RED", "flute_and_stickout",
         stickout_mm="1.2"),
    case("flutes clamped in the collet", CHANNELS, "YELLOW", "flute_and_stickout", stickout_mm="3.9"),
    # feeds, speeds, force
    case("classic: rubbing feed in ebony, a quarter of the least chip", CHANNELS, "RED", "chip_load",
         material_id="ebony_african", rpm=24000, feed_mm_per_min=50),
    case("rubbing in maple chars the channel: chips of 0.5 micrometre", CHANNELS, "RED", "heating",
         material_id="maple_hard", rpm=30000, feed_mm_per_min=30),
    case("0.1 mm a tooth with a 1 mm bit in maple is four times the most published", CHANNELS, "RED", "chip_load",
         material_id="maple_hard", rpm=12000, feed_mm_per_min=2400),
    case("classic: 8,000 rev/min give a 0.8 mm bit 0.34 m/s: it tears", CHANNELS, "RED", "surface_speed",
         tool_id="flat_0_8", machine_id="grbl_3018", rpm=8000, feed_mm_per_min=200),
    case("6 mm of 0.8 mm flutes bend 52 µm at 0.6 mm a pass: most of a glue gap", CHANNELS,
         "YELLOW", "tool_deflection", tool_id="flat_0_8_long", material_id="maple_hard", stepdown_mm="0.6",
         rpm=24000, feed_mm_per_min=600),
    case("the same bit at 1.5 mm a pass bends 130 µm", CHANNELS, "RED", "tool_deflection", tool_id="flat_0_8_long",
         material_id="maple_hard", stepdown_mm="1.5", rpm=24000, feed_mm_per_min=600),
    case("a 0.5 mm bit 1.5 mm deep in one pass at 0.03 mm a tooth in maple breaks",
         rosette(ring(44, 46)), "RED", "chip_load", tool_id="flat_0_5", material_id="maple_hard", stepdown_mm="1.5",
         rpm=24000, feed_mm_per_min=1440),
    case("a 60 W motor does not turn a 6.35 mm cutter 6 mm deep in maple", rosette(ring(30, 46)), "RED",
         "spindle_power", tool_id="flat_6_35", machine_id="grbl_3018_60w", material_id="maple_hard", stepdown_mm="6",
         channel_depth_mm="6", stock_thickness_mm="20", rpm=9000, feed_mm_per_min=1200),
    case("40,000 rev/min on a spindle that ends at 30,000", CHANNELS, "RED", "speeds_and_feeds", rpm=40000,
         feed_mm_per_min=1200),
    case("5,000 rev/min on a router that starts at 10,000", CHANNELS, "RED", "speeds_and_feeds", rpm=5000,
         feed_mm_per_min=300),
    case("60,000 rev/min for a cutter marked 24,000", WIDE, "RED", "speeds_and_feeds", tool_id="flat_6_0",
         machine_id="desktop_micro_60k", rpm=60000, feed_mm_per_min=1500),
    case("twice the feed the axes can do: the controller clamps and the chip thins", WIDE, "RED", "speeds_and_feeds",
         tool_id="flat_3_175", machine_id="grbl_3018", rpm=18000, feed_mm_per_min=3000),
    case("5 % more than the axes can do: the controller clamps in silence", WIDE, "RED", "speeds_and_feeds",
         tool_id="flat_3_175", machine_id="grbl_3018", rpm=18000, feed_mm_per_min=1575),
    case("0.04 mm/min rub", CHANNELS, "RED", "chip_load", rpm=10000, feed_mm_per_min="0.04"),
    case("0.0004 rev/min do not turn", CHANNELS, "RED", "speeds_and_feeds", rpm="0.0004"),
    case("a pass of 1 nm is no cut, and takes 1.5 million of them", WIDE, "RED", "speeds_and_feeds",
         tool_id="flat_2_0", stepdown_mm="0.000001"),
    case("steps aside of 2 nm", WIDE, "RED", "speeds_and_feeds", tool_id="flat_2_0", stepover_ratio="0.000001"),
    case("a stepover of a whole diameter leaves ridges", WIDE, "YELLOW", "speeds_and_feeds", stepover_ratio=1),
    # machine and stock
    case("a 200 mm design on the 180 mm travel of a 3018", rosette(ring(95, 100), canvas="220"), "RED",
         "machine_envelope", machine_id="grbl_3018", tool_id="flat_2_0"),
    case("moved 60 mm aside, the 108 mm rosette leaves the 300 mm travel? No: 114 of 150 mm",
         rosette(ring(44, 47, cx=60), canvas="260"), "YELLOW", "chip_load", machine_id="grbl_3018"),
    case("moved 60 mm along the short axis it does leave: 107 of 90 mm", rosette(ring(44, 47, cy=60), canvas="260"),
         "RED", "machine_envelope", machine_id="grbl_3018"),
    case("classic: petals off the stock", PETALS, "RED", "stock_extent", stock_width_mm=100, stock_length_mm=300),
    case("2 mm to the stock's edge", PETALS, "YELLOW", "stock_extent", stock_width_mm=112, stock_length_mm=300),
    # inlay pieces
    case("strips of ebony 0.1 mm wide cannot be handled",
         rosette(ring(44, 47), ring(47, "47.1", material="ebony_african")), "RED", "inlay_fragility"),
    case("a pearl ring of 0.4 mm breaks under 0.5 mm",
         rosette(ring(44, 47), ring(47, "47.4", material="mother_of_pearl")), "YELLOW", "inlay_fragility"),
    # what cannot be judged
    case("nothing to cut: a reference circle only", rosette(Circle(r=42)), "UNKNOWN", "geometry_validity"),
    case("no depth anywhere", CHANNELS, "UNKNOWN", "depth_in_stock", channel_depth_mm=None),
    case("no stock thickness", CHANNELS, "UNKNOWN", "depth_in_stock", stock_thickness_mm=None),
    case("no tool", CHANNELS, "UNKNOWN", "feature_size", tool_id=None),
    case("no material", CHANNELS, "UNKNOWN", "cutting_force", material_id=None),
    case("no machine", CHANNELS, "UNKNOWN", "machine_envelope", machine_id=None),
    case("a ball nose leaves no flat floor", CHANNELS, "UNKNOWN", "feature_size", tool_id="ball_1_0"),
    case("a saw cuts no pockets", CHANNELS, "UNKNOWN", "machine_envelope", machine_id="cnc_saw_bench"),
    case("nobody published how pearl cuts", CHANNELS, "UNKNOWN", "cutting_force", material_id="mother_of_pearl",
         rpm=24000, feed_mm_per_min=100),
    case("an inlay material nobody knows", rosette(ring(44, 47, material="unobtainium")), "UNKNOWN",
         "inlay_fragility"),
    # the saw: what a shop does every day
    sawn("3 mm strips of maple with 1.4 mm of kerf, 56 m/s and 0.055 mm a tooth", STRIPS, "GREEN", None),
    sawn("the same of mahogany", STRIPS, "GREEN", None, material_id="mahogany_honduran"),
    sawn("nobody measured how much force rosewood takes", STRIPS, "YELLOW", "sawing_power",
         material_id="rosewood_east_indian"),
    sawn("strips of spruce with 24 teeth and 1.2 mm of kerf", STRIPS, "GREEN", None, tool_id="saw_125_1_2_24",
         material_id="spruce_sitka"),
    sawn("a rope is chips off a strip: 2.4 mm long", rosette(RopeRing(r_inner=45, r_outer=48, count=90)), "YELLOW",
         "kerf_and_strip"),
    sawn("ebony has no published bite", STRIPS, "YELLOW", "bite", material_id="ebony_african"),
    sawn("nobody publishes rim speeds of slitting saws in wood", STRIPS, "YELLOW", "rim_speed",
         tool_id="saw_75_1_6", rpm=10000, feed_mm_per_min=9000),
    # rim speed
    sawn("classic: 90 m/s at the rim, 160 mm at 10,743", STRIPS, "RED", "rim_speed", rpm=10743,
         feed_mm_per_min=15000),
    sawn("90 m/s in spruce with a blade marked for it: 250 mm at 6,875", STRIPS, "RED", "rim_speed",
         tool_id="saw_250_2_6_24", material_id="spruce_sitka", rpm=6875, feed_mm_per_min=12000),
    sawn("78 m/s in maple is 11 % over the most published for hardwood", STRIPS, "YELLOW", "rim_speed", rpm=9300,
         feed_mm_per_min=15000),
    sawn("75 m/s in ebony is 15 % over the most published for exotic woods", STRIPS, "RED", "rim_speed", rpm=9000,
         feed_mm_per_min=8000, material_id="ebony_african"),
    sawn("a blade marked for 9,500 at 9,600: the mark rules", STRIPS, "RED", "rim_speed", rpm=9600,
         feed_mm_per_min=15000),
    sawn("classic: 160 mm at 3,000 is 25 m/s, under every published least", STRIPS, "YELLOW", "rim_speed", rpm=3000,
         feed_mm_per_min=5000),
    sawn("125 mm at 3,000 is 20 m/s: less than half", STRIPS, "RED", "rim_speed", tool_id="saw_125_1_2_24", rpm=3000,
         feed_mm_per_min=4000),
    # bite, heat, power
    sawn("classic: rubbing, 0.0047 mm a tooth is the radius of the edge", STRIPS, "RED", "bite", rpm=6700,
         feed_mm_per_min=1000),
    sawn("0.015 mm a tooth is half of the least", STRIPS, "YELLOW", "bite", rpm=6700, feed_mm_per_min=3200),
    sawn("96 teeth cannot be fed: 4,775 rev/min at 2 m/min is 0.004 mm a tooth", STRIPS, "RED", "bite",
         tool_id="saw_160_1_2", machine_id="cnc_saw_bench"),
    sawn("0.4 mm a tooth is rough sawing: four times the most of fine work", STRIPS, "RED", "bite",
         tool_id="saw_125_1_2_24", rpm=1500, feed_mm_per_min=14500),
    sawn("rubbing chars ebony", STRIPS, "RED", "heating", material_id="ebony_african", rpm=5500, feed_mm_per_min=400),
    sawn("40 mm of maple in one pass stall 3 kW", STRIPS, "RED", "sawing_power", stock_thickness_mm=40, rpm=6700,
         feed_mm_per_min=12000),
    sawn("the same in passes of 4 mm do not", STRIPS, "YELLOW", "kickback", stock_thickness_mm=40, stepdown_mm=4,
         rpm=6700, feed_mm_per_min=9000, blade_projection_mm=8),
    sawn("a proposal takes what the motor has: 12 mm of maple are fed slowly", STRIPS, "YELLOW", "bite",
         stock_thickness_mm=12),
    sawn("25 mm in one pass: what the motor can feed only rubs", STRIPS, "RED", "bite", stock_thickness_mm=25),
    # kerf and strips
    sawn("classic: strips thinner than the kerf, 1 mm with 1.4 mm", rosette(ring(44, 45)), "RED", "kerf_and_strip"),
    sawn("2 mm with 1.4 mm of kerf: 41 % become dust", rosette(ring(44, 46)), "YELLOW", "kerf_and_strip"),
    sawn("herringbone leaves are 1.3 mm", rosette(HerringboneRing(r_inner=45, r_outer=49, count=160)), "RED",
         "kerf_and_strip"),
    sawn("tiles 2.1 mm long from 1.4 mm of kerf", rosette(TileRing(r_inner=45, r_outer=50, count=140)), "YELLOW",
         "kerf_and_strip"),
    sawn("a pearl ring: no rim speed is published for shell", rosette(ring(44, 47, material="mother_of_pearl")),
         "UNKNOWN", "rim_speed"),
    sawn("strips of 0.2 mm break under 0.25 mm", rosette(ring(44, "44.2")), "RED", "kerf_and_strip",
         tool_id="saw_63_0_5_64"),
    # the blade itself
    sawn("180 mm with 1 mm of plate between flanges of 32 mm: beyond the critical speed", STRIPS, "RED",
         "blade_dynamics", tool_id="saw_180_1_4", flange_diameter_mm=32, rpm=8500, feed_mm_per_min=15000),
    sawn("8,400 of 9,199 rev/min: within 15 % of the critical speed", STRIPS, "YELLOW", "blade_dynamics",
         tool_id="saw_160_1_2", rpm=8300, feed_mm_per_min=15000),
    sawn("small flanges let the rim yield", STRIPS, "YELLOW", "blade_deflection", flange_diameter_mm=40),
    sawn("flanges smaller than the bore clamp nothing", STRIPS, "UNKNOWN", "blade_dynamics", flange_diameter_mm=15),
    sawn("flanges as large as the blade leave no rim", STRIPS, "UNKNOWN", "blade_dynamics",
         flange_diameter_mm="159.999999"),
    sawn("0.04 mm/min only rub", STRIPS, "RED", "bite", rpm=6700, feed_mm_per_min="0.04"),
    sawn("0.0004 rev/min do not saw", STRIPS, "RED", "rim_speed", rpm="0.0004"),
    sawn("52 mm of stock, 53 mm of blade out of the flange, 3 mm beyond", STRIPS, "RED", "blade_reach",
         stock_thickness_mm=52, stepdown_mm=5),
    sawn("stock thicker than the whole blade", STRIPS, "RED", "blade_reach", stock_thickness_mm=100, stepdown_mm=5),
    # kickback
    sawn("12 mm of blade stand out of a 3 mm board", STRIPS, "YELLOW", "kickback", blade_projection_mm=12),
    sawn("25 mm of blade stand out of a 3 mm board", STRIPS, "RED", "kickback", blade_projection_mm=25),
    sawn("a rubbing bite makes 14 mm of blade a danger", STRIPS, "RED", "kickback", blade_projection_mm=14, rpm=6700,
         feed_mm_per_min=500),
    # stock and saw
    sawn("20 mm of board yield the three strips", STRIPS, "GREEN", None, stock_width_mm=20, stock_length_mm=400,
         tool_id="saw_125_1_2_24", material_id="spruce_sitka"),
    sawn("8 mm of board do not: 3 + 4 mm and two kerfs", STRIPS, "RED", "strip_yield", stock_width_mm=8,
         stock_length_mm=500),
    sawn("a 1 mm board for channels of 1.5 mm: the pieces lie below the top", STRIPS, "YELLOW", "sawable_parts",
         stock_thickness_mm=1),
    sawn("stock of 1 nm is no stock", STRIPS, "RED", "sawable_parts", stock_thickness_mm="0.000001"),
    sawn("a 0.6 mm board for channels of 1.5 mm", STRIPS, "RED", "sawable_parts", stock_thickness_mm="0.6"),
    sawn("passes of 1 nm: three million of them", STRIPS, "RED", "saw_limits", stepdown_mm="0.000001"),
    sawn("passes of 0.1 mm: thirty of them", STRIPS, "YELLOW", "saw_limits", stepdown_mm="0.1"),
    sawn("250 mm of blade do not fit a bench saw for 160", STRIPS, "RED", "saw_limits", tool_id="saw_250_2_6_24",
         machine_id="cnc_saw_bench", rpm=4000, feed_mm_per_min=2000),
    sawn("6,000 rev/min on a table saw that ends at 4,500", STRIPS, "RED", "saw_limits", machine_id="table_saw_cabinet",
         rpm=6000, feed_mm_per_min=8000),
    sawn("petals have no straight sides", PETALS, "RED", "sawable_parts"),
    sawn("dots have none either", rosette(DotRing(r=48, dot_r="1.5", count=24)), "RED", "sawable_parts"),
    # what the saw cannot judge
    sawn("no blade", STRIPS, "UNKNOWN", "rim_speed", tool_id=None),
    sawn("no material on the saw", STRIPS, "UNKNOWN", "bite", material_id=None),
    sawn("no saw", STRIPS, "UNKNOWN", "saw_limits", machine_id=None),
    sawn("no stock thickness on the saw", STRIPS, "UNKNOWN", "blade_reach", stock_thickness_mm=None),
    sawn("no height of the pieces", STRIPS, "UNKNOWN", "sawable_parts", channel_depth_mm=None),
    sawn("an end mill is no blade", STRIPS, "UNKNOWN", "rim_speed", tool_id="flat_1_0"),
    sawn("a router is no saw", STRIPS, "UNKNOWN", "saw_limits", machine_id="shapeoko_4_xxl"),
]  # fmt: skip
