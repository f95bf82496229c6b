"""The gateway's parts, and the caller of one HTTP request: who asks, under which ids, until when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import ValidationError

from contracts.canonical import NotCanonical
from contracts.envelope import Actor, RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.model import Message
from contracts.subjects import Conversation
from runtime.bus import invalid_request
from runtime.logs import Logger
from services.gateway.access import Keys, Rule, admit
from services.gateway.identity import ActorClaim, check_claim, chosen_command_id, trace_parent
from services.gateway.metrics import Metrics
from services.gateway.ports import Blobs, Feed, Requests

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Limits:
    max_in_flight: int = 256
    max_streams: int = 200
    max_json_bytes: int = 10_000_000
    max_multipart_bytes: int = 200_000_000
    upload_s: float = 600.0
    """How long an upload's bytes may take to arrive."""
    stalled_write_s: float = 60.0
    """A stream whose client takes nothing for this long is cut off."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything the endpoints work with; only app.py fills it."""

    requests: Requests
    blobs: Blobs
    feed: Feed
    keys: Keys
    limits: Limits
    metrics: Metrics
    log: Logger
    new_id: Callable[[str], str]
    now_ms: Callable[[], int]
    version: str
    pid: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and with what right; every request to another service goes through here."""

    gateway: Gateway
    actor: Actor
    request_id: str
    command_id: str
    idempotent: bool
    deadline_ms: int
    traceparent: str | None = None

    async def ask(self, conversation: Conversation, body: Message) -> Any:
        """The typed reply. A command carries this request's command id, a query a fresh one. Raises INVALID_REQUEST
        for what no message can carry: an integer beyond 2**53-1, a key that is not ASCII."""
        command = conversation.is_command
        context = RequestContext(
            command_id=self.command_id if command else self.gateway.new_id("qry"),
            request_id=self.request_id,
            actor=self.actor,
            deadline_ms=self.deadline_ms,
            traceparent=self.traceparent,
            idempotent=self.idempotent and command,
        )
        try:
            return await self.gateway.requests.request(conversation, body, context)
        except NotCanonical as error:
            raise RmosError(ErrorCode.INVALID_REQUEST, str(error)) from error
        except ValidationError as error:
            raise RmosError(
                ErrorCode.INTERNAL, f"{conversation.service} gave an answer that is not one of {conversation.subject}"
            ) from error

    def message(self, kind: type[M], body: Message, **more: Any) -> M:
        """The bus message that an HTTP body stands for. Raises FORBIDDEN for somebody else's `actor`, and
        INVALID_REQUEST when the fields do not go together."""
        claim: str | ActorClaim | None = getattr(body, "actor", None)
        check_claim(claim, self.actor)
        fields = {name: getattr(body, name) for name in body.model_fields_set if name in kind.model_fields}
        return message_of(kind, {**fields, **more})


def message_of(kind: type[M], fields: Mapping[str, Any]) -> M:
    """A message from fields a client gave. Raises INVALID_REQUEST naming each that is wrong."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise invalid_request(error) from error


def caller_for(gateway: Gateway, rule: Rule, request: Request) -> Caller:
    """The caller behind this request's credential. Raises UNAUTHENTICATED, FORBIDDEN or INVALID_REQUEST."""
    actor = gateway.keys.actor_of(request.headers)
    request.state.role = actor.role.value
    admit(rule, actor)
    chosen = chosen_command_id(request.headers.getlist("idempotency-key"), actor)
    return Caller(
        gateway=gateway,
        actor=actor,
        request_id=request.state.request_id,
        command_id=chosen or gateway.new_id("cmd"),
        idempotent=chosen is not None,
        deadline_ms=gateway.now_ms() + int(rule.deadline_s * 1000),
        traceparent=trace_parent(request.headers.get("traceparent")),
    )


async def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


GatewayOf = Annotated[Gateway, Depends(_gateway)]
CallerOf = Annotated[Caller, Depends(_caller)]
