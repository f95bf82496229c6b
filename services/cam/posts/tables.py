"""What differs between controllers, as data.

GRBL 1.1 (gnea/grbl, gcode.c): no M6, G41-G43, G64, G90.1, M7, `%`; no tool change, so the cutter is named in a comment
and fitted before the start. LinuxCNC (rs274ngc): tool change with its length offset, G64 with a path tolerance, M2.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.cam import Post


@dataclass(frozen=True, slots=True)
class PostTable:
    """Lines are templates over {tool}, {rpm}. `version` changes whenever the same toolpath would give other bytes."""

    version: str
    modes: tuple[str, ...]
    tool_change: tuple[str, ...]
    spindle_on: tuple[str, ...]
    end: tuple[str, ...]


SPINDLE_SECONDS = 3
"""Dwell for the spindle to come up to speed; both controllers read P as seconds."""

_SPINDLE_ON = ("S{rpm} M3", f"G4 P{SPINDLE_SECONDS}")

TABLES: dict[Post, PostTable] = {
    "grbl": PostTable(
        version="grbl-1.1/2",
        modes=("G17 G21 G40 G49 G54 G80 G90 G94",),
        tool_change=(),
        spindle_on=_SPINDLE_ON,
        end=("M5", "M30"),
    ),
    "linuxcnc": PostTable(
        version="linuxcnc-2.9/2",
        modes=("G17 G21 G40 G49 G54 G80 G90 G91.1 G94", "G64 P0.002"),
        tool_change=("T{tool} M6", "G43"),
        spindle_on=_SPINDLE_ON,
        end=("M5", "M2"),
    ),
}
