"""The tree as static files, after C2SP tlog-tiles: tiles of 256 hashes, bundles of 256 entries, and their paths.

Tile N at level L holds the hashes of the complete subtrees (8 * L, 256 * N) onwards. The rightmost tile of a level is
*partial*: it has 1 to 255 hashes and the suffix `.p/<width>`. A bundle is the level-0 tile's entries, each behind its
length as a big-endian uint16. Paths here are below the log's prefix, where the signed checkpoint lies as `checkpoint`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from services.rmos.domain.merkle import HASH_BYTES, parents_of, subtree_root

CHECKPOINT_PATH = "checkpoint"
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_ENTRY_BYTES = 0xFFFF
ENTRIES = -1
"""The level that stands for entry bundles."""
_LEVEL = r"entries|0|[1-9]|[1-5]\d|6[0-3]"
_PATH = re.compile(rf"tile/({_LEVEL})/((?:x\d{{3}}/)*\d{{3}})(?:\.p/([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile or bundle by its coordinates; `width` 256 is a full one."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = f".p/{self.width}" if self.is_partial else ""
        return f"tile/{level}/{_index_path(self.index)}{partial}"

    @property
    def is_partial(self) -> bool:
        return self.width < TILE_WIDTH

    @property
    def full(self) -> Tile:
        return Tile(self.level, self.index)

    @property
    def first_leaf(self) -> int:
        """The index of the first leaf below it."""
        return self.index * TILE_WIDTH << TILE_HEIGHT * max(self.level, 0)

    @property
    def partials_prefix(self) -> str:
        """Below it lie all partial tiles of this place."""
        return f"{self.full.path}.p/"


def tile_at(path: str) -> Tile:
    """The tile of a path below the log's prefix. Raises ValueError for any other spelling."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise ValueError(f"{path} is no path of a tile")
    level, index, width = found.groups()
    tile = Tile(
        ENTRIES if level == "entries" else int(level),
        int(index.replace("/", "").replace("x", "")),
        int(width) if width else TILE_WIDTH,
    )
    if tile.path != path:  # more leading groups than the index needs
        raise ValueError(f"{path} is no path of a tile")
    return tile


def tiles_of(size: int, *, bundles: bool = True) -> Iterator[Tile]:
    """Every tile that a tree of this size consists of, level by level; the bundles first."""
    level = 0
    while hashes := size >> TILE_HEIGHT * level:
        for index in range(-(-hashes // TILE_WIDTH)):
            width = min(TILE_WIDTH, hashes - index * TILE_WIDTH)
            if level == 0 and bundles:
                yield Tile(ENTRIES, index, width)
            yield Tile(level, index, width)
        level += 1


def tile_of_node(level: int, index: int, size: int) -> tuple[Tile, int, int]:
    """The tile that a complete subtree's hash comes from in a tree of this size, and the slice of its hashes that lie
    below that subtree (their `subtree_root` is the hash)."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    first = index << height
    place = first // TILE_WIDTH
    width = min(TILE_WIDTH, (size >> TILE_HEIGHT * tile_level) - place * TILE_WIDTH)
    start = first - place * TILE_WIDTH
    return Tile(tile_level, place, width), start, start + (1 << height)


def hashes_in(tile: bytes, start: int = 0, end: int = TILE_WIDTH) -> list[bytes]:
    return [
        tile[at : at + HASH_BYTES] for at in range(start * HASH_BYTES, min(end * HASH_BYTES, len(tile)), HASH_BYTES)
    ]


def bundle_of(entries: Iterable[bytes]) -> bytes:
    """Raises ValueError for an entry beyond 65,535 bytes."""
    try:
        return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)
    except struct.error as error:
        raise ValueError(f"a log entry holds at most {MAX_ENTRY_BYTES} bytes") from error


def entries_in(bundle: bytes) -> list[bytes]:
    """Raises ValueError when the bundle ends within an entry."""
    found, at = [], 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        entry = bundle[at + 2 : at + 2 + length]
        if at + 2 > len(bundle) or len(entry) < length:
            raise ValueError("the bundle ends within an entry")
        found.append(entry)
        at += 2 + length
    return found


class TileEdge:
    """The growing right edge of the tiles: gives each tile as it becomes full, and the partial ones that remain."""

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = [[]]
        """By level, the hashes of the tile that is not full yet."""
        self._entries: list[bytes] = []

    def extend(self, leaves: Sequence[bytes], entries: Iterable[bytes]) -> list[tuple[Tile, bytes]]:
        """Appends leaf hashes with their entries; the tiles that they complete, with their content: the bundle and a
        tile or more for every 256th. Raises ValueError when there are fewer entries than leaves."""
        found: list[tuple[Tile, bytes]] = []
        coming, at = iter(entries), 0
        while at < len(leaves):
            some = leaves[at : at + TILE_WIDTH - len(self._rows[0])]
            self._rows[0] += some
            self._entries += islice(coming, len(some))
            if len(self._entries) != len(self._rows[0]):
                raise ValueError("each leaf has an entry")
            self.size += len(some)
            at += len(some)
            if len(self._rows[0]) == TILE_WIDTH:
                found += self._completed()
        return found

    @property
    def root(self) -> bytes:
        tail: list[bytes] = []
        for row in self._rows:
            if hashes := [*row, *tail]:
                tail = [subtree_root(hashes)]
        return subtree_root(tail)

    def partial(self) -> list[tuple[Tile, bytes]]:
        """The tiles that are not full, with their content; none where a level ends with a full one."""
        found = []
        for level, row in enumerate(self._rows):
            if row:
                tile = Tile(level, (self.size >> TILE_HEIGHT * level) // TILE_WIDTH, len(row))
                if level == 0:
                    found.append((Tile(ENTRIES, tile.index, tile.width), bundle_of(self._entries)))
                found.append((tile, b"".join(row)))
        return found

    def _completed(self) -> list[tuple[Tile, bytes]]:
        """The level-0 tile and its bundle, which are full now, and each tile above that became full with it."""
        found = [(Tile(ENTRIES, self.size // TILE_WIDTH - 1), bundle_of(self._entries))]
        self._entries = []
        level = 0
        while len(self._rows[level]) == TILE_WIDTH:
            hashes = b"".join(self._rows[level])
            found.append((Tile(level, (self.size >> TILE_HEIGHT * (level + 1)) - 1), hashes))
            while len(hashes) > HASH_BYTES:
                hashes = parents_of(hashes)
            self._rows[level] = []
            level += 1
            if level == len(self._rows):
                self._rows.append([])
            self._rows[level].append(hashes)
        return found


def _index_path(index: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))
