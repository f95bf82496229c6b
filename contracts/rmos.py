"""Commands and queries of the authority."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contracts.artifacts import (
    SUMMARY_LENGTH,
    ArtifactKind,
    ArtifactStatus,
    Attachment,
    AttachmentKind,
    ExplanationStatus,
    Run,
    RunArtifact,
)
from contracts.blobs import BlobRef
from contracts.cam import Post
from contracts.catalog import Machine, Material, Tool
from contracts.feasibility import CuttingContext, Mode, RiskLevel
from contracts.log import StoredEvent
from contracts.model import Identifier, Message, NonNegative, RequestId, Score, Sha256, Timestamp
from contracts.params import RosetteParamSpec
from contracts.sessions import Session, SessionState, WorkflowMode
from contracts.spec import RosetteSpec

MAX_LIMIT = 200
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
Note = Annotated[str, Field(max_length=4000)]
Label = Annotated[str, Field(max_length=200)]
Version = Annotated[int, Field(ge=1)]
MAX_CATALOG_ENTRIES = 200
"""That are added in one command."""
DeletionReason = Annotated[str, Field(min_length=3, max_length=2000)]
RunStatus = Literal["OPEN", "OK", "BLOCKED", "ERROR"]


class OpenRun(Message):
    mode: Mode = "router"
    label: Label | None = None
    workflow_session_id: Identifier | None = None
    context: CuttingContext = CuttingContext()


class NewAttachment(Message):
    """Content that already lies in the object store under its digest."""

    kind: AttachmentKind
    filename: Annotated[str, Field(min_length=1, max_length=255)]
    blob: BlobRef
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=40)] = {}


class AddAttachments(Message):
    """All or nothing. Content that the run has already under the same kind is not added twice."""

    run_id: Identifier
    attachments: Annotated[tuple[NewAttachment, ...], Field(min_length=1, max_length=60)]


class Attachments(Message):
    run_id: Identifier
    items: tuple[Attachment, ...]


class ReferenceAssets(Message):
    run_id: Identifier
    asset_ids: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=50)]


class BindCandidate(Message):
    """Judge a candidate: explicit attachments, or the newest of each required kind."""

    run_id: Identifier
    attachment_ids: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    required_kinds: Annotated[tuple[AttachmentKind, ...], Field(max_length=7)] = ()
    operator_notes: Note | None = None
    strict: bool = True
    """Strict: a spec and an SVG are needed and the SVG must be what the spec compiles to. Otherwise the SVG may be
    missing, but one that is given must still agree."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.attachment_ids) == bool(self.required_kinds):
            raise ValueError("give either attachment_ids or required_kinds")
        return self


class MakeToolpaths(Message):
    """Exactly one of design, spec and artifact_id (of a bound candidate) says what is to be cut.

    A given `context` field replaces the run's; a client's own feasibility is not part of the message.
    """

    run_id: Identifier | None = None
    design: RosetteParamSpec | None = None
    spec: RosetteSpec | None = None
    artifact_id: Identifier | None = None
    context: CuttingContext = CuttingContext()
    mode: Mode = "router"
    post: Post = "grbl"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum([self.design is not None, self.spec is not None, self.artifact_id is not None]) != 1:
            raise ValueError("give exactly one of design, spec or artifact_id")
        return self


class OverrideVerdict(Message):
    """Accept the verdict of one artifact anyway. RED takes a policy that allows it and the role admin; UNKNOWN counts
    as RED where the policy treats it so, and cannot be overridden otherwise. DRIFT accepts, for toolpaths that were
    refused because of it, that the verdict is no longer the one that was approved; it accepts nothing else."""

    run_id: Identifier
    artifact_id: Identifier
    scope: Literal["YELLOW", "RED", "DRIFT"]
    reason: Annotated[str, Field(min_length=10, max_length=2000)]


class DeleteRun(Message):
    """A tombstone. `cascade` lets its decisions go with it; `force` takes it out of a session that is under way."""

    run_id: Identifier
    force: bool = False
    cascade: bool = False
    reason: DeletionReason | None = None


class OpenSession(Message):
    mode: WorkflowMode = "design_first"
    label: Label | None = None
    context: CuttingContext = CuttingContext()


class DecideSession(Message):
    """Approve, reject or require revision. An `expected_version` guards against deciding on something newer."""

    session_id: Identifier
    note: Note | None = None
    expected_version: Version | None = None


