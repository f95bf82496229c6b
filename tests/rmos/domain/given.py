"""Ready-made events and verdicts for given / when / then."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from contracts.artifacts import ArtifactKind, ArtifactStatus, Attachment, AttachmentKind, Decision, RunArtifact
from contracts.blobs import BlobRef
from contracts.envelope import Actor, ActorKind, RequestContext, Role
from contracts.feasibility import CalculatorResult, CuttingContext, Feasibility, RiskLevel
from contracts.log import EVENT_TYPES, ApprovedDigests, LogEvent, RunOpened, SessionOpened
from contracts.rmos import ArtifactReply
from services.rmos.domain import session_commands as commands
from services.rmos.domain.session import Deleted, Design, SessionFold, evolve

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


def artifact(
    risk: RiskLevel = RiskLevel.GREEN,
    kind: ArtifactKind = ArtifactKind.ART_STUDIO_CANDIDATE,
    verdict: bool = True,
    **more: Any,
) -> RunArtifact:
    """An artifact as it could stand in a log; nothing records it."""
    blocked = risk in {RiskLevel.RED, RiskLevel.UNKNOWN}
    found = feasibility(risk)
    values: dict[str, Any] = {
        "artifact_id": "artifact_1",
        "run_id": "run_1",
        "kind": kind,
        "status": ArtifactStatus.BLOCKED if blocked else ArtifactStatus.OK,
        "created_at_utc": NOW,
        "request_id": "request-1",
        "actor": OPERATOR,
        "mode": "router",
        "context": FULL_CONTEXT,
        "feasibility": found if verdict else None,
        "decision": Decision(risk_level=risk, score=found.score, block_reason="too thin" if blocked else None),
        "hashes": {"design": digest("a"), "feasibility": digest("f")},
        "engine_version": "engine/1",
        "compute_ms": Decimal(1),
    }
    return ArtifactReply.model_validate({"artifact": values | more}).artifact


def candidate_bound(risk: RiskLevel, verdict: bool = True) -> LogEvent:
    return EVENT_TYPES["rmos.candidate_bound.v1"].model_validate({"artifact": artifact(risk, verdict=verdict)})


def opened(context: CuttingContext = FULL_CONTEXT) -> SessionOpened:
    return commands.opened(commands.Open("session_1", "design_first", None, context))


def run_opened(session_id: str | None = None) -> RunOpened:
    return RunOpened(
        run_id="run_1", mode="router", workflow_session_id=session_id, context=FULL_CONTEXT, opened_at_utc=NOW
    )


def design(character: str = "a", context: CuttingContext = FULL_CONTEXT, run_id: str = "run_1") -> Design:
    blob = BlobRef(sha256=digest(character), size=3, content_type="application/json")
    return Design(run_id, digest(character), blob, context, "router")


def judged(risk: RiskLevel = RiskLevel.GREEN, score: int | None = 90) -> commands.StoreFeasibility:
    return commands.StoreFeasibility("artifact_1", digests(), risk, None if score is None else Decimal(score))


APPROVE = commands.Approve("artifact_2", OPERATOR, "good")
REJECT = commands.Reject("artifact_2", OPERATOR, None)
REQUIRE_REVISION = commands.RequireRevision("artifact_2", OPERATOR, None)
STORE_TOOLPATHS = commands.StoreToolpaths("artifact_3", digest("e"))
FAIL_TOOLPATHS = commands.FailToolpaths("artifact_3")
TO_JUDGED: tuple[commands.Command, ...] = (commands.SetDesign(design()), commands.RequestFeasibility(), judged())
TO_APPROVED = (*TO_JUDGED, APPROVE)
TO_TOOLPATHS = (*TO_APPROVED, commands.RequestToolpaths(), STORE_TOOLPATHS)


def after(*steps: commands.Command, context: CuttingContext = FULL_CONTEXT) -> SessionFold:
    """The session after these decisions, each on what the ones before it led to."""
    session: SessionFold = evolve(None, opened(context))
    for step in steps:
        session = then(session, step)
    return session


def then(session: SessionFold, step: commands.Command) -> SessionFold:
    assert not isinstance(session, Deleted)
    for event in commands.decide(step, session):
        session = evolve(session, event)
    return session


def attachment(kind: AttachmentKind, character: str) -> Attachment:
    return Attachment(
        attachment_id=digest(character),
        kind=kind,
        filename=f"{kind.value}.bin",
        content_type="application/octet-stream",
        size=3,
        created_at_utc=NOW,
    )
