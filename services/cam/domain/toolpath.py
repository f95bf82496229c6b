"""The toolpath before any controller's language: cutter-centre moves on a grid of 0.1 µm.

Moves are stored in whole ticks (0.1 µm), the resolution G-code is written with, so that what is hashed, what is
posted and what is simulated are the same numbers. Frame: the part's, Z 0 on top of the stock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from pydantic import JsonValue

from contracts.canonical import digest_of

TICKS_PER_MM = 10_000
FORMAT = "rmos.toolpath.v1"

Purpose = Literal["approach", "entry", "rough", "finish", "link", "retract"]
"""Decides the feed: entries at the ramp feed, approach and retract (vertical, in air) at the Z feed, the rest full."""


def ticks(mm: float) -> int:
    return round(mm * TICKS_PER_MM)


@dataclass(frozen=True, slots=True)
class Rapid:
    """Straight to (x, y, z) at the machine's rapid rate; only ever above the stock."""

    x: int
    y: int
    z: int


@dataclass(frozen=True, slots=True)
class Feed:
    """Straight to (x, y, z) at a feed."""

    x: int
    y: int
    z: int
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Swing:
    """Along an arc (a helix when Z changes) about (cx, cy) to (x, y, z); equal XY ends mean one full turn."""

    x: int
    y: int
    z: int
    cx: int
    cy: int
    ccw: bool
    purpose: Purpose


Move = Rapid | Feed | Swing


@dataclass(frozen=True, slots=True)
class Operation:
    """One pocket: all its levels and its finishing pass. `features` names the shapes and pieces it cuts."""

    name: str
    features: tuple[str, ...]
    top_mm: float
    levels_mm: tuple[float, ...]
    rough_passes: int
    finish_passes: int
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Toolpath:
    """All operations in cutting order, one cutter. Starts and ends above the origin at `safe_z` ticks."""

    operations: tuple[Operation, ...]
    safe_z: int

    @property
    def sha256(self) -> str:
        """Digest of the canonical form: the same path, whatever post writes it."""
        return digest_of(self.canonical())

    def canonical(self) -> dict[str, JsonValue]:
        """JSON without floats: every coordinate a whole number of ticks."""
        return {
            "format": FORMAT,
            "ticks_per_mm": TICKS_PER_MM,
            "safe_z": self.safe_z,
            "operations": [
                {"name": operation.name, "moves": [_row(move) for move in operation.moves]}
                for operation in self.operations
            ],
        }


def _row(move: Move) -> list[JsonValue]:
    match move:
        case Rapid():
            return ["rapid", move.x, move.y, move.z]
        case Feed():
            return [move.purpose, move.x, move.y, move.z]
        case Swing():
            return [move.purpose, move.x, move.y, move.z, move.cx, move.cy, "ccw" if move.ccw else "cw"]
        case _:
            assert_never(move)
