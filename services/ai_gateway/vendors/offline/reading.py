"""What a prompt asks for, read from its words: counts, sizes, styles, materials, symmetry, and what it refuses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from services.ai_gateway.vendors.offline.sizes import Sizes, read_sizes
from services.ai_gateway.vendors.offline.vocabulary import (
    MATERIALS,
    NOT_INLAY,
    NOUNS,
    SIDES,
    STOP_WORDS,
    STYLES,
    TENS,
    UNITS,
    Kind,
)

LENGTH_UNIT = r"(?:mm|millimet|cm|centimet|in\b|inch|\"|″|”|%|deg|°)"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked. `counts` are pieces of a kind round the ring, `rows` how many bands of a kind."""

    counts: Mapping[Kind, int] = field(default_factory=dict)
    rows: Mapping[Kind, int] = field(default_factory=dict)
    mentioned: tuple[Kind, ...] = ()
    excluded: frozenset[str] = frozenset()
    """Kinds, styles and material ids that must not appear."""
    styles: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    materials_of: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    only_these_materials: bool = False
    symmetry: int | None = None
    sides: int | None = None
    sizes: Sizes = field(default_factory=Sizes)


def read_wishes(prose: str) -> Wishes:
    text = _digits(_plain(prose))
    sizes, text = read_sizes(text)
    text, excluded = _without_negations(text)
    symmetry, text = _symmetry(text)
    sides, text = _sides(text)
    rows, rest = _rows(text)
    counts = _counts(rest)
    mentioned = _mentioned(text)
    general, bound = _materials(text)
    return Wishes(
        counts=counts,
        rows=rows,
        mentioned=tuple(kind for kind in mentioned if kind not in excluded),
        excluded=excluded,
        styles=tuple(style for style in _styles(text) if style not in excluded),
        materials=tuple(m for m in general if m not in excluded),
        materials_of={kind: tuple(m for m in found if m not in excluded) for kind, found in bound.items()},
        only_these_materials=bool(re.search(r"\b(?:only|entirely|solely|all|nothing but)\b", text)),
        symmetry=symmetry,
        sides=sides,
        sizes=sizes,
    )


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).lower()
    return re.sub(
        r"[\s_]+", " ", folded.replace("\N{MULTIPLICATION SIGN}", "x").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )


@cache
def _number_words() -> re.Pattern[str]:
    units, tens = "|".join(sorted(UNITS, key=len, reverse=True)), "|".join(TENS)
    return re.compile(rf"\b(?:(?P<ten>{tens})(?:[\s-](?P<digit>{'|'.join(UNITS[1:10])}))?|(?P<unit>{units}))\b")


def _digits(text: str) -> str:
    """Number words as digits: "two dozen" is 24, "thirty-six" is 36, "double" before a noun is 2."""

    def value(match: re.Match[str]) -> str:
        if match["unit"]:
            return str(UNITS.index(match["unit"]))
        return str(TENS[match["ten"]] + (UNITS.index(match["digit"]) if match["digit"] else 0))

    text = _number_words().sub(value, text)
    text = re.sub(r"\bhalf a dozen\b", "6", text)
    text = re.sub(r"\b(\d{1,2}|a) dozens?\b", lambda m: str(12 * (1 if m[1] == "a" else int(m[1]))), text)
    text = re.sub(r"\bdozen\b", "12", text)
    text = re.sub(r"\b(?:a )?(?:pair of|double)\b", "2", text)
    return re.sub(r"\b(?:triple|trio of)\b", "3", text)


_NEGATION = re.compile(r"\b(?:no|without|avoid(?:ing)?|never|omit|skip|except)\b([^.,;:!?\d]{1,60})")
_NEGATION_ENDS = re.compile(r"\b(?:but|with|just|only|instead)\b")


def _without_negations(text: str) -> tuple[str, frozenset[str]]:
    """The text without what is refused in it ("no dots or rope"), and what that was."""
    refused: set[str] = set()

    def drop(match: re.Match[str]) -> str:
        clause = _NEGATION_ENDS.split(match[1])[0]
        for table in (NOUNS, STYLES, tuple((name, word) for word, name in MATERIALS)):
            for a, b in table:
                name, words = (b, a) if table is STYLES else (a, b)
                if re.search(rf"\b(?:{words})\b", clause):
                    refused.add(name)
        return " " + match[1][len(clause) :]

    return _NEGATION.sub(drop, text), frozenset(refused)


def _symmetry(text: str) -> tuple[int | None, str]:
    pattern = re.compile(r"\b(\d{1,2})[\s-]*(?:fold|way)\b(?: (?:rotational |radial )?symmetr\w+)?")
    found = [int(m[1]) for m in pattern.finditer(text) if 2 <= int(m[1]) <= 64]
    return (found[0] if found else None), pattern.sub(" ", text)


def _sides(text: str) -> tuple[int | None, str]:
    pattern = re.compile(r"\b(\d{1,2})[\s-]*(?:sided|sides|corners?|cornered)\b")
    counted = [int(m[1]) for m in pattern.finditer(text) if 3 <= int(m[1]) <= 64]
    named = [sides for words, sides in SIDES if re.search(rf"\b(?:{words})\b", text)]
    return next(iter(counted + named), None), pattern.sub(" ", text)


@cache
def _noun(kind: Kind) -> str:
    return dict(NOUNS)[kind]


