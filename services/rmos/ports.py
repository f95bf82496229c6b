"""What the authority's handlers need of the outside. The comments are the specification every adapter must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.ai import GenerateContent, GeneratedContent
from contracts.ai_explanations import AiExplanation
from contracts.art import CheckedSvg, CompiledSpec
from contracts.artifacts import Attachment, Run
from contracts.blobs import BlobRef
from contracts.cam import Post, RecomputedToolpaths, ToolpathJob, ToolpathResult
from contracts.canonical import Canonical
from contracts.comparison import GeometryDiff
from contracts.envelope import RequestContext
from contracts.feasibility import CuttingContext, Feasibility, Mode
from contracts.gcode_header import ProgramOrigin
from contracts.log import LogEvent, SearchStarted, StoredEvent
from contracts.rmos import (
    AdvisedRunSummaries,
    ArtifactReply,
    Artifacts,
    AskArtifact,
    AskAttachment,
    AskRun,
    AskSession,
    Events,
    ListArtifacts,
    ListRunAttachments,
    ListRunEvents,
    ListRuns,
    ListSessions,
    RunAttachments,
    Runs,
    RunStatus,
    SessionReply,
    Sessions,
)
from contracts.spec import RosetteSpec
from services.rmos.domain.legacy import LegacyRun
from services.rmos.domain.retention import Holding


@dataclass(frozen=True, slots=True)
class RecordedFact:
    """A fact of another service as it came: its own type, its own canonical bytes, unchanged."""

    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event for the end of a stream. `event_id` is unique in the whole log."""

    stream: str
    event_id: str
    event: LogEvent | RecordedFact


@dataclass(frozen=True, slots=True)
class AppendRequest:
    """All events or none, in this order. `expected` gives the version (0: must not exist yet) of each stream.

    `expected` may name streams that get no event, which are then only guarded. A stream with an event but without an
    expectation is appended to at whatever version it has.
    """

    context: RequestContext
    expected: Mapping[str, int]
    events: Sequence[NewEvent]
    command_sha256: str | None = None
    """Digest of the command as it was received. A repeated `context.command_id` is the same command exactly when this
    is the same. None: the events themselves are compared (their ids aside), so that only a caller whose events are a
    function of the command may repeat it."""


@dataclass(frozen=True, slots=True)
class AppendResult:
    """Where the events stand, in the order of the request; `versions` are those in their streams."""

    positions: tuple[int, ...]
    versions: tuple[int, ...]
    recorded_at_utc: str
    repeated: bool = False
    """True: this command was appended before, nothing was appended now, and all else here is of that first time."""
    events: tuple[StoredEvent, ...] = ()
    """What was stored the first time, when the command is repeated; empty when it is new."""


class EventLog(Protocol):
    async def append(self, request: AppendRequest) -> AppendResult:
        """Durable when it returns: positions are contiguous in the whole log, versions in each stream.

        The same command id again returns the first result (`repeated`), whatever `expected` says by now.

        Raises, and nothing was appended and later appends are not affected: VERSION_CONFLICT with stream, expected and
        actual; IDEMPOTENCY_MISMATCH when the command id or an event id stands in the log with other content;
        INVALID_REQUEST and PAYLOAD_TOO_LARGE for the request itself; UNAVAILABLE when the log cannot take it now.
        UNAVAILABLE with details.outcome "unknown" is the one case in which the events may have been stored: the same
        command id, sent again, tells. Never answers success without knowing.
        """
        ...

    async def read_stream(self, stream: str, after_version: int = 0) -> list[LogEvent]:
        """The stream's events after this version in order, each as its newest type; empty when there are none.

        Sees everything that any append returned before the call. Raises UNAVAILABLE.
        """
        ...

    async def outcome_of(self, request: RequestContext, command_sha256: str) -> list[LogEvent]:
        """The events that this command appended before, in order; empty when it did not.

        Raises IDEMPOTENCY_MISMATCH when another command had this id, UNAVAILABLE when the log cannot be read.
        """
        ...


