"""Lengths in a prompt and what they are for: soundhole, outer diameter, band width, depth."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.ai_gateway.vendors.offline.vocabulary import ROLES

MM_PER_INCH = 25.4
_LENGTH = re.compile(
    r"(?<![\d.,/])(\d{1,4}(?:[.,]\d{1,4})?)(?: (\d{1,2})/(\d{1,2}))?[ -]?"
    r"(mm|millimet\w+|cm|centimet\w+|inch(?:es)?|in\b(?! (?:a|an|the)\b)|\"|″|”)"
)
_BARE = re.compile(
    r"\b(sound ?-?hole|inner|outer|outside|diameter|across|od)\b(?: (?:diameter|dia|edge|of|is|about|around|approx))*"
    r"[ :=.]*(\d{2,3}(?:\.\d{1,3})?)\b(?! ?(?:fold|-|x|[a-z]))"
)
_RANGE = re.compile(r"(?:between|from) (\d{2,3}(?:\.\d+)?) ?(?:mm)? ?(?:and|to|[-\u2013]) ?(\d{2,3}(?:\.\d+)?) ?mm")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Diameters and lengths in mm that the text states; None where it does not."""

    hole_mm: float | None = None
    outer_mm: float | None = None
    band_mm: float | None = None
    depth_mm: float | None = None


def read_sizes(text: str) -> tuple[Sizes, str]:
    """The sizes, and the text without the lengths (so that no length is read as a count)."""
    stated: dict[str, float] = {}
    loose: list[float] = []
    for found in _RANGE.finditer(text):
        stated.update(hole=float(found[1]), outer=float(found[2]))
    text = _RANGE.sub(" ", text)
    matches = list(_LENGTH.finditer(text))
    for number, match in enumerate(matches):
        after = text[match.end() : matches[number + 1].start() if number + 1 < len(matches) else None]
        before = text[matches[number - 1].end() if number else 0 : match.start()]
        role, doubled = _role(before, after)
        value = _millimetres(match) * (2 if doubled else 1)
        if role is None and value >= 20:
            loose.append(value)
        elif role is not None:
            stated.setdefault(role, value)
    text = _LENGTH.sub(" length ", text)
    for bare in _BARE.finditer(text):
        stated.setdefault("hole" if bare[1][:5] in {"sound", "inner"} else "outer", float(bare[2]))
    return _sizes(stated, sorted(loose)), _BARE.sub(" length ", text)


def _millimetres(match: re.Match[str]) -> float:
    value = float(match[1].replace(",", "."))
    if match[2] and int(match[3]):
        value += int(match[2]) / int(match[3])
    unit = match[4]
    if unit.startswith("c"):
        return value * 10
    return value if unit.startswith("m") else value * MM_PER_INCH


def _role(before: str, after: str) -> tuple[str | None, bool]:
    """What a length is for, and whether it is a radius. The nearest words decide, those after it first."""
    following = re.split(r"[,.;:()]| and | with | for a | for an | on ", after)[0].strip()
    near = " ".join(following.split()[:3])
    leading = re.split(r"[,.;:()]| and | with ", before)[-1].split()[-5:]
    doubled = "radius" in near or "radius" in leading
    for words in (near, " ".join(leading)):
        places = [
            (match.start(), role) for role, pattern in ROLES if (match := re.search(rf"\b(?:{pattern})\b", words))
        ]
        if not places:
            continue
        roles = [role for _, role in sorted(places)]
        # "inner diameter" names the hole, "band width" the band: the general words give way
        return next((role for role in roles if role != "outer"), "outer"), doubled
    return ("other" if re.match(r"(?:petals?|tiles?|dots?|lines?|rings?)\b", near) else None), doubled


def _sizes(stated: dict[str, float], loose: list[float]) -> Sizes:
    """Lengths without a stated role: the larger of two is the outer diameter, a single one too."""
    if loose and "outer" not in stated:
        stated["outer"] = loose.pop()
    if loose and "hole" not in stated:
        stated["hole"] = loose[0]
    outer, hole = _within(stated.get("outer"), 1, 1000), _within(stated.get("hole"), 1, 990)
    if outer and hole and hole > outer:
        outer, hole = hole, outer
    return Sizes(hole, outer, _within(stated.get("band"), 1, 100), _within(stated.get("depth"), 0.2, 5))


def _within(value: float | None, least: float, most: float) -> float | None:
    return value if value is not None and least <= value <= most else None
