"""The SDK's real path against a real server: what is sent, what comes back, and that no key gets out."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from contracts.errors import ErrorCode
from services.ai_gateway.ports import ImageForm, ProviderCall, ProviderFailure, Repair, StructuredOutput
from services.ai_gateway.vendors.openai_sdk import OpenAIProvider
from tests.ai_gateway.vendors.wire_server import PNG, WireServer, completion, response, wire_server
from tests.ai_gateway.world import world

KEY = "canary-key-0f9e8d7c6b5a4321"
PROMPT = "a secret rosette for Marguerite"
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
TEXT = ProviderCall(output="text", model="gpt-6.1-terra", prompt=PROMPT, system_prompt="be exact", timeout_s=5.0)
JSON = replace(TEXT, output="json", structure=StructuredOutput("Answer", SCHEMA, SCHEMA))


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    async with wire_server() as running:
        yield running


@pytest.fixture
async def openai(server: WireServer) -> AsyncIterator[OpenAIProvider]:
    models: Any = {"text": "gpt-6.1-terra", "json": "gpt-6.1-terra", "image": "gpt-image-2.5-flare"}
    provider = OpenAIProvider("openai", server.url, KEY, models, "OPENAI_API_KEY")
    yield provider
    await provider.close()


@pytest.fixture
async def local(server: WireServer) -> AsyncIterator[OpenAIProvider]:
    provider = OpenAIProvider("local", server.url, KEY, {"text": "qwen3:8b", "json": "qwen3:8b"}, "LOCAL_LLM_API_KEY")
    yield provider
    await provider.close()


async def failure(provider: OpenAIProvider, call: ProviderCall = TEXT) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        await provider.generate(call)
    return caught.value


async def test_openai_is_asked_by_responses_and_told_to_keep_nothing(
    server: WireServer, openai: OpenAIProvider
) -> None:
    answer = await openai.generate(replace(JSON, temperature=0.7, seed=3, max_output_tokens=900))
    (seen,) = server.seen
    assert seen.path == "/v1/responses"
    assert seen.body == {
        "model": "gpt-6.1-terra",
        "instructions": "be exact",
        "input": [{"role": "user", "content": PROMPT}],
        "store": False,
        "max_output_tokens": 900,
        "text": {"format": {"type": "json_schema", "name": "Answer", "schema": SCHEMA, "strict": True}},
    }
    assert answer.text == '{"ok":true}'
    assert answer.model == "gpt-6.1-terra-2026-08-01"
    assert answer.usage.model_dump() == {
        "input_tokens": 100, "cached_input_tokens": 40, "output_tokens": 20, "reasoning_tokens": 5, "images": None,
    }  # fmt: skip


async def test_a_local_server_is_asked_by_chat_completions(server: WireServer, local: OpenAIProvider) -> None:
    answer = await local.generate(replace(JSON, model="qwen3:8b", temperature=0.7, seed=3, max_output_tokens=900))
    (seen,) = server.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {
        "model": "qwen3:8b",
        "messages": [{"role": "system", "content": "be exact"}, {"role": "user", "content": PROMPT}],
        "temperature": 0.7,
        "seed": 3,
        "max_tokens": 900,
        "response_format": {"type": "json_schema", "json_schema": {"name": "Answer", "schema": SCHEMA, "strict": True}},
    }
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 6)


async def test_a_picture_comes_back_as_bytes(server: WireServer, openai: OpenAIProvider) -> None:
    form = ImageForm(size="1024x1024", quality="low", format="png")
    answer = await openai.generate(replace(TEXT, output="image", model="gpt-image-2.5-flare", image=form))
    (seen,) = server.seen
    assert seen.path == "/v1/images/generations"
    assert {key: seen.body[key] for key in ("size", "quality", "output_format", "n")} == {
        "size": "1024x1024", "quality": "low", "output_format": "png", "n": 1,
    }  # fmt: skip
    assert answer.pictures[0].data == PNG
    assert (answer.usage.output_tokens, answer.usage.images) == (4000, 1)


async def test_a_repair_round_is_a_conversation(server: WireServer, openai: OpenAIProvider) -> None:
    await openai.generate(replace(JSON, repairs=(Repair("nonsense", "that was no JSON"),)))
    assert server.seen[0].body["input"][1:] == [
        {"role": "assistant", "content": "nonsense"},
        {"role": "user", "content": "that was no JSON"},
    ]


async def test_the_environment_cannot_redirect_the_call_or_add_to_it(
    server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-hijack")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-hijack")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-hijack")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Hijack: yes\nAuthorization: Bearer stolen")
    provider = OpenAIProvider("openai", server.url, KEY, {"text": "gpt-6.1-terra"}, "OPENAI_API_KEY")
    await provider.generate(TEXT)
    await provider.close()
    (seen,) = server.seen
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert "hijack" not in str(seen.headers).lower()
    assert not [name for name in seen.headers if name.startswith(("x-", "openai-"))]


ECHO = {"error": {"message": f"bad key {KEY} for prompt {PROMPT}", "type": "x", "code": f"code {KEY}"}}


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, ErrorCode.AI_PROVIDER_ERROR, False),
        (401, ErrorCode.AI_PROVIDER_ERROR, False),
        (403, ErrorCode.AI_PROVIDER_ERROR, False),
        (404, ErrorCode.AI_PROVIDER_ERROR, False),
        (408, ErrorCode.AI_PROVIDER_ERROR, True),
        (409, ErrorCode.AI_PROVIDER_ERROR, True),
        (422, ErrorCode.AI_PROVIDER_ERROR, False),
        (429, ErrorCode.AI_RATE_LIMITED, True),
        (500, ErrorCode.AI_PROVIDER_ERROR, True),
        (503, ErrorCode.AI_PROVIDER_ERROR, True),
        (307, ErrorCode.AI_PROVIDER_ERROR, False),
    ],
)
async def test_an_error_becomes_one_of_ours_and_nothing_of_the_key_or_prompt_gets_out(
    server: WireServer,
    openai: OpenAIProvider,
    caplog: pytest.LogCaptureFixture,
    status: int,
    code: ErrorCode,
    retryable: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies = [(status, ECHO, {"location": "http://127.0.0.1:1/elsewhere"})]
    error = await failure(openai)
    assert (error.code, error.retryable) == (code, retryable)
    assert len(server.seen) == 1, "the SDK retried by itself"
    assert error.__cause__ is None
    assert error.__context__ is None
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + repr(openai) + caplog.text
    assert KEY not in told
    assert "Marguerite" not in told


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [
        (400, "context_length_exceeded", ErrorCode.AI_PROVIDER_ERROR),
        (400, "content_policy_violation", ErrorCode.AI_REFUSED),
        (404, "model_not_found", ErrorCode.AI_PROVIDER_ERROR),
        (429, "insufficient_quota", ErrorCode.AI_RATE_LIMITED),
    ],
)
async def test_a_named_problem_says_what_to_do_and_is_final(
    server: WireServer, openai: OpenAIProvider, status: int, name: str, code: ErrorCode
) -> None:
    server.replies = [(status, {"error": {"message": "m", "type": "t", "code": name}}, {})]
    error = await failure(openai)
    assert (error.code, error.retryable) == (code, False)


async def test_credentials_that_are_refused_name_the_variable(server: WireServer, openai: OpenAIProvider) -> None:
    server.replies = [(401, ECHO, {})]
    assert "OPENAI_API_KEY" in (await failure(openai)).message


@pytest.mark.parametrize(("header", "seconds"), [("3", 3.0), ("0.5", 0.5), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
async def test_retry_after_is_read(
    server: WireServer, openai: OpenAIProvider, header: str, seconds: float | None
) -> None:
    server.replies = [(429, ECHO, {"retry-after": header})]
    assert (await failure(openai)).retry_after_s == seconds


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"output": 3}', b"\xff\xfe"])
async def test_an_answer_that_cannot_be_read_is_not_asked_for_again(
    server: WireServer, openai: OpenAIProvider, body: bytes
) -> None:
    server.replies = [(200, body, {})]
    error = await failure(openai)
    assert (error.code, error.retryable) == (ErrorCode.AI_PROVIDER_ERROR, False)


@pytest.mark.parametrize(
    "reply",
    [
        response("", output=[{"type": "message", "id": "m", "role": "assistant", "status": "completed",
                              "content": [{"type": "refusal", "refusal": "no"}]}]),
        response("half", status="incomplete", incomplete_details={"reason": "content_filter"}),
    ],
)  # fmt: skip
async def test_a_refusal_by_responses_is_a_refusal(
    server: WireServer, openai: OpenAIProvider, reply: dict[str, Any]
) -> None:
    server.replies = [(200, reply, {})]
    assert (await failure(openai)).code is ErrorCode.AI_REFUSED


@pytest.mark.parametrize("reply", [completion(None, refusal="no"), completion("x", finish="content_filter")])
async def test_a_refusal_by_chat_completions_is_a_refusal(
    server: WireServer, local: OpenAIProvider, reply: dict[str, Any]
) -> None:
    server.replies = [(200, reply, {})]
    assert (await failure(local, replace(TEXT, model="qwen3:8b"))).code is ErrorCode.AI_REFUSED


async def test_a_failed_response_is_an_error(server: WireServer, openai: OpenAIProvider) -> None:
    failed = response("", status="failed", error={"code": "server_error", "message": f"boom {KEY}"}, output=[])
    server.replies = [(200, failed, {})]
    error = await failure(openai)
    assert error.code is ErrorCode.AI_PROVIDER_ERROR
    assert KEY not in str(error)


async def test_an_answer_that_holds_the_key_is_thrown_away(server: WireServer, openai: OpenAIProvider) -> None:
    server.text = f"your key is {KEY}"
    error = await failure(openai)
    assert error.code is ErrorCode.AI_PROVIDER_ERROR
    assert KEY not in str(error)


async def test_a_silent_server_is_a_timeout(server: WireServer, openai: OpenAIProvider) -> None:
    server.silent = True
    error = await failure(openai, replace(TEXT, timeout_s=0.3))
    assert (error.code, error.retryable) == (ErrorCode.AI_TIMEOUT, True)


async def test_a_server_that_is_not_there_can_be_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        provider = OpenAIProvider("openai", url, KEY, {"text": "gpt-6.1-terra"}, "OPENAI_API_KEY")
        error = await failure(provider)
        await provider.close()
    assert (error.code, error.retryable) == (ErrorCode.AI_PROVIDER_ERROR, True)


async def test_the_whole_gateway_asks_again_after_a_500_and_mends_a_wrong_answer(
    server: WireServer, openai: OpenAIProvider
) -> None:
    server.text = '{"version":"v1","canvas_mm":120,"shapes":[{"type":"ring","r_inner":45,"r_outer":48}]}'
    server.replies = [(500, ECHO, {}), (200, response("```json\n{}\n```"), {})]
    here = world({"openai": openai})
    content = await here.ask()
    assert [attempt.outcome for attempt in content.provenance.attempts] == ["error", "invalid_output", "ok"]
    assert here.facts.names == ["CallRequested", "CallAttemptFailed", "CallAttemptFailed", "CallCompleted"]
    assert content.provenance.usage.input_tokens == 200
    strict = server.seen[0].body["text"]["format"]["schema"]
    assert "oneOf" not in str(strict)
    assert "discriminator" not in str(strict)
