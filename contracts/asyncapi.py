"""The AsyncAPI 3.0 document of the bus, from the subject table: requests with their replies, facts, and the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts import envelope
from contracts.log import EVENT_TYPES
from contracts.subjects import CONVERSATIONS, FACTS, Conversation, fact_subject, log_subject, reply_name

VERSION = "0.1.0"
"""Of the document: raised when a conversation, fact or event is added."""

Json = dict[str, Any]
_TEXT = {"type": "string"}
_EVENT = {
    "ce-specversion": {"const": envelope.SPEC_VERSION},
    "ce-id": _TEXT,
    "ce-type": _TEXT,
    "ce-source": _TEXT,
    "ce-time": {"type": "string", "format": "date-time"},
    "ce-dataschema": {"type": "string", "format": "uri"},
    "content-type": {"const": envelope.CONTENT_TYPE},
    envelope.REQUEST_ID: _TEXT,
}
_REQUEST = _EVENT | {
    envelope.DEADLINE: {"type": "string", "pattern": "^[0-9]+$", "description": "Unix time, milliseconds."},
    envelope.ACTOR: {"type": "string", "description": "Canonical JSON of who is behind the request."},
}
_HEADERS: dict[str, Json] = {
    "request": {
        "type": "object",
        "required": sorted(_REQUEST),
        "properties": _REQUEST | {"ce-causationid": _TEXT, "traceparent": _TEXT, envelope.IDEMPOTENCY_KEY: _TEXT},
    },
    "fact": {
        "type": "object",
        "required": sorted([*_EVENT, "Nats-Msg-Id"]),
        "properties": _EVENT
        | {"ce-subject": _TEXT, "Nats-Msg-Id": {"type": "string", "description": "Same as ce-id."}},
    },
    "log": {
        "type": "object",
        "required": sorted([*_EVENT, "Nats-Msg-Id", envelope.POSITION]),
        "properties": _EVENT
        | {
            "ce-subject": _TEXT,
            "Nats-Msg-Id": {"type": "string", "description": "The log position."},
            envelope.POSITION: {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "The log position."},
        },
    },
}


def asyncapi_document() -> Json:
    """The whole bus. Payloads refer to the JSON Schemas in the same folder."""
    channels: Json = {}
    operations: Json = {}
    messages: Json = {}
    for conversation in CONVERSATIONS:
        _add_conversation(conversation, channels, operations, messages)
    for service, fact_type in _facts():
        _add_event(fact_subject(fact_type), fact_type, "fact", service, channels, operations, messages)
    recorded = [fact_type for _, fact_type in _facts()]
    for event_type in [*EVENT_TYPES, *recorded]:
        _add_event(log_subject(event_type), event_type, "log", "rmos", channels, operations, messages)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "RMOS bus",
            "version": VERSION,
            "description": "Requests with replies on core NATS; facts and the log on JetStream. "
            "CloudEvents 1.0 attributes travel as NATS headers, canonical JSON as the body.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": envelope.CONTENT_TYPE,
        "servers": {"bus": {"host": "127.0.0.1:4222", "protocol": "nats", "description": "Another host by settings."}},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _facts() -> Iterator[tuple[str, str]]:
    for service, facts in FACTS.items():
        for fact in facts:
            yield service, fact.type  # type: ignore[attr-defined]  # every fact names its wire type


def _add_conversation(conversation: Conversation, channels: Json, operations: Json, messages: Json) -> None:
    """The answering service receives on the subject and replies to the inbox that the request names."""
    subject, reply = conversation.subject, reply_name(conversation)
    messages[subject] = _message(subject, conversation.request.__doc__) | {"headers": _HEADERS["request"]}
    messages[reply] = _message(reply, conversation.reply.__doc__)
    channels[subject] = _channel(subject, subject)
    channels[reply] = _channel(None, reply)
    operations[subject] = {
        "action": "receive",
        "channel": _to("channels", subject),
        "messages": [_in_channel(subject, subject)],
        "reply": {"channel": _to("channels", reply), "messages": [_in_channel(reply, reply)]},
        "bindings": {"nats": {"queue": conversation.service}},
        "tags": [{"name": conversation.service}, *({"name": f"asked by {caller}"} for caller in conversation.callers)],
    }


def _add_event(
    subject: str, event_type: str, headers: str, service: str, channels: Json, operations: Json, messages: Json
) -> None:
    messages[subject] = _message(event_type, None) | {"headers": _HEADERS[headers]}
    channels[subject] = _channel(subject, subject)
    operations[subject] = {
        "action": "send",
        "channel": _to("channels", subject),
        "messages": [_in_channel(subject, subject)],
        "tags": [{"name": service}],
    }


def _message(name: str, summary: str | None) -> Json:
    payload = {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": {"$ref": f"{name}.json"}}
    described = {"summary": summary.strip().splitlines()[0]} if summary else {}
    return {"name": name, **described, "payload": payload}


def _channel(address: str | None, message: str) -> Json:
    return {"address": address, "messages": {message: _to("components/messages", message)}}


def _to(place: str, name: str) -> Json:
    return {"$ref": f"#/{place}/{name}"}


def _in_channel(channel: str, message: str) -> Json:
    return {"$ref": f"#/channels/{channel}/messages/{message}"}
