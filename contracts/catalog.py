"""The catalog's entries: what a material, a tool and a machine are, each figure with where it comes from.

A figure's standing says how far it may be trusted: `src` published and named, `pre` taken over from an earlier table
and not traced to its origin, `est` an estimate. A verdict that rests on an estimated cutting figure is YELLOW at best.
A published figure may be an upper bound: published for something that needs more than this entry. Its source says so.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.model import CatalogId, Message, Number

UPPER_BOUND = "upper bound: "
"""How the source of such a figure begins."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Standing(StrEnum):
    """Where a figure stands: published, taken over, or estimated."""

    PUBLISHED = "src"
    TAKEN_OVER = "pre"
    ESTIMATED = "est"


class Figure(Message):
    """A number with its unit, its source and its standing."""

    value: Number
    unit: str
    source: Text
    standing: Standing

    @property
    def estimated(self) -> bool:
        return self.standing is Standing.ESTIMATED

    @property
    def is_bound(self) -> bool:
        return self.standing is Standing.PUBLISHED and self.source.startswith(UPPER_BOUND)


class MaterialFamily(StrEnum):
    SOFTWOOD = "softwood"
    HARDWOOD = "hardwood"
    SHELL = "shell"
    BONE = "bone"
    METAL = "metal"
    POLYMER = "polymer"
    STONE = "stone"


class Material(Message):
    """Stock or inlay. A cutting figure that nobody published stays absent: the calculator that needs it says UNKNOWN.

    `cutting_coefficient` is k_c in F = k_c·b·√h (Ettelt), N/mm^1.5. `chip_load_factor` scales the chip load tables.
    `burn_tendency` and `tear_out` run from 0 (none) to 1. Walls of stock thinner than `min_wall`, and inlay pieces
    narrower than `min_piece`, break.
    """

    id: CatalogId
    name: Text
    scientific_name: Text | None = None
    family: MaterialFamily
    aliases: tuple[CatalogId, ...] = ()
    brittle: bool = False
    hazard: Text | None = None
    density: Figure
    janka: Figure | None = None
    cutting_coefficient: Figure | None = None
    chip_load_factor: Figure | None = None
    burn_tendency: Figure | None = None
    tear_out: Figure | None = None
    specific_heat: Figure | None = None
    min_wall: Figure
    min_piece: Figure


class ToolKind(StrEnum):
    FLAT = "flat"
    BALL = "ball"
    V = "v"
    ENGRAVING = "engraving"
    DRILL = "drill"
    SAW_BLADE = "saw_blade"


ToolMaterial = Literal["carbide", "hss"]


class Tool(Message):
    """A rotating cutter. `stickout` is what stands out of the collet, `flute_length` the part with `diameter`.

    For a saw blade `flutes` counts the teeth, `kerf` and `plate` are its widths, `bore` its hole, `flange` the diameter
    of the flanges it is clamped between; flute length, shank and stickout are absent.
    """

    id: CatalogId
    name: Text
    kind: ToolKind
    material: ToolMaterial
    flutes: Annotated[int, Field(ge=1, le=400)]
    diameter: Figure
    max_speed: Figure
    flute_length: Figure | None = None
    stickout: Figure | None = None
    shank: Figure | None = None
    tip_diameter: Figure | None = None
    included_angle: Figure | None = None
    kerf: Figure | None = None
    plate: Figure | None = None
    bore: Figure | None = None
    flange: Figure | None = None

    @model_validator(mode="after")
    def _complete_for_its_kind(self) -> Self:
        if self.kind is ToolKind.SAW_BLADE:
            needed = {"kerf": self.kerf, "plate": self.plate, "bore": self.bore}
        else:
            needed = {"flute_length": self.flute_length, "shank": self.shank}
        if self.kind in {ToolKind.V, ToolKind.ENGRAVING}:
            needed |= {"included_angle": self.included_angle, "tip_diameter": self.tip_diameter}
        absent = sorted(name for name, figure in needed.items() if figure is None)
        if absent:
            raise ValueError(f"a {self.kind} tool needs {', '.join(absent)}")
        if self.kerf and self.plate and self.plate.value >= self.kerf.value:
            raise ValueError("the plate must be thinner than the kerf, or the blade binds")
        return self


