"""What each controller accepts, as tables for the reader.

GRBL 1.1: gnea/grbl bfb67f0, gcode.c and config.h. LinuxCNC: rs274ngc. Codes the controllers know but this reader does
not judge (arcs by radius, canned cycles, other planes, G91, G92, coordinate rotation) are refused as well: what is not
understood is not passed.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.cam import Post

MODAL_GROUPS: dict[str, str] = {
    "G0": "motion", "G1": "motion", "G2": "motion", "G3": "motion", "G80": "motion",
    "G17": "plane", "G20": "units", "G21": "units", "G90": "distance", "G94": "feed mode",
    "G91.1": "arc distance", "G40": "compensation", "G43": "length", "G49": "length", "G54": "coordinates",
    "G61": "path", "G64": "path", "G4": "dwell",
    "M3": "spindle", "M5": "spindle", "M0": "stop", "M2": "stop", "M30": "stop", "M6": "tool",
    "M8": "coolant", "M9": "coolant",
}  # fmt: skip
"""Code -> modal group; two codes of one group in a line are refused by both controllers."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`line_limit` counts the whole line; the controllers' own limits are laxer."""

    codes: frozenset[str]
    words: frozenset[str]
    forbidden_characters: frozenset[str]
    ends: frozenset[str]
    line_limit: int
    needs_tool_change: bool


_BOTH = frozenset(MODAL_GROUPS) - {"G43", "G61", "G64", "M6"}

DIALECTS: dict[Post, Dialect] = {
    "grbl": Dialect(
        codes=_BOTH,
        words=frozenset("GMXYZIJFSPTN"),
        forbidden_characters=frozenset("!?~\x18%"),
        ends=frozenset({"M2", "M30"}),
        line_limit=70,
        needs_tool_change=False,
    ),
    "linuxcnc": Dialect(
        codes=_BOTH | {"G43", "G61", "G64", "M6"},
        words=frozenset("GMXYZIJFSPTN"),
        forbidden_characters=frozenset("%"),
        ends=frozenset({"M2", "M30"}),
        line_limit=70,
        needs_tool_change=True,
    ),
}
