"""A run as the fold of its events: what has been attached, in which context, what was decided; and its decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from contracts.artifacts import ArtifactKind, Attachment, AttachmentKind, Run, RunArtifact
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Mode
from contracts.log import (
    AdvisoryPromoted,
    AdvisoryRejected,
    AdvisoryReviewed,
    ArtifactRecorded,
    AssetsReferenced,
    AttachmentAdded,
    LogEvent,
    RunDeleted,
    RunOpened,
)
from contracts.rmos import NewAttachment, bare_attachment_id
from services.rmos.domain import advisory as advisories
from services.rmos.domain.advisory import AdvisoryState


class Standing(StrEnum):
    OPEN = "open"
    DELETED = "deleted"


class Action(StrEnum):
    ATTACH = "attach"
    REFERENCE_ASSETS = "reference_assets"
    ADVISE = "advise"
    DECIDE = "decide"
    DELETE = "delete"


TRANSITIONS: dict[tuple[Standing, Action], Standing] = {
    (Standing.OPEN, Action.ATTACH): Standing.OPEN,
    (Standing.OPEN, Action.REFERENCE_ASSETS): Standing.OPEN,
    (Standing.OPEN, Action.ADVISE): Standing.OPEN,
    (Standing.OPEN, Action.DECIDE): Standing.OPEN,
    (Standing.OPEN, Action.DELETE): Standing.DELETED,
}
"""(standing, action) -> next standing. Nothing follows a tombstone."""


@dataclass(frozen=True, slots=True)
class RunState:
    """An opened run. Attachments, advisories and artifacts stand in the order in which they came."""

    run_id: str
    mode: Mode
    context: CuttingContext
    session_id: str | None = None
    attachments: tuple[Attachment, ...] = ()
    artifacts: tuple[RunArtifact, ...] = ()
    advisories: tuple[AdvisoryState, ...] = ()

    @property
    def asset_ids(self) -> tuple[str, ...]:
        return tuple(item.asset_id for item in self.advisories)

    @property
    def advice(self) -> tuple[str, ...]:
        """The assets that are referred to and not rejected."""
        return tuple(item.asset_id for item in self.advisories if not isinstance(item, advisories.Rejected))

    def artifact(self, artifact_id: str) -> RunArtifact:
        for artifact in self.artifacts:
            if artifact.artifact_id == artifact_id:
                return artifact
        raise RmosError(ErrorCode.NOT_FOUND, f"run {self.run_id} has no artifact {artifact_id}")

    def advisory(self, asset_id: str) -> AdvisoryState:
        for item in self.advisories:
            if item.asset_id == asset_id:
                return item
        raise RmosError(ErrorCode.NOT_FOUND, f"run {self.run_id} refers to no asset {asset_id}")


@dataclass(frozen=True, slots=True)
class DeletedRun:
    """A tombstone. It takes no events and no commands."""

    run_id: str


RunFold = RunState | DeletedRun


@dataclass(frozen=True, slots=True)
class Attach:
    attachments: tuple[NewAttachment, ...]
    now: str


@dataclass(frozen=True, slots=True)
class ReferToAssets:
    asset_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advise:
    command: advisories.Command


@dataclass(frozen=True, slots=True)
class Delete:
    """`under_way`: the run holds the current design of a session that is under way."""

    force: bool
    cascade: bool
    reason: str | None
    under_way: bool


Command = Attach | ReferToAssets | Advise | Delete


def stream_of(run_id: str) -> str:
    return f"run-{run_id}"


def standing_of(run: RunFold) -> Standing:
    return Standing.DELETED if isinstance(run, DeletedRun) else Standing.OPEN


def decide(command: Command, run: RunState) -> list[LogEvent]:
    """What happens; empty when everything is already so. Raises NOT_FOUND or ILLEGAL_TRANSITION."""
    match command:
        case Attach():
            return list(add_attachments(run, command.attachments, command.now))
        case ReferToAssets():
            new = tuple(asset for asset in dict.fromkeys(command.asset_ids) if asset not in run.asset_ids)
            return [AssetsReferenced(run_id=run.run_id, asset_ids=new)] if new else []
        case Advise():
            return list(advisories.decide(command.command, run.advisory(command.command.asset_id)))
        case Delete():
            return [_delete(command, run)]
        case _:
            assert_never(command)


def evolve(run: RunFold | None, event: LogEvent) -> RunFold:  # noqa: PLR0911 - one return a kind of event
    """The run after the event; events that say nothing about a run leave it as it is.

    Raises ValueError for an event that cannot follow: the stream is damaged.
    """
    if isinstance(event, RunOpened):
        return RunState(event.run_id, event.mode, event.context, event.workflow_session_id)
    if run is None or isinstance(run, DeletedRun):
        raise ValueError(f"{type(event).__name__} on no run: the stream is damaged")
    match event:
        case AttachmentAdded():
            return replace(run, attachments=(*run.attachments, event.attachment))
        case AssetsReferenced():
            return replace(run, advisories=(*run.advisories, *map(advisories.New, event.asset_ids)))
        case AdvisoryReviewed() | AdvisoryPromoted() | AdvisoryRejected():
            advised = (
                advisories.evolve(item, event) if item.asset_id == event.asset_id else item for item in run.advisories
            )
            return replace(run, advisories=tuple(advised))
        case ArtifactRecorded():
            return replace(run, artifacts=(*run.artifacts, event.artifact))
        case RunDeleted():
            return DeletedRun(run.run_id)
        case _:
            return run


ACTION_OF: dict[type[LogEvent], Action] = {
    AttachmentAdded: Action.ATTACH,
    AssetsReferenced: Action.REFERENCE_ASSETS,
    AdvisoryReviewed: Action.ADVISE,
    AdvisoryPromoted: Action.ADVISE,
    AdvisoryRejected: Action.ADVISE,
    RunDeleted: Action.DELETE,
}
"""The rest, which carries an artifact, is Action.DECIDE."""


def fold(events: Iterable[LogEvent]) -> RunFold | None:
    """The run after all events; None when there are none."""
    return fold_on(None, events)


def fold_on(run: RunFold | None, events: Iterable[LogEvent]) -> RunFold | None:
    """The run after further events."""
    for event in events:
        run = evolve(run, event)
    return run


def just_opened(event: RunOpened, position: int, recorded_at_utc: str, request_id: str, opened_by: str) -> Run:
    """The run as it is shown right after its opening: what the projections say once they have folded the event."""
    return Run(
        run_id=event.run_id,
        created_at_utc=event.opened_at_utc,
        updated_at_utc=recorded_at_utc,
        position=position,
        mode=event.mode,
        label=event.label,
        workflow_session_id=event.workflow_session_id,
        context=event.context,
        request_id=request_id,
        opened_by=opened_by,
    )


def add_attachments(run: RunState, new: Iterable[NewAttachment], now: str) -> list[AttachmentAdded]:
    """One event for each attachment that the run does not have under this kind yet."""
    have = {(item.attachment_id, item.kind) for item in run.attachments}
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
        events.append(AttachmentAdded(run_id=run.run_id, attachment=attachment))
    return events


def chosen_attachments(
    run: RunState, attachment_ids: tuple[str, ...], required_kinds: tuple[AttachmentKind, ...]
) -> tuple[Attachment, ...]:
    """The attachments named by id, or the newest of each kind. Raises NOT_FOUND or INVALID_REQUEST naming which."""
    if attachment_ids:
        return tuple(_named(run, bare_attachment_id(text)) for text in attachment_ids)
    newest = {item.kind: item for item in run.attachments}
    missing = [kind.value for kind in required_kinds if kind not in newest]
    if missing:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"run {run.run_id} has no attachment of kind {', '.join(missing)}: attach it first",
            missing_kinds=missing,
        )
    return tuple(newest[kind] for kind in dict.fromkeys(required_kinds))


def judged_artifact(run: RunState, artifact_id: str) -> RunArtifact:
    """The run's artifact of this id, which must carry a verdict of its own. Raises NOT_FOUND or INVALID_REQUEST."""
    artifact = run.artifact(artifact_id)
    if artifact.feasibility is None or artifact.kind is ArtifactKind.OVERRIDE:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"artifact {artifact_id} ({artifact.kind.value}) holds no verdict: name a bound candidate, a feasibility "
            "or refused toolpaths",
        )
    return artifact


def _named(run: RunState, sha256: str) -> Attachment:
    for item in run.attachments:
        if item.attachment_id == sha256:
            return item
    raise RmosError(ErrorCode.NOT_FOUND, f"run {run.run_id} has no attachment {sha256}")


def _delete(command: Delete, run: RunState) -> RunDeleted:
    if run.artifacts and not command.cascade:
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            f"the run holds {len(run.artifacts)} decisions, which go with it: say cascade if they may",
            artifacts=len(run.artifacts),
        )
    if command.under_way and not command.force:
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            f"the run holds the current design of session {run.session_id}, which is under way: say force",
            session_id=run.session_id,
        )
    return RunDeleted(
        run_id=run.run_id, reason=command.reason, forced=command.force, cascaded=command.cascade and bool(run.artifacts)
    )
