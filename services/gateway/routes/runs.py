"""Runs: open, list, look at, compare, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query

from contracts import subjects
from contracts.artifacts import Run
from contracts.comparison import AskDiff, Diff
from contracts.model import for_people
from contracts.rmos import (
    Artifacts,
    AskRun,
    Deleted,
    DeleteRun,
    Events,
    ListArtifacts,
    ListRunEvents,
    ListRuns,
    OpenRun,
    Runs,
)
from services.gateway import examples
from services.gateway.bodies import CursorQuery, DeletionQuery, OpenRunBody, PageQuery, RunsQuery, utc_moment
from services.gateway.calls import CallerOf, message_of
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply
from services.gateway.routes.paths import OtherId, RunId
from services.gateway.views import events_view

router = APIRouter(route_class=GuardedRoute, tags=["runs"])


@router.post("/api/runs", status_code=201, response_model=Run)
async def open_run(
    body: Annotated[OpenRunBody, Body(openapi_examples=examples.OPEN_RUN)],
    caller: CallerOf,
) -> Reply:
    """Open a run. Tool, material, machine and stock may stand in `context` or beside it."""
    command = caller.message(OpenRun, body, mode=body.chosen_mode(), context=body.merged_context())
    run: Run = await caller.ask(subjects.OPEN_RUN, command)
    return Reply(for_people(run), 201, headers={"Location": f"/api/runs/{run.run_id}"})


@router.get("/api/runs", response_model=Runs)
async def list_runs(query: Annotated[RunsQuery, Query()], caller: CallerOf) -> Reply:
    """Runs, newest first. Walking `next_cursor` visits every run exactly once, also while runs are added."""
    given = query.model_dump(exclude={"from_", "to", "session"})
    times = {"from_utc": utc_moment(query.from_), "to_utc": utc_moment(query.to)}
    asked = message_of(ListRuns, {**given, **times, "session_id": query.session})
    return Reply(for_people(await caller.ask(subjects.RUNS, asked)))


@router.get("/api/runs/{run_id}", response_model=Run)
async def run(run_id: RunId, caller: CallerOf) -> Reply:
    """A run: its opening and its latest decision."""
    return Reply(for_people(await caller.ask(subjects.RUN, AskRun(run_id=run_id))))


@router.get("/api/runs/{run_id}/artifacts", response_model=Artifacts)
async def run_artifacts(run_id: RunId, query: Annotated[PageQuery, Query()], caller: CallerOf) -> Reply:
    """The decisions of a run."""
    asked = ListArtifacts(run_id=run_id, **query.model_dump())
    return Reply(for_people(await caller.ask(subjects.ARTIFACTS, asked)))


@router.get("/api/runs/{run_id}/events", response_model=Events)
async def run_events(run_id: RunId, query: Annotated[CursorQuery, Query()], caller: CallerOf) -> Reply:
    """The run's events as they stand in the log; `data` is `data_json` parsed."""
    asked = ListRunEvents(run_id=run_id, **query.model_dump())
    return Reply(events_view(await caller.ask(subjects.RUN_EVENTS, asked)))


@router.get("/api/runs/{run_id}/diff/{other_id}", response_model=Diff)
async def diff_runs(run_id: RunId, other_id: OtherId, caller: CallerOf) -> Reply:
    """In what the other run's latest design and verdict differ from this run's; the areas with a picture (SVG)."""
    asked = AskDiff(of="runs", a=run_id, b=other_id)
    return Reply(for_people(await caller.ask(subjects.DIFF, asked)))


@router.delete("/api/runs/{run_id}", response_model=Deleted)
async def delete_run(run_id: RunId, query: Annotated[DeletionQuery, Query()], caller: CallerOf) -> Reply:
    """Leave a tombstone. With decisions it takes `cascade`; while a session is under way with it, `force`."""
    command = DeleteRun(run_id=run_id, **query.model_dump())
    return Reply(for_people(await caller.ask(subjects.DELETE_RUN, command)))
