"""The offline rosette designer: a prompt, limits and a seed in; a spec v1 out. A pure function of its arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from contracts.canonical import canonical_bytes, sha256_hex
from services.ai_gateway.vendors.offline.composition import Composition, composition_of
from services.ai_gateway.vendors.offline.constraints import Limits, limits_of, split_json
from services.ai_gateway.vendors.offline.dice import Dice
from services.ai_gateway.vendors.offline.layout import Placed, Room, needed_um, place, strongest, wanted_um
from services.ai_gateway.vendors.offline.reading import Wishes, read_wishes
from services.ai_gateway.vendors.offline.recipes import ASKED, Band
from services.ai_gateway.vendors.offline.shapes import Making, Shape, number, reference_circle, shapes_of, tile_count

DESIGNER_VERSION = "offline-designer-1"
DEFAULT_DEPTH_MM = 1.5
USUAL_HOLE_UM = (80_000, 105_000)
USUAL_OUTER_UM = 130_000
"""Diameters of soundhole and rosette on guitars, micrometres."""
MAX_SHAPES = 200
MARGIN_MM = 10
"""The canvas is this much wider than the rosette."""


@dataclass(frozen=True, slots=True)
class Design:
    """`spec` as JSON values; `title` says in a few words what was drawn."""

    spec: dict[str, Any]
    title: str


def design(prompt: str, system_prompt: str | None, seed: int | None) -> Design:
    """The rosette for these words. Never fails: what is not understood or has no room is left out and named in meta."""
    prose, objects = split_json(prompt)
    limits = limits_of([*split_json(system_prompt or "")[1], *objects])
    wishes = _limited(read_wishes(" ".join([prose, *limits.style_hints])), limits)
    request = {"prompt": prompt, "system": system_prompt, "seed": seed, "designer": DESIGNER_VERSION}
    dice = Dice(_key(request))
    composition = composition_of(wishes, limits.materials, dice)
    bands, surplus = strongest(composition.bands, max(1, (limits.max_shapes or MAX_SHAPES) - 1))
    room = _room(wishes, limits, bands, dice)
    placed, dropped = place(bands, room)
    placed = placed or _at_least_one(room)
    claimed = {*wishes.excluded, *wishes.counts, *wishes.mentioned}
    making = Making(
        depth_mm=limits.depth_mm or wishes.sizes.depth_mm or DEFAULT_DEPTH_MM,
        web_mm=room.web_um / 1000,
        channel_mm=room.channel_um / 1000,
        feature_mm=limits.min_feature_mm or 0.0,
        symmetry=wishes.symmetry or dice.pick((4, 4, 6, 8)),
        turn_deg=0.0,
        dots_free="dots" not in claimed,
        panels_free=not ({"tiles", "windows"} & claimed),
    )
    placed = _aligned(placed, composition, making)
    drawn = [list(shapes_of(one, composition.materials_of(one.band), making, dice)) for one in placed]
    shapes = _few_enough(drawn, limits.max_shapes or MAX_SHAPES, room)
    return _finished(shapes, room, composition, [*surplus, *dropped])


def _key(request: dict[str, Any]) -> bytes:
    printable = {
        name: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for name, v in request.items()
    }
    return bytes.fromhex(sha256_hex(canonical_bytes(printable)))


def _limited(wishes: Wishes, limits: Limits) -> Wishes:
    """The limits' sizes instead of the text's; a stated size that contradicts a limit gives way."""
    outer = limits.outer_mm or wishes.sizes.outer_mm
    hole = limits.inner_mm or wishes.sizes.hole_mm
    if outer and hole and hole >= outer:
        outer, hole = (outer, None) if limits.outer_mm else (None, hole)
    return replace(wishes, sizes=replace(wishes.sizes, outer_mm=outer, hole_mm=hole))


def _room(wishes: Wishes, limits: Limits, bands: Sequence[Band], dice: Dice) -> Room:
    """Radii of soundhole and rosette: the stated ones exactly, the others from the bands and what guitars have."""
    feature = limits.min_feature_mm or 0.0
    web, channel = round(1000 * min(10.0, max(1.0, feature))), round(1000 * max(1.2, feature))
    stated_outer = None if wishes.sizes.outer_mm is None else round(wishes.sizes.outer_mm * 500)
    stated_hole = None if wishes.sizes.hole_mm is None else round(wishes.sizes.hole_mm * 500)
    guess = Room(0, stated_outer or USUAL_OUTER_UM // 2, web, channel)
    least = needed_um(bands, guess)
    wanted = max(least, wanted_um(bands, guess) * dice.between(90, 112) // 100)
    if stated_outer is None:
        usual = (USUAL_OUTER_UM - 2 * (stated_hole or USUAL_HOLE_UM[0] // 2)) // 2
        wanted = max(least, min(wanted, max(usual, 8000)))
    if wishes.sizes.band_mm is not None:
        wanted = round(wishes.sizes.band_mm * 1000) + web  # the band itself, and the wood before it
    if stated_outer is not None and stated_hole is not None:
        return replace(guess, inner_um=stated_hole)
    if stated_outer is not None:
        return replace(guess, inner_um=_hole_for(stated_outer, wanted, least))
    if stated_hole is None:
        most = max(USUAL_HOLE_UM[0], min(USUAL_HOLE_UM[1], USUAL_OUTER_UM - 2 * wanted))
        stated_hole = dice.between(USUAL_HOLE_UM[0] // 1000, most // 1000) * 500
    outer = min(500_000, math.ceil((stated_hole + wanted) / 250) * 250)
    return replace(guess, inner_um=min(stated_hole, outer - 1), outer_um=outer)


def _hole_for(outer_um: int, wanted_um_: int, least_um: int) -> int:
    """A guitar's soundhole where the outer diameter is a guitar's; smaller only if the bands need the room."""
    usual = USUAL_HOLE_UM[0] // 2
    hole = outer_um - wanted_um_
    if outer_um - usual >= 5000:
        hole = min(max(hole, usual), outer_um - 3000)
    hole = min(hole, outer_um - min(least_um, round(outer_um * 0.65)))
    return max(hole, round(outer_um * 0.35), 0) // 10 * 10


def _at_least_one(room: Room) -> list[Placed]:
    """Where no band fits, one line as wide as the room leaves: stated sizes are kept, cutting it is judged later."""
    width = room.width_um
    inner = room.inner_um + width // 3 if width >= 3 else max(0, room.outer_um - 1)
    return [Placed(Band("ring", width / 1000), inner, room.outer_um)]


def _aligned(placed: list[Placed], composition: Composition, making: Making) -> list[Placed]:
    """Rows of tiles get one count, so that their columns line up into a pattern."""
    rows = [one for one in placed if one.band.kind == "tiles" and one.band.count is None]
    if len(rows) < 2:
        return placed
    middle = rows[len(rows) // 2]
    count = min(720, tile_count(middle, len(composition.materials_of(middle.band)), making))
    return [replace(one, band=replace(one.band, count=count)) if one in rows else one for one in placed]


def _few_enough(bands: list[list[Shape]], most: int, room: Room) -> list[Shape]:
    """At most `most` shapes: fillings and all but one arc of a track go first, then the reference line."""
    edge = [reference_circle(room.inner_um / 1000)] if room.inner_um > 0 else []
    shapes = [shape for band in bands for shape in band]
    if len(edge) + len(shapes) > most:
        shapes = [band[0] for band in bands]
    return shapes if len(edge) + len(shapes) > most else edge + shapes


def _finished(shapes: list[Shape], room: Room, composition: Composition, dropped: Sequence[Band]) -> Design:
    outer, hole = room.outer_um / 500, room.inner_um / 500
    title = (
        f"{composition.style.replace('_', ' ').capitalize()} rosette, {number(outer)} mm, soundhole {number(hole)} mm"
    )
    meta = {"title": title, "style": composition.style, "designer": DESIGNER_VERSION}
    missed = [band.kind for band in dropped if band.keep >= ASKED]
    if missed:
        meta["left_out"] = "no room for: " + ", ".join(missed)
    spec = {
        "version": "v1",
        "canvas_mm": number(min(1000.0, math.ceil(outer) + MARGIN_MM)),
        "stroke_mm": 0.2,
        "fill_mode": "solid",
        "shapes": shapes,
        "meta": meta,
    }
    return Design(spec, title)
