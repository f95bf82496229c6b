"""Workflow sessions: open, set context and design, evaluate, archive, delete."""

from __future__ import annotations

import time
from functools import partial

from contracts.artifacts import ArtifactKind, AttachmentKind, RunArtifact
from contracts.canonical import digest_of
from contracts.envelope import RequestContext
from contracts.log import (
    LogEvent,
    RunDeleted,
    RunOpened,
    SessionDeleted,
    SessionOpened,
)
from contracts.rmos import (
    ArchiveSession,
    AskSession,
    Deleted,
    DeleteSession,
    EvaluateSession,
    NewAttachment,
    OpenSession,
    SessionReply,
    SetSessionContext,
    SetSessionDesign,
)
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain import session_commands
from services.rmos.domain.run import RunState
from services.rmos.domain.session import Design, Living
from services.rmos.domain.session_commands import OpenRunIn, RequestFeasibility, SetDesign
from services.rmos.handlers.desk import OPERATORS, Desk, artifact_in, milliseconds, nothing, require_person, the
from services.rmos.handlers.judging import Judged, SessionSteps, judgement, parsed_spec, stored, stored_spec
from services.rmos.minting import Placement
from services.rmos.ports import Queries


class SessionHandlers:
    def __init__(self, desk: Desk, queries: Queries) -> None:
        self._desk = desk
        self._queries = queries

    async def open_session(self, command: OpenSession, request: RequestContext) -> SessionReply:
        """The session as it was opened, also when the command is repeated."""
        desk, name = self._desk, self._desk.new_id("session")
        opened = session_commands.opened(session_commands.Open(name, command.mode, command.label, command.context))
        stream = session_domain.stream_of(name)
        result = await desk.append(command, request, {stream: 0}, [(stream, opened)])
        opened_by = request.actor.id
        if result.repeated:
            opened, opened_by = await desk.first(command, request, SessionOpened), result.events[0].actor.id
        return SessionReply(session=session_domain.just_opened(opened, result.recorded_at_utc, opened_by))

    async def set_context(self, command: SetSessionContext, request: RequestContext) -> SessionReply:
        """The session with the context changed. An approval ends, unless nothing changed."""
        step = session_commands.SetContext(command.context)
        await self._desk.once(command, request, lambda: self._step(command, request, step), nothing)
        return await self._shown(command.session_id)

    async def set_design(self, command: SetSessionDesign, request: RequestContext) -> SessionReply:
        """The session with this design as its current one, attached to its run. Raises INVALID_DESIGN."""
        await self._desk.once(command, request, lambda: self._set_design(command, request), nothing)
        return await self._shown(command.session_id)

    async def evaluate(self, command: EvaluateSession, request: RequestContext) -> SessionReply:
        """The session with its current design judged, and the artifact that records the verdict."""
        artifact = await self._desk.once(command, request, lambda: self._evaluate(command, request), artifact_in)
        reply = await self._shown(command.session_id)
        return reply.model_copy(update={"artifact": artifact})

    async def archive(self, command: ArchiveSession, request: RequestContext) -> SessionReply:
        step = session_commands.Archive(command.note)
        await self._desk.once(command, request, lambda: self._step(command, request, step), nothing)
        return await self._shown(command.session_id)

    async def delete(self, command: DeleteSession, request: RequestContext) -> Deleted:
        """The tombstone of the session and, with `cascade`, of its runs. Raises ILLEGAL_TRANSITION."""
        require_person(request, OPERATORS, "deleting a session")
        again = partial(the, SessionDeleted)
        done = await self._desk.once(command, request, lambda: self._delete(command, request), again)
        return Deleted(ids=(command.session_id, *done.run_ids))

    async def _step(
        self,
        command: SetSessionContext | ArchiveSession,
        request: RequestContext,
        step: session_commands.SetContext | session_commands.Archive,
    ) -> None:
        """Record what one decision changes, if anything."""
        session, version = await self._desk.session(command.session_id, command.expected_version)
        steps = SessionSteps(session).then(step)
        stream = session_domain.stream_of(command.session_id)
        await self._desk.record(command, request, {stream: version}, steps.placed)

    async def _set_design(self, command: SetSessionDesign, request: RequestContext) -> None:
        desk = self._desk
        session, version = await desk.session(command.session_id, command.expected_version)
        session_domain.require(session, session_domain.Action.SET_DESIGN)
        spec, blob = await stored_spec(desk, command.spec, command.design)
        expected = {session_domain.stream_of(command.session_id): version}
        run, run_version, opening, steps = await self._run_for(session)
        run_stream = run_domain.stream_of(run.run_id)
        expected[run_stream] = run_version
        events: list[tuple[str, LogEvent]] = [(run_stream, event) for event in opening]
        steps = steps.then(SetDesign(Design(run.run_id, digest_of(spec), blob, run.context, run.mode)))
        if not steps.events:
            await desk.record(command, request, expected, [])
            return
        new = NewAttachment(kind=AttachmentKind.SPEC, filename="spec.json", blob=blob)
        added = run_domain.decide(run_domain.Attach((new,), desk.now()), run)
        await desk.record(
            command, request, expected, [*events, *((run_stream, event) for event in added), *steps.placed]
        )

    async def _run_for(self, session: Living) -> tuple[RunState, int, list[RunOpened], SessionSteps]:
        """The run that holds the session's design, else its newest, else one that is opened with this command."""
        design, run_ids = session_domain.design_of(session), session.about.run_ids
        if design is not None or run_ids:
            run, version = await self._desk.run(design.run_id if design is not None else run_ids[-1])
            return run, version, [], SessionSteps(session)
        opening = RunOpened(
            run_id=self._desk.new_id("run"),
            mode="router",
            workflow_session_id=session.about.session_id,
            context=session.about.context,
            opened_at_utc=self._desk.now(),
        )
        opened = run_domain.fold([opening])
        assert isinstance(opened, RunState)  # an opening opens
        return opened, 0, [opening], SessionSteps(session).then(OpenRunIn(opening.run_id))

    async def _evaluate(self, command: EvaluateSession, request: RequestContext) -> RunArtifact:
        started = time.perf_counter()
        desk = self._desk
        session, version = await desk.session(command.session_id, command.expected_version)
        steps = SessionSteps(session).then(RequestFeasibility())
        design = session_commands.design_or_refusal(session)
        run, run_version = await desk.run(design.run_id)
        context = session_domain.judged_context(session, design)
        spec = parsed_spec(await desk.blobs.get(design.spec))
        feasibility = await desk.engine.evaluate(spec, context, design.mode)
        judged = Judged(run, context, design.spec, feasibility, ArtifactKind.FEASIBILITY)
        draft = judgement(judged, command, desk.policy, milliseconds(time.perf_counter() - started))
        expected = {
            run_domain.stream_of(run.run_id): run_version,
            session_domain.stream_of(command.session_id): version,
        }
        placement = Placement(expected, steps.placed, lambda artifact: stored(steps, artifact))
        return await desk.persist(draft, placement, command, request)

    async def _delete(self, command: DeleteSession, request: RequestContext) -> SessionDeleted:
        desk = self._desk
        session, version = await desk.session(command.session_id, command.expected_version)
        delete = session_commands.Delete(command.force, command.cascade, command.reason)
        (deleted,) = session_commands.decide(delete, session)
        assert isinstance(deleted, SessionDeleted)  # what a deletion decides
        stream = session_domain.stream_of(command.session_id)
        # the session knows all its runs, and none joins or leaves it without moving its version
        tombstones = (
            RunDeleted(run_id=run_id, reason=command.reason, forced=command.force, cascaded=True)
            for run_id in deleted.run_ids
        )
        events = [(run_domain.stream_of(event.run_id), event) for event in tombstones]
        await desk.record(command, request, {stream: version}, [*events, (stream, deleted)])
        return deleted

    async def _shown(self, session_id: str) -> SessionReply:
        return await self._queries.session(AskSession(session_id=session_id))
