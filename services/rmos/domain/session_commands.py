"""Decisions about a workflow session: a command on a state gives events, or a refusal that says what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from contracts.envelope import Actor
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import (
    ApprovedDigests,
    SessionApproved,
    SessionArchived,
    SessionContextSet,
    SessionDeleted,
    SessionDesignSet,
    SessionEvent,
    SessionFeasibilityRequested,
    SessionFeasibilityStored,
    SessionOpened,
    SessionRejected,
    SessionRevisionRequired,
    SessionRunDeleted,
    SessionRunOpened,
    SessionToolpathsFailed,
    SessionToolpathsRequested,
    SessionToolpathsStored,
)
from contracts.sessions import SessionState, WorkflowMode
from services.rmos.domain import session as domain
from services.rmos.domain.context import merged
from services.rmos.domain.session import About, Action, Design, Judged, Living

MAX_RUNS = 499
"""Of one session: it is deleted together with all of them, in one append of at most 500 events."""


@dataclass(frozen=True, slots=True)
class Open:
    session_id: str
    mode: WorkflowMode
    label: str | None
    context: CuttingContext


@dataclass(frozen=True, slots=True)
class OpenRunIn:
    run_id: str


@dataclass(frozen=True, slots=True)
class DropRun:
    run_id: str


@dataclass(frozen=True, slots=True)
class SetContext:
    """Nothing happens when the context stays what it is, so that an approval does not end for nothing."""

    context: CuttingContext


@dataclass(frozen=True, slots=True)
class SetDesign:
    """Nothing happens when the design stays what it is, unless it is to be judged `anew`."""

    design: Design
    anew: bool = False


@dataclass(frozen=True, slots=True)
class RequestFeasibility: ...


@dataclass(frozen=True, slots=True)
class StoreFeasibility:
    artifact_id: str
    digests: ApprovedDigests
    risk: RiskLevel
    score: Decimal | None


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve what was judged: the verdict's own digests."""

    artifact_id: str
    actor: Actor
    note: str | None


@dataclass(frozen=True, slots=True)
class Reject:
    artifact_id: str
    actor: Actor
    note: str | None


@dataclass(frozen=True, slots=True)
class RequireRevision:
    artifact_id: str
    actor: Actor
    note: str | None


@dataclass(frozen=True, slots=True)
class RequestToolpaths: ...


@dataclass(frozen=True, slots=True)
class StoreToolpaths:
    artifact_id: str
    gcode_sha256: str


@dataclass(frozen=True, slots=True)
class FailToolpaths:
    artifact_id: str


@dataclass(frozen=True, slots=True)
class Archive:
    note: str | None


@dataclass(frozen=True, slots=True)
class Delete:
    force: bool
    cascade: bool
    reason: str | None


Command = (
    OpenRunIn
    | DropRun
    | SetContext
    | SetDesign
    | RequestFeasibility
    | StoreFeasibility
    | Approve
    | Reject
    | RequireRevision
    | RequestToolpaths
    | StoreToolpaths
    | FailToolpaths
    | Archive
    | Delete
)
ACTION_OF: dict[type[Command], Action] = {
    OpenRunIn: Action.OPEN_RUN,
    DropRun: Action.DROP_RUN,
    SetContext: Action.SET_CONTEXT,
    SetDesign: Action.SET_DESIGN,
    RequestFeasibility: Action.REQUEST_FEASIBILITY,
    StoreFeasibility: Action.STORE_FEASIBILITY,
    Approve: Action.APPROVE,
    Reject: Action.REJECT,
    RequireRevision: Action.REQUIRE_REVISION,
    RequestToolpaths: Action.REQUEST_TOOLPATHS,
    StoreToolpaths: Action.STORE_TOOLPATHS,
    FailToolpaths: Action.FAIL_TOOLPATHS,
    Archive: Action.ARCHIVE,
    Delete: Action.DELETE,
}


def opened(command: Open) -> SessionOpened:
    """The first event of a session."""
    return SessionOpened(
        session_id=command.session_id,
        state=_prepared(About(command.session_id, command.mode, command.context), None),
        mode=command.mode,
        label=command.label,
        context=command.context,
    )


