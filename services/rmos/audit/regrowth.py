"""The signed tree, grown again from the log, and the ways in which it can be another one than was signed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.domain.checkpoint import Checkpoint
from services.rmos.domain.leaf import leaf_of
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
    while edge.size < size:
        wanted = min(_LEAVES_AT_ONCE, size - edge.size)
        if edge.size < whole:
            leaves = await records.leaves_after(edge.size, min(wanted, whole - edge.size))
            found = [(position, leaf, b"") for position, leaf in leaves]
        else:
            rows = await records.rows_after(edge.size, wanted)
            found = [(row.position, row.leaf, entry_of_row(row)) for row in rows]
        if not found:
            raise TreeDisagrees(f"{size} events were signed for, the log ends at {edge.size}: {INSPECT}")
        for position, leaf, entry in found:
            tiles = extend(edge, position, leaf, entry or None)
            completed += tiles if edge.size > whole else []
            for which, checkpoint in known:
                if edge.size == checkpoint.size and edge.root != checkpoint.root:
                    raise NotContinued(
                        f"the log does not give the root of the {which} of {edge.size} events: {INSPECT}"
                    )
        await asyncio.sleep(0)
    return edge, completed


def extend(edge: TileEdge, position: int, leaf: bytes, entry: bytes | None) -> list[tuple[Tile, bytes]]:
    """Appends one event. Raises TreeDisagrees when it is not the next, or not what its leaf hash says."""
    if position != edge.size + 1:
        raise TreeDisagrees(f"position {edge.size + 1} is missing from the log: {INSPECT}")
    if entry is not None and leaf_of(entry) != leaf:
        raise TreeDisagrees(f"the event at position {position} is not what its leaf hash was made of: {INSPECT}")
    return edge.append(leaf, entry or b"")
