"""Constraint searches, and verdicts on many designs at once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Request
from pydantic import Field, field_validator, model_validator
from starlette.responses import Response

from contracts import subjects
from contracts.feasibility import BATCH_PART, MAX_BATCH, BatchReply, CuttingContext, EvaluateBatch, Mode
from contracts.model import Message, Score, for_people
from contracts.search import (
    QUICK_ATTEMPTS,
    QUICK_TIME_S,
    AskSearch,
    CancelSearch,
    ConstraintSearch,
    SearchBudget,
    SearchReply,
)
from services.gateway import examples
from services.gateway.bodies import Acting, bare_tool, mode_by_tool
from services.gateway.calls import Caller, CallerOf, message_of
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply
from services.gateway.routes.paths import SearchId

router = APIRouter(route_class=GuardedRoute, tags=["search"])
PARTS_AT_ONCE = 4
"""Parts of a batch that are judged side by side: more would only keep other clients waiting."""


class SearchBody(ConstraintSearch):
    actor: Acting = None

    _tool = model_validator(mode="before")(bare_tool)


class QuickBudget(Message):
    """What may be chosen of a quick-check's budget; attempts and time are fixed."""

    min_feasibility_score: Score = SearchBudget().min_feasibility_score
    stop_on_first_green: bool = True


class QuickCheckBody(ConstraintSearch):
    search_budget: QuickBudget = QuickBudget()  # type: ignore[assignment]  # narrower on purpose: see QuickBudget
    actor: Acting = None

    _tool = model_validator(mode="before")(bare_tool)


class BatchBody(Message):
    """Designs or specs, each with what differs from the common context."""

    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_BATCH)]
    context: CuttingContext = CuttingContext()
    mode: Mode = "router"
    with_results: bool = True
    actor: Acting = None

    _mode = model_validator(mode="before")(mode_by_tool)

    @field_validator("items")
    @classmethod
    def _tools(cls, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each item's tool by its catalog id: the mode is the batch's to say."""
        return [bare_tool(item) for item in items]


@router.post("/api/rmos/ai/constraint-search", response_model=SearchReply)
async def constraint_search(
    request: Request, body: Annotated[SearchBody, Body(openapi_examples=examples.SEARCH)], caller: CallerOf
) -> Response:
    """Search a design that can be cut within hard limits of attempts and time; every attempt is recorded.

    With `Prefer: respond-async`, 202 and the Location of the search's state; events `rmos.search_…` tell its progress.
    """
    return await _searched(caller, caller.message(ConstraintSearch, body, respond_async=_wants_async(request)))


@router.post("/api/rmos/ai/quick-check", response_model=SearchReply)
async def quick_check(
    request: Request, body: Annotated[QuickCheckBody, Body(openapi_examples=examples.QUICK_CHECK)], caller: CallerOf
) -> Response:
    """A constraint search of 5 attempts and 5 seconds."""
    chosen = {**body.search_budget.model_dump(), "max_attempts": QUICK_ATTEMPTS, "time_limit_seconds": QUICK_TIME_S}
    more = {"search_budget": chosen, "respond_async": _wants_async(request)}
    return await _searched(caller, caller.message(ConstraintSearch, body, **more))


@router.get("/api/rmos/ai/searches/{search_id}", response_model=SearchReply)
async def search(search_id: SearchId, caller: CallerOf) -> Reply:
    """A search: its progress while it runs, its result once it was concluded."""
    return Reply(_view(await caller.ask(subjects.SEARCH, AskSearch(search_id=search_id))))


@router.delete("/api/rmos/ai/searches/{search_id}", response_model=SearchReply)
async def cancel_search(search_id: SearchId, caller: CallerOf) -> Reply:
    """End a search now; what was tried stays on record. One that has ended stays as it is."""
    return Reply(_view(await caller.ask(subjects.CANCEL_SEARCH, CancelSearch(search_id=search_id))))


@router.post("/api/rmos/feasibility/batch", responses=examples.BATCH)
async def feasibility_batch(
    body: Annotated[BatchBody, Body(openapi_examples=examples.EVALUATE_BATCH)], caller: CallerOf
) -> Reply:
    """Verdicts on up to 1,000 designs, in their order; an item that is wrong has its own error. Nothing is recorded."""
    caller.message(EvaluateBatch, body, items_json="[]")  # an actor in the body must agree
    slots = asyncio.Semaphore(PARTS_AT_ONCE)

    async def judged(part: list[dict[str, Any]]) -> BatchReply:
        fields = {"context": body.context, "mode": body.mode, "with_results": body.with_results}
        async with slots:
            asked = message_of(EvaluateBatch, {**fields, "items_json": orjson.dumps(part).decode()})
            reply: BatchReply = await caller.ask(subjects.FEASIBILITY_BATCH, asked)
            return reply

    parts = [body.items[first : first + BATCH_PART] for first in range(0, len(body.items), BATCH_PART)]
    replies = await asyncio.gather(*(judged(part) for part in parts))
    verdicts = [for_people(item, exclude_none=True) for reply in replies for item in reply.items]
    compute_ms = float(sum(reply.compute_ms for reply in replies))
    return Reply({"items": [{"index": at, **item} for at, item in enumerate(verdicts)], "compute_ms": compute_ms})


async def _searched(caller: Caller, command: ConstraintSearch) -> Response:
    reply: SearchReply = await caller.ask(subjects.SEARCH_CONSTRAINTS, command)
    location = f"/api/rmos/ai/searches/{reply.search_id}"
    if command.respond_async:
        return Reply(_view(reply), 202, headers={"Location": location, "Preference-Applied": "respond-async"})
    return Reply(_view(reply), headers={"Content-Location": location})


def _wants_async(request: Request) -> bool:
    """RFC 7240, section 4.1."""
    preferences = ",".join(request.headers.getlist("prefer"))
    return any(item.partition(";")[0].strip().lower() == "respond-async" for item in preferences.split(","))


def _view(reply: SearchReply) -> dict[str, Any]:
    """The search's fields; those of its result beside them."""
    shown = for_people(reply)
    result: dict[str, Any] = shown.pop("result") or {}
    return {**shown, **result}
