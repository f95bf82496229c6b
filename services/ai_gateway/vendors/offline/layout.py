"""Bands get their radii: outer edge exact, wood between every two of them, the least important dropped first.

Lengths are whole micrometres here, so that no rounding eats a web.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from services.ai_gateway.vendors.offline.recipes import Band
from services.ai_gateway.vendors.offline.vocabulary import Kind

LEAST_UM: dict[Kind, int] = {
    "ring": 1200, "petals": 4000, "tiles": 1600, "windows": 2000, "herringbone": 2400, "rope": 1600, "dots": 1800,
    "polygon": 1600, "arcs": 1200,
}  # fmt: skip
"""Narrowest bands that a 1 mm cutter clears and an eye reads; a polygon needs its corners' rise on top."""

BAND_PER_PIECE: dict[Kind, float] = {"petals": 1.75, "herringbone": 2.0}
"""How much wider than its pieces a band is: petals are 0.6 of their length wide, herringbone has two rows."""

MOST_UM: dict[Kind, int] = {
    "ring": 3000, "petals": 18000, "tiles": 6000, "windows": 12000, "herringbone": 9000, "rope": 6000, "dots": 6000,
    "polygon": 4500, "arcs": 5000,
}  # fmt: skip

SPARE = 5
CROWDED_SHARE = 0.75
"""Bands with `keep` up to SPARE are left out while less than this share of the preferred widths is there."""

SNAP_UM = 10
"""Widths are multiples of this, so that drawings carry two decimals."""


@dataclass(frozen=True, slots=True)
class Room:
    """Between the soundhole's edge and the outer edge. `web_um` of wood stays between pockets and before the first."""

    inner_um: int
    outer_um: int
    web_um: int
    channel_um: int

    @property
    def width_um(self) -> int:
        return self.outer_um - self.inner_um


@dataclass(frozen=True, slots=True)
class Placed:
    band: Band
    inner_um: int
    outer_um: int


def strongest(bands: Sequence[Band], most: int) -> tuple[list[Band], list[Band]]:
    """At most this many bands, and those left out: the least important first, the innermost of equals last."""
    kept, dropped = list(bands), []
    while len(kept) > most:
        dropped.append(kept.pop(_weakest(kept)))
    return kept, dropped


def _weakest(bands: Sequence[Band]) -> int:
    return min(range(len(bands)), key=lambda index: (bands[index].keep, -index))


def place(bands: Sequence[Band], room: Room) -> tuple[list[Placed], list[Band]]:
    """The bands that fit, from the soundhole outward, and those that were left out. Empty when not even one fits."""
    kept, dropped = list(bands), []
    while kept and (needed_um(kept, room) > room.width_um or _crowded(kept, room)):
        dropped.append(kept.pop(_weakest(kept)))
    widths = _widths(kept, room)
    placed: list[Placed] = []
    edge = room.outer_um
    for band, width in zip(reversed(kept), reversed(widths), strict=True):
        placed.append(Placed(band, edge - width, edge))
        edge -= width + room.web_um
    placed.reverse()
    return placed, dropped


def _crowded(bands: Sequence[Band], room: Room) -> bool:
    """Whether unimportant bands take so much room that the main ones would shrink out of sight."""
    spare = any(band.keep <= SPARE for band in bands)
    return spare and len(bands) > 2 and wanted_um(bands, room) * CROWDED_SHARE > room.width_um


def needed_um(bands: Sequence[Band], room: Room) -> int:
    """The narrowest room for these bands: their least widths and a web before each."""
    return sum(_least(band, room) + room.web_um for band in bands)


def wanted_um(bands: Sequence[Band], room: Room) -> int:
    """The room in which every band has its preferred width."""
    return sum(max(round(band.width_mm * 1000), _least(band, room)) + room.web_um for band in bands)


def _least(band: Band, room: Room) -> int:
    return max(LEAST_UM[band.kind], round(room.channel_um * BAND_PER_PIECE.get(band.kind, 1.0))) + _rise(band, room)


def _rise(band: Band, room: Room) -> int:
    """How far a polygon's sides fall inside its corners."""
    if band.kind != "polygon":
        return 0
    return math.ceil(room.outer_um * (1 - math.cos(math.pi / (band.count or 8))))


def _widths(bands: Sequence[Band], room: Room) -> list[int]:
    """Preferred widths scaled to fill the room within each band's limits; what nobody can take stays wood inside."""
    target = room.width_um - room.web_um * len(bands)

    def scaled(factor: float) -> list[int]:
        return [_clipped(band, factor, room) for band in bands]

    low, high = 0.0, 1.0
    while sum(scaled(high)) < target and high < 64:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(scaled(middle)) <= target else (low, middle)
    return scaled(low)


def _clipped(band: Band, factor: float, room: Room) -> int:
    least = _least(band, room)
    most = max(least, MOST_UM[band.kind] + _rise(band, room))
    width = min(most, max(least, int(band.width_mm * 1000 * factor)))
    return max(least, width - width % SNAP_UM)
