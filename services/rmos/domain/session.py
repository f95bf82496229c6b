"""A workflow session as the fold of its events, and the table of what may follow what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import (
    ApprovedDigests,
    LogEvent,
    SessionApproved,
    SessionDesignSet,
    SessionFeasibilityStored,
    SessionOpened,
    SessionRejected,
    SessionRevisionRequired,
    SessionToolpathsStored,
)
from contracts.sessions import Session, SessionState, WorkflowMode


class Action(StrEnum):
    """What can be done to a session. `set_design` includes the feasibility that a bind stores with it."""

    SET_DESIGN = "set_design"
    STORE_FEASIBILITY = "store_feasibility"
    APPROVE = "approve"
    REJECT = "reject"
    REQUIRE_REVISION = "require_revision"
    STORE_TOOLPATHS = "store_toolpaths"


S, A = SessionState, Action
TRANSITIONS: dict[tuple[SessionState, Action], SessionState] = {
    (S.DRAFT, A.SET_DESIGN): S.FEASIBILITY_REQUESTED,
    (S.CONTEXT_READY, A.SET_DESIGN): S.FEASIBILITY_REQUESTED,
    # a new design is always judged anew and ends an approval of the former one
    (S.FEASIBILITY_READY, A.SET_DESIGN): S.FEASIBILITY_REQUESTED,
    (S.DESIGN_REVISION_REQUIRED, A.SET_DESIGN): S.FEASIBILITY_REQUESTED,
    (S.APPROVED, A.SET_DESIGN): S.FEASIBILITY_REQUESTED,
    (S.TOOLPATHS_READY, A.SET_DESIGN): S.FEASIBILITY_REQUESTED,
    (S.FEASIBILITY_REQUESTED, A.STORE_FEASIBILITY): S.FEASIBILITY_READY,
    (S.FEASIBILITY_READY, A.APPROVE): S.APPROVED,
    (S.FEASIBILITY_READY, A.REJECT): S.REJECTED,
    (S.FEASIBILITY_READY, A.REQUIRE_REVISION): S.DESIGN_REVISION_REQUIRED,
    (S.APPROVED, A.REJECT): S.REJECTED,
    (S.APPROVED, A.REQUIRE_REVISION): S.DESIGN_REVISION_REQUIRED,
    (S.APPROVED, A.STORE_TOOLPATHS): S.TOOLPATHS_READY,
    (S.TOOLPATHS_READY, A.STORE_TOOLPATHS): S.TOOLPATHS_READY,
    (S.TOOLPATHS_READY, A.REQUIRE_REVISION): S.DESIGN_REVISION_REQUIRED,
}
"""(state, action) -> next state. What is not in the table is illegal."""


@dataclass(frozen=True, slots=True)
class SessionFold:
    """An opened session. Digests and approval belong to the current design; None until there is one."""

    session_id: str
    mode: WorkflowMode
    context: CuttingContext
    state: SessionState
    run_id: str | None = None
    digests: ApprovedDigests | None = None
    risk: RiskLevel | None = None
    score: Decimal | None = None
    approved: ApprovedDigests | None = None
    approval_artifact_id: str | None = None


def stream_of(session_id: str) -> str:
    return f"session-{session_id}"


def allowed_in(state: SessionState) -> tuple[Action, ...]:
    return tuple(action for (source, action) in TRANSITIONS if source is state)


def after(state: SessionState, action: Action) -> SessionState:
    """The state that follows. Raises ILLEGAL_TRANSITION naming what is allowed instead."""
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        allowed = [item.value for item in allowed_in(state)]
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            f"{action.value} is not possible in state {state.value}; allowed: {', '.join(allowed) or 'nothing'}",
            state=state.value,
            action=action.value,
            allowed=allowed,
        ) from None


def just_opened(event: SessionOpened, recorded_at_utc: str, opened_by: str) -> Session:
    """The session as it is shown right after its opening: what the projections say once they have folded the event."""
    state = _first_state(event)
    return Session(
        session_id=event.session_id,
        state=state,
        mode=event.mode,
        label=event.label,
        context=event.context,
        created_at_utc=recorded_at_utc,
        updated_at_utc=recorded_at_utc,
        opened_by=opened_by,
        version=1,
        allowed=tuple(action.value for action in allowed_in(state)),
    )


def _first_state(event: SessionOpened) -> SessionState:
    return SessionState.CONTEXT_READY if has_context(event.context) else SessionState.DRAFT


def evolve(state: SessionFold | None, event: LogEvent) -> SessionFold:  # noqa: PLR0911 - one return a kind of event
    if isinstance(event, SessionOpened):
        return SessionFold(event.session_id, event.mode, event.context, _first_state(event))
    if state is None:
        raise ValueError(f"{type(event).__name__} before SessionOpened: the stream is damaged")
    match event:
        case SessionDesignSet():
            return replace(
                state,
                state=after(state.state, Action.SET_DESIGN),
                run_id=event.run_id,
                digests=None,
                risk=None,
                score=None,
                approved=None,
                approval_artifact_id=None,
            )
        case SessionFeasibilityStored():
            following = after(state.state, Action.STORE_FEASIBILITY)
            return replace(state, state=following, digests=event.digests, risk=event.risk_level, score=event.score)
        case SessionApproved():
            following = after(state.state, Action.APPROVE)
            return replace(state, state=following, approved=event.digests, approval_artifact_id=event.artifact_id)
        case SessionRejected():
            return replace(_unapproved(state), state=after(state.state, Action.REJECT))
        case SessionRevisionRequired():
            return replace(_unapproved(state), state=after(state.state, Action.REQUIRE_REVISION))
        case SessionToolpathsStored():
            return replace(state, state=after(state.state, Action.STORE_TOOLPATHS))
        case _:
            return state


def fold(events: Iterable[LogEvent]) -> SessionFold | None:
    state: SessionFold | None = None
    for event in events:
        state = evolve(state, event)
    return state


def has_context(context: CuttingContext) -> bool:
    """Whether tool, material and machine are all known."""
    return None not in (context.tool_id, context.material_id, context.machine_id)


def _unapproved(state: SessionFold) -> SessionFold:
    return replace(state, approved=None, approval_artifact_id=None)
