"""Answers about the tree: checkpoints, tiles, and proofs, from what is public; nothing unproven leaves this module."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

import orjson

from contracts.audit import (
    ArtifactProof,
    AskArtifactProof,
    AskCheckpoint,
    AskCheckpointKeys,
    AskConsistency,
    AskTile,
    CheckpointKeys,
    ConsistencyProof,
    SignedCheckpoint,
    TileContent,
)
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from services.rmos.audit.publication import Publication
from services.rmos.audit.records import RecordedCheckpoint
from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.domain.checkpoint import NotACheckpoint, VerifierKey, opened
from services.rmos.domain.leaf import leaf_of
from services.rmos.domain.merkle import (
    Range,
    consistency_ranges,
    extends,
    folded,
    includes,
    inclusion_ranges,
    nodes_of,
    subtree_root,
)
from services.rmos.domain.tiles import Tile, hashes_in, tile_at, tile_of_node

PATIENCE_S = 4.0
"""How long a proof waits for a checkpoint that covers its event: a checkpoint follows within about a second."""
_POLL_S = 0.05
PositionOf = Callable[[str], Awaitable[int]]
"""The log position of an artifact. Raises NOT_FOUND."""


class Records(Protocol):
    """services.rmos.audit.records.AuditRecords."""

    async def rows_after(self, position: int, limit: int) -> list[LogRow]: ...
    async def newest_checkpoint(self) -> RecordedCheckpoint | None: ...
    async def checkpoint_of(self, size: int) -> RecordedCheckpoint | None: ...


class ProofHandlers:
    """Queries of the bus; any process answers them. All raise UNAVAILABLE when database or object store are away."""

    def __init__(
        self, records: Records, publication: Publication, keys: Sequence[VerifierKey], position_of: PositionOf
    ) -> None:
        self._records = records
        self._publication = publication
        self._verifiers = tuple(keys)
        self._keys = tuple(str(key) for key in keys)
        self._origin = keys[0].name
        self._position_of = position_of

    async def checkpoint(self, query: AskCheckpoint, _: RequestContext) -> SignedCheckpoint:
        """Raises NOT_FOUND when none was signed (yet, or for this size)."""
        if query.tree_size is None:
            found = await self._records.newest_checkpoint()
        else:
            found = await self._records.checkpoint_of(query.tree_size)
        if found is None:
            raise RmosError(ErrorCode.NOT_FOUND, "no such checkpoint was signed", tree_size=query.tree_size)
        return SignedCheckpoint(
            origin=self._origin, tree_size=found.size, root_sha256=found.root.hex(), note=found.note.decode()
        )

    async def tile(self, query: AskTile, _: RequestContext) -> TileContent:
        """Raises NOT_FOUND for a tile that no checkpoint has."""
        try:
            tile = tile_at(query.path)
        except ValueError as error:
            raise RmosError(ErrorCode.NOT_FOUND, str(error)) from error
        content = await self._publication.tile(tile)
        if content is None:
            raise RmosError(ErrorCode.NOT_FOUND, f"no checkpoint has the tile {query.path}")
        return TileContent(path=query.path, content_base64=base64.b64encode(content).decode())

    async def keys(self, _: AskCheckpointKeys, __: RequestContext) -> CheckpointKeys:
        return CheckpointKeys(origin=self._origin, verifier_keys=self._keys)

    async def artifact_proof(self, query: AskArtifactProof, _: RequestContext) -> ArtifactProof:
        """Raises NOT_FOUND; UNAVAILABLE when no checkpoint covers the artifact in time; INTERNAL when what is stored
        does not prove it, which `rmos audit verify` explains."""
        position = await self._position_of(query.artifact_id)
        checkpoint = await self._covering(position)
        (row,) = await self._records.rows_after(position - 1, 1)
        entry = entry_of_row(row)
        hashes = await self._hashes(inclusion_ranges(position - 1, checkpoint.size), checkpoint.size)
        if not includes(leaf_of(entry), position - 1, checkpoint.size, hashes, checkpoint.root):
            raise _disproved(f"the event at position {position} is not in the tree that was signed")
        if orjson.loads(row.data).get("artifact", {}).get("artifact_id") != query.artifact_id:
            raise _disproved(f"the event at position {position} does not record artifact {query.artifact_id}")
        return ArtifactProof(
            artifact_id=query.artifact_id,
            position=position,
            leaf_index=position - 1,
            data_json=row.data.decode(),
            entry=entry.decode(),
            leaf_sha256=leaf_of(entry).hex(),
            tree_size=checkpoint.size,
            root_sha256=checkpoint.root.hex(),
            hashes=tuple(hash_.hex() for hash_ in hashes),
            checkpoint=checkpoint.note.decode(),
            verifier_keys=self._keys,
        )

    async def consistency(self, query: AskConsistency, _: RequestContext) -> ConsistencyProof:
        """Raises INVALID_REQUEST for sizes that do not follow each other or are not covered yet; INTERNAL as above."""
        newest = await self._records.newest_checkpoint()
        covered = newest.size if newest is not None else 0
        old, new = query.from_size, covered if query.to_size is None else query.to_size
        if not old <= new <= covered:
            raise RmosError(
                ErrorCode.INVALID_REQUEST,
                f"from {old} to {new} is no growth within the {covered} events that are covered by now",
                covered=covered,
            )
        hashes = await self._hashes(consistency_ranges(old, new), covered)
        (old_root,) = await self._hashes([(0, old)], covered)
        (new_root,) = await self._hashes([(0, new)], covered)
        before, after = await self._records.checkpoint_of(old), await self._records.checkpoint_of(new)
        for signed, root in ((before, old_root), (after, new_root)):
            if signed is not None and signed.root != root:
                raise _disproved(f"the public tree of {signed.size} events is not the one that was signed")
        if not extends(old, old_root, new, new_root, hashes):
            raise _disproved(f"the public tiles do not prove that {new} events extend {old}")
        return ConsistencyProof(
            from_size=old,
            to_size=new,
            from_root_sha256=old_root.hex(),
            to_root_sha256=new_root.hex(),
            hashes=tuple(hash_.hex() for hash_ in hashes),
            from_checkpoint=before.note.decode() if before is not None else None,
            to_checkpoint=after.note.decode() if after is not None else None,
        )

    async def require_signed(self, rows: Sequence[LogRow]) -> None:
        """Returns when each row is proved to stand in the tree that was signed. Raises UNAVAILABLE when no checkpoint
        covers them in time; INTERNAL when one of them does not."""
        checkpoint = await self._covering(max(row.position for row in rows))
        try:
            signed = opened(checkpoint.note, self._verifiers)
        except NotACheckpoint as error:
            raise _disproved(f"the checkpoint of {checkpoint.size} events cannot be trusted: {error}") from error
        paths = [inclusion_ranges(row.position - 1, signed.size) for row in rows]
        hashes = iter(await self._hashes([leaves for path in paths for leaves in path], signed.size))
        for row, path in zip(rows, paths, strict=True):
            proof = [next(hashes) for _ in path]
            if not includes(leaf_of(entry_of_row(row)), row.position - 1, signed.size, proof, signed.root):
                raise _disproved(f"the event at position {row.position} is not in the tree that was signed")

    async def _covering(self, position: int) -> RecordedCheckpoint:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    newest = await self._records.newest_checkpoint()
                    if newest is not None and newest.size >= position:
                        return newest
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise RmosError(
                ErrorCode.UNAVAILABLE, f"no checkpoint covers position {position} yet; ask again", position=position
            ) from None

    async def _hashes(self, ranges: Sequence[Range], size: int) -> list[bytes]:
        """The hash of each range, from the tiles of the tree of this size."""
        places = {node: tile_of_node(*node, size) for leaves in ranges for node in nodes_of(leaves)}
        tiles = await self._tiles({tile for tile, _, _ in places.values()})
        nodes = {node: subtree_root(hashes_in(tiles[tile], start, end)) for node, (tile, start, end) in places.items()}
        return [folded([nodes[node] for node in nodes_of(leaves)]) for leaves in ranges]

    async def _tiles(self, wanted: Iterable[Tile]) -> dict[Tile, bytes]:
        tiles = sorted(wanted)
        found = dict(zip(tiles, await asyncio.gather(*map(self._publication.tile, tiles)), strict=True))
        missing = [tile.path for tile, content in found.items() if content is None]
        if missing:
            raise RmosError(
                ErrorCode.UNAVAILABLE, f"the object store lacks {missing[0]}: run `rmos audit verify`", tiles=missing
            )
        return {tile: content for tile, content in found.items() if content is not None}


def _disproved(what: str) -> RmosError:
    return RmosError(ErrorCode.INTERNAL, f"{what}: run `rmos audit verify`")
