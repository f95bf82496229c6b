"""What only an admin does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from contracts import subjects
from contracts.model import for_people
from contracts.rmos import PurgeBlobs, Purged
from services.gateway import examples
from services.gateway.bodies import PurgeBody
from services.gateway.calls import CallerOf
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply

router = APIRouter(route_class=GuardedRoute, tags=["admin"])


@router.post("/api/admin/retention/purge", response_model=Purged)
async def purge(body: Annotated[PurgeBody, Body(openapi_examples=examples.PURGE)], caller: CallerOf) -> Reply:
    """Let the content of old runs go, never their events. `dry_run` (the default) only tells what would go."""
    command = caller.message(PurgeBlobs, body)
    return Reply(for_people(await caller.ask(subjects.PURGE_BLOBS, command)))
