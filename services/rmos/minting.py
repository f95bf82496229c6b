"""The one place where run artifacts come into being. Nothing else in the system constructs one; a test proves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic import JsonValue

from contracts.artifacts import ArtifactKind, ArtifactStatus, Attachment, Decision, ExplanationStatus, RunArtifact
from contracts.blobs import BlobRef
from contracts.cam import Simulation
from contracts.envelope import ActorKind, RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility, Mode, RiskLevel
from contracts.log import (
    ArtifactImported,
    ArtifactRecorded,
    CandidateBound,
    DesignApproved,
    DesignRejected,
    FeasibilityRecorded,
    LogEvent,
    RevisionRequired,
    SearchConcluded,
    ToolpathsDecided,
    VerdictOverridden,
)
from services.rmos.domain import run as run_domain
from services.rmos.domain.explanation import summary_of
from services.rmos.ports import AppendRequest, EventLog, NewEvent

RECORDED_AS: dict[ArtifactKind, type[ArtifactRecorded]] = {
    ArtifactKind.FEASIBILITY: FeasibilityRecorded,
    ArtifactKind.ART_STUDIO_CANDIDATE: CandidateBound,
    ArtifactKind.CONSTRAINT_SEARCH: SearchConcluded,
    ArtifactKind.APPROVAL: DesignApproved,
    ArtifactKind.REJECTION: DesignRejected,
    ArtifactKind.REVISION: RevisionRequired,
    ArtifactKind.OVERRIDE: VerdictOverridden,
    ArtifactKind.TOOLPATHS: ToolpathsDecided,
    ArtifactKind.IMPORTED: ArtifactImported,
}


def recorded_type(kind: ArtifactKind) -> str:
    """Wire type of the event that records artifacts of this kind."""
    return RECORDED_AS[kind].type


_PERSONS_ONLY = frozenset({ArtifactKind.APPROVAL, ArtifactKind.REJECTION, ArtifactKind.REVISION, ArtifactKind.OVERRIDE})
_MAY_DECIDE = frozenset({Role.OPERATOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision before it is on the record."""

    run_id: str
    kind: ArtifactKind
    status: ArtifactStatus
    decision: Decision
    mode: Mode
    context: CuttingContext
    engine_version: str
    compute_ms: Decimal
    feasibility: Feasibility | None = None
    request_summary: dict[str, JsonValue] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, BlobRef] = field(default_factory=dict)
    simulation: Simulation | None = None
    attachments: tuple[Attachment, ...] = ()
    advisory_inputs: tuple[str, ...] = ()
    session_id: str | None = None
    parent_artifact_id: str | None = None
    override_artifact_id: str | None = None
    """The override of exactly this verdict that lets it pass; None where none was needed."""
    red_is_allowed: bool = False
    """The shop's policy lets RED pass without an override."""
    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the artifact's event goes: the expected versions of all streams and what is appended with it.

    `before` and `after` surround the artifact's event in the same transaction; `after` is made from the new artifact.
    """

    expected: dict[str, int]
    before: Sequence[tuple[str, LogEvent]] = ()
    after: Callable[[RunArtifact], Sequence[tuple[str, LogEvent]]] = lambda _: ()


async def validate_and_persist(
    log: EventLog,
    draft: Draft,
    placement: Placement,
    request: RequestContext,
    command_sha256: str,
    now: str,
    new_id: Callable[[str], str],
) -> RunArtifact:
    """The recorded artifact; `command_sha256` identifies the command that asked for it.

    Raises RmosError(INTERNAL) when the draft contradicts itself (nothing is recorded then), VERSION_CONFLICT when a
    stream moved on, UNAVAILABLE when the log cannot take it now.
    """
    _validate(draft, request)
    artifact = RunArtifact(
        artifact_id=new_id("artifact"),
        run_id=draft.run_id,
        kind=draft.kind,
        status=draft.status,
        created_at_utc=now,
        request_id=request.request_id,
        actor=request.actor,
        mode=draft.mode,
        tool_id=draft.context.tool_id,
        material_id=draft.context.material_id,
        machine_id=draft.context.machine_id,
        context=draft.context,
        request_summary=draft.request_summary,
        feasibility=draft.feasibility,
        decision=draft.decision,
        hashes=draft.hashes,
        outputs=draft.outputs,
        simulation=draft.simulation,
        attachments=draft.attachments,
        advisory_inputs=draft.advisory_inputs,
        workflow_session_id=draft.session_id,
        parent_artifact_id=draft.parent_artifact_id,
        override_artifact_id=draft.override_artifact_id,
        explanation_status=ExplanationStatus.READY,
        engine_version=draft.engine_version,
        compute_ms=draft.compute_ms,
        meta=draft.meta,
    )
    artifact = artifact.model_copy(update={"explanation_summary": summary_of(artifact)})
    recorded = RECORDED_AS[draft.kind](artifact=artifact)
    events = [*placement.before, (run_domain.stream_of(draft.run_id), recorded), *placement.after(artifact)]
    result = await log.append(
        AppendRequest(
            context=request,
            expected=placement.expected,
            events=tuple(NewEvent(stream, new_id("event"), event) for stream, event in events),
            command_sha256=command_sha256,
        )
    )
    if not result.repeated:
        return artifact
    first = await log.outcome_of(request, command_sha256)
    return next(event.artifact for event in first if isinstance(event, ArtifactRecorded))


def _may_pass(draft: Draft) -> bool:
    """Whether nothing in the draft forbids status OK. An override itself passes; what it covers names it.

    An imported one is what another system decided, as wrong as that may have been: it carries no verdict and no
    simulation of ours, and nothing here takes it for a release.
    """
    if draft.kind is ArtifactKind.IMPORTED:
        return draft.feasibility is None and draft.simulation is None
    risk = draft.decision.risk_level
    if risk in {RiskLevel.GREEN, RiskLevel.YELLOW}:
        return True
    if draft.kind is ArtifactKind.OVERRIDE or draft.override_artifact_id is not None:
        return risk in {RiskLevel.RED, RiskLevel.UNKNOWN}
    return risk is RiskLevel.RED and draft.red_is_allowed


def _validate(draft: Draft, request: RequestContext) -> None:
    """An artifact that contradicts itself must never reach the log."""
    problems = []
    if draft.feasibility is not None:
        if draft.decision.risk_level not in {draft.feasibility.risk_level, RiskLevel.ERROR}:
            problems.append("the decision's risk is not the feasibility's")
        if draft.hashes.get("feasibility") != draft.feasibility.feasibility_sha256:
            problems.append("hashes.feasibility is not the feasibility's digest")
    if draft.status is ArtifactStatus.OK and not _may_pass(draft):
        problems.append(f"status OK with risk {draft.decision.risk_level.value}")
    if draft.status is not ArtifactStatus.OK and not draft.decision.block_reason:
        problems.append("a refusal needs its reason")
    for name, output in draft.outputs.items():
        if draft.hashes.get(name) != output.sha256:
            problems.append(f"hashes.{name} is not the output's digest")
    if draft.kind is ArtifactKind.TOOLPATHS and draft.status is ArtifactStatus.OK:
        if not {"gcode", "opplan", "toolpaths"} <= draft.hashes.keys():
            problems.append("released toolpaths without digests of program, plan and path")
        if draft.simulation is None or not draft.simulation.passed:
            problems.append("released toolpaths without a passed simulation")
    if draft.kind in _PERSONS_ONLY and (
        request.actor.kind is not ActorKind.PERSON or request.actor.role not in _MAY_DECIDE
    ):
        raise RmosError(ErrorCode.FORBIDDEN, f"{draft.kind.value} needs a person with the role operator or admin")
    if problems:
        raise RmosError(ErrorCode.INTERNAL, f"refused to record a contradictory artifact: {'; '.join(problems)}")
