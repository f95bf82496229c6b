"""Providers `openai` and `local` through the openai SDK: the only module that knows the SDK or its HTTP client.

No exception of the SDK leaves this module: it can carry the key and the prompt (in the request it holds, in the body of
a server that echoes). Each becomes a ProviderFailure whose text is written here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import httpx2
import openai
from openai import AsyncOpenAI

from contracts.ai import Output, Usage
from contracts.errors import ErrorCode
from services.ai_gateway.domain.capabilities import OUTPUTS, capabilities_of
from services.ai_gateway.ports import Picture, ProviderAnswer, ProviderCall, ProviderFailure

CONNECT_TIMEOUT_S = 5.0
_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}
)
"""Everything else the SDK adds is dropped: it reads OPENAI_CUSTOM_HEADERS, OPENAI_ORG_ID and more from the environment,
and tells the server about this machine."""

_NAMED_PROBLEMS: dict[str, tuple[ErrorCode, str]] = {
    "context_length_exceeded": (ErrorCode.AI_PROVIDER_ERROR, "the prompt is longer than the model takes; shorten it"),
    "content_policy_violation": (ErrorCode.AI_REFUSED, "the provider's policy refused the prompt; change it"),
    "moderation_blocked": (ErrorCode.AI_REFUSED, "the provider's policy refused the prompt; change it"),
    "model_not_found": (ErrorCode.AI_PROVIDER_ERROR, "the provider does not know this model; name another one"),
    "insufficient_quota": (ErrorCode.AI_RATE_LIMITED, "the account has no quota left; top it up at the provider"),
}
"""Error codes of the API that mean something to the user; none of them is worth asking again."""


class OpenAIProvider:
    """`key_variable` is the environment variable an error names. `models`: the default for each output it makes."""

    def __init__(self, name: str, base_url: str, api_key: str, models: Mapping[Output, str], key_variable: str) -> None:
        self.name = name
        self._models = models
        self._key_variable = key_variable
        self._secret = api_key

        async def plain_headers(request: httpx2.Request) -> None:
            for header in [name for name in request.headers if name.lower() not in _HEADERS]:
                del request.headers[header]
            request.headers["authorization"] = f"Bearer {api_key}"

        # without trust_env=False a proxy, netrc entry or certificate from the environment gets to see the key
        http = httpx2.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            event_hooks={"request": [plain_headers]},
            limits=httpx2.Limits(max_connections=64, max_keepalive_connections=16),
        )
        self._client = AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, http_client=http)

    def __repr__(self) -> str:
        return f"OpenAIProvider({self.name!r})"

    def default_model(self, output: Output) -> str | None:
        return self._models.get(output) if output in OUTPUTS[self.name] else None

    async def generate(self, call: ProviderCall) -> ProviderAnswer:
        try:
            answer = await self._answered(call)
        except ProviderFailure as refused:
            failure = refused
        except Exception as error:  # noqa: BLE001 - the border of the SDK: nothing of it may pass, whatever it raises
            failure = self._failure(error)
        else:
            if answer.text is None or self._secret not in answer.text:
                return answer
            failure = ProviderFailure(ErrorCode.AI_PROVIDER_ERROR, "the provider's answer held this gateway's key")
        # raised outside the handlers, so that the SDK's exception is not even its context
        raise failure

    async def close(self) -> None:
        await self._client.close()

    async def _answered(self, call: ProviderCall) -> ProviderAnswer:
        if call.output == "image":
            return await self._picture(call)
        if capabilities_of(self.name, call.model).responses_api:
            return await self._response(call)
        return await self._completion(call)

    async def _response(self, call: ProviderCall) -> ProviderAnswer:
        """Responses API. `store` is True unless said otherwise, which would keep prompts at the provider."""
        options: dict[str, Any] = {"store": False, **self._hints(call, "max_output_tokens")}
        if call.structure is not None:
            options["text"] = {"format": {"type": "json_schema", **_schema(call)}}
        if call.system_prompt is not None:
            options["instructions"] = call.system_prompt
        reply = await self._client.responses.create(
            model=call.model, input=_conversation(call), timeout=_timeout(call), **options
        )
        if reply.error is not None:
            raise ProviderFailure(ErrorCode.AI_PROVIDER_ERROR, "the provider reported that the model failed")
        if reply.incomplete_details is not None and reply.incomplete_details.reason == "content_filter":
            raise _refused()
        contents = [part for item in reply.output if item.type == "message" for part in item.content]
        if any(part.type == "refusal" for part in contents):
            raise _refused()
        return ProviderAnswer(model=reply.model, text=reply.output_text, usage=_response_usage(reply.usage))

    async def _completion(self, call: ProviderCall) -> ProviderAnswer:
        """Chat completions, which every OpenAI-compatible server speaks."""
        options: dict[str, Any] = self._hints(call, "max_tokens")
        if call.seed is not None and capabilities_of(self.name, call.model).seed:
            options["seed"] = call.seed
        if call.structure is not None:
            options["response_format"] = {"type": "json_schema", "json_schema": _schema(call)}
        messages = _conversation(call)
        if call.system_prompt is not None:
            messages = [{"role": "system", "content": call.system_prompt}, *messages]
        reply = await self._client.chat.completions.create(
            model=call.model, messages=messages, timeout=_timeout(call), **options
        )
        if not reply.choices:
            raise ProviderFailure(ErrorCode.AI_PROVIDER_ERROR, "the provider's answer holds no choice")
        choice = reply.choices[0]
        if choice.message.refusal or choice.finish_reason == "content_filter":
            raise _refused()
        return ProviderAnswer(model=reply.model, text=choice.message.content or "", usage=_chat_usage(reply.usage))

    async def _picture(self, call: ProviderCall) -> ProviderAnswer:
        wanted = {"size": call.image.size, "quality": call.image.quality, "output_format": call.image.format}
        options: dict[str, Any] = {key: value for key, value in wanted.items() if value is not None}
        prompt = call.prompt if call.system_prompt is None else f"{call.system_prompt}\n\n{call.prompt}"
        reply = await self._client.images.generate(
            model=call.model, prompt=prompt, n=1, timeout=_timeout(call), **options
        )
        content_type = f"image/{call.image.format or 'png'}"
        pictures = tuple(Picture(_decoded(item.b64_json), content_type) for item in reply.data or ())
        return ProviderAnswer(model=call.model, pictures=pictures, usage=_image_usage(reply.usage, len(pictures)))

    def _hints(self, call: ProviderCall, tokens_name: str) -> dict[str, Any]:
        hints: dict[str, Any] = {}
        if call.temperature is not None and capabilities_of(self.name, call.model).temperature:
            hints["temperature"] = call.temperature
        if call.max_output_tokens is not None:
            hints[tokens_name] = call.max_output_tokens
        return hints

    def _failure(self, error: Exception) -> ProviderFailure:
        if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError):
            return ProviderFailure(ErrorCode.AI_TIMEOUT, f"{self.name} gave no answer in time", retryable=True)
        if isinstance(error, openai.APIStatusError):
            return self._status_failure(error)
        if isinstance(error, openai.APIConnectionError):
            return ProviderFailure(
                ErrorCode.AI_PROVIDER_ERROR, f"{self.name} could not be reached; check its address", retryable=True
            )
        # an answer came but could not be read: asking again would pay twice
        return ProviderFailure(ErrorCode.AI_PROVIDER_ERROR, f"{self.name} sent an answer that cannot be read")

    def _status_failure(self, error: openai.APIStatusError) -> ProviderFailure:
        status = error.status_code
        named = _NAMED_PROBLEMS.get(str(error.code))
        if named is not None:
            return ProviderFailure(named[0], named[1])
        if status in {401, 403}:
            return ProviderFailure(
                ErrorCode.AI_PROVIDER_ERROR, f"{self.name} refused the credentials; check {self._key_variable}"
            )
        if status == 429:
            return ProviderFailure(
                ErrorCode.AI_RATE_LIMITED,
                f"{self.name} asked to slow down; ask again later",
                retryable=True,
                retry_after_s=_retry_after(error),
            )
        if status == 404:
            return ProviderFailure(ErrorCode.AI_PROVIDER_ERROR, f"{self.name} does not know this model or path")
        passing = status in {408, 409} or status >= 500
        return ProviderFailure(
            ErrorCode.AI_PROVIDER_ERROR,
            f"{self.name} answered with status {status}",
            retryable=passing,
            retry_after_s=_retry_after(error) if passing else None,
        )


def _refused() -> ProviderFailure:
    return ProviderFailure(ErrorCode.AI_REFUSED, "the model declined to answer; change the prompt")


def _conversation(call: ProviderCall) -> Any:
    """The prompt, then for each repair round the answer that was wrong and what is wrong with it."""
    turns: list[dict[str, str]] = [{"role": "user", "content": call.prompt}]
    for repair in call.repairs:
        turns.append({"role": "assistant", "content": repair.answer or "(empty answer)"})
        turns.append({"role": "user", "content": repair.problem})
    return turns


def _schema(call: ProviderCall) -> dict[str, Any]:
    assert call.structure is not None
    return {"name": call.structure.name, "schema": dict(call.structure.strict), "strict": True}


def _timeout(call: ProviderCall) -> httpx2.Timeout:
    return httpx2.Timeout(call.timeout_s, connect=min(CONNECT_TIMEOUT_S, call.timeout_s))


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds of a Retry-After header; its date form is not used by these APIs and counts as absent."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except binascii.Error:
        raise ProviderFailure(ErrorCode.AI_PROVIDER_ERROR, "the provider's picture is not base64") from None


def _response_usage(usage: Any) -> Usage:
    if usage is None:
        return Usage()
    return Usage(
        input_tokens=_count(usage, "input_tokens"),
        cached_input_tokens=_count(usage, "input_tokens_details", "cached_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        reasoning_tokens=_count(usage, "output_tokens_details", "reasoning_tokens"),
    )


def _chat_usage(usage: Any) -> Usage:
    if usage is None:
        return Usage()
    return Usage(
        input_tokens=_count(usage, "prompt_tokens"),
        cached_input_tokens=_count(usage, "prompt_tokens_details", "cached_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        reasoning_tokens=_count(usage, "completion_tokens_details", "reasoning_tokens"),
    )


def _image_usage(usage: Any, images: int) -> Usage:
    return Usage(
        input_tokens=_count(usage, "input_tokens"), output_tokens=_count(usage, "output_tokens"), images=images
    )


def _count(usage: Any, *path: str) -> int | None:
    """A count that the server stated; None where it said nothing or something that is no count."""
    value = usage
    for name in path:
        value = getattr(value, name, None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
