"""The signed tree, grown again from the log, and the ways in which it can be another one than was signed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count, repeat
from typing import Protocol

from services.rmos.audit.rows import LogRow
from services.rmos.domain.checkpoint import Checkpoint
from services.rmos.domain.leaf import LEAF, POSITION, StoredRow, leaf_of_prefixed, prefixed_entries
from services.rmos.domain.tiles import Tile, TileEdge

INSPECT = "run `rmos audit verify`, which names every place"
_LEAVES_AT_ONCE = 2_000


class TreeDisagrees(Exception):
    """Log, recorded checkpoints and published ones contradict each other: a person must decide which is right."""


class NotContinued(TreeDisagrees):
    """The log does not go on from what was marked or published. A person may accept that
    (services.rmos.audit.acceptance) as long as the log agrees with the checkpoints on record in the same database."""


class Leaves(Protocol):
    """The log as services.rmos.audit.records.AuditRecords reads it."""

    async def rows_after(self, position: int, limit: int) -> list[LogRow]: ...
    async def leaves_after(self, position: int, limit: int) -> Sequence[tuple[int, bytes]]: ...


async def regrown(
    records: Leaves, size: int, known: Sequence[tuple[str, Checkpoint]], whole: int
) -> tuple[TileEdge, list[tuple[Tile, bytes]]]:
    """The edge at this size, from the log, with the roots of all that is known; and the full tiles beyond the first
    `whole` events: the tiles of those are public, so their entries are not read again."""
    edge = TileEdge()
    completed: list[tuple[Tile, bytes]] = []
    stops = sorted({size, whole, *(checkpoint.size for _, checkpoint in known)})
    while edge.size < size:
        wanted = min(_LEAVES_AT_ONCE, next(stop for stop in stops if stop > edge.size) - edge.size)
        found: Sequence[tuple[int, bytes]] | Sequence[LogRow]
        if edge.size < whole:
            found = await records.leaves_after(edge.size, wanted)
            _extended_by_leaves(edge, found)
        else:
            found = await records.rows_after(edge.size, wanted)
            completed += extended(edge, found)
        if not found:
            raise TreeDisagrees(f"{size} events were signed for, the log ends at {edge.size}: {INSPECT}")
        for which, checkpoint in known:
            if edge.size == checkpoint.size and edge.root != checkpoint.root:
                raise NotContinued(f"the log does not give the root of the {which} of {edge.size} events: {INSPECT}")
        await asyncio.sleep(0)
    return edge, completed


def extended(
    edge: TileEdge, rows: Sequence[StoredRow], prefixed: Sequence[bytes] | None = None
) -> list[tuple[Tile, bytes]]:
    """Appends these events; the tiles that they complete. `prefixed`: what this process made their leaf hashes of when
    it wrote them; without it that is made again. Raises TreeDisagrees when they are not the next ones, or one is not
    what its leaf hash says."""
    _check_next(edge, [row[POSITION] for row in rows])
    if prefixed is None:
        prefixed = _held_to_leaves(rows)
    return edge.extend([row[LEAF] for row in rows], (entry[1:] for entry in prefixed))


def _held_to_leaves(rows: Sequence[StoredRow]) -> list[bytes]:
    """What their leaf hashes are made of. Raises TreeDisagrees when one is of something else."""
    prefixed = list(prefixed_entries(rows))
    for row, entry in zip(rows, prefixed, strict=True):
        if leaf_of_prefixed(entry) != row[LEAF]:
            what = f"the event at position {row[POSITION]} is not what its leaf hash was made of"
            raise TreeDisagrees(f"{what}: {INSPECT}")
    return prefixed


def _extended_by_leaves(edge: TileEdge, leaves: Sequence[tuple[int, bytes]]) -> None:
    _check_next(edge, [position for position, _ in leaves])
    edge.extend([leaf for _, leaf in leaves], repeat(b""))


def _check_next(edge: TileEdge, positions: Sequence[int]) -> None:
    for position, next_ in zip(positions, count(edge.size + 1), strict=False):
        if position != next_:
            raise TreeDisagrees(f"position {next_} is missing from the log: {INSPECT}")
