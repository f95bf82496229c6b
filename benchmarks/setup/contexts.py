"""Seeded search contexts, and for each whether it admits a GREEN design, found without the search or its designer."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from decimal import Decimal

from contracts.feasibility import RiskLevel
from contracts.params import PatternType, RingParam, RosetteParamSpec, spec_of
from contracts.search import SearchContext
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.feasibility import evaluate
from services.rmos.domain.search import broken_limits

MATERIALS = (
    "spruce_sitka", "spruce_european", "cedar_western_red", "redwood", "mahogany_honduran", "walnut_black", "koa",
    "maple_hard", "cherry_black", "holly", "sapele", "pear",
)  # fmt: skip
TOOLS = ("flat_1_5875", "flat_2_0", "flat_2_5", "flat_3_0", "flat_3_175")
MACHINES = ("shapeoko_4_xxl", "onefinity_x50", "bcamcnc_2030", "grbl_3018", "desktop_6040")
STYLES = (
    "gothic", "celtic", "art deco", "spanish", "sunburst with petals", "beaded dots", "floral", "rope", "mosaic",
    "minimalist", "traditional", "wheel", "petals and dots", None,
)  # fmt: skip
INLAYS = (
    (), (), (), ("ebony_african", "maple_hard"), ("abalone", "ebony_african"), ("mother_of_pearl",),
    ("bone", "rosewood_east_indian"), ("holly", "walnut_black", "padauk"),
)  # fmt: skip
WITNESS_PATTERNS = (PatternType.SOLID, PatternType.TILE, PatternType.PETALS, PatternType.DOTS)


def asked_of(seed: int) -> SearchContext:
    """Ring limits from generous to tight, stock from thick to too thin, a depth that is asked or left open."""
    dice = random.Random(seed)
    inner, band = dice.randint(70, 105), Decimal(dice.randint(6, 36)) / 2
    rings = dice.randint(1, 5)
    most = rings + dice.randint(0, 4)
    least = (
        None if dice.random() < 0.5 else (band / most * Decimal(dice.randint(30, 90)) / 100).quantize(Decimal("0.1"))
    )
    least = None if not least else min(least, (band / rings).quantize(Decimal("0.01"), rounding="ROUND_DOWN"))
    widest = None if dice.random() < 0.6 else max(least or Decimal("0.5"), Decimal(dice.randint(10, 50)) / 10)
    total = None if dice.random() < 0.7 else max(rings * (least or Decimal("0.3")), band * dice.randint(40, 95) / 100)
    return SearchContext.model_validate(
        {
            "material_id": dice.choice(MATERIALS),
            "tool_id": dice.choice(TOOLS),
            "machine_id": dice.choice(MACHINES),
            "stock_thickness_mm": Decimal(dice.randint(18, 40)) / 10,
            "channel_depth_mm": None if dice.random() < 0.4 else Decimal(dice.randint(6, 30)) / 10,
            "target_inner_diameter_mm": inner,
            "target_outer_diameter_mm": inner + 2 * band,
            "min_rings": rings,
            "max_rings": most,
            "min_ring_width_mm": least,
            "max_ring_width_mm": widest,
            "max_total_width_mm": total,
            "style": dice.choice(STYLES),
            "inlay_materials": dice.choice(INLAYS),
        }
    )


def admitting(count: int, catalog: Catalog) -> Iterator[tuple[int, SearchContext]]:
    """The first contexts, with their seeds, that admit a GREEN design."""
    seeds = (seed for seed in itertools.count(1) if admits_green(asked_of(seed), catalog))
    for seed in itertools.islice(seeds, count):
        yield seed, asked_of(seed)


def hopeless(seed: int) -> SearchContext:
    """A context that rules GREEN out by itself: 0.8 mm has no published chip load; 0.3 mm under a stated depth is
    YELLOW or worse."""
    asked = asked_of(seed)
    limits = {"tool_id": "flat_0_8"} if seed % 2 else {"channel_depth_mm": 2, "stock_thickness_mm": "2.3"}
    return SearchContext.model_validate({**asked.model_dump(), **limits})


def admits_green(asked: SearchContext, catalog: Catalog) -> bool:
    """Whether one of a few plain designs within the limits is GREEN."""
    for design in witnesses(asked):
        if broken_limits(design, asked, catalog):
            continue
        if evaluate(spec_of(design), asked.cutting(), catalog).risk_level is RiskLevel.GREEN:
            return True
    return False


def witnesses(asked: SearchContext) -> Iterator[RosetteParamSpec]:
    """Equal rings of one pattern: fewest and most rings, the widest and the narrowest, at three depths."""
    inlay = asked.inlay_materials[0] if asked.inlay_materials else "holly"
    depths = [asked.channel_depth_mm] if asked.channel_depth_mm else [Decimal("0.6"), Decimal(1), Decimal("1.5")]
    widest = asked.max_ring_width_mm or asked.room_mm
    for rings in sorted({asked.min_rings, asked.max_rings}):
        wide = min(widest, asked.room_mm / rings)
        narrow = asked.min_ring_width_mm or wide / 2
        for width in (wide, (wide + narrow) / 2, narrow):
            for depth in depths:
                for pattern in WITNESS_PATTERNS[:1]:
                    yield _equal(
                        asked, rings, width.quantize(Decimal("0.0001"), rounding="ROUND_DOWN"), depth, pattern, inlay
                    )


def _equal(
    asked: SearchContext, rings: int, width: Decimal, depth: Decimal, pattern: PatternType, inlay: str
) -> RosetteParamSpec:
    return RosetteParamSpec(
        inner_diameter_mm=asked.target_inner_diameter_mm,
        outer_diameter_mm=asked.target_outer_diameter_mm,
        channel_depth_mm=depth,
        ring_params=tuple(
            RingParam(ring_index=place, width_mm=width, pattern_type=pattern, material_id=inlay)
            for place in range(rings)
        ),
    )
