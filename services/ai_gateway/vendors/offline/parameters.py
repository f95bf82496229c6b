"""The offline designer of rosette parameters: limits, feedback and a seed in; bands that keep the limits out.

Without feedback it drafts in the asked style. With feedback it changes the best design so far where the named
calculation is held back, so that a search with it gets better from attempt to attempt. Lengths in steps of 0.05 mm.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from contracts.canonical import canonical_bytes, sha256_hex
from services.ai_gateway.vendors.offline.constraints import MATERIAL_ID, split_json
from services.ai_gateway.vendors.offline.dice import Dice
from services.ai_gateway.vendors.offline.reading import read_wishes
from services.ai_gateway.vendors.offline.recipes import RECIPES
from services.ai_gateway.vendors.offline.vocabulary import Kind

STEP_MM = 0.05
USUAL_DEPTH_MM = 1.5
FRESH_IN = 5
"""One attempt in so many begins anew instead of mending: the best so far may be a dead end."""
Ring = dict[str, Any]

PATTERN_OF: dict[Kind, str] = {
    "ring": "solid", "petals": "petals", "tiles": "tile", "windows": "tile", "herringbone": "herringbone",
    "rope": "rope", "dots": "dots", "polygon": "tile", "arcs": "solid",
}  # fmt: skip
ALONE = frozenset({"petals", "dots"})
"""Patterns whose pieces are pockets of their own; the others share a channel with what they touch."""
NARROW = frozenset({"feature_size", "reachable_area", "geometry_validity"})
WALLS = frozenset({"wall_thickness"})
PIECES = frozenset({"inlay_fragility"})
DEPTH = frozenset(
    {"depth_in_stock", "flute_and_stickout", "cutting_force", "tool_deflection", "spindle_power", "speeds_and_feeds"}
)
AREA = frozenset({"cycle_time"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The limits as the prompt states them, mm. `least` and `most` are widths of one ring."""

    inner: float
    outer: float
    room: float
    rings: tuple[int, int]
    least: float
    most: float
    depth: float | None
    stock: float | None
    tool: float
    materials: tuple[str, ...]
    style: str

    @property
    def channel(self) -> float:
        """A pocket this wide lets the cutter finish each wall on its own."""
        return 1.25 * self.tool


def design_parameters(prompt: str, system_prompt: str | None, seed: int | None) -> dict[str, Any]:
    """The parameters for these limits as JSON values. Never fails: limits that contradict each other give a design
    that breaks one of them, which its judge says."""
    _, objects = split_json(prompt)
    said: dict[str, Any] = {}
    for found in objects:
        said.update(found)
    asked = _asked(said)
    dice = Dice(bytes.fromhex(sha256_hex(canonical_bytes([_printable(prompt), _printable(system_prompt), seed]))))
    best = said.get("feedback")
    rings, depth = _mended(best, asked, dice) if isinstance(best, dict) else (_draft(asked, dice), _depth(asked, dice))
    return {
        "inner_diameter_mm": asked.inner,
        "outer_diameter_mm": asked.outer,
        "ring_params": [{"ring_index": place, **ring} for place, ring in enumerate(_within(rings, asked))],
        "channel_depth_mm": depth,
    }


def _asked(said: dict[str, Any]) -> Asked:
    inner = _number(said, "inner_diameter_mm", 100.0)
    outer = max(_number(said, "outer_diameter_mm", inner + 20.0), inner + 1.0)
    band = (outer - inner) / 2
    room = min(band, _number(said, "room_mm", band))
    fewest = max(1, int(_number(said, "min_rings", 1)))
    least = _number(said, "min_ring_width_mm", min(0.6, room / fewest))
    materials = said.get("materials")
    named = tuple(m for m in materials if isinstance(m, str) and MATERIAL_ID.match(m)) if materials else ()
    return Asked(
        inner=inner,
        outer=outer,
        room=room,
        rings=(fewest, max(fewest, int(_number(said, "max_rings", 12)))),
        least=least,
        most=max(least, min(room, _number(said, "max_ring_width_mm", room))),
        depth=_number(said, "channel_depth_mm", 0.0) or None,
        stock=_number(said, "stock_thickness_mm", 0.0) or None,
        tool=_number(said, "tool_diameter_mm", 1.0),
        materials=named,
        style=str(said.get("style") or ""),
    )


