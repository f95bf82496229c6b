"""Tiles against the examples of C2SP tlog-tiles, and read back by the separate verifier."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from services.rmos.domain.leaf import leaf_of
from services.rmos.domain.merkle import HashTree, subtree_root
from services.rmos.domain.tiles import (
    ENTRIES,
    Tile,
    TileEdge,
    bundle_of,
    entries_in,
    hashes_in,
    tile_at,
    tile_of_node,
    tiles_of,
)
from tests.independent_verifier import tlog

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors/tlog_tiles.json").read_text())


@pytest.mark.parametrize(("index", "path"), VECTORS["index_paths"].items())
def test_indices_are_spelled_as_published(index: str, path: str) -> None:
    tile = Tile(0, int(index))
    assert (tile.path, tile_at(f"tile/0/{path}")) == (f"tile/0/{path}", tile)
    assert tlog.tile_path("0", int(index), 256) == tile.path
    assert tile_at(f"tile/entries/{path}.p/7") == Tile(ENTRIES, int(index), 7)


@pytest.mark.parametrize("size", [70_000, 256])
def test_a_tree_has_the_tiles_of_the_published_example(size: int) -> None:
    wanted, tiles = VECTORS[f"size_{size}"], list(tiles_of(size, bundles=False))
    assert Counter(str(tile.level) for tile in tiles if not tile.is_partial) == wanted["full"]
    assert {str(tile.level): tile.width for tile in tiles if tile.is_partial} == wanted["partial"]


@pytest.mark.parametrize(
    ("tile", "first"),
    [
        (Tile(ENTRIES, 3), 3 * 256),
        (Tile(0, 3), 3 * 256),
        (Tile(1, 3), 3 * 256**2),
        (Tile(2, 1, 5), 256**3),
        (Tile(2, 0), 0),
    ],
)
def test_a_tile_begins_at_the_first_leaf_below_it(tile: Tile, first: int) -> None:
    assert tile.first_leaf == first


@pytest.mark.parametrize(
    "path",
    [
        *("tile/0/1", "tile/00/001", "tile/64/001", "tile/-1/001", "tile/0/123/456", "tile/0/x000/001", "tile/0/x123"),
        *("tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/../checkpoint", "tile/0/001/", "0/001"),
        *("tile/0/001.p/", "tile/data/001", "tile/0/\u0660\u0660\u0661", "tile/0/001\n"),
    ],
)
def test_other_spellings_are_no_tile(path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        tile_at(path)


def test_tiles_grown_leaf_by_leaf_are_a_log_that_the_separate_verifier_reads() -> None:
    files: dict[str, bytes] = {}
    edge, tree = TileEdge(), HashTree()
    entries = [b"entry %d" % number for number in range(256 * 3 + 5)]
    for number, entry in enumerate(entries):
        files |= {tile.path: content for tile, content in edge.extend([leaf_of(entry)], [entry])}
        tree.extend(leaf_of(entry))
        if number % 97 == 0:
            assert edge.root == tree.root()
    files |= {tile.path: content for tile, content in edge.partial()}
    assert set(files) == {tile.path for tile in tiles_of(len(entries))}
    assert edge.root == tree.root()
    leaves = [leaf_of(entry) for entry in entries]
    assert tlog.mth(leaves) == edge.root
    for tile in tiles_of(len(entries), bundles=False):
        for level in range(8):
            for index in range(0, len(entries) >> (8 * tile.level + level), 17):
                found, start, end = tile_of_node(8 * tile.level + level, index, len(entries))
                hashes = hashes_in(files[found.path], start, end)
                assert subtree_root(hashes) == tree.node(8 * tile.level + level, index)


def test_an_edge_at_exactly_a_full_tile_has_nothing_partial_below_it() -> None:
    edge = TileEdge()
    for _ in range(256):
        done = edge.extend([bytes(32)], [b"e"])
    assert [tile for tile, _ in done] == [Tile(ENTRIES, 0), Tile(0, 0)]
    assert [tile for tile, _ in edge.partial()] == [Tile(1, 0, 1)]


def test_a_leaf_without_its_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="each leaf has an entry"):
        TileEdge().extend([bytes(32)] * 3, [b"e"] * 2)


def test_bundles_hold_entries_up_to_65535_bytes() -> None:
    entries = [b"", b"a", b"x" * 65_535]
    assert entries_in(bundle_of(entries)) == entries
    with pytest.raises(ValueError, match="65535"):
        bundle_of([b"x" * 65_536])
    with pytest.raises(ValueError, match="within an entry"):
        entries_in(bundle_of(entries)[:-1])
