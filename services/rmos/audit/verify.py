"""The audit: everything that is stored, held against everything else, and each disagreement named once.

It reads only. What the world can see (public checkpoint, stream) is read before the database's view is taken, so that
a system at work is not blamed for what it did in between.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from contracts.blobs import blob_key
from contracts.subjects import MARKS_STREAM
from runtime.objects import ObjectStore
from runtime.settings import S3Settings
from services.rmos.audit.content_check import Blob, FreshFold, References, check_blob, check_cursor, check_projections
from services.rmos.audit.findings import Kind, Report, left_out
from services.rmos.audit.marks import Mark
from services.rmos.audit.publication import PREFIX
from services.rmos.audit.rows import LogRow
from services.rmos.audit.snapshot import Snapshot, snapshot
from services.rmos.audit.stream_check import StreamAccess, StreamHead, check_stream, digest_of_row, published, read_head
from services.rmos.audit.tree_check import Judged, check_tiles, judged_log, valid_checkpoints
from services.rmos.domain.checkpoint import Checkpoint, NotACheckpoint, VerifierKey, opened, unverified
from services.rmos.domain.tiles import CHECKPOINT_PATH
from services.rmos.projections.writing import CURSOR

Progress = Callable[[str, int, int | None], None]
"""What is being checked, how much more of it is done, and how much there is (None: not known)."""
PATIENCE_S = 3.0
"""How long the public checkpoint may be behind the newest recorded one: its writer needs a moment."""
UNCOVERED_S = 10.0
"""How old an event may be that no checkpoint covers: one is begun when events half a second old are waiting."""
_READERS = 8
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Audited:
    """What is audited. `held`: checkpoints that somebody kept; `stream` None leaves the bus out."""

    dsn: str
    s3: S3Settings
    keys: Sequence[VerifierKey]
    stream: StreamAccess | None = None
    held: Sequence[bytes] = ()


def audit(what: Audited, *, quick: bool, progress: Progress = lambda _, __, ___: None) -> Report:
    """The report. Quick leaves out the public tiles, the blobs' content (not their presence), the projections, and all
    messages of the stream but the last.

    Raises psycopg.Error, runtime.s3.FAILURES and nats' errors when something cannot be reached: nothing was found then,
    neither good nor bad.
    """
    blobs, public = ObjectStore(what.s3), ObjectStore(what.s3, PREFIX)
    try:
        head = asyncio.run(read_head(what.stream)) if what.stream is not None else None
        note = public.read(CHECKPOINT_PATH)
        with snapshot(what.dsn) as view, published(what.stream, head, last_only=quick) as stream:
            return _Audit(what, view, blobs, public, quick, progress).run(note, head, stream)
    finally:
        blobs.close()
        public.close()


class _Audit:
    def __init__(
        self,
        what: Audited,
        view: Snapshot,
        blobs: ObjectStore,
        public: ObjectStore,
        quick: bool,
        progress: Progress,
    ) -> None:
        self.what, self.view, self.blobs, self.public = what, view, blobs, public
        self.quick, self.progress = quick, progress
        self.report = Report(not_checked=left_out(quick, bus=what.stream is not None))
        self.uncovered = 0
        self.oldest_uncovered: str | None = None

    def run(self, note: bytes | None, head: StreamHead | None, stream: tuple[int, Iterator[bytes]]) -> Report:
        recorded = self.view.checkpoints()
        signed = valid_checkpoints(recorded, self.what.keys, self.report)
        newest = max((row.size for row in recorded), default=0)
        marked = self._marked(head, newest)
        public = self._public(note, newest)
        held = [checkpoint for note in self.what.held if (checkpoint := self._held(note)) is not None]
        known = [*signed, *(found for found in (public, marked) if found is not None), *held]
        judged = self._judge(known)
        if judged.authentic and not self.quick and signed:
            self._tiles(judged, max(checkpoint.size for checkpoint in signed))
        self._contents(judged, head, stream)
        self._uncovered(judged)
        return self.report

    def _marked(self, head: StreamHead | None, newest: int) -> Checkpoint | None:
        """The mark on the bus, judged; None when there is none that can be trusted, or nothing was signed yet."""
        if head is None or self.what.stream is None:
            return None
        mark, where = head.mark, f"stream {MARKS_STREAM}"
        give_up = time.monotonic() + PATIENCE_S
        while newest and size_of_mark(mark) < newest and time.monotonic() < give_up:
            time.sleep(0.1)
            mark = asyncio.run(read_head(self.what.stream)).mark
        if mark is None:
            if newest or self.view.events():
                self.report.add(Kind.MARK_MISSING, where, "nothing says on the bus how far the log was signed")
            return None
        try:
            says = opened(mark.note, self.what.keys) if mark.note is not None else None
        except NotACheckpoint as error:
            self.report.add(Kind.MARK_INVALID, where, str(error))
            return None
        size = says.size if says is not None else 0
        if size < newest:
            self.report.add(Kind.MARK_OLD, where, f"it is of {size} events, the newest that was signed is of {newest}")
        elif size > newest and self._is_unrecorded(size):
            what = f"it was signed and marked on the bus; the newest on record is of {newest} events"
            self.report.add(Kind.CHECKPOINT_MISSING, f"checkpoint {size}", what)
        return says

    def _uncovered(self, judged: Judged) -> None:
        """Events behind the last checkpoint: a moment's are usual, others wait for a signature that does not come."""
        if self.oldest_uncovered is None:
            return
        what = f"{self.uncovered} events at the end are not covered by a checkpoint"
        if abs(_age_s(self.oldest_uncovered, self.view.taken_at())) < UNCOVERED_S:
            self.report.notes.append(f"{what} yet")
            return
        with snapshot(self.what.dsn) as later:
            covered = max((row.size for row in later.checkpoints()), default=0)
        if covered <= judged.covered:
            self.report.add(Kind.EVENTS_UNCOVERED, f"events from {judged.covered + 1}", f"{what}: nothing signs them")

    def _judge(self, known: Sequence[Checkpoint]) -> Judged:
        total = self.view.events()
        self.progress("events", 0, total)
        return judged_log(
            self.view.stored_rows,
            known,
            self.public.read,
            self.report,
            lambda done: self.progress("events", done, total),
        )

    def _tiles(self, judged: Judged, size: int) -> None:
        self.progress("tiles", 0, None)
        check_tiles(judged, size, self.public.read, self.report, lambda done: self.progress("tiles", done, None))

    def _public(self, note: bytes | None, newest: int) -> Checkpoint | None:
        """The public checkpoint, judged; None when it cannot be trusted or is missing."""
        give_up = time.monotonic() + PATIENCE_S
        while newest and (public_size(note) or 0) < newest and time.monotonic() < give_up:
            time.sleep(0.1)
            note = self.public.read(CHECKPOINT_PATH)
        where = f"{PREFIX}{CHECKPOINT_PATH}"
        if note is None:
            if newest:
                self.report.add(Kind.PUBLIC_CHECKPOINT_MISSING, where, f"one of {newest} events was signed")
            return None
        try:
            says = opened(note, self.what.keys)
        except NotACheckpoint as error:
            self.report.add(Kind.PUBLIC_CHECKPOINT_INVALID, where, str(error))
            return None
        if says.size < newest:
            what = f"it is of {says.size} events, the newest that was signed is of {newest}"
            self.report.add(Kind.PUBLIC_CHECKPOINT_OLD, where, what)
        elif says.size > newest:
            if not self._is_unrecorded(says.size):
                return None  # signed since this view was taken
            what = f"it is of {says.size} events, the newest on record is of {newest}"
            self.report.add(Kind.PUBLIC_CHECKPOINT_AHEAD, where, what)
        return says

    def _is_unrecorded(self, size: int) -> bool:
        """Whether the checkpoint is not on record even now: a system at work may have signed it since."""
        with snapshot(self.what.dsn) as later:
            return all(row.size != size for row in later.checkpoints())

    def _held(self, note: bytes) -> Checkpoint | None:
        try:
            return opened(note, self.what.keys)
        except NotACheckpoint as error:
            self.report.add(Kind.CHECKPOINT_INVALID, "the checkpoint you hold", str(error))
            return None

    def _contents(self, judged: Judged, head: StreamHead | None, stream: tuple[int, Iterator[bytes]]) -> None:
        """Second walk over the log, now that it is known which events can be believed."""
        cursor = self.view.cursor_of_projections(CURSOR)
        folded_to = check_cursor(cursor, max(judged.rows, judged.covered), self.report)
        if self.quick:
            folded_to = None
        fresh, references, differing = FreshFold(), References(), []
        first, digests = stream[0], b"".join(stream[1])

        def compare(row: LogRow, position: int) -> None:
            at = (position - first) * _DIGEST_BYTES
            digest = digests[at : at + _DIGEST_BYTES] if at >= 0 else b""
            if any(digest):  # there is a message at this position
                self.report.count("stream_messages")
                if digest != digest_of_row(row):
                    differing.append(position)

        if not judged.authentic:  # no event can be believed: the stream may say which is another one
            for chunk in self.view.rows():
                for row in chunk:
                    compare(row, row.position)
        for row, position in self._believed(judged):
            if judged.authentic:
                compare(row, position)
            if position > judged.covered:
                self.uncovered += 1
                self.oldest_uncovered = self.oldest_uncovered or row.recorded_at_utc
            references.add(row, position)
            if folded_to is not None and position <= folded_to:
                fresh.add(row, position)
        if head is not None:
            check_stream(head, max(judged.rows, judged.covered), differing, self.report)
        self._blobs(references)
        if folded_to is not None:
            self.progress("projections", 0, None)
            check_projections(fresh, self.view.table, judged.damaged, self.report)

    def _believed(self, judged: Judged) -> Iterator[tuple[LogRow, int]]:
        """The events that stand as they were signed, at their signed positions."""
        number = 0
        versions: dict[str, int] = {}
        for chunk in self.view.rows():
            for row in chunk:
                position = judged.position(number)
                number += 1
                if position is not None and position not in judged.damaged:
                    self._version(row, versions, bool(judged.damaged))
                    yield row, position

    def _version(self, row: LogRow, versions: dict[str, int], damaged: bool) -> None:
        due = versions.get(row.stream, 0) + 1
        if row.version != due and not damaged:
            what = f"it is version {row.version} of {row.stream}, due is {due}"
            self.report.add(Kind.VERSION_GAP, f"event {row.position}", what)
        versions[row.stream] = row.version

    def _blobs(self, references: References) -> None:
        blobs = references.first
        self.progress("blobs", 0, len(blobs))
        if self.quick:
            present = dict(self.blobs.listed(""))
            for blob, position in blobs.items():
                key = blob_key(blob[0], blob[2])
                size = present.get(key)
                if size is None:
                    gone = references.may_be_gone(blob[0])
                    check_blob(blob, position, None, self._is_quarantined(blob), self.report, gone)
                elif size != blob[1]:
                    what = f"it holds {size} bytes instead of {blob[1]}; the event at position {position} refers to it"
                    self.report.add(Kind.BLOB_CHANGED, f"blob {key}", what, sha256=blob[0])
                self.progress("blobs", 1, len(blobs))
            self.report.count("blobs_listed", len(blobs))
            return
        with ThreadPoolExecutor(_READERS) as readers:
            keys = [blob_key(sha256, content_type) for sha256, _, content_type in blobs]
            for (blob, position), content in zip(blobs.items(), readers.map(self.blobs.read, keys), strict=True):
                quarantined = content is None and self._is_quarantined(blob)
                gone = references.may_be_gone(blob[0])
                check_blob(blob, position, content, quarantined, self.report, gone)
                self.progress("blobs", 1, len(blobs))

    def _is_quarantined(self, blob: Blob) -> bool:
        return bool(self.blobs.listed(f"quarantine/{blob[0]}/"))


def _age_s(moment_utc: str, now: datetime) -> float:
    """Endless for a text that is no moment: the row was written by somebody else."""
    try:
        return (now - datetime.fromisoformat(moment_utc)).total_seconds()
    except (ValueError, TypeError):
        return math.inf


def size_of_mark(mark: Mark | None) -> int:
    return (public_size(mark.note) or 0) if mark is not None else 0


def public_size(note: bytes | None) -> int | None:
    """What the note claims, whoever wrote it; None when it is missing or no checkpoint."""
    try:
        return unverified(note).size if note is not None else None
    except NotACheckpoint:
        return None
