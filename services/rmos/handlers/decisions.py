"""What persons decide: approve, reject, require revision, override. Only on what they saw, and never a program."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pydantic import JsonValue

from contracts.artifacts import ArtifactKind, ArtifactStatus, Decision, RunArtifact
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import LogEvent
from contracts.rmos import ArtifactReply, AskSession, DecideSession, OverrideVerdict, SessionReply
from services.rmos.domain import override, session_commands
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.policy import why_not_approvable
from services.rmos.domain.run import RunState
from services.rmos.domain.session import Action, Judged
from services.rmos.domain.summary import request_summary
from services.rmos.handlers.desk import OPERATORS, Desk, artifact_in, milliseconds, require_person
from services.rmos.handlers.judging import SessionSteps
from services.rmos.minting import Draft, Placement
from services.rmos.ports import Queries

Decide = type[session_commands.Approve | session_commands.Reject | session_commands.RequireRevision]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a decision is recorded as."""

    action: Action
    artifact: ArtifactKind
    decide: Decide


APPROVE = _Kind(Action.APPROVE, ArtifactKind.APPROVAL, session_commands.Approve)
REJECT = _Kind(Action.REJECT, ArtifactKind.REJECTION, session_commands.Reject)
REQUIRE_REVISION = _Kind(Action.REQUIRE_REVISION, ArtifactKind.REVISION, session_commands.RequireRevision)


class DecisionHandlers:
    def __init__(self, desk: Desk, queries: Queries) -> None:
        self._desk = desk
        self._queries = queries

    async def approve(self, command: DecideSession, request: RequestContext) -> SessionReply:
        """Approve exactly the current design. Raises ILLEGAL_TRANSITION, SAFETY_BLOCKED or FORBIDDEN."""
        return await self._decide(APPROVE, command, request)

    async def reject(self, command: DecideSession, request: RequestContext) -> SessionReply:
        return await self._decide(REJECT, command, request)

    async def require_revision(self, command: DecideSession, request: RequestContext) -> SessionReply:
        return await self._decide(REQUIRE_REVISION, command, request)

    async def override(self, command: OverrideVerdict, request: RequestContext) -> ArtifactReply:
        """A new artifact that accepts the verdict of another, of exactly its digests. Raises FORBIDDEN,
        INVALID_REQUEST when there is nothing to override, or NOT_FOUND."""
        artifact = await self._desk.once(command, request, lambda: self._override(command, request), artifact_in)
        return ArtifactReply(artifact=artifact)

    async def _decide(self, kind: _Kind, command: DecideSession, request: RequestContext) -> SessionReply:
        require_person(request, OPERATORS, kind.action.value)
        artifact = await self._desk.once(command, request, lambda: self._record(kind, command, request), artifact_in)
        reply = await self._queries.session(AskSession(session_id=command.session_id))
        return reply.model_copy(update={"artifact": artifact})

    async def _record(self, kind: _Kind, command: DecideSession, request: RequestContext) -> RunArtifact:
        started = time.perf_counter()
        desk = self._desk
        session, version = await desk.session(command.session_id, command.expected_version)
        session_domain.require(session, kind.action)
        assert isinstance(session, Judged)  # the table allows decisions on judged designs only
        run, run_version = await desk.run(session.design.run_id)
        verdict = session.verdict
        overriding = override.covering(run, verdict.digests, verdict.risk, desk.policy)
        if kind is APPROVE:
            reason = why_not_approvable(verdict.risk, verdict.score, desk.policy, overriding is not None)
            if reason is not None:
                raise RmosError(ErrorCode.SAFETY_BLOCKED, reason, risk_level=verdict.risk.value)
        else:
            overriding = None
        draft = _draft(kind, command, session, run, overriding, started)
        steps = SessionSteps(session)

        def decision_event(artifact: RunArtifact) -> list[tuple[str, LogEvent]]:
            return steps.then(kind.decide(artifact.artifact_id, request.actor, command.note)).placed

        expected = {
            run_domain.stream_of(run.run_id): run_version,
            session_domain.stream_of(command.session_id): version,
        }
        return await desk.persist(draft, Placement(expected, (), decision_event), command, request)

    async def _override(self, command: OverrideVerdict, request: RequestContext) -> RunArtifact:
        started = time.perf_counter()
        desk = self._desk
        run, version = await desk.run(command.run_id)
        judged = run_domain.judged_artifact(run, command.artifact_id)
        assert judged.feasibility is not None  # that is what makes it a judged one
        drift: dict[str, JsonValue] = {}
        if command.scope == "DRIFT":
            override.check_drift(judged, request.actor)
            drift = {"drift": judged.decision.details["drift"]}
        else:
            override.check(judged.feasibility, command.scope, desk.policy, request.actor)
        digests = override.digests_of(judged.feasibility, judged.context)
        decision = Decision(
            risk_level=judged.feasibility.risk_level,
            score=judged.feasibility.score,
            warnings=judged.feasibility.warnings,
            details={
                "scope": command.scope,
                "reason": command.reason,
                "overridden_artifact_id": judged.artifact_id,
                "overridden_block_reason": judged.feasibility.block_reason,
                **drift,
            },
        )
        draft = Draft(
            run_id=run.run_id,
            kind=ArtifactKind.OVERRIDE,
            status=ArtifactStatus.OK,
            decision=decision,
            mode=judged.mode,
            context=judged.context,
            engine_version=judged.engine_version,
            compute_ms=milliseconds(time.perf_counter() - started),
            request_summary=request_summary(command.model_dump(mode="json")),
            hashes=override.hashes_of(digests),
            session_id=run.session_id,
            parent_artifact_id=judged.artifact_id,
        )
        placement = Placement({run_domain.stream_of(run.run_id): version})
        return await desk.persist(draft, placement, command, request)


def _draft(
    kind: _Kind, command: DecideSession, session: Judged, run: RunState, overriding: str | None, started: float
) -> Draft:
    verdict = session.verdict
    judged = run.artifact(verdict.artifact_id)
    approved = kind is APPROVE
    decision = Decision(
        risk_level=verdict.risk,
        score=verdict.score,
        block_reason=None if approved else (command.note or f"{kind.artifact.value} by the operator"),
        details={"note": command.note},
    )
    return Draft(
        run_id=run.run_id,
        kind=kind.artifact,
        status=ArtifactStatus.OK if approved else ArtifactStatus.BLOCKED,
        decision=decision,
        mode=judged.mode,
        context=judged.context,
        engine_version=judged.engine_version,
        compute_ms=milliseconds(time.perf_counter() - started),
        request_summary=request_summary(command.model_dump(mode="json")),
        hashes=override.hashes_of(verdict.digests),
        session_id=session.about.session_id,
        parent_artifact_id=judged.artifact_id,
        override_artifact_id=overriding,
    )
