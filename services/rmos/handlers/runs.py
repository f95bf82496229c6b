"""Runs: open, attach content, refer to assets, review advice, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from contracts.advisories import Advisories, Advisory, AskAdvisories, PromoteAdvisory, RejectAdvisory, ReviewAdvisory
from contracts.artifacts import AttachmentKind, Run
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import CommandHadNoEffect, LogEvent, RunOpened
from contracts.model import Message
from contracts.rmos import (
    AddAttachments,
    Attachments,
    Deleted,
    DeleteRun,
    NewAttachment,
    OpenRun,
    ReferenceAssets,
)
from services.rmos.domain import advisory as advisory_domain
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain import session_commands
from services.rmos.domain.context import merged
from services.rmos.domain.run import RunState
from services.rmos.domain.session_commands import OpenRunIn
from services.rmos.handlers.desk import DESIGNERS, OPERATORS, Desk, nothing, require_person
from services.rmos.ports import AppendResult


class RunHandlers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open_run(self, command: OpenRun, request: RequestContext) -> Run:
        """The run as it was opened, also when the command is repeated. Raises NOT_FOUND for an unknown session and
        ILLEGAL_TRANSITION for one that is over.

        Whether it is repeated is left to the append, which knows anyway: asking first would cost every new command a
        look into the database, and two at once would both be told no.
        """
        opened, result = await self._desk.decided(request, lambda: self._open(command, request))
        opened_by, request_id = request.actor.id, request.request_id
        if result.repeated:
            opened = await self._desk.first(command, request, RunOpened)
            opened_by, request_id = result.events[0].actor.id, result.events[0].request_id
        return run_domain.just_opened(opened, result.positions[0], result.recorded_at_utc, request_id, opened_by)

    async def _open(self, command: OpenRun, request: RequestContext) -> tuple[RunOpened, AppendResult]:
        desk, context = self._desk, command.context
        run_id, joined = desk.new_id("run"), list[tuple[str, LogEvent]]()
        expected = {run_domain.stream_of(run_id): 0}
        if command.workflow_session_id is not None:
            stream = session_domain.stream_of(command.workflow_session_id)
            try:
                session, expected[stream] = await desk.session(command.workflow_session_id)
                joined = [(stream, event) for event in session_commands.decide(OpenRunIn(run_id), session)]
                context = merged(session.about.context, context)
            except RmosError:
                # a repeated opening is one also after its session is over: the append finds it on record
                if not await desk.outcome_of(command, request):
                    raise
        opened = RunOpened(
            run_id=run_id,
            mode=command.mode,
            label=command.label,
            workflow_session_id=command.workflow_session_id,
            context=context,
            opened_at_utc=desk.now(),
        )
        placed = [(run_domain.stream_of(run_id), opened), *joined]
        return opened, await desk.append(command, request, expected, placed)

    async def add_attachments(self, command: AddAttachments, request: RequestContext) -> Attachments:
        """The given attachments as the run has them. All content is read and hashed first; all or nothing is added."""
        unchecked = list(command.attachments)

        async def check() -> None:
            while unchecked:
                await self._check(unchecked[0], request)
                del unchecked[0]

        attach = run_domain.Attach(command.attachments, self._desk.now())
        run = await self._decided(command, request, command.run_id, attach, check)
        wanted = {(item.blob.sha256, item.kind) for item in command.attachments}
        items = tuple(item for item in run.attachments if (item.attachment_id, item.kind) in wanted)
        return Attachments(run_id=command.run_id, items=items)

    async def reference_assets(self, command: ReferenceAssets, request: RequestContext) -> ReferenceAssets:
        """Put the assets on the run's record as advice."""
        await self._decided(command, request, command.run_id, run_domain.ReferToAssets(command.asset_ids))
        return command

    async def advisories(self, query: AskAdvisories, _: RequestContext) -> Advisories:
        """What the run refers to, in the order in which it came, each with the latest that was said about it."""
        run, _version = await self._desk.run(query.run_id)
        items = (advisory_domain.shown(run.run_id, item) for item in run.advisories)
        return Advisories(run_id=run.run_id, items=tuple(item for item in items if query.status in {None, item.status}))

    async def review_advisory(self, command: ReviewAdvisory, request: RequestContext) -> Advisory:
        return await self._advise(command, request)

    async def promote_advisory(self, command: PromoteAdvisory, request: RequestContext) -> Advisory:
        return await self._advise(command, request)

    async def reject_advisory(self, command: RejectAdvisory, request: RequestContext) -> Advisory:
        return await self._advise(command, request)

    async def delete_run(self, command: DeleteRun, request: RequestContext) -> Deleted:
        """The tombstone of the run. Raises ILLEGAL_TRANSITION while decisions or a session stand in the way."""
        require_person(request, OPERATORS, "deleting a run")
        await self._desk.once(command, request, lambda: self._delete(command, request), nothing)
        return Deleted(ids=(command.run_id,))

    async def _delete(self, command: DeleteRun, request: RequestContext) -> None:
        run, version = await self._desk.run(command.run_id)
        stream = run_domain.stream_of(run.run_id)
        expected, under_way, dropped = {stream: version}, False, list[tuple[str, LogEvent]]()
        if run.session_id is not None:
            session, session_version = await self._desk.session(run.session_id)
            design = session_domain.design_of(session)
            in_it = design is not None and design.run_id == run.run_id
            under_way = in_it and session_domain.state_of(session) in session_domain.UNDER_WAY
            session_stream = session_domain.stream_of(run.session_id)
            expected[session_stream] = session_version
            drop = session_commands.decide(session_commands.DropRun(run.run_id), session)
            dropped = [(session_stream, event) for event in drop]
        delete = run_domain.Delete(command.force, command.cascade, command.reason, under_way)
        events = [(stream, event) for event in run_domain.decide(delete, run)]
        await self._desk.record(command, request, expected, [*events, *dropped])

    async def _advise(self, command: advisory_domain.Command, request: RequestContext) -> Advisory:
        """The advisory as it stands after these words."""
        require_person(request, DESIGNERS, "reviewing advice")
        run = await self._decided(command, request, command.run_id, run_domain.Advise(command))
        return advisory_domain.shown(run.run_id, run.advisory(command.asset_id))

    async def _decided(
        self,
        command: Message,
        request: RequestContext,
        run_id: str,
        decision: run_domain.Command,
        check: Callable[[], Awaitable[None]] | None = None,
    ) -> RunState:
        """The run after the decision, which is recorded if it changes anything; `check` may refuse it before. Of a
        repeated command: the run as it was then."""

        async def attempt() -> RunState:
            if check is not None:
                await check()
            run, version = await self._desk.run(run_id)
            events = run_domain.decide(decision, run)
            stream = run_domain.stream_of(run_id)
            await self._desk.record(command, request, {stream: version}, [(stream, event) for event in events])
            after = run_domain.fold_on(run, events)
            assert isinstance(after, RunState)  # none of these decisions deletes the run
            return after

        outcome = await self._desk.once(command, request, attempt, lambda recorded: recorded[-1])
        return outcome if isinstance(outcome, RunState) else await self._after(run_id, outcome)

    async def _after(self, run_id: str, last: LogEvent) -> RunState:
        """The run right after the last event of a command, whatever has become of it since."""
        stream = run_domain.stream_of(run_id)
        events = await self._desk.log.read_stream(stream)
        count = last.versions[stream] if isinstance(last, CommandHadNoEffect) else events.index(last) + 1
        run = run_domain.fold(events[:count])
        assert isinstance(run, RunState)  # the command was accepted
        return run

    async def _check(self, item: NewAttachment, request: RequestContext) -> None:
        data = await self._desk.blobs.get(item.blob)
        if len(data) != item.blob.size:
            raise RmosError(
                ErrorCode.INVALID_REQUEST, f"{item.filename} has {len(data)} bytes, {item.blob.size} were declared"
            )
        if item.kind is AttachmentKind.SVG or item.blob.content_type == "image/svg+xml":
            checked = await self._desk.art.check_svg(item.blob, request)
            if not checked.accepted:
                raise RmosError(ErrorCode.INVALID_SVG, f"{item.filename} is refused: {checked.reason}")
