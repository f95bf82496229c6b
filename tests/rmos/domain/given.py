"""Ready-made events and verdicts for given / when / then."""

from __future__ import annotations

from contracts.artifacts import Attachment, AttachmentKind
from contracts.envelope import Actor, ActorKind, RequestContext, Role
from contracts.feasibility import CalculatorResult, CuttingContext, Feasibility, RiskLevel
from contracts.log import (
    ApprovedDigests,
    RunOpened,
    SessionApproved,
    SessionDesignSet,
    SessionFeasibilityStored,
    SessionOpened,
    SessionRejected,
    SessionRevisionRequired,
    SessionToolpathsStored,
)

OPERATOR = Actor(id="operator", role=Role.OPERATOR)
AI = Actor(id="assistant", role=Role.OPERATOR, kind=ActorKind.AI)
FULL_CONTEXT = CuttingContext(
    material_id="spruce_sitka", tool_id="flat_1_0", machine_id="shapeoko_4_xxl", stock_thickness_mm=2.8
)
NOW = "2026-01-02T03:04:05.000006Z"


def digest(character: str) -> str:
    return character * 64


def digests(character: str = "a") -> ApprovedDigests:
    return ApprovedDigests(design_sha256=digest(character), feasibility_sha256=digest("f"), context_sha256=digest("c"))


def request(command_id: str = "command-1", actor: Actor = OPERATOR) -> RequestContext:
    return RequestContext(command_id=command_id, request_id="request-1", actor=actor, deadline_ms=2**52)


def feasibility(risk: RiskLevel, score: int | None = 90) -> Feasibility:
    known = None if risk is RiskLevel.UNKNOWN else score
    result = CalculatorResult(calculator="geometry", risk=risk, score=known, summary="for the test")
    return Feasibility(
        risk_level=risk,
        score=known,
        results=(result,),
        design_sha256=digest("a"),
        catalog_sha256=digest("b"),
        engine_version="engine/1",
        feasibility_sha256=digest("f"),
    )


def opened(context: CuttingContext = FULL_CONTEXT) -> SessionOpened:
    return SessionOpened(session_id="session_1", mode="design_first", context=context)


def run_opened(session_id: str | None = None) -> RunOpened:
    return RunOpened(run_id="run_1", mode="router", workflow_session_id=session_id, context=FULL_CONTEXT)


def design_set(character: str = "a") -> SessionDesignSet:
    return SessionDesignSet(session_id="session_1", run_id="run_1", design_sha256=digest(character))


def judged(risk: RiskLevel = RiskLevel.GREEN, character: str = "a", score: int | None = 90) -> SessionFeasibilityStored:
    return SessionFeasibilityStored(
        session_id="session_1",
        run_id="run_1",
        artifact_id="artifact_1",
        digests=digests(character),
        risk_level=risk,
        score=score,
    )


def approved(character: str = "a") -> SessionApproved:
    return SessionApproved(**_decision(), digests=digests(character))


def rejected() -> SessionRejected:
    return SessionRejected(**_decision())


def revision_required() -> SessionRevisionRequired:
    return SessionRevisionRequired(**_decision())


def toolpaths_stored() -> SessionToolpathsStored:
    return SessionToolpathsStored(
        session_id="session_1", run_id="run_1", artifact_id="artifact_3", gcode_sha256=digest("e")
    )


def attachment(kind: AttachmentKind, character: str) -> Attachment:
    return Attachment(
        attachment_id=digest(character),
        kind=kind,
        filename=f"{kind.value}.bin",
        content_type="application/octet-stream",
        size=3,
        created_at_utc=NOW,
    )


def _decision() -> dict[str, object]:
    return {
        "session_id": "session_1",
        "run_id": "run_1",
        "artifact_id": "artifact_2",
        "actor": OPERATOR,
        "note": None,
    }
