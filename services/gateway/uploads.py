"""Attachments on their way in: JSON with base64, or multipart with a file; hashed before anything is stored."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import io
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson
from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from contracts.artifacts import AttachmentKind
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from contracts.rmos import bare_attachment_id
from services.gateway.bodies import AttachmentBody, AttachmentFields
from services.gateway.calls import Limits, message_of
from services.gateway.guard import GuardedRequest, arriving
from services.gateway.identity import ActorClaim

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*(; ?[a-z0-9-]+=[A-Za-z0-9._-]+)*")
_FIELDS = frozenset({"file", "kind", "filename", "content_type", "sha256", "metadata", "actor"})


@dataclass(frozen=True, slots=True)
class Upload:
    """Content whose digest is known and, where one was declared, right."""

    kind: AttachmentKind
    filename: str
    metadata: dict[str, str]
    actor: str | ActorClaim | None
    content: BinaryIO
    blob: BlobRef


@asynccontextmanager
async def upload_of(request: GuardedRequest, limits: Limits) -> AsyncGenerator[Upload, None]:
    """The attachment in this request, gone again at the end. Raises INVALID_REQUEST, PAYLOAD_TOO_LARGE,
    DEADLINE_EXCEEDED or DIGEST_MISMATCH with both digests."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        request.limit_body(limits.max_multipart_bytes)
        async with _form_of(request, limits) as form:
            yield await _from_form(form)
    elif media_type == "application/json":
        request.limit_body(limits.max_json_bytes)
        async with arriving(limits.upload_s):
            body = await request.body()
        yield await asyncio.to_thread(_from_json, body)
    else:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"an attachment comes as application/json or multipart/form-data, not as {media_type or 'nothing'}",
        )


@asynccontextmanager
async def _form_of(request: GuardedRequest, limits: Limits) -> AsyncGenerator[FormData, None]:
    async with arriving(limits.upload_s):
        parsed: FormData = await request.form(max_files=1, max_fields=len(_FIELDS))
    try:
        yield parsed
    finally:
        await parsed.close()


def _from_json(body: bytes) -> Upload:
    """Runs in a thread: the base64 text and its digest may be ten megabytes."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"the body is not JSON: {error}") from error
    given = message_of(AttachmentBody, fields)
    try:
        content = base64.b64decode(given.b64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"b64: not base64: {error}") from error
    return _checked(given, io.BytesIO(content), len(content))


async def _from_form(form: FormData) -> Upload:
    unknown = sorted(set(form) - _FIELDS)
    file = form.get("file")
    if unknown or not isinstance(file, UploadFile):
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"unknown fields: {', '.join(unknown)}" if unknown else "the field `file` with the content is missing",
        )
    fields: dict[str, Any] = {"filename": file.filename, "content_type": file.content_type}
    fields |= {name: form[name] for name in _FIELDS - {"file"} if name in form}
    for name in ("metadata", "actor"):
        text = fields.get(name)
        if isinstance(text, str) and (name == "metadata" or text.startswith("{")):
            fields[name] = _json_field(name, text)
    defaults = {"filename": "attachment", "content_type": "application/octet-stream"}
    given = message_of(AttachmentFields, {**fields, **{k: v for k, v in defaults.items() if not fields[k]}})
    size = file.size or 0
    return await asyncio.to_thread(_checked, given, file.file, size)


def _json_field(name: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"{name}: not JSON: {error}") from error


def _checked(given: AttachmentBody | AttachmentFields, content: BinaryIO, size: int) -> Upload:
    content_type = given.content_type.lower()
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise RmosError(ErrorCode.INVALID_REQUEST, "content_type: not a media type such as image/svg+xml")
    if any(not character.isprintable() for character in given.filename):
        raise RmosError(ErrorCode.INVALID_REQUEST, "filename: control characters are not part of a name")
    content.seek(0)
    actual = _digest_of(content)
    declared = bare_attachment_id(given.sha256).lower() if given.sha256 else actual
    if declared != actual:
        raise RmosError(
            ErrorCode.DIGEST_MISMATCH,
            f"the content's SHA-256 is {actual}, declared was {declared}: nothing was stored",
            declared_sha256=declared,
            actual_sha256=actual,
        )
    return Upload(
        kind=given.kind,
        filename=given.filename,
        metadata=given.metadata,
        actor=given.actor,
        content=content,
        blob=BlobRef(sha256=actual, size=size, content_type=content_type),
    )


def _digest_of(content: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def uploading(request: Request) -> GuardedRequest:
    """The request as every guarded route has it."""
    assert isinstance(request, GuardedRequest)
    return request
