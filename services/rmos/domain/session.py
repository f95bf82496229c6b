"""A workflow session: the table of what may follow what, the states, and decide / evolve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Mode, RiskLevel
from contracts.log import (
    ApprovedDigests,
    LogEvent,
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
from contracts.sessions import Session, SessionState, WorkflowMode
from services.rmos.domain.context import has_context, merged


class Action(StrEnum):
    """What can be done to a session."""

    OPEN_RUN = "open_run"
    SET_CONTEXT = "set_context"
    SET_DESIGN = "set_design"
    DROP_RUN = "drop_run"
    REQUEST_FEASIBILITY = "request_feasibility"
    STORE_FEASIBILITY = "store_feasibility"
    APPROVE = "approve"
    REJECT = "reject"
    REQUIRE_REVISION = "require_revision"
    REQUEST_TOOLPATHS = "request_toolpaths"
    STORE_TOOLPATHS = "store_toolpaths"
    FAIL_TOOLPATHS = "fail_toolpaths"
    ARCHIVE = "archive"
    DELETE = "delete"


S, A = SessionState, Action
_PREPARED = (S.DRAFT, S.CONTEXT_READY)
"""Draft while tool, material or machine are not all known, context_ready from then on."""
_CHANGEABLE = tuple(state for state in SessionState if state not in {S.REJECTED, S.ARCHIVED})

TRANSITIONS: dict[tuple[SessionState, Action], tuple[SessionState, ...]] = {
    # any change of design or context begins anew: what was judged and approved was something else
    **{(state, A.SET_CONTEXT): _PREPARED for state in _CHANGEABLE},
    **{(state, A.SET_DESIGN): _PREPARED for state in _CHANGEABLE},
    **{(state, A.DROP_RUN): tuple(dict.fromkeys((state, *_PREPARED))) for state in _CHANGEABLE},
    (S.REJECTED, A.DROP_RUN): (S.REJECTED,),
    (S.ARCHIVED, A.DROP_RUN): (S.ARCHIVED,),
    **{(state, A.OPEN_RUN): (state,) for state in _CHANGEABLE},
    # a draft may be judged too: the verdict is UNKNOWN, blocks, and names what is missing
    (S.DRAFT, A.REQUEST_FEASIBILITY): (S.FEASIBILITY_REQUESTED,),
    (S.CONTEXT_READY, A.REQUEST_FEASIBILITY): (S.FEASIBILITY_REQUESTED,),
    (S.FEASIBILITY_REQUESTED, A.REQUEST_FEASIBILITY): (S.FEASIBILITY_REQUESTED,),
    (S.FEASIBILITY_READY, A.REQUEST_FEASIBILITY): (S.FEASIBILITY_REQUESTED,),
    (S.FEASIBILITY_REQUESTED, A.STORE_FEASIBILITY): (S.FEASIBILITY_READY,),
    (S.FEASIBILITY_READY, A.APPROVE): (S.APPROVED,),
    (S.FEASIBILITY_READY, A.REJECT): (S.REJECTED,),
    (S.FEASIBILITY_READY, A.REQUIRE_REVISION): (S.DESIGN_REVISION_REQUIRED,),
    (S.DESIGN_REVISION_REQUIRED, A.REJECT): (S.REJECTED,),
    (S.APPROVED, A.REJECT): (S.REJECTED,),
    (S.APPROVED, A.REQUIRE_REVISION): (S.DESIGN_REVISION_REQUIRED,),
    (S.APPROVED, A.REQUEST_TOOLPATHS): (S.TOOLPATHS_REQUESTED,),
    # whoever asked may have died: asking again is how this state is left
    (S.TOOLPATHS_REQUESTED, A.REQUEST_TOOLPATHS): (S.TOOLPATHS_REQUESTED,),
    (S.TOOLPATHS_REQUESTED, A.STORE_TOOLPATHS): (S.TOOLPATHS_READY,),
    (S.TOOLPATHS_REQUESTED, A.FAIL_TOOLPATHS): (S.APPROVED,),
    (S.TOOLPATHS_READY, A.REQUEST_TOOLPATHS): (S.TOOLPATHS_REQUESTED,),
    (S.TOOLPATHS_READY, A.REJECT): (S.REJECTED,),
    (S.TOOLPATHS_READY, A.REQUIRE_REVISION): (S.DESIGN_REVISION_REQUIRED,),
    **{
        (state, A.ARCHIVE): (S.ARCHIVED,)
        for state in SessionState
        if state not in {S.FEASIBILITY_REQUESTED, S.TOOLPATHS_REQUESTED, S.ARCHIVED}
    },
    **{(state, A.DELETE): (state,) for state in SessionState},
}
"""(state, action) -> the states it may lead to. What is not in the table is illegal."""

BY_PERSONS: tuple[Action, ...] = tuple(
    action for action in Action if action not in {A.DROP_RUN, A.STORE_FEASIBILITY, A.STORE_TOOLPATHS, A.FAIL_TOOLPATHS}
)
"""What a client may ask for; the rest follows from what it asked."""

UNDER_WAY = frozenset(SessionState) - {S.DRAFT, S.CONTEXT_READY, S.REJECTED, S.ARCHIVED}
"""States whose deletion takes force."""


@dataclass(frozen=True, slots=True)
class Design:
    """What is to be cut; `context` is the one that its run was opened in."""

    run_id: str
    design_sha256: str
    spec: BlobRef
    context: CuttingContext
    mode: Mode


@dataclass(frozen=True, slots=True)
class Verdict:
    artifact_id: str
    digests: ApprovedDigests
    risk: RiskLevel
    score: Decimal | None


@dataclass(frozen=True, slots=True)
class Approval:
    artifact_id: str
    by: str
    digests: ApprovedDigests


@dataclass(frozen=True, slots=True)
class JoinedRun:
    """A run of the session that is not deleted; `since` is what the session has said since the run was opened."""

    run_id: str
    since: CuttingContext


@dataclass(frozen=True, slots=True)
class About:
    """What every session has, whatever its state."""

    session_id: str
    mode: WorkflowMode
    context: CuttingContext
    runs: tuple[JoinedRun, ...] = ()

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(run.run_id for run in self.runs)

    def in_run(self, run_id: str, context: CuttingContext) -> CuttingContext:
        """The context that holds in this run, which was opened in `context`: of two who spoke, the later."""
        since = next((run.since for run in self.runs if run.run_id == run_id), CuttingContext())
        return merged(context, since)


@dataclass(frozen=True, slots=True)
class _Begun:
    about: About


@dataclass(frozen=True, slots=True)
class Designed(_Begun):
    design: Design


@dataclass(frozen=True, slots=True)
class Judged(Designed):
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Covered(Judged):
    """An approval stands, of exactly the verdict's digests."""

    approval: Approval