class SetSessionContext(Message):
    """Change what the session says about tool, material, machine and stock. A field that is given replaces the
    session's, the others stay. Any change ends an approval."""

    session_id: Identifier
    context: CuttingContext
    expected_version: Version | None = None


class SetSessionDesign(Message):
    """Exactly one of design and spec becomes the session's current design, in its current run or a new one."""

    session_id: Identifier
    design: RosetteParamSpec | None = None
    spec: RosetteSpec | None = None
    expected_version: Version | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.design is None) == (self.spec is None):
            raise ValueError("give exactly one of design or spec")
        return self


class EvaluateSession(Message):
    """Judge the session's current design and put the verdict on the record."""

    session_id: Identifier
    expected_version: Version | None = None


class ArchiveSession(Message):
    session_id: Identifier
    note: Note | None = None
    expected_version: Version | None = None


class DeleteSession(Message):
    """A tombstone. `cascade` deletes its runs with it; `force` is for a session that is under way."""

    session_id: Identifier
    force: bool = False
    cascade: bool = False
    reason: DeletionReason | None = None
    expected_version: Version | None = None


class PurgeBlobs(Message):
    """Let the content of old runs go: of every run whose last event is older and whose status is named. What a kept
    run still refers to stays. `dry_run` only tells."""

    older_than_days: Annotated[int, Field(ge=1, le=36500)]
    statuses: Annotated[tuple[RunStatus, ...], Field(min_length=1, max_length=4)]
    dry_run: bool = True


class Purged(Message):
    """What went, or would go. `purge_id` None: nothing was recorded, because nothing was to go or it was a dry run."""

    purge_id: Identifier | None = None
    dry_run: bool
    more: bool = False
    """True when further old runs wait for the next purge: one lets go of a limited number."""
    run_ids: tuple[Identifier, ...]
    digests: tuple[Sha256, ...]
    bytes_freed: Annotated[int, Field(ge=0)]


class ImportRun(Message):
    """Take one run file of the system before this one into the record; its bytes lie in the object store. The same
    bytes are imported once, under whatever path they come."""

    path: Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f][^\\\x00-\x1f]{0,399}$")]
    file: BlobRef


class ImportedRun(Message):
    """Where the file's content stands now."""

    run_id: Identifier
    artifact_id: Identifier
    added: bool
    """False when it stood there before: nothing was added now."""
    warnings: tuple[str, ...] = ()
    """What of the file could not be taken over into fields of its own; the file itself is kept whole."""


class Deleted(Message):
    """What was deleted: the thing itself first, then what went with it."""

    ids: tuple[Identifier, ...]


class ArtifactReply(Message):
    """A decision as it was recorded, with the small G-code inline."""

    artifact: RunArtifact
    gcode_text: str | None = None
    opplan_json: str | None = None
    missing_sha256: Sha256 | None = None
    """Content of an output that the object store no longer has, by retention or loss; then no text is given."""


class SessionReply(Message):
    session: Session
    artifact: RunArtifact | None = None


class AskRun(Message):
    run_id: Identifier


class AskArtifact(Message):
    artifact_id: Identifier
    with_outputs: bool = True


class AskSession(Message):
    session_id: Identifier


class Page(Message):
    """A page after a cursor, or after a number of items: a cursor alone misses and repeats nothing while more come."""

    cursor: Annotated[str, Field(max_length=200)] | None = None
    offset: Annotated[int, Field(ge=0, le=100_000)] | None = None
    limit: Limit = 50
    include_total: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.cursor is not None and self.offset is not None:
            raise ValueError("give either cursor or offset")
        return self


class ListRuns(Page):
    """Newest first. Days and times are UTC; `tool_id` matches as a prefix."""

    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    from_utc: Timestamp | None = None
    to_utc: Timestamp | None = None
    tool_id: Annotated[str, Field(pattern=r"^[a-z0-9_.:-]{1,64}$")] | None = None
    mode: Mode | None = None
    status: RunStatus | None = None
    risk_level: RiskLevel | None = None
    session_id: Identifier | None = None
    kind: ArtifactKind | None = None
    include_deleted: bool = False
    """Tombstones too: for auditors and admins."""


class Runs(Message):
    items: tuple[Run, ...]
    next_cursor: str | None = None
    total: int | None = None