def _number(said: dict[str, Any], name: str, otherwise: float) -> float:
    value = said.get(name)
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    return float(value) if good else otherwise  # type: ignore[arg-type]  # checked in the line before


def _printable(text: str | None) -> str:
    return (text or "").encode("utf-8", "replace").decode()


# --- the first draft: a recipe of the style, cut to the limits


def _draft(asked: Asked, dice: Dice) -> list[Ring]:
    wishes = read_wishes(asked.style)
    style = wishes.styles[0] if wishes.styles else dice.pick(tuple(RECIPES))
    recipe = dice.pick(RECIPES[style])
    kinds = tuple(PATTERN_OF[kind] for kind in wishes.mentioned)
    palette = asked.materials or wishes.materials or recipe.palette
    rings = [
        _ring(PATTERN_OF[band.kind], band.width_mm * dice.between(80, 125) / 100, palette, band.tone)
        for band in recipe.bands
    ]
    for kind in kinds:
        if all(ring["pattern_type"] != kind for ring in rings):
            rings[len(rings) // 2] = {**rings[len(rings) // 2], "pattern_type": kind}
    return _counted(rings, asked, dice, palette)


def _ring(pattern: str, width: float, palette: tuple[str, ...], tone: int) -> Ring:
    first = palette[tone % len(palette)]
    second = palette[(tone + 1) % len(palette)]
    two = pattern in {"tile", "herringbone", "rope", "hatch"}
    return {
        "width_mm": width,
        "pattern_type": pattern,
        "tile_length_mm": None,
        "material_id": first,
        "alternate_material_id": second if two and second != first else None,
    }


def _counted(rings: list[Ring], asked: Asked, dice: Dice, palette: tuple[str, ...]) -> list[Ring]:
    """As many rings as asked and as have room: the last ones go, lines are added outside."""
    fewest, most = asked.rings
    rings = rings[: max(fewest, min(most, math.floor(asked.room / asked.least + 1e-9)))]
    while len(rings) < fewest:
        rings.append(_ring("solid", max(asked.least, 1.2), palette, dice.below(3)))
    return rings


def _depth(asked: Asked, dice: Dice) -> float:
    """The stated depth, else a usual one that leaves a floor where the stock's thickness is known."""
    if asked.depth is not None:
        return asked.depth
    usual = USUAL_DEPTH_MM + dice.between(-4, 4) * STEP_MM
    return _steps(usual if asked.stock is None else max(0.3, min(usual, asked.stock - 1.0)))


# --- mending: what the feedback names is changed, the rest is kept


def _mended(feedback: dict[str, Any], asked: Asked, dice: Dice) -> tuple[list[Ring], float]:
    best = feedback.get("design")
    if not isinstance(best, dict) or not best.get("ring_params") or dice.below(FRESH_IN) == 0:
        return _draft(asked, dice), _depth(asked, dice)
    rings = [
        _ring_said(ring) for ring in best["ring_params"] if isinstance(ring, dict) and _number(ring, "width_mm", 0) > 0
    ]
    depth = asked.depth or _number(best, "channel_depth_mm", USUAL_DEPTH_MM)
    said = feedback.get("limited_by")
    problem: dict[str, Any] = said if isinstance(said, dict) else {}
    calculator, places = str(problem.get("calculator", "")), _places(str(problem.get("summary", "")), len(rings))
    if calculator in DEPTH and asked.depth is None:
        depth = _steps(max(0.3, depth * dice.between(60, 90) / 100))
    elif calculator in WALLS | NARROW:
        rings = _with_room(rings, places, asked, dice)
    elif calculator in PIECES:
        rings = _sturdier(rings, places, asked, dice)
    elif calculator in AREA:
        rings = _smaller(rings, asked, dice)
    else:
        rings = _varied(rings, dice)
    return _counted(rings or _draft(asked, dice), asked, dice, asked.materials or ("ebony_african",)), depth


def _places(summary: str, rings: int) -> list[int]:
    """The rings that a finding names: its shapes[0] is the soundhole's edge, shapes[1] the first ring."""
    named = (int(number) - 1 for number in re.findall(r"shapes\[(\d{1,3})\]", summary))
    return [place for place in dict.fromkeys(named) if 0 <= place < rings]


def _ring_said(ring: Ring) -> Ring:
    names = ("width_mm", "pattern_type", "tile_length_mm", "material_id", "alternate_material_id")
    return {name: ring.get(name) for name in names}


def _with_room(rings: list[Ring], places: list[int], asked: Asked, dice: Dice) -> list[Ring]:
    """What is too narrow, or too near to its neighbour, gets room: it is widened, or what stands alone there becomes
    a part of one channel. Where all is one channel already, the channel gets wider, by one more ring if need be."""
    alone = [place for place, ring in enumerate(rings) if ring["pattern_type"] in ALONE]
    if not alone:
        wider = [{**ring, "width_mm": ring["width_mm"] * dice.between(115, 160) / 100} for ring in rings]
        return wider if len(rings) >= asked.rings[1] or dice.below(2) else [*wider, dict(wider[-1])]
    ring, wide = rings[dice.pick(alone)], 3 * asked.tool
    if wide <= asked.most and ring["width_mm"] < wide and dice.below(3) == 0:
        wider_one = {**ring, "width_mm": wide, "tile_length_mm": round(wide * dice.between(130, 200) / 100, 2)}
        return [wider_one if kept is ring else kept for kept in rings]
    near = [place for place in alone if any(abs(place - named) <= 1 for named in places)] or alone
    # one step may cure nothing while another pocket is as narrow, so that half of the attempts take all at once
    joining = alone if dice.below(2) else [dice.pick(near)]
    pattern = dice.pick(("tile", "solid", "rope", "herringbone"))
    joined = {"pattern_type": pattern, "tile_length_mm": None}
    return [{**kept, **joined} if place in joining else kept for place, kept in enumerate(rings)]


def _sturdier(rings: list[Ring], places: list[int], asked: Asked, dice: Dice) -> list[Ring]:
    """The ring with the fragile pieces gets wider, or its pieces longer, or it becomes one piece."""
    place = dice.pick(places) if places else min(range(len(rings)), key=lambda at: rings[at]["width_mm"])
    ring = rings[place]
    match dice.below(3):
        case 0:
            mended = {**ring, "width_mm": min(asked.most, ring["width_mm"] * 1.6)}
        case 1:
            mended = {**ring, "tile_length_mm": round(2.0 * max(1.0, ring["width_mm"]), 2)}
        case _:
            mended = {**ring, "pattern_type": "solid", "tile_length_mm": None, "alternate_material_id": None}
    return [mended if other == place else kept for other, kept in enumerate(rings)]


def _smaller(rings: list[Ring], asked: Asked, dice: Dice) -> list[Ring]:
    """Less to clear: narrower rings, and one ring less where that is allowed."""
    kept = rings[:-1] if len(rings) > asked.rings[0] and dice.below(2) else rings
    return [{**ring, "width_mm": ring["width_mm"] * dice.between(60, 85) / 100} for ring in kept]


def _varied(rings: list[Ring], dice: Dice) -> list[Ring]:
    """Another one like it: for what does not depend on the design, or where nothing is left to mend."""
    return [{**ring, "width_mm": ring["width_mm"] * dice.between(85, 118) / 100} for ring in rings]


# --- the limits, kept whatever was drafted or mended


def _within(rings: list[Ring], asked: Asked) -> list[Ring]:
    """Widths within their limits and together within the room; a channel is at least as wide as the cutter wants
    where the room allows it."""
    widths = [min(asked.most, max(asked.least, float(ring["width_mm"]))) for ring in rings]
    channel = min(asked.channel, asked.room)
    if sum(widths) < channel:
        widths = _filled(widths, channel, asked.most)
    surplus = sum(widths) - asked.room
    if surplus > 0:
        give = sum(width - asked.least for width in widths)
        share = min(1.0, surplus / give) if give > 0 else 0.0
        widths = [width - share * (width - asked.least) for width in widths]
    return [{**ring, "width_mm": _down(width, asked.least)} for ring, width in zip(rings, widths, strict=True)]


def _filled(widths: list[float], wanted: float, most: float) -> list[float]:
    grow = wanted / sum(widths)
    return [min(most, width * grow) for width in widths]


def _steps(value: float) -> float:
    return round(round(value / STEP_MM) * STEP_MM, 3)


def _down(width: float, least: float) -> float:
    """In whole steps, downwards so that the sum keeps within the room; a limit between two steps is taken exactly."""
    return max(round(math.floor(width / STEP_MM + 1e-9) * STEP_MM, 3), round(least, 6))
