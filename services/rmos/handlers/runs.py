"""Opening runs, attaching content, referring to assets."""

from __future__ import annotations

from contracts.artifacts import AttachmentKind, Run
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import AssetsReferenced, LogEvent, RunOpened
from contracts.model import Message
from contracts.rmos import AddAttachments, AskRun, Attachments, NewAttachment, OpenRun, ReferenceAssets
from services.rmos.domain import run as run_domain
from services.rmos.handlers.desk import Desk, command_digest, decided
from services.rmos.ports import AppendRequest, NewEvent, Queries


class RunHandlers:
    def __init__(self, desk: Desk, queries: Queries) -> None:
        self._desk = desk
        self._queries = queries

    async def open_run(self, command: OpenRun, request: RequestContext) -> Run:
        """The opened run. Raises NOT_FOUND when its session does not exist."""
        desk = self._desk
        done = await desk.recorded(command, request, RunOpened)
        if done is None:
            context = command.context
            if command.workflow_session_id is not None:
                session, _ = await desk.session(command.workflow_session_id)
                context = run_domain.merged(session.context, context)
            done = RunOpened(
                run_id=desk.new_id("run"),
                mode=command.mode,
                label=command.label,
                workflow_session_id=command.workflow_session_id,
                context=context,
            )
            await self._append(command, request, done.run_id, 0, [done])
        return await self._queries.run(AskRun(run_id=done.run_id))

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
    ) -> None:
        stream = run_domain.stream_of(run_id)
        await self._desk.log.append(
            AppendRequest(
                context=request,
                expected={stream: version},
                events=tuple(NewEvent(stream, self._desk.new_id("event"), event) for event in events),
                command_sha256=command_digest(command),
            )
        )