def _rows(text: str) -> tuple[dict[Kind, int], str]:
    """Bands of a kind: "3 rings of herringbone", "two rope rings"; and the text without those phrases."""
    rows: dict[Kind, int] = {}
    band = r"(?:rows?|rings?|bands?|tiers?|layers?|courses?|borders?)"
    for kind, _ in NOUNS:
        if kind == "ring":
            continue
        words = _noun(kind)
        for pattern in (
            rf"\b(\d{{1,2}}) (?:[a-z]+ )?{band} of (?:[a-z]+[ -]){{0,3}}?(?:{words})\b",
            rf"\b(\d{{1,2}})[ -](?:[a-z]+ ){{0,2}}?(?:{words})[ -]{band}\b",
        ):
            match = re.search(pattern, text)
            if match and 1 <= int(match[1]) <= 9:
                rows[kind] = int(match[1])
                text = text[: match.start()] + " " + text[match.end() :]
        if kind in {"rope", "herringbone"} and kind not in rows:
            match = re.search(rf"\b(\d)[ -](?:[a-z]+ )?(?:{words})\b", text)
            if match and int(match[1]) >= 1:
                rows[kind] = int(match[1])
    return rows, text


def _counts(text: str) -> dict[Kind, int]:
    counts: dict[Kind, int] = {}
    for kind, words in NOUNS:
        ahead = rf"(?<![\d.,/])(\d{{1,4}})(?! ?{LENGTH_UNIT})[ x-]*((?:[a-z'&]+,?[ -]+){{0,5}}?)(?:{words})\b"
        linked = r"(?: count| number)?\b ?(?:[:=x]|is|are|should be)? ?"
        behind = rf"\b(?:{words}){linked}(\d{{1,4}})\b(?![.,]?\d| ?{LENGTH_UNIT})"
        for match in re.finditer(ahead, text):
            if not _crosses(match[2]):
                counts[kind] = int(match[1])
                break
        else:
            reverse = re.search(behind, text)
            if reverse and not re.match(r"[ -]*(?:[a-z]+ )?(?:" + "|".join(w for _, w in NOUNS) + r")\b",
                                        text[reverse.end() :]):  # fmt: skip
                counts[kind] = int(reverse[1])
    bands = {"herringbone", "rope"}  # a small number of these means bands, which `rows` holds
    return {kind: count for kind, count in counts.items() if count >= (12 if kind in bands else 1)}


def _crosses(between: str) -> bool:
    """Whether the words between a number and a noun show that they do not belong together."""
    between = re.sub("|".join(rf"\b(?:{words})\b" for words, _ in MATERIALS), " ", between)  # "mother of pearl" links
    words = re.findall(r"[a-z']+", between)
    if any(word in STOP_WORDS for word in words):
        return True
    return any(re.search(rf"\b(?:{noun})\b", between) for _, noun in NOUNS)


def _mentioned(text: str) -> tuple[Kind, ...]:
    places = [(match.start(), kind) for kind, words in NOUNS if (match := re.search(rf"\b(?:{words})\b", text))]
    return tuple(kind for _, kind in sorted(places))


def _styles(text: str) -> Iterator[str]:
    """Styles in the order in which the text names them; materials first taken out ("rosewood" is no rose)."""
    for words, _ in MATERIALS:
        text = re.sub(rf"\b(?:{words})\b", lambda m: " " * len(m[0]), text)
    places = [(match.start(), style) for words, style in STYLES if (match := re.search(rf"\b(?:{words})\b", text))]
    for _, style in sorted(places):
        yield style


def _materials(text: str) -> tuple[tuple[str, ...], dict[Kind, tuple[str, ...]]]:
    """Materials for the whole rosette, and those that the text gives to one kind ("petals of abalone")."""
    general: list[str] = []
    bound: dict[Kind, list[str]] = {}
    for start, end, material in _material_mentions(text):
        if re.match(rf"[ -](?:{NOT_INLAY})\b", text[end:]):
            continue
        kind = _owner(text[max(0, start - 60) : start], text[end : end + 60])
        target = general if kind is None else bound.setdefault(kind, [])
        if material not in target:
            target.append(material)
    return tuple(general), {kind: tuple(found) for kind, found in bound.items()}


def _material_mentions(text: str) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for words, material in MATERIALS:

        def take(match: re.Match[str], material: str = material) -> str:
            found.append((match.start(), match.end(), material))
            return " " * len(match[0])

        text = re.sub(rf"\b(?:{words})\b", take, text)
    return sorted(found)


@cache
def _material_words() -> str:
    return "|".join(words for words, _ in MATERIALS)


def _owner(before: str, after: str) -> Kind | None:
    """The kind a material belongs to: the noun right after it, else the noun before "of", "in" or "from", else the
    noun at the end of the list of materials that it begins."""
    chain = rf"(?: (?:and |& )?(?:{_material_words()})\b)"
    given = r"\b(?:{noun}) (?:made |cut |alternating )?(?:of|in|from|out of|using|are) (?:[a-z]+ ){{0,2}}"
    tests = (
        (after, r"^[ -](?:[a-z]+ )?(?:{noun})\b"),
        (
            before,
            given + rf"{chain}{{{{0,3}}}}(?: ?(?:and|&) )?$",
        ),
        (after, rf"^(?:,?{chain}){{{{1,4}}}}[ -](?:[a-z]+ )?(?:{{noun}})\b"),
    )
    for text, pattern in tests:
        for kind, words in NOUNS:
            if re.search(pattern.format(noun=words), text):
                return kind
    return None