class RunSummary(Message):
    """What a screen of runs needs of each: its opening and its latest decision."""

    run_id: Identifier
    created_at_utc: Timestamp
    status: RunStatus
    event_type: str
    """Type of the event that recorded the latest decision, or the opening's."""
    risk_level: RiskLevel | None = None
    score: Score | None = None
    block_reason: str | None = None
    warnings: tuple[str, ...] = ()
    explanation_status: ExplanationStatus = ExplanationStatus.NONE
    explanation_summary: Annotated[str, Field(max_length=SUMMARY_LENGTH)] | None = None
    request_id: RequestId
    compute_ms: NonNegative | None = None
    meta: dict[str, str] = {}


class RunSummaries(Message):
    items: tuple[RunSummary, ...]
    next_cursor: str | None = None
    total: int | None = None


class AdvisedRunSummary(RunSummary):
    """With what a model was asked about the latest decision. That is advice: `explanation_…` is the computed one, which
    counts."""

    last_artifact_id: Identifier | None = None
    ai_explanation_status: ExplanationStatus = ExplanationStatus.NONE
    ai_explanation_summary: Annotated[str, Field(max_length=SUMMARY_LENGTH)] | None = None


class AdvisedRunSummaries(Message):
    items: tuple[AdvisedRunSummary, ...]
    next_cursor: str | None = None
    total: int | None = None


class ListArtifacts(Page):
    run_id: Identifier


class ArtifactSummary(Message):
    artifact_id: Identifier
    run_id: Identifier
    kind: ArtifactKind
    status: ArtifactStatus
    created_at_utc: Timestamp
    risk_level: RiskLevel
    score: Score | None = None
    block_reason: str | None = None
    hashes: dict[str, Sha256] = {}


class Artifacts(Message):
    items: tuple[ArtifactSummary, ...]
    next_cursor: str | None = None
    total: int | None = None


class ListAttachments(Message):
    run_id: Identifier
    kind: AttachmentKind | None = None


class ListRunAttachments(Page):
    """In the order in which they came."""

    run_id: Identifier
    kind: AttachmentKind | None = None


class RunAttachments(Message):
    run_id: Identifier
    items: tuple[Attachment, ...]
    next_cursor: str | None = None
    total: int | None = None


class AskAttachment(Message):
    run_id: Identifier
    attachment_id: Annotated[str, Field(pattern=r"^(att-)?[0-9a-f]{64}$")]


class ListRunEvents(Page):
    run_id: Identifier


class Events(Message):
    items: tuple[StoredEvent, ...]
    next_cursor: str | None = None


class ListSessions(Page):
    state: SessionState | None = None
    include_deleted: bool = False
    """Tombstones too: for auditors and admins."""


class Sessions(Message):
    items: tuple[Session, ...]
    next_cursor: str | None = None
    total: int | None = None


class AskCatalog(Message):
    kind: Literal["materials", "tools", "machines"]


class CatalogEntries(Message):
    kind: Literal["materials", "tools", "machines"]
    catalog_sha256: Sha256
    items_json: str
    """The entries as a JSON array: their shape is contracts.catalog's."""


class AddCatalogEntry(Message):
    """A customer's own material, tool or machine: exactly one. An id or alias that the catalog has is refused."""

    material: Material | None = None
    tool: Tool | None = None
    machine: Machine | None = None

    @model_validator(mode="after")
    def _one_entry(self) -> Self:
        if sum([self.material is not None, self.tool is not None, self.machine is not None]) != 1:
            raise ValueError("give exactly one of material, tool or machine")
        return self


class CatalogEntry(Message):
    """What was added, and the digest of the catalog that has it."""

    material: Material | None = None
    tool: Tool | None = None
    machine: Machine | None = None
    catalog_sha256: Sha256


class AddCatalogEntries(Message):
    """Customers' own materials, tools and machines: all of them, or none where one is refused."""

    entries: Annotated[tuple[AddCatalogEntry, ...], Field(min_length=1, max_length=MAX_CATALOG_ENTRIES)]


class AddedCatalogEntries(Message):
    """How many were added, and the digest of the catalog that has them all."""

    added: Annotated[int, Field(ge=1, le=MAX_CATALOG_ENTRIES)]
    catalog_sha256: Sha256


def bare_attachment_id(text: str) -> str:
    """The digest of an attachment id that may carry the `att-` prefix."""
    return text.removeprefix("att-")
