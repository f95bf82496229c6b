"""From wishes to bands and woods: a style's recipe, changed until it has all that was asked and nothing refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.ai_gateway.vendors.offline.dice import Dice
from services.ai_gateway.vendors.offline.reading import Wishes
from services.ai_gateway.vendors.offline.recipes import (
    ASKED,
    NATURAL,
    PREFERRED_WIDTH_MM,
    RECIPES,
    Band,
    Recipe,
    line,
)
from services.ai_gateway.vendors.offline.vocabulary import Kind

COUNT_LIMITS: dict[Kind, tuple[int, int]] = {
    "petals": (3, 64), "tiles": (2, 720), "windows": (2, 120), "herringbone": (2, 720), "rope": (2, 720),
    "dots": (2, 720), "polygon": (3, 64), "arcs": (1, 40), "ring": (1, 12),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Composition:
    style: str
    bands: tuple[Band, ...]
    palette: tuple[str, ...]
    bound: dict[Kind, tuple[str, ...]]
    """Materials that the prompt gave to one kind."""

    def materials_of(self, band: Band) -> tuple[str, ...]:
        """The band's materials: those bound to its kind, else from the palette, alternating where pieces do."""
        if self.bound.get(band.kind):
            return self.bound[band.kind]
        first = self.palette[band.tone % len(self.palette)]
        match band.kind:
            case "herringbone" | "rope":
                return (first, self._contrast(band.tone))
            case "tiles":
                others = tuple(m for m in self.palette if m != first)
                return (first, *others)[:4]
            case "petals" | "windows" | "polygon" | "dots" | "arcs" | "ring":
                return (first, self._contrast(band.tone)) if band.kind in {"petals", "polygon"} else (first,)

    def _contrast(self, tone: int) -> str:
        """The palette's next different material, or the same where it has only one."""
        first = self.palette[tone % len(self.palette)]
        others = [m for m in self.palette if m != first]
        return others[0] if others else first


def composition_of(wishes: Wishes, allowed: Sequence[str], dice: Dice) -> Composition:
    """`allowed` materials, where the caller names any, are the only ones used."""
    style = _style(wishes, dice)
    recipe = dice.pick(RECIPES[style])
    order = recipe.bands if dice.below(2) else recipe.bands[::-1]
    bands = _with_asked(_jittered(order, dice), wishes)
    bands = [band for band in bands if band.kind not in wishes.excluded]
    bands = _with_rings(bands, wishes)
    if not bands:
        bands = [replace(line(), keep=ASKED)]
    palette, bound = _palette(recipe, wishes, allowed)
    return Composition(style, tuple(_numbered(bands, wishes)), palette, bound)


def _style(wishes: Wishes, dice: Dice) -> str:
    """The first style named; else one that suits what was asked; else one drawn from prompt and seed."""
    if wishes.styles:
        return wishes.styles[0]
    for kind in _asked(wishes):
        fitting = [style for style in NATURAL[kind] if style not in wishes.excluded]
        if fitting and (kind != "ring" or len(_asked(wishes)) == 1):
            return dice.pick(fitting)
    return dice.pick([style for style in RECIPES if style not in wishes.excluded] or ["minimalist"])


def _asked(wishes: Wishes) -> tuple[Kind, ...]:
    """Every kind that the prompt wants to see, in its order, each once."""
    polygon: tuple[Kind, ...] = ("polygon",) if wishes.sides else ()
    counted: tuple[Kind, ...] = ("ring",) if "ring" in wishes.counts else ()
    named = tuple(kind for kind in wishes.mentioned if kind != "ring")
    return tuple(dict.fromkeys((*polygon, *named, *wishes.rows, *wishes.counts, *counted)))


def _jittered(bands: Sequence[Band], dice: Dice) -> list[Band]:
    """Widths and densities vary a little from seed to seed."""
    return [
        replace(
            band,
            width_mm=band.width_mm * dice.between(88, 115) / 100,
            density=band.density * dice.between(85, 115) / 100,
        )
        for band in bands
    ]


def _with_asked(bands: list[Band], wishes: Wishes) -> list[Band]:
    for kind in _asked(wishes):
        if kind != "ring" and kind not in wishes.excluded:
            bands = _with_kind(bands, kind, wishes)
    secondary = [] if wishes.styles[:1] == ("minimalist",) else list(wishes.styles[1:])
    for style in secondary[:2]:
        main = max(RECIPES[style][0].bands, key=lambda band: band.keep)
        if main.kind != "ring" and all(band.kind != main.kind for band in bands):
            bands = _inserted(bands, replace(main, width_mm=PREFERRED_WIDTH_MM[main.kind], keep=6))
    return bands


