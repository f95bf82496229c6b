"""Opening runs, attaching content, referring to assets."""

from __future__ import annotations

from contracts.artifacts import AttachmentKind, Run
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import AssetsReferenced, LogEvent, RunOpened
from contracts.model import Message
from contracts.rmos import AddAttachments, Attachments, NewAttachment, OpenRun, ReferenceAssets
from services.rmos.domain import run as run_domain
from services.rmos.handlers.desk import Desk, command_digest, decided
from services.rmos.ports import AppendRequest, AppendResult, NewEvent


class RunHandlers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open_run(self, command: OpenRun, request: RequestContext) -> Run:
        """The run as it was opened, also when the command is repeated. Raises NOT_FOUND when there is no such session.

        Whether it is repeated is left to the append, which knows anyway: asking first would cost every new command a
        look into the database, and two at once would both be told no.
        """
        desk, context = self._desk, command.context
        if command.workflow_session_id is not None:
            session, _ = await desk.session(command.workflow_session_id)
            context = run_domain.merged(session.context, context)
        opened = RunOpened(
            run_id=desk.new_id("run"),
            mode=command.mode,
            label=command.label,
            workflow_session_id=command.workflow_session_id,
            context=context,
        )
        result = await self._append(command, request, opened.run_id, 0, [opened])
        opened_by, request_id = request.actor.id, request.request_id
        if result.repeated:
            opened = await desk.first(command, request, RunOpened)
            opened_by, request_id = result.events[0].actor.id, result.events[0].request_id
        return run_domain.just_opened(opened, result.positions[0], result.recorded_at_utc, request_id, opened_by)

    async def add_attachments(self, command: AddAttachments, request: RequestContext) -> Attachments:
        """The given attachments as the run has them. All content is read and hashed first; all or nothing is added."""
        for item in command.attachments:
            await self._check(item, request)

        async def attempt() -> Attachments:
            state, version = await self._desk.run(command.run_id)
            events = run_domain.add_attachments(state, command.attachments, self._desk.now())
            if events:
                await self._append(command, request, command.run_id, version, list(events))
                for event in events:
                    state = run_domain.evolve(state, event)
            wanted = {(item.blob.sha256, item.kind) for item in command.attachments}
            items = tuple(item for item in state.attachments if (item.attachment_id, item.kind) in wanted)
            return Attachments(run_id=command.run_id, items=items)

        return await decided(attempt)

    async def reference_assets(self, command: ReferenceAssets, request: RequestContext) -> ReferenceAssets:
        """Put the assets on the run's record as advice."""

        async def attempt() -> ReferenceAssets:
            state, version = await self._desk.run(command.run_id)
            new = tuple(asset for asset in dict.fromkeys(command.asset_ids) if asset not in state.asset_ids)
            if new:
                event = AssetsReferenced(run_id=command.run_id, asset_ids=new)
                await self._append(command, request, command.run_id, version, [event])
            return command

        return await decided(attempt)

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

    async def _append(
        self, command: Message, request: RequestContext, run_id: str, version: int, events: list[LogEvent]
    ) -> AppendResult:
        stream = run_domain.stream_of(run_id)
        return await self._desk.log.append(
            AppendRequest(
                context=request,
                expected={stream: version},
                events=tuple(NewEvent(stream, self._desk.new_id("event"), event) for event in events),
                command_sha256=command_digest(command),
            )
        )
