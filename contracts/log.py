"""Events of the log that rmos writes. Type names are `rmos.<past tense>.v<n>`; the LOG subject is `log.<type>`.

Facts of other services are recorded under their own type (`ai.call_completed.v1`, …) with their data unchanged.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.ai import Seed
from contracts.artifacts import Attachment, RunArtifact
from contracts.catalog import Machine, Material, Tool
from contracts.envelope import Actor
from contracts.errors import ErrorBody
from contracts.feasibility import CuttingContext, Mode, RiskLevel
from contracts.model import Identifier, Message, NonNegative, RequestId, Score, Sha256, Timestamp
from contracts.search import ConstraintSearch, SearchAttempt, SearchOutcome, SearchProgress
from contracts.sessions import WorkflowMode


class LogEvent(Message):
    """Base of every event; `type` is its wire name with version."""

    type: ClassVar[str]


class RunOpened(LogEvent):
    type: ClassVar[str] = "rmos.run_opened.v1"
    run_id: Identifier
    mode: Mode
    label: str | None = None
    workflow_session_id: Identifier | None = None
    context: CuttingContext


class AttachmentAdded(LogEvent):
    type: ClassVar[str] = "rmos.attachment_added.v1"
    run_id: Identifier
    attachment: Attachment


class AssetsReferenced(LogEvent):
    """Art assets linked to a run as advice; they decide nothing."""

    type: ClassVar[str] = "rmos.assets_referenced.v1"
    run_id: Identifier
    asset_ids: tuple[Identifier, ...]


class ArtifactRecorded(LogEvent):
    """Base of the events that record a decision: the whole artifact is the event."""

    artifact: RunArtifact


class FeasibilityRecorded(ArtifactRecorded):
    type: ClassVar[str] = "rmos.feasibility_recorded.v1"


class CandidateBound(ArtifactRecorded):
    """A candidate was judged; status OK is ALLOW, BLOCKED is BLOCK."""

    type: ClassVar[str] = "rmos.candidate_bound.v1"


class DesignApproved(ArtifactRecorded):
    type: ClassVar[str] = "rmos.design_approved.v1"


class DesignRejected(ArtifactRecorded):
    type: ClassVar[str] = "rmos.design_rejected.v1"


class RevisionRequired(ArtifactRecorded):
    type: ClassVar[str] = "rmos.revision_required.v1"


class ToolpathsDecided(ArtifactRecorded):
    """Toolpaths were asked for: released (OK), refused (BLOCKED) or failed (ERROR)."""

    type: ClassVar[str] = "rmos.toolpaths_decided.v1"


class SessionOpened(LogEvent):
    type: ClassVar[str] = "rmos.session_opened.v1"
    session_id: Identifier
    mode: WorkflowMode
    label: str | None = None
    context: CuttingContext


class ApprovedDigests(Message):
    """Exactly what an approval covers; another digest is another design and needs its own approval."""

    design_sha256: Sha256
    feasibility_sha256: Sha256
    context_sha256: Sha256


class SessionDesignSet(LogEvent):
    """The session's current design changed; an approval of another design ends with it."""

    type: ClassVar[str] = "rmos.session_design_set.v1"
    session_id: Identifier
    run_id: Identifier
    design_sha256: Sha256


class SessionFeasibilityStored(LogEvent):
    type: ClassVar[str] = "rmos.session_feasibility_stored.v1"
    session_id: Identifier
    run_id: Identifier
    artifact_id: Identifier
    digests: ApprovedDigests
    risk_level: RiskLevel
    score: Score | None = None


class _SessionDecision(LogEvent):
    session_id: Identifier
    run_id: Identifier
    artifact_id: Identifier
    actor: Actor
    note: Annotated[str, Field(max_length=4000)] | None = None


class SessionApproved(_SessionDecision):
    type: ClassVar[str] = "rmos.session_approved.v1"
    digests: ApprovedDigests


class SessionRejected(_SessionDecision):
    type: ClassVar[str] = "rmos.session_rejected.v1"


class SessionRevisionRequired(_SessionDecision):
    type: ClassVar[str] = "rmos.session_revision_required.v1"


class SessionToolpathsStored(LogEvent):
    type: ClassVar[str] = "rmos.session_toolpaths_stored.v1"
    session_id: Identifier
    run_id: Identifier
    artifact_id: Identifier
    gcode_sha256: Sha256


class SearchConcluded(ArtifactRecorded):
    """A constraint search came to its end: the best design, its verdict, and every attempt."""

    type: ClassVar[str] = "rmos.search_concluded.v1"


class SearchStarted(LogEvent):
    """A constraint search is on. `search` is the command, with the context completed from run or session."""

    type: ClassVar[str] = "rmos.search_started.v1"
    search_id: Identifier
    run_id: Identifier
    workflow_session_id: Identifier | None = None
    search: ConstraintSearch
    variant_seed: Seed
    started_at_utc: Timestamp


class SearchProgressed(LogEvent):
    """How far a running search is: when its best improves, and now and then."""

    type: ClassVar[str] = "rmos.search_progressed.v1"
    search_id: Identifier
    run_id: Identifier
    workflow_session_id: Identifier | None = None
    progress: SearchProgress


class SearchEnded(LogEvent):
    """The end of a search. Concluded: its artifact holds the attempts; otherwise they stand here, as far as known."""

    type: ClassVar[str] = "rmos.search_ended.v1"
    search_id: Identifier
    run_id: Identifier
    workflow_session_id: Identifier | None = None
    outcome: SearchOutcome
    artifact_id: Identifier | None = None
    attempts: tuple[SearchAttempt, ...] = ()
    error: ErrorBody | None = None
    time_ms: NonNegative | None = None


class CatalogEntryAdded(LogEvent):
    """A customer's own material, tool or machine: exactly one. `catalog_sha256` is the catalog's digest with it."""

    type: ClassVar[str] = "rmos.catalog_entry_added.v1"
    material: Material | None = None
    tool: Tool | None = None
    machine: Machine | None = None
    catalog_sha256: Sha256


class StoredEvent(Message):
    """An event as it stands in the log. `data` is the canonical body; its leaf hash covers the stored bytes."""

    position: Annotated[int, Field(ge=1)]
    stream: str
    version: Annotated[int, Field(ge=1)]
    event_id: Identifier
    type: str
    recorded_at_utc: Timestamp
    actor: Actor
    request_id: RequestId
    command_id: Identifier
    command_index: Annotated[int, Field(ge=0)] = 0
    """Place of the event among those of its command."""
    command_sha256: Sha256
    """Digest of the command as it was received: what makes a repetition the same command."""
    causation_id: Identifier | None = None
    writer_epoch: int
    data_json: str
    leaf_sha256: Sha256


RMOS_EVENTS: tuple[type[LogEvent], ...] = (
    RunOpened,
    AttachmentAdded,
    AssetsReferenced,
    FeasibilityRecorded,
    CandidateBound,
    DesignApproved,
    DesignRejected,
    RevisionRequired,
    ToolpathsDecided,
    SessionOpened,
    SessionDesignSet,
    SessionFeasibilityStored,
    SessionApproved,
    SessionRejected,
    SessionRevisionRequired,
    SessionToolpathsStored,
    SearchConcluded,
    SearchStarted,
    SearchProgressed,
    SearchEnded,
    CatalogEntryAdded,
)
EVENT_TYPES: dict[str, type[LogEvent]] = {event.type: event for event in RMOS_EVENTS}
