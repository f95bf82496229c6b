"""What each material looks like in a drawing: a fixed table, so that the same spec is the same picture for ever.

The colours are chosen by eye for finished (lacquered) material, to be told apart on a spruce ground; they are a picture
of the design, not a measurement. Changing one changes the bytes of drawings: raise compiler.COMPILER_VERSION with it.
"""

from __future__ import annotations

import re

from contracts.canonical import sha256_hex

GROUND = "#efd6a4"
"""The soundboard around the rosette: spruce under lacquer."""
GRAIN = "#e2c48b"
LINE = "#3b2a1d"
REFERENCE_LINE = "#8a7355"
CUT = "#c39d64"
"""A shape that names no material: routed wood without an inlay."""

_BY_ID: dict[str, tuple[str, ...]] = {
    "abalone": ("#4f9389", "#6c88ad", "#7fae90", "#9d88a8", "#3f8299"),
    "paua": ("#2f7f92", "#4f64a0", "#3f9a82", "#775a99", "#256a8a"),
    "mother_of_pearl": ("#f3efe9", "#e6eff0", "#f4e6ec", "#e9f1e3", "#ece8f4"),
    "mop": ("#f3efe9", "#e6eff0", "#f4e6ec", "#e9f1e3", "#ece8f4"),
    "pearl": ("#f3efe9", "#e6eff0", "#f4e6ec", "#e9f1e3", "#ece8f4"),
    "cedar_spanish": ("#b5714a",),
    "ebony_macassar": ("#2f221b",),
    "rosewood_brazilian": ("#53261a",),
    "fiber_black": ("#1b1a1a",),
    "fibre_black": ("#1b1a1a",),
}
"""Several colours: the pieces of one ring shimmer through them."""

_BY_WORD: dict[str, str] = {
    "abs": "#efe9da",
    "acrylic": "#dfe6e8",
    "alder": "#cf9d6c",
    "aluminium": "#c4c9cd",
    "aluminum": "#c4c9cd",
    "ash": "#eadcbc",
    "basswood": "#f1e2c2",
    "beech": "#dcb48a",
    "birch": "#f0dcb6",
    "blackwood": "#7a4b2a",
    "bloodwood": "#8f2a20",
    "bocote": "#8f6a3a",
    "bone": "#f4ecd9",
    "boxwood": "#e3bf62",
    "brass": "#cfa83f",
    "bubinga": "#93452f",
    "cedar": "#b97a4f",
    "celluloid": "#f0e6cc",
    "cherry": "#b56a41",
    "cocobolo": "#8c3b20",
    "copper": "#b8683f",
    "cypress": "#dcbb85",
    "douglas": "#d9a873",
    "ebony": "#1d1917",
    "gold": "#d9b24a",
    "holly": "#f7f2e4",
    "iroko": "#a87a3f",
    "ivory": "#f5eedb",
    "jatoba": "#9a4b2c",
    "koa": "#b0703a",
    "mahogany": "#95502f",
    "maple": "#f7ead0",
    "oak": "#c99f69",
    "ovangkol": "#7d5b34",
    "padauk": "#b23a22",
    "pau": "#4f3226",
    "pear": "#d39c7c",
    "pine": "#f2d9a2",
    "poplar": "#d5cd9c",
    "purpleheart": "#6f2f55",
    "redwood": "#9c4f37",
    "rosewood": "#5c2f22",
    "sapele": "#8a4a2d",
    "silver": "#cfd3d6",
    "spruce": "#f0dcae",
    "stone": "#9fb3ad",
    "teak": "#a9783f",
    "tulipwood": "#d98f6f",
    "turquoise": "#3fa7a0",
    "walnut": "#6a452d",
    "wenge": "#3d2a20",
    "willow": "#e2cfa6",
    "yew": "#cf8a4a",
    "zebrawood": "#b98c50",
    "ziricote": "#45352a",
}

_DYES: dict[str, str] = {
    "black": "#1b1a1a",
    "blue": "#2f5c96",
    "brown": "#5f3f2a",
    "cream": "#f3e6c8",
    "gray": "#8b8d90",
    "green": "#2f6f4a",
    "grey": "#8b8d90",
    "orange": "#c9752b",
    "purple": "#5b3a78",
    "red": "#9c2a2a",
    "white": "#f8f5ec",
    "yellow": "#dcb63a",
}
_DYED = frozenset({"abs", "acrylic", "celluloid", "dyed", "fiber", "fibre", "plastic", "resin", "stained", "veneer"})
_NEUTRALS = ("#a58f74", "#8f8577", "#b39c82", "#9a8a80", "#857a6a", "#b0a08f", "#93806a", "#a8988a")


def tints_of(material: str | None) -> tuple[str, ...]:
    """The fill colours of a material (`#rrggbb`), at least one; several are taken in turn, piece by piece.

    An id that is not in the table is read word by word ("maple_hard" is maple); what stays unknown gets a neutral
    brown that depends only on the id, so that two unknown materials can usually be told apart.
    """
    if material is None:
        return (CUT,)
    if material in _BY_ID:
        return _BY_ID[material]
    words = re.split(r"[_.:-]", material)
    named = next((word for word in words if word in _BY_WORD), None)
    dye = next((word for word in words if word in _DYES), None)
    if dye is not None and (named is None or _DYED.intersection(words)):
        return (_DYES[dye],)
    if named is not None:
        return (_BY_WORD[named],)
    return (_NEUTRALS[int(sha256_hex(material.encode())[:8], 16) % len(_NEUTRALS)],)
