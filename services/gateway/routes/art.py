"""Designs from prompts, and the assets they leave."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from contracts import subjects
from contracts.art import (
    AskAsset,
    Asset,
    Assets,
    AttachAssets,
    AttachAssetsReply,
    GenerateSvg,
    GenerateSvgReply,
    ListAssets,
    PromptToSvg,
    PromptToSvgReply,
)
from contracts.errors import ErrorCode, RmosError
from contracts.model import for_people
from services.gateway import examples
from services.gateway.bodies import AssetsQuery, AttachAssetsBody, GenerateBody, PromptBody
from services.gateway.calls import CallerOf
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply, problem
from services.gateway.routes.paths import AssetId
from services.gateway.views import failed_variants

router = APIRouter(route_class=GuardedRoute, tags=["art"])


@router.post("/api/art/prompt-to-svg", response_model=PromptToSvgReply)
async def prompt_to_svg(
    request: Request, body: Annotated[PromptBody, Body(openapi_examples=examples.PROMPT)], caller: CallerOf
) -> Response:
    """Designs for a prompt. 200 when at least one variant succeeded, 502 when none did. No run is touched."""
    command = caller.message(PromptToSvg, body)
    return _answer(await caller.ask(subjects.PROMPT_TO_SVG, command), request)


@router.post("/api/art-studio/svg/generate", response_model=GenerateSvgReply)
async def generate_svg(
    request: Request, body: Annotated[GenerateBody, Body(openapi_examples=examples.GENERATE)], caller: CallerOf
) -> Response:
    """Designs for a prompt; with a run, SVG, spec and provenance of each successful variant are attached to it."""
    command = caller.message(GenerateSvg, body)
    return _answer(await caller.ask(subjects.GENERATE_SVG, command), request)


@router.post("/api/art/prompt-to-svg/attach-to-run", response_model=AttachAssetsReply)
async def attach_to_run(body: AttachAssetsBody, caller: CallerOf) -> Reply:
    """Link generated assets to a run."""
    command = caller.message(AttachAssets, body)
    return Reply(for_people(await caller.ask(subjects.ATTACH_ASSETS, command)))


@router.get("/api/art/assets", response_model=Assets)
async def list_assets(query: Annotated[AssetsQuery, Query()], caller: CallerOf) -> Reply:
    """Generated designs, by seed or request if asked."""
    return Reply(for_people(await caller.ask(subjects.ASSETS, ListAssets(**query.model_dump()))))


@router.get("/api/art/assets/{asset_id}", response_model=Asset)
async def asset(asset_id: AssetId, caller: CallerOf) -> Reply:
    """One generated design."""
    return Reply(for_people(await caller.ask(subjects.ASSET, AskAsset(asset_id=asset_id))))


def _answer(reply: PromptToSvgReply, request: Request) -> Response:
    if reply.success_count:
        return Reply(for_people(reply))
    failures = failed_variants(reply)
    first = next((item["error"]["message"] for item in failures if item["error"]), "no reason was given")
    error = RmosError(
        ErrorCode.GENERATION_FAILED,
        f"none of the {len(failures)} variants could be made; the first: {first}",
        variants=failures,
        variant_seed=reply.variant_seed,
        provenance=[item.model_dump(mode="json") for item in reply.provenance],
    )
    counts = {"success_count": reply.success_count, "failure_count": reply.failure_count}
    return problem(error, request.state.request_id, more=counts)
