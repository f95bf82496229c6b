"""Request ids, command ids and actors: what a client may choose, and what only its credential says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from contracts.canonical import sha256_hex
from contracts.envelope import Actor, ActorKind, Role
from contracts.errors import ErrorCode, RmosError
from contracts.model import Identifier, Message

_VISIBLE = re.compile(r"[!-~]{1,128}")
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class ActorClaim(Message):
    """Who a body says is acting. It is compared with the credential and never recorded itself."""

    id: Identifier
    role: Role | None = None
    kind: ActorKind | None = None


def chosen_request_id(headers: Sequence[str]) -> str | None:
    """The client's `X-Request-ID`, if it sent one. Raises INVALID_REQUEST for two, or for one outside the rule."""
    return _one_visible("X-Request-ID", headers)


def chosen_command_id(headers: Sequence[str], actor: Actor) -> str | None:
    """The command id that this actor's `Idempotency-Key` stands for: the same in every process, for ever."""
    key = _one_visible("Idempotency-Key", headers)
    if key is None:
        return None
    return "cmd_" + sha256_hex(f"{actor.id} {key}".encode())[:40]  # neither part can hold a space


def trace_parent(header: str | None) -> str | None:
    """The client's W3C trace context, when it is one; anything else is not passed on (trace-context 3.2.2)."""
    return header if header is not None and _TRACE_PARENT.fullmatch(header) else None


def check_claim(claim: str | ActorClaim | None, actor: Actor) -> None:
    """Raises FORBIDDEN when a body names another actor than the credential."""
    if claim is None:
        return
    if isinstance(claim, str):
        claim = ActorClaim(id=claim)
    agrees = claim.id == actor.id and claim.role in {None, actor.role} and claim.kind in {None, actor.kind}
    if not agrees:
        raise RmosError(
            ErrorCode.FORBIDDEN,
            f"the body's actor is not who this API key belongs to ({actor.id}): leave it out, or use that one's key",
            claimed=claim.model_dump(mode="json", exclude_none=True),
            actor=actor.model_dump(mode="json"),
        )


def _one_visible(name: str, headers: Sequence[str]) -> str | None:
    if not headers:
        return None
    if len(headers) > 1:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"{name} was sent {len(headers)} times: send it once")
    if not _VISIBLE.fullmatch(headers[0]):
        raise RmosError(ErrorCode.INVALID_REQUEST, f"{name} must be 1 to 128 visible ASCII characters without spaces")
    return headers[0]