class MachineClass(StrEnum):
    DESKTOP = "desktop"
    INDUSTRIAL = "industrial"
    SAW = "saw"


class Machine(Message):
    """A router or a saw: travel, speeds and spindle. Travel is centred on the part's origin when it is judged.

    `max_blade` is the diameter of the largest blade that fits a saw.
    """

    id: CatalogId
    name: Text
    machine_class: MachineClass
    envelope_x: Figure
    envelope_y: Figure
    envelope_z: Figure
    rapid_xy: Figure
    rapid_z: Figure
    max_feed_xy: Figure
    max_feed_z: Figure
    acceleration: Figure
    spindle_power: Figure
    min_spindle_speed: Figure
    max_spindle_speed: Figure
    max_blade: Figure | None = None

    @model_validator(mode="after")
    def _speeds_in_order(self) -> Self:
        if self.min_spindle_speed.value >= self.max_spindle_speed.value:
            raise ValueError("min_spindle_speed must be below max_spindle_speed")
        return self


UNITS: dict[str, str] = {
    "density": "kg/m3",
    "janka": "N",
    "cutting_coefficient": "N/mm^1.5",
    "chip_load_factor": "1",
    "burn_tendency": "1",
    "tear_out": "1",
    "specific_heat": "J/(kg*K)",
    "min_wall": "mm",
    "min_piece": "mm",
    "diameter": "mm",
    "max_speed": "rev/min",
    "flute_length": "mm",
    "stickout": "mm",
    "shank": "mm",
    "tip_diameter": "mm",
    "included_angle": "deg",
    "kerf": "mm",
    "plate": "mm",
    "bore": "mm",
    "flange": "mm",
    "max_blade": "mm",
    "envelope_x": "mm",
    "envelope_y": "mm",
    "envelope_z": "mm",
    "rapid_xy": "mm/min",
    "rapid_z": "mm/min",
    "max_feed_xy": "mm/min",
    "max_feed_z": "mm/min",
    "acceleration": "mm/s2",
    "spindle_power": "W",
    "min_spindle_speed": "rev/min",
    "max_spindle_speed": "rev/min",
}
"""The one unit of each figure; an entry with another unit is refused."""

BOUNDS: dict[str, tuple[Decimal, Decimal]] = {
    "density": (Decimal(50), Decimal(12000)),
    "janka": (Decimal(100), Decimal(40000)),
    "cutting_coefficient": (Decimal(5), Decimal(500)),
    "chip_load_factor": (Decimal("0.05"), Decimal(3)),
    "burn_tendency": (Decimal(0), Decimal(1)),
    "tear_out": (Decimal(0), Decimal(1)),
    "specific_heat": (Decimal(100), Decimal(5000)),
    "included_angle": (Decimal(5), Decimal(170)),
    "tip_diameter": (Decimal(0), Decimal(20)),
    "max_speed": (Decimal(100), Decimal(200000)),
    "min_spindle_speed": (Decimal(0), Decimal(200000)),
    "max_spindle_speed": (Decimal(100), Decimal(200000)),
    "spindle_power": (Decimal(10), Decimal(100000)),
    "rapid_xy": (Decimal(10), Decimal(200000)),
    "rapid_z": (Decimal(10), Decimal(200000)),
    "max_feed_xy": (Decimal(10), Decimal(200000)),
    "max_feed_z": (Decimal(10), Decimal(200000)),
    "acceleration": (Decimal(1), Decimal(50000)),
}
"""What a figure can be at all; lengths that are not listed lie above 0 and up to 10 m. Catches a slipped unit."""

DEFAULT_BOUNDS = (Decimal("0.001"), Decimal(10000))

Entry = Material | Tool | Machine
