"""What rmos decides: candidates, feasibility, toolpaths, and the artifacts that record it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from contracts import subjects
from contracts.ai_explanations import AiExplanation, AskAiExplanation, ExplainArtifact
from contracts.artifacts import ArtifactStatus, ExplanationStatus
from contracts.comparison import AskDiff, AskExplanation, Diff, Explanation
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import EvaluateFeasibility
from contracts.model import for_people
from contracts.rmos import (
    ArtifactReply,
    AskArtifact,
    BindCandidate,
    MakeToolpaths,
    OverrideVerdict,
    bare_attachment_id,
)
from services.gateway import examples
from services.gateway.bodies import BindBody, ExplainBody, FeasibilityBody, OverrideBody, ToolpathsBody
from services.gateway.calls import CallerOf, GatewayOf
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply, problem
from services.gateway.routes.attachments import content_headers
from services.gateway.routes.paths import ArtifactId, OtherId, OutputName, RunId
from services.gateway.views import ai_explanation_view, artifact_view, candidate_view, feasibility_view, toolpaths_view

router = APIRouter(route_class=GuardedRoute, tags=["decisions"])
_BY_DEFAULT = ExplainBody()


@router.post("/api/runs/{run_id}/artifacts/bind-art-studio-candidate", responses=examples.BOUND)
async def bind_candidate(
    run_id: RunId, body: Annotated[BindBody, Body(openapi_examples=examples.BIND)], caller: CallerOf
) -> Reply:
    """Judge a candidate: 200 with ALLOW or BLOCK, both recorded. Wrong input is an error and records nothing."""
    ids = tuple(bare_attachment_id(item) for item in body.attachment_ids)
    command = caller.message(BindCandidate, body, run_id=run_id, attachment_ids=ids)
    reply: ArtifactReply = await caller.ask(subjects.BIND_CANDIDATE, command)
    return Reply(candidate_view(reply.artifact))


@router.get("/api/artifacts/{artifact_id}", responses=examples.ARTIFACT)
async def artifact(artifact_id: ArtifactId, caller: CallerOf) -> Reply:
    """The immutable record of one decision; beside it, as advice, what a model was asked about it."""
    advice = AskAiExplanation(artifact_id=artifact_id, with_text=False)
    reply, explained = await asyncio.gather(
        caller.ask(subjects.ARTIFACT, AskArtifact(artifact_id=artifact_id)), caller.ask(subjects.AI_EXPLANATION, advice)
    )
    return Reply({**artifact_view(reply), "ai_explanation": ai_explanation_view(explained)})


@router.get(
    "/api/artifacts/{artifact_id}/outputs/{name}",
    response_class=Response,
    responses={200: {"content": {"*/*": {}}, "description": "The bytes."}},
)
async def artifact_output(artifact_id: ArtifactId, name: OutputName, caller: CallerOf, gateway: GatewayOf) -> Response:
    """One output's bytes (gcode, opplan, preview, …), hashed again after reading; G-code of any size."""
    asked = AskArtifact(artifact_id=artifact_id, with_outputs=False)
    outputs = (await caller.ask(subjects.ARTIFACT, asked)).artifact.outputs
    if name not in outputs:
        raise RmosError(
            ErrorCode.NOT_FOUND,
            f"artifact {artifact_id} has no output {name}, only: {', '.join(sorted(outputs)) or 'none'}",
            outputs=sorted(outputs),
        )
    blob = outputs[name]
    suffix = {"text/x-gcode": ".nc", "application/json": ".json", "image/svg+xml": ".svg"}.get(blob.content_type, "")
    headers = content_headers(blob.sha256, f"{artifact_id}-{name}{suffix}", blob.content_type)
    return Response(await gateway.blobs.get(blob), headers=headers, media_type=blob.content_type)


@router.get("/api/artifacts/{artifact_id}/explanation", response_model=Explanation)
async def explanation(artifact_id: ArtifactId, caller: CallerOf) -> Reply:
    """Why the decision came out as it did, in words made from the record alone."""
    return Reply(for_people(await caller.ask(subjects.EXPLANATION, AskExplanation(artifact_id=artifact_id))))


