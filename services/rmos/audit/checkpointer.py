"""The checkpointer: signs how far the log has come, and publishes the tree behind each signature.

The order is what makes it safe to die anywhere: tiles first (a tile's content never changes, so storing it twice is
harmless), then the checkpoint's row (only the writer of the current term may insert one, only ever a larger one), then
the public checkpoint. At its start it puts whatever is missing of this behind the newest row in place, with the code
that it always runs. It signs nothing that does not extend what was signed before: then it stops and says why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from contracts.errors import RmosError
from runtime.logs import Logger
from services.rmos.audit.publication import Publication
from services.rmos.audit.records import NotTheSigner, RecordedCheckpoint
from services.rmos.audit.rows import LogRow, entry_of_row, log_row
from services.rmos.domain.checkpoint import Checkpoint, NotACheckpoint, SigningKey, VerifierKey, opened
from services.rmos.domain.leaf import leaf_of
from services.rmos.domain.tiles import TILE_WIDTH, Tile, TileEdge
from services.rmos.event_log.duties import heed_cancellation
from services.rmos.event_log.head import Head
from services.rmos.event_log.recent import RecentRows

DUE_EVENTS = 256
DUE_S = 0.5
"""A checkpoint is begun when this many events, or events of this age, are not covered yet."""
APART_S = 0.25
"""At least so long lies between two checkpoints' beginnings: one costs a few objects, however many events it covers."""
MAX_EVENTS = 4096
"""As many events are covered by one checkpoint when more are waiting."""
LOOK_AGAIN_S = 5.0
"""How often an idle checkpointer looks whether the public checkpoint is still the newest one."""
RETRY_S = 0.3
_LEAVES_AT_ONCE = 2_000
_INSPECT = "run `rmos audit verify`, which names every place"


class TreeDisagrees(Exception):
    """Log, recorded checkpoints and published ones contradict each other: a person must decide which is right."""


class Records(Protocol):
    """services.rmos.audit.records.AuditRecords."""

    async def rows_after(self, position: int, limit: int) -> list[LogRow]: ...
    async def leaves_after(self, position: int, limit: int) -> Sequence[tuple[int, bytes]]: ...
    async def newest_checkpoint(self) -> RecordedCheckpoint | None: ...
    async def add_checkpoint(self, checkpoint: RecordedCheckpoint, writer_epoch: int, now: str) -> None: ...