@dataclass(frozen=True, slots=True)
class Draft(_Begun):
    design: Design | None


@dataclass(frozen=True, slots=True)
class ContextReady(_Begun):
    design: Design | None


@dataclass(frozen=True, slots=True)
class FeasibilityRequested(Designed): ...


@dataclass(frozen=True, slots=True)
class FeasibilityReady(Judged): ...


@dataclass(frozen=True, slots=True)
class DesignRevisionRequired(Judged): ...


@dataclass(frozen=True, slots=True)
class Approved(Covered): ...


@dataclass(frozen=True, slots=True)
class ToolpathsRequested(Covered): ...


@dataclass(frozen=True, slots=True)
class ToolpathsReady(Covered):
    toolpaths_artifact_id: str


@dataclass(frozen=True, slots=True)
class Rejected(Judged): ...


@dataclass(frozen=True, slots=True)
class Archived(_Begun): ...


@dataclass(frozen=True, slots=True)
class Deleted(_Begun):
    """A tombstone. It takes no events and no commands."""


Living = (
    Draft
    | ContextReady
    | FeasibilityRequested
    | FeasibilityReady
    | DesignRevisionRequired
    | Approved
    | ToolpathsRequested
    | ToolpathsReady
    | Rejected
    | Archived
)
SessionFold = Living | Deleted
STATE_OF: dict[type[_Begun], SessionState] = {
    Draft: S.DRAFT,
    ContextReady: S.CONTEXT_READY,
    FeasibilityRequested: S.FEASIBILITY_REQUESTED,
    FeasibilityReady: S.FEASIBILITY_READY,
    DesignRevisionRequired: S.DESIGN_REVISION_REQUIRED,
    Approved: S.APPROVED,
    ToolpathsRequested: S.TOOLPATHS_REQUESTED,
    ToolpathsReady: S.TOOLPATHS_READY,
    Rejected: S.REJECTED,
    Archived: S.ARCHIVED,
}


def stream_of(session_id: str) -> str:
    return f"session-{session_id}"


def state_of(session: Living) -> SessionState:
    return STATE_OF[type(session)]


def design_of(session: Living) -> Design | None:
    return session.design if isinstance(session, Designed | Draft | ContextReady) else None


def judged_context(session: Living, design: Design) -> CuttingContext:
    """The context in which this design is judged: its run's, with what the session has said since."""
    return session.about.in_run(design.run_id, design.context)


def just_opened(event: SessionOpened, recorded_at_utc: str, opened_by: str) -> Session:
    """The session as it is shown right after its opening: what the projections say once they have folded the event."""
    return Session(
        session_id=event.session_id,
        state=event.state,
        mode=event.mode,
        label=event.label,
        context=event.context,
        created_at_utc=recorded_at_utc,
        updated_at_utc=recorded_at_utc,
        opened_by=opened_by,
        version=1,
        allowed=tuple(action.value for action in allowed_in(event.state)),
    )


def allowed_in(state: SessionState) -> tuple[Action, ...]:
    """What a client may ask for in this state, in the order of a session's life."""
    return tuple(action for action in BY_PERSONS if (state, action) in TRANSITIONS)


def require(session: Living, action: Action) -> None:
    """Raises ILLEGAL_TRANSITION naming what is allowed instead."""
    state = state_of(session)
    if (state, action) in TRANSITIONS:
        return
    allowed = [item.value for item in allowed_in(state)]
    raise RmosError(
        ErrorCode.ILLEGAL_TRANSITION,
        f"{action.value} is not possible in state {state.value}; allowed: {', '.join(allowed)}",
        state=state.value,
        action=action.value,
        allowed=allowed,
    )


