"""Where a search goes: into which run and session, with which context, and what opens the run."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext
from contracts.log import LogEvent, RunOpened
from contracts.search import ConstraintSearch
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.session_commands import OpenRunIn
from services.rmos.handlers.desk import Desk
from services.rmos.handlers.judging import SessionSteps


@dataclass(frozen=True, slots=True)
class Place:
    """`asked`: the command with its run, and its context completed from run or session. `opening`: the events that
    open the run, on these versions of these streams; none for a run that there is."""

    run_id: str
    session_id: str | None
    asked: ConstraintSearch
    opening: tuple[tuple[str, LogEvent], ...]
    expected: dict[str, int]


async def placed(desk: Desk, command: ConstraintSearch) -> Place:
    """The place of the search that was asked for.

    Raises NOT_FOUND for a run or session that there is not, INVALID_REQUEST for a run of the saw or of another session,
    ILLEGAL_TRANSITION for a session that takes no new design.
    """
    if command.run_id is not None:
        return await _in_run(desk, command, command.run_id)
    return await _in_new_run(desk, command)


async def _in_run(desk: Desk, command: ConstraintSearch, run_id: str) -> Place:
    run, _ = await desk.run(run_id)
    if run.mode != "router":
        raise RmosError(ErrorCode.INVALID_REQUEST, f"run {run_id} is for the saw: searches are for routers")
    if command.session_id is not None and run.session_id != command.session_id:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"run {run_id} is not of session {command.session_id}")
    context = run.context
    if run.session_id is not None:
        session, _ = await _taking_designs(desk, run.session_id)
        context = session.about.in_run(run_id, run.context)
    return Place(run_id, run.session_id, _completed(command, run_id, context), (), {})


async def _in_new_run(desk: Desk, command: ConstraintSearch) -> Place:
    run_id, joined = desk.new_id("run"), list[tuple[str, LogEvent]]()
    base, expected = CuttingContext(), {run_domain.stream_of(run_id): 0}
    if command.session_id is not None:
        session, version = await _taking_designs(desk, command.session_id)
        base, expected[session_domain.stream_of(command.session_id)] = session.about.context, version
        joined = SessionSteps(session).then(OpenRunIn(run_id)).placed
    asked = _completed(command, run_id, base)
    opened = RunOpened(
        run_id=run_id,
        mode="router",
        workflow_session_id=command.session_id,
        context=asked.context.cutting(),
        opened_at_utc=desk.now(),
    )
    opening = ((run_domain.stream_of(run_id), opened), *joined)
    return Place(run_id, command.session_id, asked, opening, expected)


async def _taking_designs(desk: Desk, session_id: str) -> tuple[session_domain.Living, int]:
    """The session and its version. Raises NOT_FOUND, or ILLEGAL_TRANSITION when it takes no new design."""
    session, version = await desk.session(session_id)
    session_domain.require(session, session_domain.Action.SET_DESIGN)
    return session, version


def _completed(command: ConstraintSearch, run_id: str, base: CuttingContext) -> ConstraintSearch:
    """The command for this run, with what its context leaves out and run or session state."""
    asked = command.context
    left_out = {name: getattr(base, name) for name in CuttingContext.model_fields if getattr(asked, name) is None}
    return command.model_copy(update={"context": asked.model_copy(update=left_out), "run_id": run_id})
