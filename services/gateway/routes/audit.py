"""Proofs: the log's checkpoints and tiles as C2SP tlog-tiles lays them out, and proofs for those who want one file."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from contracts import subjects
from contracts.audit import (
    ArtifactProof,
    AskArtifactProof,
    AskAttestation,
    AskCheckpoint,
    AskCheckpointKeys,
    AskConsistency,
    AskReplay,
    AskTile,
    Attestation,
    CheckpointKeys,
    ConsistencyProof,
    Replayed,
    SignedCheckpoint,
    TileContent,
)
from contracts.canonical import MAX_INTEGER
from contracts.model import for_people
from services.gateway.calls import CallerOf, message_of
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply
from services.gateway.routes.paths import ArtifactId, RunId

router = APIRouter(route_class=GuardedRoute, tags=["audit"])
_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_TreeSize = Annotated[int, Query(ge=0, le=MAX_INTEGER)]


@router.get(
    "/api/audit/checkpoint",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "A C2SP tlog-checkpoint."}},
)
async def checkpoint(caller: CallerOf, size: _TreeSize | None = None) -> Response:
    """The newest signed checkpoint, or the one that was signed for exactly this size: a C2SP signed note."""
    found: SignedCheckpoint = await caller.ask(subjects.CHECKPOINT, AskCheckpoint(tree_size=size))
    return Response(found.note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


@router.get(
    "/api/audit/tile/{path:path}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The tile or bundle."}},
)
async def tile(path: Annotated[str, Path(max_length=120, examples=["0/000.p/7"])], caller: CallerOf) -> Response:
    """A tile `<level>/<index>[.p/<width>]` or an entry bundle `entries/<index>[.p/<width>]` (C2SP tlog-tiles): with
    `/api/audit` as its prefix, a standard client reads the whole log."""
    found: TileContent = await caller.ask(subjects.TILE, message_of(AskTile, {"path": f"tile/{path}"}))
    content = base64.b64decode(found.content_base64)
    return Response(content, media_type="application/octet-stream", headers=_FOR_EVER)


@router.get("/api/audit/consistency", response_model=ConsistencyProof)
async def consistency(
    caller: CallerOf, from_: Annotated[int, Query(alias="from", ge=0, le=MAX_INTEGER)], to: _TreeSize | None = None
) -> Reply:
    """That the tree of `to` events (none: of the newest checkpoint) is that of `from` with events added."""
    found: ConsistencyProof = await caller.ask(subjects.CONSISTENCY, AskConsistency(from_size=from_, to_size=to))
    return Reply(for_people(found))


@router.get("/api/audit/key", response_model=CheckpointKeys)
async def key(caller: CallerOf) -> Reply:
    """The public keys of the log's checkpoints, the one that signs now first."""
    return Reply(for_people(await caller.ask(subjects.CHECKPOINT_KEYS, AskCheckpointKeys())))


@router.get("/api/artifacts/{artifact_id}/proof", response_model=ArtifactProof)
async def artifact_proof(artifact_id: ArtifactId, caller: CallerOf) -> Reply:
    """Everything that shows, offline, that the artifact stands in the log under a signed checkpoint."""
    asked = AskArtifactProof(artifact_id=artifact_id)
    return Reply(for_people(await caller.ask(subjects.ARTIFACT_PROOF, asked)))


@router.get("/api/runs/{run_id}/attestation", response_model=Attestation)
async def attestation(run_id: RunId, caller: CallerOf, up_to: Annotated[int, Query(ge=1, le=MAX_INTEGER)]) -> Reply:
    """What the record says about the run up to this log position, signed with the key of the log's checkpoints: an
    in-toto statement in a DSSE envelope."""
    asked = AskAttestation(run_id=run_id, up_to_position=up_to)
    return Reply(for_people(await caller.ask(subjects.ATTESTATION, asked)))


@router.get("/api/runs/{run_id}/replay", response_model=Replayed)
async def replay(run_id: RunId, caller: CallerOf) -> Reply:
    """Everything that was computed in the run, computed again: same, drift, or not reproducible. Records nothing."""
    return Reply(for_people(await caller.ask(subjects.REPLAY, AskReplay(run_id=run_id))))
