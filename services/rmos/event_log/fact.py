"""A fact of another service as it comes over the bus, checked before it may enter the log."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson
from pydantic import TypeAdapter, ValidationError

from contracts.canonical import NotCanonical, canonical_bytes
from contracts.envelope import REQUEST_ID, Actor, ActorKind, RequestContext, Role
from contracts.model import Identifier, Message
from contracts.subjects import FACT_DOMAINS, FACTS, fact_subject
from services.rmos.ports import AppendRequest, NewEvent, RecordedFact

_FACTS: dict[str, tuple[str, type[Message]]] = {
    fact.type: (service, fact)  # type: ignore[attr-defined]  # every fact class names its wire type
    for service, facts in FACTS.items()
    for fact in facts
}
_IDENTIFIER = TypeAdapter(Identifier)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,122}\Z")
"""Short enough that `fact:` before it is still an identifier."""


class MalformedFact(Exception):
    """This message can never be recorded; the text says why, without any of its content."""


def append_request(subject: str, headers: Mapping[str, str], body: bytes) -> AppendRequest:
    """What records this fact: its own bytes under its own type, once for each `ce-id`. Raises MalformedFact.

    The stream is `<domain>-<ce-subject>` (the facts of one AI call stand in one stream), or `<domain>-<ce-id>` for a
    fact without a subject.
    """
    fact_type = headers.get("ce-type", "")
    if fact_type not in _FACTS:
        raise MalformedFact(f"ce-type {fact_type[:100]!r} is no fact that this version of rmos knows")
    service, model = _FACTS[fact_type]
    if subject != fact_subject(fact_type):
        raise MalformedFact(f"ce-type {fact_type} came on the subject of another fact")
    if headers.get("ce-source") != f"/rmos/{service}":
        raise MalformedFact(f"ce-source is not /rmos/{service}, whose fact this is")
    fact_id = headers.get("ce-id", "")
    if not _ID.match(fact_id):
        raise MalformedFact("ce-id is missing or no identifier of at most 123 characters")
    _check_body(model, body)
    return AppendRequest(
        context=_context(fact_id, service, headers),
        expected={},
        events=(NewEvent(_stream(service, headers, fact_id), fact_id, RecordedFact(fact_type, body)),),
    )


def _check_body(model: type[Message], body: bytes) -> None:
    try:
        if canonical_bytes(orjson.loads(body)) != body:
            raise MalformedFact("the body is not canonical JSON")
        model.model_validate_json(body)
    except (orjson.JSONDecodeError, NotCanonical) as error:
        raise MalformedFact("the body is not canonical JSON") from error
    except ValidationError as error:
        fields = sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)})
        raise MalformedFact(f"the body does not fit its type, in: {', '.join(fields)[:300]}") from error


def _context(fact_id: str, service: str, headers: Mapping[str, str]) -> RequestContext:
    try:
        return RequestContext(
            command_id=f"fact:{fact_id}",
            request_id=headers.get(REQUEST_ID, ""),
            actor=Actor(id=service, role=Role.SYSTEM, kind=ActorKind.SYSTEM),
            deadline_ms=0,
            causation_id=headers.get("ce-causationid"),
        )
    except ValidationError as error:
        raise MalformedFact(f"{REQUEST_ID} or ce-causationid is missing or no identifier") from error


def _stream(service: str, headers: Mapping[str, str], fact_id: str) -> str:
    try:
        name = _IDENTIFIER.validate_python(headers.get("ce-subject", fact_id))
    except ValidationError as error:
        raise MalformedFact("ce-subject is no identifier") from error
    return f"{FACT_DOMAINS[service]}-{name}"