def decide(command: Command, session: Living) -> list[SessionEvent]:  # noqa: PLR0911, PLR0912 - one case a command
    """What happens; empty when everything is already so. Raises ILLEGAL_TRANSITION naming what is allowed."""
    domain.require(session, ACTION_OF[type(command)])
    name = session.about.session_id
    match command:
        case OpenRunIn():
            return [_open_run(command, session)]
        case DropRun():
            return _drop_run(command, session)
        case SetContext():
            return _set_context(command, session)
        case SetDesign():
            return _set_design(command, session)
        case RequestFeasibility():
            design = design_or_refusal(session)
            state = SessionState.FEASIBILITY_REQUESTED
            return [SessionFeasibilityRequested(session_id=name, state=state, run_id=design.run_id)]
        case StoreFeasibility():
            return [
                SessionFeasibilityStored(
                    session_id=name,
                    state=SessionState.FEASIBILITY_READY,
                    run_id=design_or_refusal(session).run_id,
                    artifact_id=command.artifact_id,
                    digests=command.digests,
                    risk_level=command.risk,
                    score=command.score,
                )
            ]
        case Approve() | Reject() | RequireRevision():
            return [_decision(command, session)]
        case RequestToolpaths():
            run_id = design_or_refusal(session).run_id
            return [SessionToolpathsRequested(session_id=name, state=SessionState.TOOLPATHS_REQUESTED, run_id=run_id)]
        case StoreToolpaths():
            return [
                SessionToolpathsStored(
                    session_id=name,
                    state=SessionState.TOOLPATHS_READY,
                    run_id=design_or_refusal(session).run_id,
                    artifact_id=command.artifact_id,
                    gcode_sha256=command.gcode_sha256,
                )
            ]
        case FailToolpaths():
            return [
                SessionToolpathsFailed(
                    session_id=name,
                    state=SessionState.APPROVED,
                    run_id=design_or_refusal(session).run_id,
                    artifact_id=command.artifact_id,
                )
            ]
        case Archive():
            return [SessionArchived(session_id=name, state=SessionState.ARCHIVED, note=command.note)]
        case Delete():
            return [_delete(command, session)]
        case _:
            assert_never(command)


def design_or_refusal(session: Living) -> Design:
    """The current design. Raises ILLEGAL_TRANSITION when there is none yet."""
    design = domain.design_of(session)
    if design is None:
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            "the session has no design yet: set one, or bind a candidate in one of its runs",
            state=domain.state_of(session).value,
        )
    return design


def _open_run(command: OpenRunIn, session: Living) -> SessionRunOpened:
    if len(session.about.runs) >= MAX_RUNS:
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            f"the session has {MAX_RUNS} runs, the most that one may have: open another session, or delete some",
            runs=len(session.about.runs),
        )
    return SessionRunOpened(session_id=session.about.session_id, state=domain.state_of(session), run_id=command.run_id)


def _drop_run(command: DropRun, session: Living) -> list[SessionEvent]:
    if command.run_id not in session.about.run_ids:
        return []
    state, design = domain.state_of(session), domain.design_of(session)
    current = design is not None and design.run_id == command.run_id and state is not SessionState.REJECTED
    return [
        SessionRunDeleted(
            session_id=session.about.session_id,
            state=_prepared(session.about, None) if current else state,
            run_id=command.run_id,
            was_current=current,
        )
    ]


def _set_context(command: SetContext, session: Living) -> list[SessionEvent]:
    context = merged(session.about.context, command.context)
    if context == session.about.context:
        return []
    state = _prepared(domain.saying(session.about, context), domain.design_of(session))
    return [SessionContextSet(session_id=session.about.session_id, state=state, context=context)]


def _set_design(command: SetDesign, session: Living) -> list[SessionEvent]:
    design = command.design
    if design == domain.design_of(session) and not command.anew:
        return []
    return [
        SessionDesignSet(
            session_id=session.about.session_id,
            state=_prepared(session.about, design),
            run_id=design.run_id,
            design_sha256=design.design_sha256,
            spec=design.spec,
            context=design.context,
            mode=design.mode,
        )
    ]


def _decision(command: Approve | Reject | RequireRevision, session: Living) -> SessionEvent:
    assert isinstance(session, Judged)  # the table allows decisions on judged states only
    values = {
        "session_id": session.about.session_id,
        "run_id": session.design.run_id,
        "artifact_id": command.artifact_id,
        "actor": command.actor,
        "note": command.note,
    }
    match command:
        case Approve():
            values |= {"state": SessionState.APPROVED, "digests": session.verdict.digests}
            return SessionApproved.model_validate(values)
        case Reject():
            return SessionRejected.model_validate(values | {"state": SessionState.REJECTED})
        case RequireRevision():
            return SessionRevisionRequired.model_validate(values | {"state": SessionState.DESIGN_REVISION_REQUIRED})
        case _:
            assert_never(command)


def _delete(command: Delete, session: Living) -> SessionDeleted:
    state, runs = domain.state_of(session), session.about.run_ids
    if runs and not command.cascade:
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            f"the session has {len(runs)} runs: delete them first, or say cascade",
            run_ids=list(runs[:20]),
            runs=len(runs),
        )
    if len(runs) > MAX_RUNS:
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            f"the session has {len(runs)} runs, and at most {MAX_RUNS} can be deleted with it: delete some first",
            runs=len(runs),
        )
    if state in domain.UNDER_WAY and not command.force:
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            f"the session is under way ({state.value}): reject or archive it first, or say force",
            state=state.value,
        )
    return SessionDeleted(
        session_id=session.about.session_id, state=state, reason=command.reason, forced=command.force, run_ids=runs
    )


def _prepared(about: About, design: Design | None) -> SessionState:
    return SessionState.CONTEXT_READY if domain.is_complete(about, design) else SessionState.DRAFT
