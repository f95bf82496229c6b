"""Events of the log that rmos writes. Type names are `rmos.<past tense>.v<n>`; the LOG subject is `log.<type>`.

Facts of other services are recorded under their own type (`ai.call_completed.v1`, …) with their data unchanged.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.advisories import Rating, RejectionCode
from contracts.ai import ProviderName, Seed
from contracts.ai_explanations import ExplanationFailure, ModelName, Summary
from contracts.artifacts import Attachment, RunArtifact
from contracts.blobs import BlobRef
from contracts.catalog import Machine, Material, Tool
from contracts.envelope import Actor
from contracts.errors import ErrorBody
from contracts.feasibility import CuttingContext, Mode, RiskLevel
from contracts.model import Identifier, Message, NonNegative, RequestId, Score, Sha256, Timestamp
from contracts.search import ConstraintSearch, SearchAttempt, SearchOutcome, SearchProgress
from contracts.sessions import SessionState, WorkflowMode

Reason = Annotated[str, Field(min_length=1, max_length=2000)]


class LogEvent(Message):
    """Base of every event; `type` is its wire name with version."""

    type: ClassVar[str]


class RunOpenedV1(LogEvent):
    """A run as it was opened before runs could be imported; contracts.upcasting makes a RunOpened of it."""

    type: ClassVar[str] = "rmos.run_opened.v1"
    run_id: Identifier
    mode: Mode
    label: str | None = None
    workflow_session_id: Identifier | None = None
    context: CuttingContext


class ImportedFile(Message):
    """The file of another system's record that something was imported from."""

    path: Annotated[str, Field(min_length=1, max_length=400)]
    """As it lay in the folder that was imported: `2025-08-20/run_x.json`."""
    sha256: Sha256


class RunOpened(LogEvent):
    type: ClassVar[str] = "rmos.run_opened.v2"
    run_id: Identifier
    mode: Mode
    label: str | None = None
    workflow_session_id: Identifier | None = None
    context: CuttingContext
    opened_at_utc: Timestamp
    """When the run began. Of an imported run this is long before it was recorded."""
    imported_from: ImportedFile | None = None
    """None for a run that was opened here."""


class AttachmentAdded(LogEvent):
    type: ClassVar[str] = "rmos.attachment_added.v1"
    run_id: Identifier
    attachment: Attachment


class AssetsReferenced(LogEvent):
    """Art assets linked to a run as advice; they decide nothing."""

    type: ClassVar[str] = "rmos.assets_referenced.v1"
    run_id: Identifier
    asset_ids: tuple[Identifier, ...]


class _AdvisoryStep(LogEvent):
    """What a person thinks of an asset that was referred to. The actor is the event's."""

    run_id: Identifier
    asset_id: Identifier
    rating: Rating | None = None
    note: Annotated[str, Field(max_length=4000)] | None = None


class AdvisoryReviewed(_AdvisoryStep):
    type: ClassVar[str] = "rmos.advisory_reviewed.v1"
    rating: Rating


class AdvisoryPromoted(_AdvisoryStep):
    """Taken up as the one to go on with. It decides nothing: a promoted design is still judged and approved."""

    type: ClassVar[str] = "rmos.advisory_promoted.v1"


class AdvisoryRejected(_AdvisoryStep):
    type: ClassVar[str] = "rmos.advisory_rejected.v1"
    code: RejectionCode


class RunDeleted(LogEvent):
    """The tombstone of a run: it takes no more commands and is shown to auditors only. Its events stay."""

    type: ClassVar[str] = "rmos.run_deleted.v1"
    run_id: Identifier
    reason: Reason | None = None
    forced: bool = False
    cascaded: bool = False
    """True when its decisions, or the session it belonged to, were accepted to go with it."""


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


class VerdictOverridden(ArtifactRecorded):
    """A person accepted a verdict that would have stopped exactly this design in exactly this context."""

    type: ClassVar[str] = "rmos.verdict_overridden.v1"


class ToolpathsDecided(ArtifactRecorded):
    """Toolpaths were asked for: released (OK), refused (BLOCKED) or failed (ERROR)."""

    type: ClassVar[str] = "rmos.toolpaths_decided.v1"


class SessionEvent(LogEvent):
    """Base of the events of a session's stream."""

    session_id: Identifier
    state: SessionState
    """Where the session stands after the event."""


