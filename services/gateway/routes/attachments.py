"""Attachments: upload, list, download."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from contracts import subjects
from contracts.artifacts import Attachment
from contracts.model import for_people
from contracts.rmos import (
    AddAttachments,
    AskAttachment,
    AskRun,
    Attachments,
    ListRunAttachments,
    NewAttachment,
    RunAttachments,
    bare_attachment_id,
)
from services.gateway import examples
from services.gateway.bodies import AttachmentsQuery
from services.gateway.calls import CallerOf, GatewayOf, message_of
from services.gateway.guard import GuardedRoute
from services.gateway.identity import check_claim
from services.gateway.problems import Reply
from services.gateway.routes.paths import AttachmentId, RunId
from services.gateway.uploads import upload_of, uploading

router = APIRouter(route_class=GuardedRoute, tags=["attachments"])
_SHOWN_INLINE = frozenset({"image/png", "image/jpeg", "image/webp", "image/svg+xml", "application/json", "text/plain"})
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
"""For every download: an uploaded SVG or HTML opened by itself runs nothing and fetches nothing."""


@router.post(
    "/api/runs/{run_id}/attachments",
    status_code=201,
    response_model=Attachment,
    openapi_extra={"requestBody": examples.ATTACHMENT_BODY},
)
async def add_attachment(run_id: RunId, request: Request, caller: CallerOf, gateway: GatewayOf) -> Reply:
    """Attach content to a run: JSON with base64, or multipart with the field `file`. Its SHA-256 becomes its id; a
    declared one that differs is refused before anything is stored."""
    await caller.ask(subjects.RUN, AskRun(run_id=run_id))
    async with upload_of(uploading(request), gateway.limits) as upload:
        check_claim(upload.actor, caller.actor)
        new = {"kind": upload.kind, "filename": upload.filename, "metadata": upload.metadata, "blob": upload.blob}
        command = message_of(AddAttachments, {"run_id": run_id, "attachments": (message_of(NewAttachment, new),)})
        await gateway.blobs.put_file(upload.content, upload.blob)
        added: Attachments = await caller.ask(subjects.ADD_ATTACHMENTS, command)
    location = f"/api/runs/{run_id}/attachments/{upload.blob.sha256}"
    return Reply({**for_people(added.items[0]), "run_id": run_id}, 201, headers={"Location": location})


@router.get("/api/runs/{run_id}/attachments", response_model=RunAttachments)
async def list_attachments(run_id: RunId, query: Annotated[AttachmentsQuery, Query()], caller: CallerOf) -> Reply:
    """A run's attachments in the order in which they came, of one kind if asked."""
    asked = ListRunAttachments(run_id=run_id, **query.model_dump())
    return Reply(for_people(await caller.ask(subjects.ATTACHMENTS, asked)))


@router.get(
    "/api/runs/{run_id}/attachments/{attachment_id}",
    response_class=Response,
    responses={200: {"content": {"*/*": {}}, "description": "The bytes."}, 304: {"description": "Not modified."}},
)
async def attachment_content(
    run_id: RunId, attachment_id: AttachmentId, request: Request, caller: CallerOf, gateway: GatewayOf
) -> Response:
    """An attachment's bytes, hashed again after reading; the ETag is the digest."""
    asked = AskAttachment(run_id=run_id, attachment_id=bare_attachment_id(attachment_id))
    found: Attachment = await caller.ask(subjects.ATTACHMENT, asked)
    headers = content_headers(found.attachment_id, found.filename, found.content_type)
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(await gateway.blobs.get(found.blob), headers=headers, media_type=found.content_type)


def content_headers(sha256: str, filename: str, content_type: str) -> dict[str, str]:
    """Headers of stored content: name (RFC 6266, 8187), ETag, and what keeps a browser from acting on it."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename)
    shown = "inline" if content_type.partition(";")[0] in _SHOWN_INLINE else "attachment"
    return {
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"{shown}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}",
        "Content-Security-Policy": _SANDBOX,
    }
