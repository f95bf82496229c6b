"""The artifact of a concluded search, and what follows from it for the session."""

from __future__ import annotations

from pydantic import JsonValue

from contracts.artifacts import ArtifactKind, ArtifactStatus, Decision, RunArtifact
from contracts.blobs import BlobRef
from contracts.canonical import canonical_bytes
from contracts.envelope import RequestContext
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import LogEvent, SearchEnded, SearchStarted
from contracts.params import spec_of
from contracts.search import ConstraintSearch, SearchOutcome, SearchResult
from services.rmos.domain import override
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.policy import decision_on
from services.rmos.domain.search import Judged
from services.rmos.domain.search_record import RESULT, stream_of
from services.rmos.domain.session import Action, Design
from services.rmos.domain.session_commands import RequestFeasibility, SetDesign
from services.rmos.domain.summary import request_summary
from services.rmos.handlers.desk import Desk
from services.rmos.handlers.judging import SessionSteps, stored
from services.rmos.minting import Draft, Placement

SEARCH_VERSION = "constraint-search/1.0.0"


async def minted(
    desk: Desk,
    started: SearchStarted,
    command: ConstraintSearch,
    best: Judged | None,
    result: SearchResult,
    request: RequestContext,
) -> RunArtifact:
    """The artifact, recorded together with the search's end; in a session, a best design that may be cut becomes the
    session's current one. Raises VERSION_CONFLICT when run or session moved on meanwhile."""
    run, version = await desk.run(started.run_id)
    status, decision = _decision(desk, best, result)
    outputs = await _outputs(desk, best)
    draft = Draft(
        run_id=run.run_id,
        kind=ArtifactKind.CONSTRAINT_SEARCH,
        status=status,
        decision=decision,
        mode="router",
        context=started.search.context.cutting(),
        engine_version=f"{best.feasibility.engine_version} {SEARCH_VERSION}" if best is not None else SEARCH_VERSION,
        compute_ms=result.time_ms,
        feasibility=best.feasibility if best is not None else None,
        request_summary=request_summary(command.model_dump(mode="json")),
        hashes=_hashes(best, started.search.context.cutting(), outputs),
        outputs=outputs,
        advisory_inputs=tuple(
            attempt.call_id for attempt in result.attempts if attempt.call_id and attempt.number == result.best_attempt
        ),
        session_id=run.session_id,
        meta={"search_id": started.search_id, "search_status": result.status.value},
    )
    expected = {run_domain.stream_of(run.run_id): version}
    takes = best if best is not None and status is ArtifactStatus.OK and run.session_id is not None else None
    steps = await _design_set(desk, started, takes, outputs["spec"], expected) if takes is not None else None

    def after(artifact: RunArtifact) -> list[tuple[str, LogEvent]]:
        return [*stored(steps, artifact), _ended(started, artifact, result)]

    before = steps.placed if steps is not None else ()
    return await desk.persist(draft, Placement(expected, before, after), command, request)


def _decision(desk: Desk, best: Judged | None, result: SearchResult) -> tuple[ArtifactStatus, Decision]:
    """What the policy says of the best design; without any, BLOCKED."""
    details: dict[str, JsonValue] = {RESULT: result.model_dump(mode="json")}
    if best is None:
        reason = f"none of {len(result.attempts)} attempts gave a design that could be judged"
        return ArtifactStatus.BLOCKED, Decision(risk_level=RiskLevel.UNKNOWN, block_reason=reason, details=details)
    status, decision = decision_on(best.feasibility, desk.policy)
    return status, decision.model_copy(update={"details": {**decision.details, **details}})


async def _outputs(desk: Desk, best: Judged | None) -> dict[str, BlobRef]:
    """The best design as a spec and as parameters."""
    if best is None:
        return {}
    return {
        "spec": await desk.blobs.put(canonical_bytes(spec_of(best.design)), "application/json"),
        "parameters": await desk.blobs.put(canonical_bytes(best.design), "application/json"),
    }


def _hashes(best: Judged | None, context: CuttingContext, outputs: dict[str, BlobRef]) -> dict[str, str]:
    blobs = {name: blob.sha256 for name, blob in outputs.items()}
    if best is None:
        return blobs
    verdict = best.feasibility
    return {**override.hashes_of(override.digests_of(verdict, context)), **blobs}


async def _design_set(
    desk: Desk, started: SearchStarted, best: Judged, spec: BlobRef, expected: dict[str, int]
) -> SessionSteps | None:
    """The steps that make the design the session's; None when the session no longer takes a design."""
    session_id = str(started.workflow_session_id)
    session, version = await desk.session(session_id)
    expected[session_domain.stream_of(session_id)] = version
    if (session_domain.state_of(session), Action.SET_DESIGN) not in session_domain.TRANSITIONS:
        return None
    context = started.search.context.cutting()
    design = Design(started.run_id, best.feasibility.design_sha256, spec, context, "router")
    return SessionSteps(session).then(SetDesign(design, anew=True)).then(RequestFeasibility())


def _ended(started: SearchStarted, artifact: RunArtifact, result: SearchResult) -> tuple[str, LogEvent]:
    event = SearchEnded(
        search_id=started.search_id,
        run_id=started.run_id,
        workflow_session_id=started.workflow_session_id,
        outcome=SearchOutcome.CONCLUDED,
        artifact_id=artifact.artifact_id,
        time_ms=result.time_ms,
    )
    return stream_of(started.search_id), event