@router.post(
    "/api/artifacts/{artifact_id}/ai-explanation", response_model=AiExplanation, responses=examples.AI_EXPLANATION
)
async def explain_by_ai(
    artifact_id: ArtifactId,
    caller: CallerOf,
    body: Annotated[ExplainBody, Body(openapi_examples=examples.EXPLAIN)] = _BY_DEFAULT,
) -> Reply:
    """Have a model explain the calculators' results, as advice: 202 while it is pending, 200 where it is ready.

    Events `rmos.ai_explanation_…` tell how it ends. One that failed may be asked for again.
    """
    command = caller.message(ExplainArtifact, body, artifact_id=artifact_id)
    reply: AiExplanation = await caller.ask(subjects.EXPLAIN_ARTIFACT, command)
    location = f"/api/artifacts/{artifact_id}/ai-explanation"
    if reply.status is ExplanationStatus.PENDING:
        return Reply(for_people(reply), 202, headers={"Location": location})
    return Reply(for_people(reply), headers={"Content-Location": location})


@router.get(
    "/api/artifacts/{artifact_id}/ai-explanation", response_model=AiExplanation, responses=examples.AI_EXPLANATION_SHOWN
)
async def ai_explanation(artifact_id: ArtifactId, caller: CallerOf) -> Reply:
    """What a model was asked about the decision, and said: NONE, PENDING, READY or ERROR. It decides nothing."""
    return Reply(for_people(await caller.ask(subjects.AI_EXPLANATION, AskAiExplanation(artifact_id=artifact_id))))


@router.get("/api/artifacts/{artifact_id}/diff/{other_id}", response_model=Diff)
async def diff_artifacts(artifact_id: ArtifactId, other_id: OtherId, caller: CallerOf) -> Reply:
    """In what the other artifact differs from this one; the areas with a picture (SVG)."""
    asked = AskDiff(of="artifacts", a=artifact_id, b=other_id)
    return Reply(for_people(await caller.ask(subjects.DIFF, asked)))


@router.post("/api/runs/{run_id}/override", responses=examples.ARTIFACT)
async def override(
    run_id: RunId, body: Annotated[OverrideBody, Body(openapi_examples=examples.OVERRIDE)], caller: CallerOf
) -> Reply:
    """Accept a verdict anyway: a new artifact that names the old one and covers exactly its digests."""
    command = caller.message(OverrideVerdict, body, run_id=run_id)
    return Reply(artifact_view(await caller.ask(subjects.OVERRIDE_VERDICT, command)))


@router.post("/api/rmos/feasibility", responses=examples.FEASIBILITY)
async def feasibility(
    body: Annotated[FeasibilityBody, Body(openapi_examples=examples.EVALUATE)], caller: CallerOf
) -> Reply:
    """The verdict on a design, a spec or attachments; nothing is recorded."""
    asked = caller.message(EvaluateFeasibility, body)
    return Reply(feasibility_view(await caller.ask(subjects.FEASIBILITY, asked)))


@router.post("/api/rmos/toolpaths", responses=examples.TOOLPATHS)
async def make_toolpaths(
    request: Request, body: Annotated[ToolpathsBody, Body(openapi_examples=examples.MAKE_TOOLPATHS)], caller: CallerOf
) -> Response:
    """Toolpaths for a design: released (200), refused (409) or failed (500); each leaves exactly one artifact."""
    command = caller.message(MakeToolpaths, body, mode=body.chosen_mode(), context=body.merged_context())
    reply: ArtifactReply = await caller.ask(subjects.MAKE_TOOLPATHS, command)
    shown = toolpaths_view(reply)
    if reply.artifact.status is ArtifactStatus.OK:
        return Reply(shown)
    error = _refusal(reply)
    more = {name: shown[name] for name in ("run_id", "artifact_id", "decision", "hashes")}
    return problem(error, request.state.request_id, more={**more, "artifact_status": shown["status"]})


def _refusal(reply: ArtifactReply) -> RmosError:
    """The error that a BLOCKED or ERROR artifact is over HTTP."""
    decision = reply.artifact.decision
    stated = decision.details.get("error")
    if reply.artifact.status is ArtifactStatus.ERROR:
        code, otherwise = ErrorCode.TOOLPATHS_ERROR, "the toolpaths could not be made"
    else:
        known = {code.value: code for code in (ErrorCode.APPROVAL_REQUIRED, ErrorCode.VERDICT_DRIFTED)}
        code = known.get(str(stated), ErrorCode.SAFETY_BLOCKED)
        otherwise = "this design may not be cut as it is"
    details: dict[str, Any] = {name: value for name, value in decision.details.items() if name != "error"}
    return RmosError(code, decision.block_reason or otherwise, **details)
