"""Inclusion proofs from the public tiles under one signed checkpoint, checked as they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.rmos.audit.records import RecordedCheckpoint
from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.audit.tree_check import tile_from
from services.rmos.domain.checkpoint import Checkpoint, NotACheckpoint, VerifierKey, opened
from services.rmos.domain.leaf import leaf_of
from services.rmos.domain.merkle import Range, folded, includes, inclusion_ranges, nodes_of, subtree_root
from services.rmos.domain.tiles import Tile, hashes_in, tile_of_node


class NotProven(Exception):
    """What is stored does not prove that an event is the one that was signed; the message says what is wrong."""


class SignedTree:
    """The tree of a checkpoint that a trusted key signed. `read`: a public object by its path, None when missing."""

    def __init__(
        self, recorded: RecordedCheckpoint, keys: Sequence[VerifierKey], read: Callable[[str], bytes | None]
    ) -> None:
        """Raises NotProven when none of the keys signed it."""
        self.note = recorded.note
        self.key, self.checkpoint = _signed_by(recorded, keys)
        self._read = read
        self._tiles: dict[Tile, bytes] = {}

    def proof_of(self, row: LogRow) -> list[bytes]:
        """The hashes that lead from the row's leaf to the signed root. Raises NotProven."""
        index, size = row.position - 1, self.checkpoint.size
        hashes = [self._hash(leaves) for leaves in inclusion_ranges(index, size)]
        if not includes(leaf_of(entry_of_row(row)), index, size, hashes, self.checkpoint.root):
            raise NotProven(f"event {row.position} is not in the tree that was signed: run `rmos audit verify`")
        return hashes

    def _hash(self, leaves: Range) -> bytes:
        return folded([self._node(level, index) for level, index in nodes_of(leaves)])

    def _node(self, level: int, index: int) -> bytes:
        tile, start, end = tile_of_node(level, index, self.checkpoint.size)
        if tile not in self._tiles:
            content = tile_from(tile, self._read)
            if content is None:
                raise NotProven(f"the object store lacks {tile.path}: run `rmos audit verify`")
            self._tiles[tile] = content
        return subtree_root(hashes_in(self._tiles[tile], start, end))


def _signed_by(recorded: RecordedCheckpoint, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, Checkpoint]:
    reasons = []
    for key in keys:
        try:
            return key, opened(recorded.note, [key])
        except NotACheckpoint as error:
            reasons.append(str(error))
    raise NotProven(f"the checkpoint of {recorded.size} events: {reasons[0] if reasons else 'no key is known'}")