class SessionOpened(SessionEvent):
    type: ClassVar[str] = "rmos.session_opened.v1"
    mode: WorkflowMode
    label: str | None = None
    context: CuttingContext


class SessionRunOpened(SessionEvent):
    """A run was opened in the session, which answers for it from now on."""

    type: ClassVar[str] = "rmos.session_run_opened.v1"
    run_id: Identifier


class ApprovedDigests(Message):
    """Exactly what an approval covers; another digest is another design and needs its own approval."""

    design_sha256: Sha256
    feasibility_sha256: Sha256
    context_sha256: Sha256


class SessionContextSet(SessionEvent):
    """What the session says about tool, material, machine and stock, all of it. An approval ends with the former."""

    type: ClassVar[str] = "rmos.session_context_set.v1"
    context: CuttingContext


class SessionDesignSet(SessionEvent):
    """The session's current design changed; an approval of another design ends with it."""

    type: ClassVar[str] = "rmos.session_design_set.v1"
    run_id: Identifier
    design_sha256: Sha256
    spec: BlobRef
    context: CuttingContext
    """The one that the run was opened in; what the session has said since goes before it."""
    mode: Mode = "router"


class SessionRunDeleted(SessionEvent):
    """One of the session's runs was deleted."""

    type: ClassVar[str] = "rmos.session_run_deleted.v1"
    run_id: Identifier
    was_current: bool
    """It held the current design: there is none any more."""


class SessionFeasibilityRequested(SessionEvent):
    type: ClassVar[str] = "rmos.session_feasibility_requested.v1"
    run_id: Identifier


class SessionFeasibilityStored(SessionEvent):
    type: ClassVar[str] = "rmos.session_feasibility_stored.v1"
    run_id: Identifier
    artifact_id: Identifier
    digests: ApprovedDigests
    risk_level: RiskLevel
    score: Score | None = None


class _SessionDecision(SessionEvent):
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


class SessionToolpathsRequested(SessionEvent):
    """Toolpaths of the approved design are being made. Asking again is possible: a crash leaves no trap."""

    type: ClassVar[str] = "rmos.session_toolpaths_requested.v1"
    run_id: Identifier


class SessionToolpathsStored(SessionEvent):
    type: ClassVar[str] = "rmos.session_toolpaths_stored.v1"
    run_id: Identifier
    artifact_id: Identifier
    gcode_sha256: Sha256


class SessionToolpathsFailed(SessionEvent):
    """The toolpaths were refused or could not be made; the approval stands."""

    type: ClassVar[str] = "rmos.session_toolpaths_failed.v1"
    run_id: Identifier
    artifact_id: Identifier


class SessionArchived(SessionEvent):
    type: ClassVar[str] = "rmos.session_archived.v1"
    note: Annotated[str, Field(max_length=4000)] | None = None


class SessionDeleted(SessionEvent):
    """The tombstone of a session; `state` is the last it had. It is shown to auditors only. Its events stay."""

    type: ClassVar[str] = "rmos.session_deleted.v1"
    reason: Reason | None = None
    forced: bool = False
    run_ids: tuple[Identifier, ...] = ()
    """Its runs, which were deleted with it."""


class BlobsPurged(LogEvent):
    """Retention let content go. The digests stay in the log; nothing else of the runs changes."""

    type: ClassVar[str] = "rmos.blobs_purged.v1"
    purge_id: Identifier
    older_than_days: Annotated[int, Field(ge=1)]
    statuses: tuple[str, ...]
    run_ids: tuple[Identifier, ...]
    digests: tuple[Sha256, ...]
    bytes_freed: Annotated[int, Field(ge=0)]


class ArtifactImported(ArtifactRecorded):
    """What another system had recorded about a run, kept as history: it judges and releases nothing here."""

    type: ClassVar[str] = "rmos.artifact_imported.v1"


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


class SearchProgressedV1(LogEvent):
    """How far a search was, when only attempts were counted; contracts.upcasting makes a SearchProgressed of it."""

    type: ClassVar[str] = "rmos.search_progressed.v1"
    search_id: Identifier
    run_id: Identifier
    workflow_session_id: Identifier | None = None
    progress: SearchProgress


class SearchProgressed(LogEvent):
    """A running search after one more round. `attempts`: those of the round, so that all of them stand in the log
    whatever ends the search."""

    type: ClassVar[str] = "rmos.search_progressed.v2"
    search_id: Identifier
    run_id: Identifier
    workflow_session_id: Identifier | None = None
    progress: SearchProgress
    attempts: tuple[SearchAttempt, ...]