def _with_kind(bands: list[Band], kind: Kind, wishes: Wishes) -> list[Band]:
    """Exactly as many bands of this kind as were asked: the recipe's widest one where it has any, repeated."""
    have = [band for band in bands if band.kind == kind]
    counted, rows = kind in wishes.counts or kind == "polygon", wishes.rows.get(kind)
    if have and not counted and rows is None:
        return [replace(band, keep=ASKED) if band is max(have, key=_weight) else band for band in bands]
    model = max(have, key=_weight) if have else Band(kind, PREFERRED_WIDTH_MM[kind], tone=1 if len(bands) < 4 else 2)
    copies = [replace(model, keep=ASKED, lean=(-1) ** row, phase=model.phase + row % 2) for row in range(rows or 1)]
    if kind == "petals":
        copies = [replace(copy, phase=0.5 * (row % 2)) for row, copy in enumerate(copies)]
    if not have:
        for copy in reversed(copies):
            bands = _inserted(bands, copy)
        return bands
    out: list[Band] = []
    for band in bands:
        if band is model:
            out.extend(copies)
        elif band.kind != kind:
            out.append(band)
    return out


def _weight(band: Band) -> tuple[int, float]:
    return band.keep, band.width_mm


def _inserted(bands: list[Band], band: Band) -> list[Band]:
    """Before the outermost line, so that lines keep framing the rosette."""
    place = len(bands) - 1 if bands and bands[-1].kind == "ring" else len(bands)
    return [*bands[:place], band, *bands[place:]]


def _with_rings(bands: list[Band], wishes: Wishes) -> list[Band]:
    """Exactly the asked number of plain rings: outside, inside, then between the other bands."""
    asked = wishes.counts.get("ring")
    if asked is None or "ring" in wishes.excluded:
        return bands
    asked = max(1, min(COUNT_LIMITS["ring"][1], asked))
    motifs = [band for band in bands if band.kind != "ring"]
    widths = sorted((band.width_mm for band in bands if band.kind == "ring"), reverse=True)
    slots = [len(motifs), 0, *range(1, len(motifs))] if motifs else [0]
    filled = [slots[number % len(slots)] for number in range(asked)]
    rings = [replace(line(widths[n] if n < len(widths) else 1.3), keep=ASKED) for n in range(asked)]
    out: list[Band] = []
    for slot in range(len(motifs) + 1):
        out.extend(ring for ring, where in zip(rings, filled, strict=True) if where == slot)
        out.extend(motifs[slot : slot + 1])
    return out


def _numbered(bands: Sequence[Band], wishes: Wishes) -> list[Band]:
    """The asked counts, within what a spec allows; each count goes to every band of its kind."""
    counts: dict[Kind, int] = dict(wishes.counts)
    if wishes.sides:
        counts["polygon"] = wishes.sides
    out = []
    for band in bands:
        count = counts.get(band.kind) if band.kind != "ring" else None
        if band.kind == "polygon" and count is None:
            count = wishes.symmetry if wishes.symmetry and wishes.symmetry >= 5 else 8
        least, most = COUNT_LIMITS[band.kind]
        out.append(band if count is None else replace(band, count=max(least, min(most, count))))
    return out


def _palette(
    recipe: Recipe, wishes: Wishes, allowed: Sequence[str]
) -> tuple[tuple[str, ...], dict[Kind, tuple[str, ...]]]:
    """The prompt's materials first, then the style's; with a list of allowed ones, those alone."""
    bound = dict(wishes.materials_of)
    if allowed:
        bound = {kind: kept for kind, found in bound.items() if (kept := tuple(m for m in found if m in allowed))}
        named = tuple(m for m in wishes.materials if m in allowed)
        return tuple(dict.fromkeys((*named, *allowed))), bound
    own = tuple(m for m in recipe.palette if m not in wishes.excluded) or recipe.palette
    if not wishes.materials:
        return own, bound
    if wishes.only_these_materials or len(wishes.materials) >= 2:
        return wishes.materials, bound
    return tuple(dict.fromkeys((own[0], *wishes.materials, *own[2:]))), bound
