"""Styles as bands from the soundhole outward, with the woods and shells that belong to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.ai_gateway.vendors.offline.vocabulary import Kind

Companion = Literal["none", "dots", "panels"]
"""What fills the wood between petals: dots between the outer tips, or panels between the flanks."""

ASKED = 9
"""`keep` of what the prompt names: dropped last."""


@dataclass(frozen=True, slots=True)
class Band:
    """`width_mm` is the preferred width; `keep` says what goes first where there is no room (lowest first)."""

    kind: Kind
    width_mm: float
    keep: int = 4
    density: float = 1.0
    tone: int = 1
    """Place in the palette of the first material; 0 is the dark one of the lines."""
    companion: Companion = "none"
    lean: int = 1
    count: int | None = None
    phase: float = 0.0
    """Turn, in pieces: 0.5 puts the pieces between those of a band with phase 0."""


@dataclass(frozen=True, slots=True)
class Recipe:
    bands: tuple[Band, ...]
    palette: tuple[str, ...]


def line(width_mm: float = 1.3, keep: int = 5, tone: int = 0) -> Band:
    return Band("ring", width_mm, keep, tone=tone)


EBONY, HOLLY, MAPLE, ROSEWOOD = "ebony_african", "holly", "maple_hard", "rosewood_east_indian"
PEARL, ABALONE, WALNUT, PADAUK = "mother_of_pearl", "abalone", "walnut_black", "padauk"
BOXWOOD, PEAR, PURPLE, BLOOD = "boxwood", "pear", "purpleheart", "bloodwood"

RECIPES: dict[str, tuple[Recipe, ...]] = {
    "gothic": (
        Recipe(
            (line(1.4), Band("petals", 8, 8, tone=1), line(1.2, 2), Band("windows", 3.4, 5, tone=2), line(1.6)),
            (EBONY, ROSEWOOD, PEARL),
        ),
        Recipe(
            (line(1.2), Band("windows", 3, 4, tone=2), Band("petals", 9, 8, 0.95, companion="dots"), line(1.8)),
            (EBONY, PEARL, WALNUT),
        ),
        Recipe(
            (line(1.4), Band("dots", 2.2, 4, 0.8, tone=2), line(1.2, 2), Band("petals", 9, 8, 1.05), line(1.6)),
            (ROSEWOOD, EBONY, PEARL),
        ),
    ),
    "celtic": (
        Recipe(
            (line(), Band("rope", 3, 8), Band("windows", 2.6, 5, tone=2), Band("rope", 3, 7, lean=-1), line()),
            (EBONY, MAPLE, WALNUT),
        ),
        Recipe(
            (Band("rope", 2.6, 7), Band("dots", 2.2, 4, tone=2), Band("rope", 4, 8, lean=-1), line(1.6)),
            (WALNUT, BOXWOOD, EBONY),
        ),
    ),
    "art_deco": (
        Recipe(
            (line(2.4), line(1.6, 2), Band("windows", 6.5, 8, 1.7), line(1.3, 2), Band("dots", 2, 4, 0.6, tone=2)),
            (EBONY, WALNUT, PEARL),
        ),
        Recipe(
            (line(1.2), Band("petals", 9, 8, 1.5), line(1.4), Band("tiles", 2.4, 5, 0.5, tone=2), line(2.6)),
            (EBONY, PEARL, MAPLE),
        ),
    ),
    "art_nouveau": (
        Recipe(
            (Band("rope", 2, 4, tone=2), Band("petals", 10, 8, 0.5, companion="panels"), line(1.3, 2), line(2)),
            (WALNUT, ABALONE, PEAR),
        ),
        Recipe(
            (line(1.8), Band("petals", 9, 8, 0.8, companion="dots"), Band("rope", 2.2, 5, tone=2), line(1.2, 1)),
            ("koa", PEAR, ABALONE),
        ),
    ),
    "spanish": (
        Recipe(
            (
                Band("herringbone", 2.8, 6, tone=2),
                Band("tiles", 2, 7),
                Band("tiles", 2, 5, phase=1),
                Band("tiles", 2, 7),
                Band("herringbone", 2.8, 6, tone=2, lean=-1),
            ),
            (EBONY, ROSEWOOD, BOXWOOD, PADAUK, HOLLY),
        ),
        Recipe(
            (line(), Band("herringbone", 2.6, 5, tone=2), Band("tiles", 4, 8, 0.7), Band("rope", 2, 5, tone=2), line()),
            (EBONY, PADAUK, HOLLY, ROSEWOOD),
        ),
    ),
    "checkerboard": (
        Recipe(
            (line(1.2), Band("tiles", 2.6, 8), Band("tiles", 2.6, 7, phase=1), Band("tiles", 2.6, 5), line(1.2)),
            (EBONY, HOLLY, EBONY),
        ),
        Recipe((line(1.6), Band("tiles", 3, 8), Band("tiles", 3, 7, phase=1), line(1.6)), (WALNUT, MAPLE, WALNUT)),
    ),
    "minimalist": (
        Recipe((line(1.6, 8), line(1.2, 7)), (EBONY,)),
        Recipe((line(2.4, 8),), (ROSEWOOD,)),
        Recipe((line(1.2, 8), Band("dots", 1.8, 6, 0.25)), (EBONY, PEARL)),
    ),
    "sunburst": (
        Recipe((line(2, 5), Band("petals", 12, 8, 1.7), line(1.2, 2)), (BLOOD, PADAUK)),
        Recipe(
            (line(1.6), Band("dots", 2, 4, 0.7, tone=2), Band("petals", 11, 8, 1.35, companion="dots"), line(1.2, 1)),
            (WALNUT, PADAUK, BOXWOOD),
        ),
    ),
    "snowflake": (
        Recipe(
            (
                line(1.2, 2),
                Band("windows", 2.4, 4, 0.5, tone=2),
                Band("petals", 10, 8, 0.3, companion="panels"),
                line(1.4),
            ),
            (EBONY, PEARL, HOLLY),
        ),
    ),
    "star": (
        Recipe((line(1.8), Band("petals", 11, 8, 0.55, companion="panels"), line(1.3)), (EBONY, PEARL, ROSEWOOD)),
        Recipe(
            (line(1.2), Band("dots", 1.8, 4, 0.5, tone=2), Band("petals", 10, 8, 0.7, companion="dots"), line(1.6)),
            (EBONY, PEARL, BOXWOOD),
        ),
    ),
    "waves": (
        Recipe(
            (line(1.3), Band("arcs", 2.6, 8), Band("arcs", 2.2, 7, tone=2), Band("arcs", 1.8, 6), line(1.3)),
            (EBONY, ABALONE, PEARL),
        ),
        Recipe(
            (Band("rope", 2.6, 6, tone=2), Band("arcs", 3, 8), Band("arcs", 1.8, 6, tone=2), line(1.4)),
            (WALNUT, ABALONE, PEARL),
        ),
    ),
    "wheel": (
        Recipe((line(2), Band("windows", 8, 8, 0.9), line(2)), (EBONY, WALNUT)),
        Recipe(
            (line(1.6), Band("windows", 6.5, 8), line(1.2, 2), Band("dots", 2.4, 4, 0.5, tone=2), line(1.6)),
            ("wenge", PADAUK, BOXWOOD),
        ),
    ),
    "modern": (
        Recipe(
            (Band("arcs", 2.4, 8), Band("arcs", 1.6, 7, tone=2), line(1.2), Band("arcs", 1.4, 5)),
            ("wenge", PADAUK, WALNUT),
        ),
        Recipe((line(1.2), Band("arcs", 3.4, 8), Band("dots", 1.8, 4, 0.25, tone=2), line(2.2)), (EBONY, "koa", MAPLE)),
    ),
    "geometric": (
        Recipe((line(1.2, 2), Band("polygon", 8, 8), line(1.6)), ("wenge", ROSEWOOD, ABALONE)),
        Recipe(
            (line(1.2, 2), Band("polygon", 7, 8), Band("tiles", 2.4, 5, 0.7, tone=2), line(1.2)),
            (EBONY, WALNUT, BOXWOOD),
        ),
    ),
    "floral": (
        Recipe(
            (line(1.4), Band("petals", 10, 8, companion="dots"), line(1.2, 2), Band("rope", 2, 4, tone=2)),
            (EBONY, PEARL, BOXWOOD),
        ),
        Recipe((Band("dots", 2, 5, 0.9, tone=2), Band("petals", 10, 8), line(1.6)), (ROSEWOOD, HOLLY, BOXWOOD)),
        Recipe(
            (line(1.8), Band("petals", 5, 5, tone=2), Band("petals", 8, 8, companion="dots", phase=0.5), line(1.2, 2)),
            (WALNUT, PEAR, PEARL),
        ),
    ),
    "rose": (
        Recipe(
            (line(1.4), Band("petals", 5, 6, tone=2), Band("petals", 9, 8, phase=0.5), line(1.4)), (EBONY, BLOOD, PEAR)
        ),
        Recipe(
            (line(1.4), Band("petals", 10, 8, companion="dots"), Band("dots", 1.8, 4, 0.6, tone=2)),
            (ROSEWOOD, BLOOD, BOXWOOD),
        ),
    ),
    "herringbone": (
        Recipe((line(1.4), Band("herringbone", 6, 8), line(1.4)), (EBONY, MAPLE)),
        Recipe((line(1.2, 1), line(1.2, 2), Band("herringbone", 5, 8), line(1.2, 2), line(1.2, 1)), (ROSEWOOD, HOLLY)),
    ),
    "rope": (
        Recipe((line(1.4), Band("rope", 4, 8), line(1.4)), (ROSEWOOD, MAPLE)),
        Recipe(
            (line(1.2), Band("rope", 2.6, 6), line(1.2, 2), Band("rope", 3.4, 8, lean=-1), line(1.6)), (EBONY, BOXWOOD)
        ),
    ),
    "mosaic": (
        Recipe(
            (line(1.2), Band("tiles", 2.2, 6), Band("tiles", 3.4, 8, 0.8, tone=2), Band("tiles", 2.2, 6), line(1.2)),
            (EBONY, PADAUK, MAPLE, WALNUT),
        ),
        Recipe(
            (line(1.4), Band("tiles", 4, 8, 0.9), Band("dots", 2, 4, tone=2), line(1.4)),
            (WALNUT, BOXWOOD, PURPLE, MAPLE),
        ),
    ),
    "traditional": (
        Recipe((line(1.2, 2), line(1.2, 1), Band("herringbone", 4, 8), line(1.2, 1), line(1.2, 2)), (EBONY, MAPLE)),
        Recipe((line(1.2), Band("tiles", 3, 8, 0.4), line(1.2), line(1.8, 2)), (EBONY, ABALONE, ABALONE)),
        Recipe((line(1.2, 6), line(2.4, 7), line(1.2, 6), line(1.2, 4)), (EBONY,)),
    ),
    "beaded": (
        Recipe((line(1.3), Band("dots", 3.4, 8), line(1.3)), (EBONY, PEARL)),
        Recipe(
            (Band("dots", 2, 5, 0.9, tone=2), line(1.2), Band("dots", 3.4, 8), line(1.6)), (ROSEWOOD, PEARL, BOXWOOD)
        ),
    ),
}
"""Every style has at least one recipe; which one a prompt gets is drawn from prompt and seed."""

NATURAL: dict[Kind, tuple[str, ...]] = {
    "petals": ("floral", "gothic", "art_nouveau"),
    "tiles": ("mosaic", "spanish", "checkerboard"),
    "windows": ("wheel", "gothic"),
    "herringbone": ("herringbone", "traditional"),
    "rope": ("rope", "celtic"),
    "dots": ("beaded",),
    "polygon": ("geometric",),
    "arcs": ("modern", "waves"),
    "ring": ("minimalist", "traditional"),
}
"""Kind -> the styles that fit where the prompt names the kind but no style."""

PREFERRED_WIDTH_MM: dict[Kind, float] = {
    "ring": 1.3, "petals": 8, "tiles": 3, "windows": 4, "herringbone": 4, "rope": 3, "dots": 2.4, "polygon": 8,
    "arcs": 2.2,
}  # fmt: skip
