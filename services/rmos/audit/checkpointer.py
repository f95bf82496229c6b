"""The checkpointer: signs how far the log has come, and publishes the tree behind each signature.

The order is what makes it safe to die anywhere: tiles first (a tile's content never changes, so storing it twice is
harmless), then the checkpoint's row (only the writer of the current term may insert one, only ever a larger one), then
the mark on the bus, then the public checkpoint. At its start it puts whatever is missing of this behind the newest row
in place, with the code that it always runs. It signs nothing that does not extend what was signed before, and the mark
says what that was when rows and public checkpoint are gone: then it stops and says why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from contracts.errors import RmosError
from runtime.logs import Logger
from services.rmos.audit.acceptance import SETTING, Acceptance
from services.rmos.audit.marks import Mark
from services.rmos.audit.publication import Publication
from services.rmos.audit.records import NotTheSigner, RecordedCheckpoint
from services.rmos.audit.regrowth import INSPECT, NotContinued, TreeDisagrees, extended, regrown
from services.rmos.audit.rows import LogRow
from services.rmos.domain.checkpoint import Checkpoint, NotACheckpoint, SigningKey, VerifierKey, opened
from services.rmos.domain.leaf import StoredRow
from services.rmos.domain.tiles import TILE_WIDTH, Tile, TileEdge, tiles_of
from services.rmos.event_log.duties import heed_cancellation
from services.rmos.event_log.head import Head
from services.rmos.event_log.recent import RecentRows

DUE_EVENTS = 256
DUE_S = 0.5
"""A checkpoint is begun when this many events, or events of this age, are not covered yet."""
APART_S = 0.5
"""At least so long lies between two checkpoints' beginnings, unless more events wait than one can cover: one costs a
few objects, however many it covers."""
MAX_EVENTS = 4096
"""As many events are covered by one checkpoint when more are waiting."""
LOOK_AGAIN_S = 5.0
"""How often an idle checkpointer looks whether the public checkpoint is still the newest one."""
RETRY_S = 0.3


class Marks(Protocol):
    """services.rmos.audit.marks.Marks."""

    async def newest(self) -> Mark | None: ...
    async def put(self, note: bytes, after: int) -> int: ...


class Records(Protocol):
    """services.rmos.audit.records.AuditRecords."""

    async def rows_after(self, position: int, limit: int) -> list[LogRow]: ...
    async def leaves_after(self, position: int, limit: int) -> Sequence[tuple[int, bytes]]: ...
    async def last_position(self) -> int: ...
    async def newest_checkpoint(self) -> RecordedCheckpoint | None: ...
    async def add_checkpoint(self, checkpoint: RecordedCheckpoint, writer_epoch: int, now: str) -> None: ...


class Checkpointer:
    """`run()` is a background task of the leader. `keys`: the public keys of this log, with those of the past.
    `accept`: what a person accepts in the place of the mark."""

    def __init__(
        self,
        records: Records,
        publication: Publication,
        marks: Marks,
        signer: SigningKey,
        keys: Sequence[VerifierKey],
        head: Head,
        recent: RecentRows,
        now: Callable[[], str],
        log: Logger,
        accept: Acceptance | None = None,
    ) -> None:
        self._records = records
        self._publication = publication
        self._marks = marks
        self._signer = signer
        self._keys = keys
        self._head = head
        self._recent = recent
        self._now = now
        self._log = log
        self._accept = accept
        self._marked = 0
        self._resumed_at = 0
        self._replaced: list[Tile] = []
        """Full tiles whose partial ones are still to be dropped."""
        self.covered = Head()
        """The newest position behind a public checkpoint, as far as this process knows."""
        self.failure: str | None = None
        """Why nothing is signed any more; None while all is well."""

    async def run(self, writer_epoch: int) -> None:
        """Signs and publishes until it is cancelled; survives restarts of database and object store. Returns only when
        the tree disagrees with what was signed, or when the term of this epoch is over."""
        while True:
            try:
                edge = await self._resume(writer_epoch)
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

    async def _resume(self, writer_epoch: int) -> TileEdge:
        """The tree of the newest checkpoint, made again from the log, marked and public. Raises TreeDisagrees."""
        newest = await self._records.newest_checkpoint()
        mark = await self._marks.newest()
        note = await self._publication.checkpoint()
        public = self._read(note, "the public checkpoint") if note is not None else None
        self._marked = mark.sequence if mark is not None else 0
        try:
            edge, tiles = await self._continued(newest, mark, public)
        except NotContinued as disagreement:
            return await self._accepted(newest, disagreement, writer_epoch)
        self._resumed_at = edge.size
        self._replaced = _newest_full_tiles(edge.size)  # whoever signed before may have died before dropping any
        if newest is None:
            return edge
        if mark is None or mark.note != newest.note:
            self._log.warning("checkpoint_marked_again", size=newest.size)
            self._marked = await self._marks.put(newest.note, after=self._marked)
        if public is None or public.size < newest.size:
            self._log.warning("checkpoint_published_again", size=newest.size, found=public.size if public else None)
            await self._publication.put_tiles([*tiles, *edge.partial()])
            await self._publication.put_checkpoint(newest.note)
        self.covered.advance(newest.size)
        return edge

    async def _continued(
        self, newest: RecordedCheckpoint | None, mark: Mark | None, public: Checkpoint | None
    ) -> tuple[TileEdge, list[tuple[Tile, bytes]]]:
        """The edge at the newest recorded checkpoint, which extends everything that was signed; and the full tiles that
        the public tree does not have. Raises TreeDisagrees."""
        if mark is None:
            raise NotContinued("the bus holds no mark of what was signed: it was lost, or it is the bus of another log")
        marked = self._read(mark.note, "the mark on the bus") if mark.note is not None else None
        recorded = self._recorded(newest)
        size = recorded.size if recorded is not None else 0
        signed = [("public checkpoint", public), ("mark on the bus", marked)]
        known = [(which, checkpoint) for which, checkpoint in signed if checkpoint is not None]
        for which, checkpoint in known:
            if checkpoint.size > size:
                raise NotContinued(
                    f"the {which} is of {checkpoint.size} events, the newest checkpoint in the database is of {size}: "
                    f"the database is older than what was signed. Restore the newer database"
                )
        if self.covered.position > size:
            raise NotContinued(f"{self.covered.position} events were signed for, the database knows of {size}")
        published = public.size if public is not None else 0
        if recorded is not None:
            known.append(("newest recorded checkpoint", recorded))
        return await regrown(self._records, size, known, published // TILE_WIDTH * TILE_WIDTH)

    def _recorded(self, newest: RecordedCheckpoint | None) -> Checkpoint | None:
        """What the newest row says, which must be what its note says."""
        if newest is None:
            return None
        says = self._says(newest.size, newest.root)
        if self._read(newest.note, "the newest recorded checkpoint") != says:
            raise TreeDisagrees(f"the recorded checkpoint of {newest.size} events is not what its note says: {INSPECT}")
        return says

    async def _accepted(
        self, newest: RecordedCheckpoint | None, disagreement: NotContinued, writer_epoch: int
    ) -> TileEdge:
        """The tree that a person accepts in the place of what was marked, signed, published and marked; the mark is
        last, so that whoever dies in between accepts again. Raises TreeDisagrees."""
        recorded, accept = self._recorded(newest), self._accept
        known = [("newest recorded checkpoint", recorded)] if recorded is not None else []
        if accept is None or accept.mark != self._marked or (recorded is not None and recorded.size > accept.size):
            raise TreeDisagrees(f"{disagreement}. {await self._proposed(known)}")
        edge, tiles = await regrown(self._records, accept.size, known, 0)
        if edge.root != accept.root:
            raise TreeDisagrees(f"{disagreement}. {SETTING} names another tree than the log's of {accept.size} events")
        self._log.error("checkpointer_accepts", size=edge.size, root=edge.root.hex(), instead_of=str(disagreement))
        note = self._says(edge.size, edge.root).signed(self._signer)
        await self._publication.put_tiles([*tiles, *edge.partial()])
        if edge.size > (recorded.size if recorded is not None else 0):
            await self._records.add_checkpoint(
                RecordedCheckpoint(edge.size, edge.root, note), writer_epoch, self._now()
            )
        await self._publication.put_checkpoint(note)
        self._marked = await self._marks.put(note, after=self._marked)
        self._resumed_at = edge.size
        self.covered.advance(edge.size)
        return edge

    async def _proposed(self, known: Sequence[tuple[str, Checkpoint]]) -> str:
        """How a person accepts the log as it is now, by its leaf hashes; the entries are held against them when it is
        accepted."""
        size = await self._records.last_position()
        try:
            edge, _ = await regrown(self._records, size, known, size)
        except TreeDisagrees as error:
            return f"Nor does the database agree with itself: {error}"
        return (
            f"If its {size} events are the true ones for all that, start rmos once with "
            f"{SETTING}={Acceptance(self._marked, size, edge.root)}"
        )

    async def _follow(self, edge: TileEdge, writer_epoch: int) -> None:
        """Signs what comes; returns after a quiet time, so that log and publication are compared again."""
        begun = 0.0
        while True:
            if not await self._head.wait_beyond(edge.size, LOOK_AGAIN_S):
                if await self._is_public(edge.size):
                    continue
                return
            await self._head.wait_beyond(edge.size + DUE_EVENTS - 1, DUE_S)
            if self._head.position - edge.size <= MAX_EVENTS:
                await asyncio.sleep(max(0.0, begun + APART_S - time.monotonic()))
            begun = time.monotonic()
            rows, prefixed = await self._next(edge.size)
            if rows:
                await self._cover(edge, rows[: _up_to_full_tiles(edge.size, len(rows))], prefixed, writer_epoch)
            if self._head.position - edge.size < DUE_EVENTS:
                await self._drop_partials()

    async def _next(self, size: int) -> tuple[Sequence[StoredRow], Sequence[bytes] | None]:
        """The events to cover; what their leaf hashes were made of, where this process has just written them."""
        return self._recent.hashed_after(size, MAX_EVENTS) or (await self._records.rows_after(size, MAX_EVENTS), None)

    async def _cover(
        self, edge: TileEdge, rows: Sequence[StoredRow], prefixed: Sequence[bytes] | None, writer_epoch: int
    ) -> None:
        """One checkpoint over these rows: tiles, then the row, then the mark, then the public note."""
        tiles: list[tuple[Tile, bytes]] = []
        # A tile begun before this checkpoint has partial ones; so may any that a try before the last start reached.
        begun = max(edge.size, self._resumed_at + MAX_EVENTS)
        for first in range(0, len(rows), DUE_EVENTS):
            some = slice(first, first + DUE_EVENTS)
            tiles += extended(edge, rows[some], None if prefixed is None else prefixed[some])
            await asyncio.sleep(0)  # appends wait for the same thread
        await self._publication.put_tiles([*tiles, *edge.partial()])
        says = self._says(edge.size, edge.root)
        checkpoint = RecordedCheckpoint(says.size, says.root, says.signed(self._signer))
        await self._records.add_checkpoint(checkpoint, writer_epoch, self._now())
        self._marked = await self._marks.put(checkpoint.note, after=self._marked)
        await self._publication.put_checkpoint(checkpoint.note)
        self.covered.advance(edge.size)
        self._replaced += [tile for tile, _ in tiles if tile.first_leaf < begun]

    async def _drop_partials(self) -> None:
        """Of the tiles that became full, once little waits to be signed: nobody needs to be rid of them soon."""
        while self._replaced:
            await self._publication.drop_partials(self._replaced[-1])
            self._replaced.pop()

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
            raise TreeDisagrees(f"{which} cannot be trusted: {error}; {INSPECT}") from error


def _newest_full_tiles(size: int) -> list[Tile]:
    """Those of the events that one checkpoint covers at most."""
    return [tile for tile in tiles_of(size) if not tile.is_partial and tile.first_leaf >= size - MAX_EVENTS]


def _up_to_full_tiles(size: int, waiting: int) -> int:
    """How many of the waiting events the next checkpoint covers. When a tile's worth of them waits, those beyond the
    last full tile are left to the one after it: no partial tiles are stored only to be replaced at once."""
    if waiting < TILE_WIDTH:
        return waiting
    return (size + waiting) // TILE_WIDTH * TILE_WIDTH - size
