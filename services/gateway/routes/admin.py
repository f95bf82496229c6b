"""What only an admin does."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Body

from contracts import subjects
from contracts.canonical import sha256_hex
from contracts.errors import ErrorCode, RmosError
from contracts.model import for_people
from contracts.rmos import ImportedRun, ImportRun, PurgeBlobs, Purged
from services.gateway import examples
from services.gateway.bodies import ImportBody, PurgeBody
from services.gateway.calls import CallerOf, message_of
from services.gateway.guard import GuardedRoute
from services.gateway.problems import Reply

router = APIRouter(route_class=GuardedRoute, tags=["admin"])


@router.post("/api/admin/retention/purge", response_model=Purged)
async def purge(body: Annotated[PurgeBody, Body(openapi_examples=examples.PURGE)], caller: CallerOf) -> Reply:
    """Let the content of old runs go, never their events. `dry_run` (the default) only tells what would go."""
    command = caller.message(PurgeBlobs, body)
    return Reply(for_people(await caller.ask(subjects.PURGE_BLOBS, command)))


@router.post("/api/admin/import/legacy-run", response_model=ImportedRun)
async def import_run(body: Annotated[ImportBody, Body(openapi_examples=examples.IMPORT)], caller: CallerOf) -> Reply:
    """Take one run file of the system before this one into the record, marked as imported. The same content is taken
    once; a file that cannot be read is 400 with the reason, a run that is on record with other content 409."""
    try:
        data = base64.b64decode(body.b64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"b64: not base64: {error}") from error
    actual = sha256_hex(data)
    if actual != body.sha256:
        raise RmosError(
            ErrorCode.DIGEST_MISMATCH,
            f"the file's SHA-256 is {actual}, {body.sha256} was declared: nothing was stored",
            declared_sha256=body.sha256,
            actual_sha256=actual,
        )
    file = await caller.gateway.blobs.put(data, "application/json")
    command = message_of(ImportRun, {"path": body.path, "file": file})
    return Reply(for_people(await caller.ask(subjects.IMPORT_RUN, command)))