class OpenSearches(Protocol):
    async def open_searches(self) -> list[SearchStarted]:
        """Searches without an end, from among the newest events of the log: a search lasts a minute at most. Raises
        UNAVAILABLE."""
        ...


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation without its text, where that lies, and since when its run is deleted."""

    shown: AiExplanation
    text: BlobRef | None
    deleted_at_utc: str | None


@dataclass(frozen=True, slots=True)
class OpenExplanation:
    """A request that has neither an answer nor an end."""

    artifact_id: str
    explanation_id: str


class Explanations(Protocol):
    """What models were asked about artifacts, with the promises of Queries."""

    async def of(self, artifact_id: str) -> Explained:
        """The latest; one with status NONE where nothing was asked. Raises NOT_FOUND for an unknown artifact."""
        ...

    async def open(self) -> list[OpenExplanation]:
        """All that are pending, oldest first."""
        ...


class Queries(Protocol):
    """Reads that see everything that was committed before they were asked. All raise UNAVAILABLE when the projections
    do not catch up in time."""

    async def run(self, query: AskRun) -> Run:
        """Raises NOT_FOUND."""
        ...

    async def artifact(self, query: AskArtifact) -> ArtifactReply:
        """The artifact alone, without inlined outputs. Raises NOT_FOUND."""
        ...

    async def session(self, query: AskSession) -> SessionReply:
        """Raises NOT_FOUND."""
        ...


class Listings(Protocol):
    """Pages, with the promises of Queries. Following `next_cursor` visits everything that existed at the first page
    exactly once, also while more is added. Raises INVALID_REQUEST for a cursor that is none of ours."""

    async def runs(self, query: ListRuns) -> Runs:
        """Newest first."""
        ...

    async def run_summaries(self, query: ListRuns) -> AdvisedRunSummaries:
        """The same page as `runs`, each run with its latest decision in short."""
        ...

    async def artifacts(self, query: ListArtifacts) -> Artifacts:
        """Of one run, newest first. Raises NOT_FOUND for an unknown run."""
        ...

    async def run_events(self, query: ListRunEvents) -> Events:
        """What the log holds about one run, the decisions of its session included, oldest first. Raises NOT_FOUND."""
        ...

    async def sessions(self, query: ListSessions) -> Sessions:
        """Newest first."""
        ...


class AttachmentIndex(Protocol):
    """Content of runs, with the promises of Queries."""

    async def attachments(self, query: ListRunAttachments) -> RunAttachments:
        """In the order in which they came, of one kind or all. Raises NOT_FOUND for an unknown run."""
        ...

    async def attachment(self, query: AskAttachment) -> Attachment:
        """The newest entry of this content, when the run has it under several kinds. Raises NOT_FOUND."""
        ...

    async def content(self, attachment_id: str) -> BlobRef:
        """Where the content of this digest lies, whichever run has it. Raises NOT_FOUND."""
        ...


class Holdings(Protocol):
    """Which runs refer to which content, with the promises of Queries. Tombstones count like any other run; a run
    that was purged counts again only when it got content since."""

    async def old_runs(self, before_utc: str, statuses: Sequence[RunStatus], limit: int) -> tuple[list[Holding], bool]:
        """Runs of these statuses whose last event is before the time, oldest first, with all content they refer to;
        and whether there are more than `limit`."""
        ...

    async def referred_to(self, digests: Sequence[str], other_than: Sequence[str]) -> frozenset[str]:
        """Those digests that a run other than these refers to."""
        ...

    async def content_of(self, run_ids: Sequence[str]) -> list[Holding]:
        """All content that these runs refer to."""
        ...


class Blobs(Protocol):
    async def put(self, data: bytes, content_type: str) -> BlobRef:
        """Store content under its digest; returns once it is stored. Raises UNAVAILABLE."""
        ...

    async def get(self, reference: BlobRef) -> bytes:
        """The content, hashed again. Raises BLOB_MISSING, BLOB_CORRUPT (with both digests) or UNAVAILABLE."""
        ...

    async def delete(self, reference: BlobRef) -> None:
        """The content is gone when it returns; nothing happens when it was not there. Raises UNAVAILABLE."""
        ...


class Art(Protocol):
    async def compile_spec(self, spec: RosetteSpec, request: RequestContext) -> CompiledSpec:
        """What the spec compiles to, stored. Raises UNAVAILABLE or DEADLINE_EXCEEDED when nobody answers."""
        ...

    async def svg_sha256(self, spec: RosetteSpec, request: RequestContext) -> str:
        """Digest of what the spec compiles to; nothing is stored. Raises as `compile_spec`, and INVALID_SPEC."""
        ...

    async def check_svg(self, blob: BlobRef, request: RequestContext) -> CheckedSvg:
        """Whether the stored SVG keeps to the allow-list. Raises as `compile_spec`."""
        ...


class Designer(Protocol):
    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        """A model's answer with its provenance, within the request's deadline. Raises the RmosErrors of the AI gateway,
        with `provenance` in their details where a call was made; UNAVAILABLE or DEADLINE_EXCEEDED."""
        ...


class Cam(Protocol):
    async def generate(self, job: ToolpathJob, request: RequestContext) -> ToolpathResult:
        """A program that passed its own simulation. Raises TOOLPATHS_ERROR with the reason, UNAVAILABLE, or
        DEADLINE_EXCEEDED."""
        ...

    async def recomputed(self, job: ToolpathJob, request: RequestContext) -> RecomputedToolpaths:
        """The digests of what the job gives; nothing is stored or recorded. Raises as `generate`."""
        ...


class Engine(Protocol):
    async def evaluate(self, spec: RosetteSpec, context: CuttingContext, mode: Mode) -> Feasibility:
        """The verdict, computed outside the event loop. Raises INVALID_REQUEST for ids the catalog does not have."""
        ...

    async def written_verdict(
        self, spec: RosetteSpec, context: CuttingContext, mode: Mode, *, with_results: bool = True
    ) -> Canonical:
        """The canonical bytes of the same verdict, for an answer; its results are left out where nobody wants them."""
        ...

    async def compare(self, a: RosetteSpec, b: RosetteSpec) -> GeometryDiff:
        """In what two designs differ as areas, computed outside the event loop."""
        ...

    async def read_run_file(self, path: str, data: bytes) -> LegacyRun:
        """services.rmos.domain.legacy.read_run_file, outside the event loop."""
        ...

    async def evaluate_by(
        self, catalog_sha256: str, spec: RosetteSpec, context: CuttingContext, mode: Mode
    ) -> Feasibility:
        """As `evaluate`, by the catalog that had this digest; by today's when it cannot be had again, which the
        verdict then says."""
        ...

    def job_by(
        self,
        catalog_sha256: str,
        spec: RosetteSpec,
        context: CuttingContext,
        feasibility: Feasibility,
        post: Post,
        origin: ProgramOrigin,
    ) -> ToolpathJob:
        """As `job_for`, by that catalog."""
        ...

    def job_for(
        self,
        spec: RosetteSpec,
        context: CuttingContext,
        feasibility: Feasibility,
        post: Post,
        origin: ProgramOrigin,
    ) -> ToolpathJob:
        """The CAM job for a design that may be cut. Raises TOOLPATHS_ERROR when a part of it is missing."""
        ...
