"""Runs, attachments and run artifacts as they are recorded and shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from contracts.blobs import BlobRef
from contracts.cam import Simulation
from contracts.envelope import Actor
from contracts.feasibility import CuttingContext, Feasibility, Mode, RiskLevel
from contracts.model import CatalogId, Identifier, Message, NonNegative, RequestId, Score, Sha256, Timestamp

ARTIFACT_SCHEMA_VERSION = 1
INLINE_GCODE_BYTES = 200_000
INLINE_OPPLAN_BYTES = 1_000_000
"""G-code and plans up to these sizes are also given inline; larger ones, as everything, by their digest."""


SUMMARY_LENGTH = 200
"""Characters of an explanation's summary."""


class ArtifactKind(StrEnum):
    FEASIBILITY = "feasibility"
    ART_STUDIO_CANDIDATE = "art_studio_candidate"
    CONSTRAINT_SEARCH = "constraint_search"
    APPROVAL = "approval"
    REJECTION = "rejection"
    REVISION = "revision"
    OVERRIDE = "override"
    TOOLPATHS = "toolpaths"
    IMPORTED = "imported"
    """History that another system recorded."""


class ArtifactStatus(StrEnum):
    OK = "OK"
    BLOCKED = "BLOCKED"
    ERROR = "ERROR"


class AttachmentKind(StrEnum):
    SVG = "svg"
    SPEC = "spec"
    PROVENANCE = "provenance"
    PNG = "png"
    PHOTO = "photo"
    DOCUMENT = "document"
    OTHER = "other"


class Attachment(Message):
    """Content that belongs to a run; the digest is its id."""

    attachment_id: Sha256
    kind: AttachmentKind
    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, Field(max_length=127)]
    size: Annotated[int, Field(ge=0)]
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=40)] = {}
    created_at_utc: Timestamp

    @property
    def blob(self) -> BlobRef:
        return BlobRef(sha256=self.attachment_id, size=self.size, content_type=self.content_type)


class Decision(Message):
    """ALLOW is status OK, BLOCK is status BLOCKED; `details` holds what a person needs to act."""

    risk_level: RiskLevel
    score: Score | None = None
    block_reason: str | None = None
    warnings: tuple[str, ...] = ()
    details: dict[str, JsonValue] = {}


class ExplanationStatus(StrEnum):
    NONE = "NONE"
    PENDING = "PENDING"
    READY = "READY"
    ERROR = "ERROR"


class RunArtifact(Message):
    """The immutable record of one decision in a run. Only rmos' `validate_and_persist` makes one."""

    schema_version: Literal[1] = 1
    artifact_id: Identifier
    run_id: Identifier
    kind: ArtifactKind
    status: ArtifactStatus
    created_at_utc: Timestamp
    request_id: RequestId
    actor: Actor
    mode: Mode
    tool_id: CatalogId | None = None
    material_id: CatalogId | None = None
    machine_id: CatalogId | None = None
    context: CuttingContext = CuttingContext()
    request_summary: dict[str, JsonValue] = {}
    feasibility: Feasibility | None = None
    decision: Decision
    hashes: dict[str, Sha256] = {}
    outputs: dict[str, BlobRef] = {}
    simulation: Simulation | None = None
    attachments: tuple[Attachment, ...] = ()
    advisory_inputs: tuple[str, ...] = ()
    explanation_status: ExplanationStatus = ExplanationStatus.NONE
    explanation_summary: Annotated[str, Field(max_length=SUMMARY_LENGTH)] | None = None
    workflow_session_id: Identifier | None = None
    parent_artifact_id: Identifier | None = None
    override_artifact_id: Identifier | None = None
    """The override that let this pass although its verdict blocks; None where none was needed."""
    engine_version: str
    compute_ms: NonNegative
    meta: dict[str, str] = {}


class Run(Message):
    """A run as the list shows it: its opening plus its latest decision."""

    run_id: Identifier
    created_at_utc: Timestamp
    updated_at_utc: Timestamp
    position: int
    """Log position of its opening: the order of `GET /api/runs`."""
    mode: Mode
    label: str | None = None
    workflow_session_id: Identifier | None = None
    context: CuttingContext = CuttingContext()
    request_id: RequestId
    opened_by: Identifier
    status: Literal["OPEN", "OK", "BLOCKED", "ERROR"] = "OPEN"
    risk_level: RiskLevel | None = None
    score: Score | None = None
    block_reason: str | None = None
    artifact_count: int = 0
    attachment_count: int = 0
    last_artifact_id: Identifier | None = None
    last_kind: ArtifactKind | None = None
    deleted_at_utc: Timestamp | None = None
    """Of a tombstone, which only auditors and admins see."""
