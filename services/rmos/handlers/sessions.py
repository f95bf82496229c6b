"""Workflow sessions: open, approve, reject, require revision. Only persons decide, and only on what they saw."""

from __future__ import annotations

import time
from dataclasses import dataclass

from contracts.artifacts import ArtifactKind, ArtifactStatus, Decision, RunArtifact
from contracts.envelope import ActorKind, RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.log import LogEvent, SessionApproved, SessionOpened, SessionRejected, SessionRevisionRequired
from contracts.rmos import AskSession, DecideSession, OpenSession, SessionReply
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.policy import why_not_approvable
from services.rmos.domain.session import Action, SessionFold
from services.rmos.domain.summary import request_summary
from services.rmos.handlers.desk import Desk, command_digest, decided, milliseconds
from services.rmos.minting import Draft, Placement
from services.rmos.ports import AppendRequest, NewEvent, Queries


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a decision is recorded as."""

    action: Action
    artifact: ArtifactKind
    event: type[SessionApproved] | type[SessionRejected] | type[SessionRevisionRequired]


APPROVE = _Kind(Action.APPROVE, ArtifactKind.APPROVAL, SessionApproved)
REJECT = _Kind(Action.REJECT, ArtifactKind.REJECTION, SessionRejected)
REQUIRE_REVISION = _Kind(Action.REQUIRE_REVISION, ArtifactKind.REVISION, SessionRevisionRequired)


class SessionHandlers:
    def __init__(self, desk: Desk, queries: Queries) -> None:
        self._desk = desk
        self._queries = queries

    async def open_session(self, command: OpenSession, request: RequestContext) -> SessionReply:
        """The session as it was opened, also when the command is repeated."""
        desk = self._desk
        opened = SessionOpened(
            session_id=desk.new_id("session"), mode=command.mode, label=command.label, context=command.context
        )
        stream = session_domain.stream_of(opened.session_id)
        event = NewEvent(stream, desk.new_id("event"), opened)
        result = await desk.log.append(AppendRequest(request, {stream: 0}, (event,), command_digest(command)))
        opened_by = request.actor.id
        if result.repeated:
            opened, opened_by = await desk.first(command, request, SessionOpened), result.events[0].actor.id
        return SessionReply(session=session_domain.just_opened(opened, result.recorded_at_utc, opened_by))

    async def approve(self, command: DecideSession, request: RequestContext) -> SessionReply:
        """Approve exactly the current design. Raises ILLEGAL_TRANSITION, SAFETY_BLOCKED or FORBIDDEN."""
        return await self._decide(APPROVE, command, request)

    async def reject(self, command: DecideSession, request: RequestContext) -> SessionReply:
        return await self._decide(REJECT, command, request)

    async def require_revision(self, command: DecideSession, request: RequestContext) -> SessionReply:
        return await self._decide(REQUIRE_REVISION, command, request)

    async def _decide(self, kind: _Kind, command: DecideSession, request: RequestContext) -> SessionReply:
        _refuse_others_than_persons(request, kind)
        artifact = await self._desk.recorded_artifact(command, request)
        if artifact is None:
            artifact = await decided(lambda: self._record(kind, command, request))
        reply = await self._queries.session(AskSession(session_id=command.session_id))
        return reply.model_copy(update={"artifact": artifact})

    async def _record(self, kind: _Kind, command: DecideSession, request: RequestContext) -> RunArtifact:
        started = time.perf_counter()
        desk = self._desk
        session, version = await desk.session(command.session_id)
        if command.expected_version is not None and command.expected_version != version:
            raise RmosError(
                ErrorCode.VERSION_CONFLICT,
                f"the session is at version {version}, not {command.expected_version}: look at it again",
                actual_version=version,
            )
        session_domain.after(session.state, kind.action)
        if kind is APPROVE:
            reason = why_not_approvable(session.risk, session.score, desk.policy)
            if reason is not None:
                raise RmosError(ErrorCode.SAFETY_BLOCKED, reason, risk_level=session.risk and session.risk.value)
        if session.run_id is None or session.digests is None or session.risk is None:
            raise RmosError(
                ErrorCode.ILLEGAL_TRANSITION, "the session has no judged design yet: bind a candidate first"
            )
        run, run_version = await desk.run(session.run_id)
        draft = self._draft(kind, command, session, run, started)
        stream = session_domain.stream_of(session.session_id)

        def decision_event(artifact: RunArtifact) -> list[tuple[str, LogEvent]]:
            values = {
                "session_id": session.session_id,
                "run_id": artifact.run_id,
                "artifact_id": artifact.artifact_id,
                "actor": request.actor,
                "note": command.note,
            }
            if kind is APPROVE:
                values["digests"] = session.digests
            return [(stream, kind.event.model_validate(values))]

        expected = {run_domain.stream_of(run.run_id): run_version, stream: version}
        placement = Placement(expected, (), decision_event)
        return await desk.persist(draft, placement, command, request)

    def _draft(
        self, kind: _Kind, command: DecideSession, session: SessionFold, run: run_domain.RunState, started: float
    ) -> Draft:
        assert session.digests is not None  # checked by the caller
        assert session.risk is not None
        judged = next(item for item in reversed(run.artifacts) if item.feasibility is not None)
        approved = kind is APPROVE
        decision = Decision(
            risk_level=session.risk,
            score=session.score,
            block_reason=None if approved else (command.note or f"{kind.artifact.value} by the operator"),
            details={"note": command.note},
        )
        return Draft(
            run_id=run.run_id,
            kind=kind.artifact,
            status=ArtifactStatus.OK if approved else ArtifactStatus.BLOCKED,
            decision=decision,
            mode=run.mode,
            context=run.context,
            engine_version=judged.engine_version,
            compute_ms=milliseconds(time.perf_counter() - started),
            request_summary=request_summary(command.model_dump(mode="json")),
            hashes={
                "design": session.digests.design_sha256,
                "feasibility": session.digests.feasibility_sha256,
                "context": session.digests.context_sha256,
            },
            session_id=session.session_id,
            parent_artifact_id=judged.artifact_id,
        )


def _refuse_others_than_persons(request: RequestContext, kind: _Kind) -> None:
    actor = request.actor
    if actor.kind is not ActorKind.PERSON or actor.role not in {Role.OPERATOR, Role.ADMIN}:
        raise RmosError(
            ErrorCode.FORBIDDEN,
            f"{kind.action.value} needs a person who is operator or admin, not {actor.kind.value}/{actor.role.value}",
        )