class SearchEnded(LogEvent):
    """The end of a search. Concluded: its artifact holds the attempts. Otherwise they stand here: all that were made,
    or, after the sudden death of the process that searched, those that it had put on record."""

    type: ClassVar[str] = "rmos.search_ended.v1"
    search_id: Identifier
    run_id: Identifier
    workflow_session_id: Identifier | None = None
    outcome: SearchOutcome
    artifact_id: Identifier | None = None
    attempts: tuple[SearchAttempt, ...] = ()
    error: ErrorBody | None = None
    time_ms: NonNegative | None = None


class _AiExplanationStep(LogEvent):
    """About the explanation of one artifact by a model, in a stream of its own: the artifact never changes."""

    artifact_id: Identifier
    run_id: Identifier
    workflow_session_id: Identifier | None = None
    explanation_id: Identifier
    """Of the request: a late answer to a former one counts no more."""


class AiExplanationRequested(_AiExplanationStep):
    """A model is being asked to explain an artifact. `prompt_sha256`: what it is told, a function of the artifact."""

    type: ClassVar[str] = "rmos.ai_explanation_requested.v1"
    provider: ProviderName | None = None
    model: ModelName | None = None
    prompt_sha256: Sha256
    asked_by: Actor
    asked_at_utc: Timestamp


class AiExplanationReady(_AiExplanationStep):
    """A model's explanation, as advice. Its text is content; `ai_call_id` leads to the provenance of the call."""

    type: ClassVar[str] = "rmos.ai_explanation_ready.v1"
    text: BlobRef
    summary: Summary
    provider: str
    model: str | None = None
    ai_call_id: Identifier
    answered_at_utc: Timestamp


class AiExplanationFailed(_AiExplanationStep):
    """No explanation came. It may be asked for again."""

    type: ClassVar[str] = "rmos.ai_explanation_failed.v1"
    error: ExplanationFailure
    provider: str | None = None
    model: str | None = None
    ai_call_id: Identifier | None = None
    answered_at_utc: Timestamp


class CatalogEntryAdded(LogEvent):
    """A customer's own material, tool or machine: exactly one. `catalog_sha256` is the catalog's digest with it."""

    type: ClassVar[str] = "rmos.catalog_entry_added.v1"
    material: Material | None = None
    tool: Tool | None = None
    machine: Machine | None = None
    catalog_sha256: Sha256


class CommandHadNoEffect(LogEvent):
    """A command was accepted and changed nothing, because everything was as it wanted. Recorded where the client chose
    the command's identity, so that the same command has the same outcome when it comes again."""

    type: ClassVar[str] = "rmos.command_had_no_effect.v1"
    command: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,100}$")]
    """Name of the message."""
    versions: dict[str, Annotated[int, Field(ge=0)]]
    """The streams that were looked at, and how far."""


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
    AdvisoryReviewed,
    AdvisoryPromoted,
    AdvisoryRejected,
    RunDeleted,
    FeasibilityRecorded,
    CandidateBound,
    DesignApproved,
    DesignRejected,
    RevisionRequired,
    VerdictOverridden,
    ToolpathsDecided,
    SessionOpened,
    SessionRunOpened,
    SessionContextSet,
    SessionDesignSet,
    SessionRunDeleted,
    SessionFeasibilityRequested,
    SessionFeasibilityStored,
    SessionApproved,
    SessionRejected,
    SessionRevisionRequired,
    SessionToolpathsRequested,
    SessionToolpathsStored,
    SessionToolpathsFailed,
    SessionArchived,
    SessionDeleted,
    BlobsPurged,
    ArtifactImported,
    SearchConcluded,
    SearchStarted,
    SearchProgressed,
    SearchEnded,
    AiExplanationRequested,
    AiExplanationReady,
    AiExplanationFailed,
    CatalogEntryAdded,
    CommandHadNoEffect,
)
"""The newest version of each: what is written, and what readers see."""

FORMER_EVENTS: tuple[type[LogEvent], ...] = (RunOpenedV1, SearchProgressedV1)
"""Versions that are no longer written. They stand in logs for ever: contracts.upcasting reads them."""

EVENT_TYPES: dict[str, type[LogEvent]] = {event.type: event for event in (*RMOS_EVENTS, *FORMER_EVENTS)}