def fold(events: Iterable[LogEvent]) -> SessionFold | None:
    """The session after all events; None when there are none."""
    return fold_on(None, events)


def fold_on(session: SessionFold | None, events: Iterable[LogEvent]) -> SessionFold | None:
    """The session after further events."""
    for event in events:
        if isinstance(event, SessionEvent):
            session = evolve(session, event)
    return session


def evolve(session: SessionFold | None, event: SessionEvent) -> SessionFold:  # noqa: PLR0911 - one case an event
    """The session after the event. Raises ValueError for one that the table does not allow: the stream is damaged."""
    if isinstance(event, SessionOpened):
        about = About(event.session_id, event.mode, event.context)
        return _prepared(about, None)
    if session is None or isinstance(session, Deleted):
        raise ValueError(f"{type(event).__name__} on no session: the stream is damaged")
    if event.state not in TRANSITIONS.get((state_of(session), ACTION_OF[type(event)]), ()):
        raise ValueError(f"{event.type} leads from {state_of(session)} to {event.state}: the stream is damaged")
    about = session.about
    match event:
        case SessionRunOpened():
            return replace(session, about=replace(about, runs=(*about.runs, JoinedRun(event.run_id, CuttingContext()))))
        case SessionRunDeleted():
            return _without_run(session, event)
        case SessionContextSet():
            return _prepared(saying(about, event.context), design_of(session))
        case SessionDesignSet():
            design = Design(event.run_id, event.design_sha256, event.spec, event.context, event.mode)
            return _prepared(about, design)
        case SessionArchived():
            return Archived(about)
        case SessionDeleted():
            return Deleted(about)
        case _:
            return _decided(session, event)


def _decided(session: Living, event: SessionEvent) -> Living:  # noqa: PLR0911 - one return a kind of event
    """The states that need a design, then a verdict, then an approval."""
    about, design = session.about, design_of(session)
    if design is None:
        raise ValueError(f"{event.type} without a design: the stream is damaged")
    match event:
        case SessionFeasibilityRequested():
            return FeasibilityRequested(about, design)
        case SessionFeasibilityStored():
            verdict = Verdict(event.artifact_id, event.digests, event.risk_level, event.score)
            return FeasibilityReady(about, design, verdict)
    assert isinstance(session, Judged)  # the table leads to the rest from judged states only
    verdict = session.verdict
    match event:
        case SessionApproved():
            return Approved(about, design, verdict, Approval(event.artifact_id, event.actor.id, event.digests))
        case SessionRejected():
            return Rejected(about, design, verdict)
        case SessionRevisionRequired():
            return DesignRevisionRequired(about, design, verdict)
    assert isinstance(session, Covered)  # as above, from approved ones
    match event:
        case SessionToolpathsRequested():
            return ToolpathsRequested(about, design, verdict, session.approval)
        case SessionToolpathsStored():
            return ToolpathsReady(about, design, verdict, session.approval, event.artifact_id)
        case SessionToolpathsFailed():
            return Approved(about, design, verdict, session.approval)
        case _:
            raise ValueError(f"{event.type} is no event of a session")


def _prepared(about: About, design: Design | None) -> Draft | ContextReady:
    return ContextReady(about, design) if is_complete(about, design) else Draft(about, design)


def is_complete(about: About, design: Design | None) -> bool:
    """Whether tool, material and machine are known for this design, or for any while there is none."""
    return has_context(about.context if design is None else about.in_run(design.run_id, design.context))


def saying(about: About, context: CuttingContext) -> About:
    """The session with this as its context: what is new in it holds in all its runs from now on."""
    new = {name: value for name, value in context if value != getattr(about.context, name)}
    runs = tuple(replace(run, since=run.since.model_copy(update=new)) for run in about.runs)
    return replace(about, context=context, runs=runs)


def _without_run(session: Living, event: SessionRunDeleted) -> Living:
    about = replace(session.about, runs=tuple(run for run in session.about.runs if run.run_id != event.run_id))
    return _prepared(about, None) if event.was_current else replace(session, about=about)


ACTION_OF: dict[type[SessionEvent], Action] = {
    SessionRunOpened: A.OPEN_RUN,
    SessionRunDeleted: A.DROP_RUN,
    SessionContextSet: A.SET_CONTEXT,
    SessionDesignSet: A.SET_DESIGN,
    SessionFeasibilityRequested: A.REQUEST_FEASIBILITY,
    SessionFeasibilityStored: A.STORE_FEASIBILITY,
    SessionApproved: A.APPROVE,
    SessionRejected: A.REJECT,
    SessionRevisionRequired: A.REQUIRE_REVISION,
    SessionToolpathsRequested: A.REQUEST_TOOLPATHS,
    SessionToolpathsStored: A.STORE_TOOLPATHS,
    SessionToolpathsFailed: A.FAIL_TOOLPATHS,
    SessionArchived: A.ARCHIVE,
    SessionDeleted: A.DELETE,
}
