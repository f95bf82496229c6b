"""A run as the fold of its events: what has been attached, in which context, what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from contracts.artifacts import Attachment, AttachmentKind, Run, RunArtifact
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Mode
from contracts.log import ArtifactRecorded, AssetsReferenced, AttachmentAdded, LogEvent, RunOpened
from contracts.rmos import NewAttachment, bare_attachment_id


@dataclass(frozen=True, slots=True)
class RunState:
    """An opened run. Attachments and artifacts stand in the order in which they came."""

    run_id: str
    mode: Mode
    context: CuttingContext
    session_id: str | None = None
    attachments: tuple[Attachment, ...] = ()
    artifacts: tuple[RunArtifact, ...] = ()
    asset_ids: tuple[str, ...] = ()

    def artifact(self, artifact_id: str) -> RunArtifact:
        for artifact in self.artifacts:
            if artifact.artifact_id == artifact_id:
                return artifact
        raise RmosError(ErrorCode.NOT_FOUND, f"run {self.run_id} has no artifact {artifact_id}")


def stream_of(run_id: str) -> str:
    return f"run-{run_id}"


def evolve(state: RunState | None, event: LogEvent) -> RunState:
    """The state after the event. Events that say nothing about a run leave it as it is."""
    if isinstance(event, RunOpened):
        return RunState(event.run_id, event.mode, event.context, event.workflow_session_id)
    if state is None:
        raise ValueError(f"{type(event).__name__} before RunOpened: the stream is damaged")
    match event:
        case AttachmentAdded():
            return replace(state, attachments=(*state.attachments, event.attachment))
        case AssetsReferenced():
            return replace(state, asset_ids=(*state.asset_ids, *event.asset_ids))
        case ArtifactRecorded():
            return replace(state, artifacts=(*state.artifacts, event.artifact))
        case _:
            return state


def fold(events: Iterable[LogEvent]) -> RunState | None:
    """The run after all events; None when there are none."""
    state: RunState | None = None
    for event in events:
        state = evolve(state, event)
    return state


def just_opened(event: RunOpened, position: int, recorded_at_utc: str, request_id: str, opened_by: str) -> Run:
    """The run as it is shown right after its opening: what the projections say once they have folded the event."""
    return Run(
        run_id=event.run_id,
        created_at_utc=recorded_at_utc,
        updated_at_utc=recorded_at_utc,
        position=position,
        mode=event.mode,
        label=event.label,
        workflow_session_id=event.workflow_session_id,
        context=event.context,
        request_id=request_id,
        opened_by=opened_by,
    )


def add_attachments(state: RunState, new: Iterable[NewAttachment], now: str) -> list[AttachmentAdded]:
    """One event for each attachment that the run does not have under this kind yet."""
    have = {(item.attachment_id, item.kind) for item in state.attachments}
    events = []
    for item in new:
        key = (item.blob.sha256, item.kind)
        if key in have:
            continue
        have.add(key)
        attachment = Attachment(
            attachment_id=item.blob.sha256,
            kind=item.kind,
            filename=item.filename,
            content_type=item.blob.content_type,
            size=item.blob.size,
            metadata=item.metadata,
            created_at_utc=now,
        )
        events.append(AttachmentAdded(run_id=state.run_id, attachment=attachment))
    return events


def chosen_attachments(
    state: RunState, attachment_ids: tuple[str, ...], required_kinds: tuple[AttachmentKind, ...]
) -> tuple[Attachment, ...]:
    """The attachments named by id, or the newest of each kind. Raises NOT_FOUND or INVALID_REQUEST naming which."""
    if attachment_ids:
        return tuple(_named(state, bare_attachment_id(text)) for text in attachment_ids)
    newest = {item.kind: item for item in state.attachments}
    missing = [kind.value for kind in required_kinds if kind not in newest]
    if missing:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"run {state.run_id} has no attachment of kind {', '.join(missing)}: attach it first",
            missing_kinds=missing,
        )
    return tuple(newest[kind] for kind in dict.fromkeys(required_kinds))


def _named(state: RunState, sha256: str) -> Attachment:
    for item in state.attachments:
        if item.attachment_id == sha256:
            return item
    raise RmosError(ErrorCode.NOT_FOUND, f"run {state.run_id} has no attachment {sha256}")


def merged(base: CuttingContext, over: CuttingContext) -> CuttingContext:
    """`base` with every field that `over` states."""
    return base.model_copy(update={name: getattr(over, name) for name in over.model_fields_set if getattr(over, name)})
