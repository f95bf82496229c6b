"""Workflow sessions: open, change, judge, look at, decide, archive, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query

from contracts import subjects
from contracts.model import for_people
from contracts.rmos import (
    AdvisedRunSummaries,
    ArchiveSession,
    AskSession,
    DecideSession,
    Deleted,
    DeleteSession,
    EvaluateSession,
    ListRuns,
    ListSessions,
    OpenSession,
    Runs,
    SessionReply,
    Sessions,
    SetSessionContext,
    SetSessionDesign,
)
from contracts.sessions import Session
from contracts.subjects import Conversation
from services.gateway import examples
from services.gateway.bodies import (
    DecideBody,
    OpenSessionBody,
    SessionDeletionQuery,
    SessionRunsQuery,
    SessionsQuery,
    SetContextBody,
    SetDesignBody,
    StepBody,
)
from services.gateway.calls import Caller, CallerOf
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply
from services.gateway.routes.paths import SessionId
from services.gateway.views import session_view

router = APIRouter(route_class=GuardedRoute, tags=["workflow"])
_Decision = Annotated[DecideBody, Body(openapi_examples=examples.DECIDE)]


@router.post("/api/workflow-sessions", status_code=201, response_model=Session)
async def open_session(
    body: Annotated[OpenSessionBody, Body(openapi_examples=examples.OPEN_SESSION)], caller: CallerOf
) -> Reply:
    """Open a session."""
    reply: SessionReply = await caller.ask(subjects.OPEN_SESSION, caller.message(OpenSession, body))
    location = f"/api/workflow-sessions/{reply.session.session_id}"
    return Reply(session_view(reply), 201, headers={"Location": location})


@router.get("/api/workflow-sessions", response_model=Sessions)
async def list_sessions(query: Annotated[SessionsQuery, Query()], caller: CallerOf) -> Reply:
    """Sessions, newest first, in one state if asked."""
    return Reply(for_people(await caller.ask(subjects.SESSIONS, ListSessions(**query.model_dump()))))


@router.get("/api/workflow-sessions/{session_id}", response_model=Session)
async def session(session_id: SessionId, caller: CallerOf) -> Reply:
    """A session; `allowed` says what may be done next."""
    return Reply(session_view(await caller.ask(subjects.SESSION, AskSession(session_id=session_id))))


@router.patch("/api/workflow-sessions/{session_id}", response_model=Session)
async def set_context(session_id: SessionId, body: SetContextBody, caller: CallerOf) -> Reply:
    """Change tool, material, machine or stock. A change ends an approval: another tool makes another decision."""
    command = caller.message(SetSessionContext, body, session_id=session_id)
    return Reply(session_view(await caller.ask(subjects.SET_CONTEXT, command)))


@router.put("/api/workflow-sessions/{session_id}/design", response_model=Session)
async def set_design(
    session_id: SessionId, body: Annotated[SetDesignBody, Body(openapi_examples=examples.SET_DESIGN)], caller: CallerOf
) -> Reply:
    """Make this the session's design, in its current run or a new one. Another design ends an approval."""
    command = caller.message(SetSessionDesign, body, session_id=session_id)
    return Reply(session_view(await caller.ask(subjects.SET_DESIGN, command)))


@router.post("/api/workflow-sessions/{session_id}/feasibility", response_model=Session)
async def evaluate_session(session_id: SessionId, caller: CallerOf, body: StepBody | None = None) -> Reply:
    """Judge the session's current design; the verdict is recorded and stands in `artifact`."""
    command = caller.message(EvaluateSession, body or StepBody(), session_id=session_id)
    return Reply(session_view(await caller.ask(subjects.EVALUATE_SESSION, command)))


@router.post("/api/workflow-sessions/{session_id}/archive", response_model=Session)
async def archive_session(session_id: SessionId, caller: CallerOf, body: StepBody | None = None) -> Reply:
    """Put the session away: nothing follows but its deletion."""
    command = caller.message(ArchiveSession, body or StepBody(), session_id=session_id)
    return Reply(session_view(await caller.ask(subjects.ARCHIVE_SESSION, command)))


@router.delete("/api/workflow-sessions/{session_id}", response_model=Deleted)
async def delete_session(
    session_id: SessionId, query: Annotated[SessionDeletionQuery, Query()], caller: CallerOf
) -> Reply:
    """Leave a tombstone. While it has runs it takes `cascade`, while it is under way `force`. The record stays."""
    command = DeleteSession(session_id=session_id, **query.model_dump())
    return Reply(for_people(await caller.ask(subjects.DELETE_SESSION, command)))


@router.get("/api/workflow-sessions/{session_id}/runs", response_model=Runs | AdvisedRunSummaries)
async def session_runs(session_id: SessionId, query: Annotated[SessionRunsQuery, Query()], caller: CallerOf) -> Reply:
    """The runs of a session, newest first; `view=summary` shows of each what a screen of runs needs."""
    await caller.ask(subjects.SESSION, AskSession(session_id=session_id))
    asked = ListRuns(session_id=session_id, **query.model_dump(exclude={"view"}))
    conversation = subjects.RUN_SUMMARIES if query.view == "summary" else subjects.RUNS
    return Reply(for_people(await caller.ask(conversation, asked)))


@router.post("/api/rmos/workflow/approve", response_model=Session)
async def approve(body: _Decision, caller: CallerOf) -> Reply:
    """Approve exactly the session's current design, tool, material and machine."""
    return await _decide(subjects.APPROVE, body, caller)


@router.post("/api/rmos/workflow/reject", response_model=Session)
async def reject(body: _Decision, caller: CallerOf) -> Reply:
    """Reject the session's design."""
    return await _decide(subjects.REJECT, body, caller)


@router.post("/api/rmos/workflow/require-revision", response_model=Session)
async def require_revision(body: _Decision, caller: CallerOf) -> Reply:
    """Send the session's design back for revision."""
    return await _decide(subjects.REQUIRE_REVISION, body, caller)


async def _decide(conversation: Conversation, body: DecideBody, caller: Caller) -> Reply:
    return Reply(session_view(await caller.ask(conversation, caller.message(DecideSession, body))))
