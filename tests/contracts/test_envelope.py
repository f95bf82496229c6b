"""The envelope: what a request and an event carry as headers, and what a reply may be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import canonical_bytes
from contracts.envelope import (
    ACTOR,
    DEADLINE,
    REQUEST_ID,
    Actor,
    ActorKind,
    RequestContext,
    Role,
    context_of,
    error_bytes,
    event_headers,
    request_headers,
    result_bytes,
    result_of,
)
from contracts.errors import HTTP_STATUS, RETRYABLE, ErrorBody, ErrorCode, RmosError
from contracts.examples import examples
from contracts.rmos import OpenRun

NOW = "2026-11-21T09:30:00.000000Z"
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", fullmatch=True)
REQUEST_IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)
"""A client may choose any visible ASCII for it."""
CONTEXTS = st.builds(
    RequestContext,
    command_id=IDS,
    request_id=REQUEST_IDS,
    actor=st.builds(Actor, id=IDS, role=st.sampled_from(Role), kind=st.sampled_from(ActorKind)),
    deadline_ms=st.integers(0, 2**53 - 1),
    causation_id=st.none() | IDS,
    traceparent=st.none() | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", fullmatch=True),
    idempotent=st.booleans(),
)


def headers_of(context: RequestContext) -> dict[str, str]:
    return request_headers(context, "cmd.rmos.open_run.v1", "gateway", NOW)


@given(CONTEXTS)
def test_a_context_survives_the_trip_through_headers(context: RequestContext) -> None:
    assert context_of(headers_of(context)) == context


@given(CONTEXTS)
def test_headers_are_plain_single_lines(context: RequestContext) -> None:
    assert all(text.isprintable() and text.isascii() for pair in headers_of(context).items() for text in pair)


def test_a_request_made_while_handling_another_keeps_request_caller_and_deadline() -> None:
    outer = RequestContext(
        command_id="c1", request_id="r1", actor=Actor(id="anna", role=Role.DESIGNER), deadline_ms=5, idempotent=True
    )
    inner = outer.caused("c2")
    assert (inner.request_id, inner.actor, inner.deadline_ms) == (outer.request_id, outer.actor, outer.deadline_ms)
    assert (inner.command_id, inner.causation_id, inner.idempotent) == ("c2", "c1", False)


@pytest.mark.parametrize("name", ["ce-id", REQUEST_ID, ACTOR, DEADLINE])
@pytest.mark.parametrize("value", [None, "", "\u00e4 \n"])
def test_a_missing_or_broken_header_is_an_invalid_request(name: str, value: str | None) -> None:
    context = RequestContext(command_id="c", request_id="r", actor=Actor(id="a", role=Role.ADMIN), deadline_ms=1)
    headers = headers_of(context)
    del headers[name]
    if value is not None:
        headers[name] = value
    with pytest.raises(RmosError) as caught:
        context_of(headers)
    assert caught.value.code is ErrorCode.INVALID_REQUEST


def test_an_event_names_its_type_and_schema_as_cloudevents_does() -> None:
    headers = event_headers(
        event_id="e1", event_type="rmos.run_opened.v1", source="rmos", time=NOW, request_id="r1", subject="run_1"
    )
    assert headers == {
        "ce-specversion": "1.0",
        "ce-id": "e1",
        "ce-type": "rmos.run_opened.v1",
        "ce-source": "/rmos/rmos",
        "ce-time": NOW,
        "ce-dataschema": "https://rmos.dev/schemas/rmos.run_opened.v1.json",
        "content-type": "application/json",
        "ce-subject": "run_1",
        REQUEST_ID: "r1",
    }


def test_a_result_comes_out_of_its_envelope_as_it_went_in() -> None:
    run = examples()[OpenRun]
    assert OpenRun.model_validate(result_of(result_bytes(run))) == run


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_comes_out_of_its_envelope_as_it_went_in(code: ErrorCode) -> None:
    error = RmosError(code, "what happened; what to do", place="shapes[1]")
    with pytest.raises(RmosError) as caught:
        result_of(error_bytes(error.body))
    assert caught.value.body == error.body
    assert caught.value.body.retryable is (code in RETRYABLE)


@pytest.mark.parametrize(
    "reply", [b"", b"null", b"1", b"[]", b"{}", b"{", b'"result"', b'{"error":null}', b'{"error":{"code":"MINE"}}']
)
def test_a_reply_that_is_no_envelope_is_an_internal_error(reply: bytes) -> None:
    with pytest.raises(RmosError) as caught:
        result_of(reply)
    assert caught.value.code is ErrorCode.INTERNAL


def test_every_code_has_an_http_status_that_is_an_error() -> None:
    assert HTTP_STATUS.keys() == set(ErrorCode)
    assert all(400 <= status <= 599 for status in HTTP_STATUS.values())


def test_an_error_body_is_canonical_json() -> None:
    body = ErrorBody(code=ErrorCode.NOT_FOUND, message="no such run", details={"b": 1, "a": [None]})
    assert canonical_bytes({"error": body.model_dump(mode="json")}) == error_bytes(body)
    assert json.loads(error_bytes(body))["error"]["code"] == "NOT_FOUND"