class Checkpointer:
    """`run()` is a background task of the leader. `keys`: the public keys of this log, with those of the past."""

    def __init__(
        self,
        records: Records,
        publication: Publication,
        signer: SigningKey,
        keys: Sequence[VerifierKey],
        head: Head,
        recent: RecentRows,
        now: Callable[[], str],
        log: Logger,
    ) -> None:
        self._records = records
        self._publication = publication
        self._signer = signer
        self._keys = keys
        self._head = head
        self._recent = recent
        self._now = now
        self._log = log
        self._resumed_at = 0
        self.covered = Head()
        """The newest position behind a public checkpoint, as far as this process knows."""
        self.failure: str | None = None
        """Why nothing is signed any more; None while all is well."""

    async def run(self, writer_epoch: int) -> None:
        """Signs and publishes until it is cancelled; survives restarts of database and object store. Returns only when
        the tree disagrees with what was signed, or when the term of this epoch is over."""
        while True:
            try:
                edge = await self._resume()
                self.failure = None
                await self._follow(edge, writer_epoch)
            except TreeDisagrees as disagreement:
                self.failure = str(disagreement)
                self._log.error("checkpointer_stopped", reason=self.failure)
                return
            except NotTheSigner as refusal:
                self._log.warning("checkpointer_relieved", reason=str(refusal))
                return
            except (RmosError, OSError, TimeoutError) as error:
                heed_cancellation()
                self._log.warning("checkpointer_waits", reason=str(error), covered=self.covered.position)
                await asyncio.sleep(RETRY_S)

    async def _resume(self) -> TileEdge:
        """The tree of the newest checkpoint, made again from the log, and public. Raises TreeDisagrees."""
        newest = await self._records.newest_checkpoint()
        note = await self._publication.checkpoint()
        public = self._read(note, "the public checkpoint") if note is not None else None
        size = newest.size if newest is not None else 0
        if public is not None and public.size > size:
            raise TreeDisagrees(
                f"a checkpoint of {public.size} events is public, the newest in the database is of {size}: the "
                f"database is older than what was published. Restore the newer database"
            )
        edge, tiles = await self._rebuilt(size, public)
        self._resumed_at = size
        if newest is None:
            return edge
        if self._read(newest.note, "the newest recorded checkpoint") != self._says(size, newest.root):
            raise TreeDisagrees(f"the recorded checkpoint of {size} events is not what its note says: {_INSPECT}")
        if edge.root != newest.root:
            raise TreeDisagrees(
                f"the first {size} events no longer give the root that was signed for them: the log was changed; "
                f"{_INSPECT}"
            )
        if public is None or public.size < size:
            self._log.warning("checkpoint_published_again", size=size, found=public.size if public else None)
            await self._publication.put_tiles([*tiles, *edge.partial()])
            await self._publication.put_checkpoint(newest.note)
        self.covered.advance(size)
        return edge

    async def _rebuilt(self, size: int, public: Checkpoint | None) -> tuple[TileEdge, list[tuple[Tile, bytes]]]:
        """The edge at this size, from the log; and the full tiles that the public tree does not have."""
        edge = TileEdge()
        completed: list[tuple[Tile, bytes]] = []
        published = public.size if public is not None else 0
        whole = published // TILE_WIDTH * TILE_WIDTH
        while edge.size < size:
            wanted = min(_LEAVES_AT_ONCE, size - edge.size)
            if edge.size < whole:  # these tiles are published: their entries are not needed again
                leaves = await self._records.leaves_after(edge.size, min(wanted, whole - edge.size))
                found = [(position, leaf, b"") for position, leaf in leaves]
            else:
                rows = await self._records.rows_after(edge.size, wanted)
                found = [(row.position, row.leaf, entry_of_row(row)) for row in rows]
            if not found:
                raise TreeDisagrees(f"{size} events were signed for, the log ends at {edge.size}: {_INSPECT}")
            for position, leaf, entry in found:
                tiles = self._extend(edge, position, leaf, entry or None)
                completed += tiles if edge.size > whole else []
                if public is not None and edge.size == public.size and edge.root != public.root:
                    raise TreeDisagrees(
                        f"the log does not give the root of the public checkpoint of {public.size} events: {_INSPECT}"
                    )
            await asyncio.sleep(0)
        return edge, completed

    async def _follow(self, edge: TileEdge, writer_epoch: int) -> None:
        """Signs what comes; returns after a quiet time, so that log and publication are compared again."""
        begun = 0.0
        while True:
            if not await self._head.wait_beyond(edge.size, LOOK_AGAIN_S):
                if await self._is_public(edge.size):
                    continue
                return
            await self._head.wait_beyond(edge.size + DUE_EVENTS - 1, DUE_S)
            await asyncio.sleep(max(0.0, begun + APART_S - time.monotonic()))
            begun = time.monotonic()
            fresh = self._recent.after(edge.size, MAX_EVENTS)
            rows = [log_row(row) for row in fresh] if fresh else await self._records.rows_after(edge.size, MAX_EVENTS)
            if rows:
                await self._cover(edge, rows, writer_epoch)

    async def _cover(self, edge: TileEdge, rows: list[LogRow], writer_epoch: int) -> None:
        """One checkpoint over these rows: tiles, then the row, then the public note."""
        tiles: list[tuple[Tile, bytes]] = []
        # A tile begun before this checkpoint has partial ones; so may any that a try before the last start reached.
        begun = max(edge.size, self._resumed_at + MAX_EVENTS)
        for row in rows:
            tiles += self._extend(edge, row.position, row.leaf, entry_of_row(row))
        await self._publication.put_tiles([*tiles, *edge.partial()])
        says = self._says(edge.size, edge.root)
        checkpoint = RecordedCheckpoint(says.size, says.root, says.signed(self._signer))
        await self._records.add_checkpoint(checkpoint, writer_epoch, self._now())
        await self._publication.put_checkpoint(checkpoint.note)
        self.covered.advance(edge.size)
        for tile, _ in tiles:
            if tile.first_leaf < begun:
                await self._publication.drop_partials(tile)

    def _extend(self, edge: TileEdge, position: int, leaf: bytes, entry: bytes | None) -> list[tuple[Tile, bytes]]:
        """Appends one event. Raises TreeDisagrees when it is not the next, or not what its leaf hash says."""
        if position != edge.size + 1:
            raise TreeDisagrees(f"position {edge.size + 1} is missing from the log: {_INSPECT}")
        if entry is not None and leaf_of(entry) != leaf:
            raise TreeDisagrees(f"the event at position {position} is not what its leaf hash was made of: {_INSPECT}")
        return edge.append(leaf, entry or b"")

    async def _is_public(self, size: int) -> bool:
        note = await self._publication.checkpoint()
        return (note is not None and self._read(note, "the public checkpoint").size == size) or (
            note is None and not size
        )

    def _says(self, size: int, root: bytes) -> Checkpoint:
        return Checkpoint(self._signer.name, size, root)

    def _read(self, note: bytes, which: str) -> Checkpoint:
        try:
            return opened(note, self._keys)
        except NotACheckpoint as error:
            raise TreeDisagrees(f"{which} cannot be trusted: {error}; {_INSPECT}") from error
