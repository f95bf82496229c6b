"""Envelope of every message: CloudEvents 1.0 in NATS binary mode (attributes as headers, canonical JSON as body)."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson
from pydantic import ValidationError

from contracts.canonical import Canonical, canonical_bytes
from contracts.errors import ErrorBody, ErrorCode, RmosError
from contracts.model import Identifier, Message, RequestId

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
SCHEMA_BASE = "https://rmos.dev/schemas"
"""Base of `ce-dataschema`: a name, not an address that anybody fetches."""

DEADLINE = "x-deadline-ms"
"""Unix time in milliseconds after which nobody waits for the answer."""
REQUEST_ID = "x-request-id"
ACTOR = "x-actor"
IDEMPOTENCY_KEY = "idempotency-key"
POSITION = "x-log-position"


class Role(StrEnum):
    DESIGNER = "designer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SYSTEM = "system"


class ActorKind(StrEnum):
    PERSON = "person"
    AI = "ai"
    SYSTEM = "system"


class Actor(Message):
    """Who is behind a request: taken from the credential by the gateway, never from a body."""

    id: Identifier
    role: Role
    kind: ActorKind = ActorKind.PERSON


SYSTEM_ACTOR = Actor(id="rmos", role=Role.SYSTEM, kind=ActorKind.SYSTEM)


class RequestContext(Message):
    """What travels with a command or query beside its body. `command_id` repeats when a command is repeated."""

    command_id: Identifier
    request_id: RequestId
    actor: Actor
    deadline_ms: int
    causation_id: Identifier | None = None
    traceparent: str | None = None
    idempotent: bool = False
    """True when the client chose the command's identity (`Idempotency-Key`), so that it may send it again."""

    def caused(self, command_id: str) -> RequestContext:
        """The context of a request made while handling this one: same request, caller and deadline."""
        return self.model_copy(update={"command_id": command_id, "causation_id": self.command_id, "idempotent": False})


def request_headers(context: RequestContext, message_type: str, source: str, time: str) -> dict[str, str]:
    """NATS headers of a command or query. `message_type` is its subject; `time` RFC 3339 UTC."""
    headers = event_headers(
        event_id=context.command_id, event_type=message_type, source=source, time=time, request_id=context.request_id
    )
    headers[DEADLINE] = str(context.deadline_ms)
    headers[ACTOR] = actor_header(context.actor)
    if context.causation_id:
        headers["ce-causationid"] = context.causation_id
    if context.traceparent:
        headers["traceparent"] = context.traceparent
    if context.idempotent:
        headers[IDEMPOTENCY_KEY] = context.command_id
    return headers


def context_of(headers: dict[str, str]) -> RequestContext:
    """The context of a received request. Raises RmosError(INVALID_REQUEST) when an attribute is missing or wrong."""
    try:
        return RequestContext(
            command_id=headers["ce-id"],
            request_id=headers[REQUEST_ID],
            actor=_actor(headers[ACTOR]),
            deadline_ms=int(headers[DEADLINE]),
            causation_id=headers.get("ce-causationid"),
            traceparent=headers.get("traceparent"),
            idempotent=IDEMPOTENCY_KEY in headers,
        )
    except (KeyError, ValueError) as error:
        raise RmosError(
            ErrorCode.INVALID_REQUEST, f"the message's headers are not a request's: {error}", headers=sorted(headers)
        ) from error


@lru_cache(maxsize=1024)
def actor_header(actor: Actor) -> str:
    """The actor's canonical JSON."""
    return canonical_bytes(actor).decode()


@lru_cache(maxsize=1024)
def _actor(header: str) -> Actor:
    return Actor.model_validate(orjson.loads(header))


def event_headers(
    *, event_id: str, event_type: str, source: str, time: str, request_id: str, subject: str | None = None
) -> dict[str, str]:
    """CloudEvents attributes of a fact or log event as NATS headers."""
    headers = {
        "ce-specversion": SPEC_VERSION,
        "ce-id": event_id,
        "ce-type": event_type,
        "ce-source": f"/rmos/{source}",
        "ce-time": time,
        "ce-dataschema": f"{SCHEMA_BASE}/{event_type}.json",
        "content-type": CONTENT_TYPE,
        REQUEST_ID: request_id,
    }
    if subject:
        headers["ce-subject"] = subject
    return headers


def result_bytes(result: Message | Canonical) -> bytes:
    return b'{"result":%b}' % canonical_bytes(result)


def error_bytes(error: ErrorBody) -> bytes:
    return canonical_bytes({"error": error.model_dump(mode="json")})


def result_of(reply: bytes) -> dict[str, Any]:
    """The result inside a reply. Raises the RmosError that the other side answered, or INTERNAL for anything else."""
    try:
        body = orjson.loads(reply)
        if "error" in body:
            raise RmosError.from_body(ErrorBody.model_validate(body["error"]))
        result: dict[str, Any] = body["result"]
    except (KeyError, TypeError, orjson.JSONDecodeError, ValidationError) as error:
        raise RmosError(ErrorCode.INTERNAL, f"the reply is not a reply envelope: {error}") from error
    return result
