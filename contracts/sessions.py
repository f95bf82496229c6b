"""Workflow sessions: the states a design passes on its way to toolpaths, and how a session is shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from contracts.feasibility import CuttingContext, RiskLevel
from contracts.model import Identifier, Message, Score, Sha256, Timestamp

WorkflowMode = Literal["design_first", "constraint_first", "ai_assisted"]


class SessionState(StrEnum):
    DRAFT = "draft"
    CONTEXT_READY = "context_ready"
    FEASIBILITY_REQUESTED = "feasibility_requested"
    FEASIBILITY_READY = "feasibility_ready"
    DESIGN_REVISION_REQUIRED = "design_revision_required"
    APPROVED = "approved"
    TOOLPATHS_REQUESTED = "toolpaths_requested"
    TOOLPATHS_READY = "toolpaths_ready"
    REJECTED = "rejected"
    ARCHIVED = "archived"


class Session(Message):
    """A session as it is shown. The digests are those of the current design; None until there is one."""

    session_id: Identifier
    state: SessionState
    mode: WorkflowMode
    label: str | None = None
    context: CuttingContext
    created_at_utc: Timestamp
    updated_at_utc: Timestamp
    opened_by: Identifier
    run_id: Identifier | None = None
    """The run that holds the current design; its own context fills what the session's leaves open."""
    design_sha256: Sha256 | None = None
    feasibility_sha256: Sha256 | None = None
    risk_level: RiskLevel | None = None
    score: Score | None = None
    approval_artifact_id: Identifier | None = None
    approved_by: Identifier | None = None
    toolpaths_artifact_id: Identifier | None = None
    deleted_at_utc: Timestamp | None = None
    """Of a tombstone, which only auditors and admins see."""
    version: int
    allowed: tuple[str, ...] = ()
    """What may be done next."""
