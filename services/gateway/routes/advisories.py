"""Advice on runs: the assets a run refers to, and what persons think of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from contracts import subjects
from contracts.advisories import (
    Advisories,
    Advisory,
    AskAdvisories,
    PromoteAdvisory,
    RejectAdvisory,
    ReviewAdvisory,
)
from contracts.model import for_people
from services.gateway.bodies import AdvisoriesQuery, AdvisoryBody, RejectAdvisoryBody, ReviewBody
from services.gateway.calls import CallerOf
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply
from services.gateway.routes.paths import AssetId, RunId

router = APIRouter(route_class=GuardedRoute, tags=["advisories"])


@router.get("/api/runs/{run_id}/advisories", response_model=Advisories)
async def advisories(run_id: RunId, query: Annotated[AdvisoriesQuery, Query()], caller: CallerOf) -> Reply:
    """The assets that the run refers to, each with the latest that was said about it."""
    asked = AskAdvisories(run_id=run_id, status=query.status)
    return Reply(for_people(await caller.ask(subjects.ADVISORIES, asked)))


@router.post("/api/runs/{run_id}/advisories/{asset_id}/review", response_model=Advisory)
async def review(run_id: RunId, asset_id: AssetId, body: ReviewBody, caller: CallerOf) -> Reply:
    """Rate the asset from 1 to 5. It may be reviewed again."""
    command = caller.message(ReviewAdvisory, body, run_id=run_id, asset_id=asset_id)
    return Reply(for_people(await caller.ask(subjects.REVIEW_ADVISORY, command)))


@router.post("/api/runs/{run_id}/advisories/{asset_id}/promote", response_model=Advisory)
async def promote(run_id: RunId, asset_id: AssetId, caller: CallerOf, body: AdvisoryBody | None = None) -> Reply:
    """Name the asset as the one to go on with. It is still to be judged and approved."""
    command = caller.message(PromoteAdvisory, body or AdvisoryBody(), run_id=run_id, asset_id=asset_id)
    return Reply(for_people(await caller.ask(subjects.PROMOTE_ADVISORY, command)))


@router.post("/api/runs/{run_id}/advisories/{asset_id}/reject", response_model=Advisory)
async def reject(run_id: RunId, asset_id: AssetId, body: RejectAdvisoryBody, caller: CallerOf) -> Reply:
    """Set the asset aside, with the reason's code."""
    command = caller.message(RejectAdvisory, body, run_id=run_id, asset_id=asset_id)
    return Reply(for_people(await caller.ask(subjects.REJECT_ADVISORY, command)))
