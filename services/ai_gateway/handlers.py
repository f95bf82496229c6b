"""Answers `cmd.ai_gateway.generate_content.v1` and `query.ai_gateway.providers.v1`.

Known gap: which calls are open is known to this process alone. When it is killed between a call's first and last fact,
that call keeps no terminal fact: the record shows a request without an outcome, and its cost stays unknown. The caller
gets no reply and sees its deadline pass; nothing is answered twice.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from contracts.ai import (
    AskProviders,
    CallBlocked,
    CallCompleted,
    CallFailed,
    CallRequested,
    GenerateContent,
    GeneratedContent,
    Provenance,
    Providers,
)
from contracts.blobs import BlobRef
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.model import Message
from services.ai_gateway.attempts import Attempts, GaveUp, OpenCall
from services.ai_gateway.domain.prices import PriceTable
from services.ai_gateway.domain.provenance import CallRecord, text_sha256
from services.ai_gateway.domain.safety import NO_POLICY, SafetyRules, Verdict, judge
from services.ai_gateway.ports import Blobs, Facts, ImageForm, ProviderAnswer, ProviderCall
from services.ai_gateway.registry import Registry
from services.ai_gateway.structured import PreparedSchema, prepared

RESERVE_S = 0.3
"""Kept of the caller's deadline for storing the last fact and sending the reply."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`rules` None: they could not be loaded, and every call is blocked. `secrets`: keys no text may hold."""

    rules: SafetyRules | None
    secrets: Sequence[str]

    @property
    def sha256(self) -> str:
        return NO_POLICY if self.rules is None else self.rules.policy_sha256


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time, ids and the version, from the process edge. `now_text` is RFC 3339, `unix_ms` the unit of deadlines."""

    now_text: Callable[[], str]
    unix_ms: Callable[[], int]
    new_id: Callable[[str], str]
    sleep: Callable[[float], Awaitable[None]]
    engine_version: str
    capture: bool = False


class GenerateContentHandler:
    def __init__(
        self,
        registry: Registry,
        policy: Policy,
        prices: PriceTable,
        facts: Facts,
        blobs: Blobs,
        around: Surroundings,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._prices = prices
        self._facts = facts
        self._blobs = blobs
        self._around = around
        self._attempts = Attempts(facts, around.sleep)

    async def providers(self, _: AskProviders, __: RequestContext) -> Providers:
        return self._registry.overview()

    async def generate(self, request: GenerateContent, context: RequestContext) -> GeneratedContent:
        """The model's answer with its provenance. Between the first fact and exactly one terminal fact lies all work.

        Raises RmosError: INVALID_REQUEST and AI_NOT_CONFIGURED before anything is on record; AI_BLOCKED and the other
        AI_ codes with `provenance` in their details; UNAVAILABLE when a fact or blob cannot be stored.
        """
        started = time.perf_counter()
        call = self._opened(request, context)
        await self._publish(call, _requested(call.record), "requested")
        verdict = self._verdict(request)
        call.record = replace(
            call.record, allowed=verdict.allowed, safety_reason=verdict.reason, findings=verdict.findings
        )
        if not verdict.allowed:
            raise await self._blocked(call, verdict, started)
        try:
            answer = await self._attempts.answer(call)
            images = await self._stored(call, request, answer)
        except GaveUp as gave_up:
            raise await self._failed(call, gave_up.code, gave_up.reason, started) from None
        except RmosError as error:
            await self._failed(call, error.code, error.message, started)
            raise
        except Exception:
            await self._failed(call, ErrorCode.INTERNAL, "an unexpected error; the service's log names it", started)
            raise
        provenance = self._provenance(call, started)
        await self._publish(call, CallCompleted(provenance=provenance), "terminal")
        return GeneratedContent(text=answer.text, images=images, provenance=provenance)

    def _opened(self, request: GenerateContent, context: RequestContext) -> OpenCall:
        chosen = self._registry.chosen(request)
        schema = _schema_of(request)
        record = CallRecord(
            call_id=self._around.new_id("call"),
            request_id=context.request_id,
            created_at_utc=self._around.now_text(),
            provider=chosen.provider.name,
            model=chosen.model,
            request=request,
            policy_sha256=self._policy.sha256,
            engine_version=self._around.engine_version,
            schema_sha256=None if schema is None else schema.sha256,
        )
        ask = ProviderCall(
            output=request.output,
            model=chosen.model,
            prompt=request.prompt,
            system_prompt=request.system_prompt,
            timeout_s=0.0,
            temperature=None if request.temperature is None else float(request.temperature),
            max_output_tokens=request.max_output_tokens,
            seed=request.variant_seed,
            structure=None if schema is None else schema.output,
            image=ImageForm(request.image_size, request.image_quality, request.image_format),
        )

        def left_s() -> float:
            return (context.deadline_ms - self._around.unix_ms()) / 1000 - RESERVE_S

        return OpenCall(record, chosen.provider, ask, schema, chosen.slots, left_s)

    def _verdict(self, request: GenerateContent) -> Verdict:
        texts = [text for text in (request.prompt, request.system_prompt) if text is not None]
        return judge(self._policy.rules, texts, request.category, self._policy.secrets)

    async def _stored(self, call: OpenCall, request: GenerateContent, answer: ProviderAnswer) -> tuple[BlobRef, ...]:
        """Pictures in the object store; prompt and answer too, but only where the operator wants them captured."""
        images = tuple([await self._blobs.put(picture.data, picture.content_type) for picture in answer.pictures])
        digest = images[0].sha256 if images else text_sha256(answer.text or "")
        call.record = replace(call.record, response_sha256=digest)
        if self._around.capture:
            for text in (request.prompt, request.system_prompt, answer.text):
                if text is not None:
                    await self._blobs.put(text.encode(), "text/plain")
            call.record = replace(call.record, captured=True)
        return images

    async def _blocked(self, call: OpenCall, verdict: Verdict, started: float) -> RmosError:
        provenance = self._provenance(call, started)
        await self._publish(call, CallBlocked(provenance=provenance), "terminal")
        flags = [finding.flag for finding in verdict.findings if finding.action == "block"]
        return RmosError(
            ErrorCode.AI_BLOCKED,
            f"the prompt was not sent: {verdict.reason}",
            flags=flags,
            provenance=provenance.model_dump(mode="json"),
        )

    async def _failed(self, call: OpenCall, code: ErrorCode, reason: str, started: float) -> RmosError:
        provenance = self._provenance(call, started)
        await self._publish(call, CallFailed(provenance=provenance, error=code, reason=reason), "terminal")
        return RmosError(code, reason, provenance=provenance.model_dump(mode="json"))

    def _provenance(self, call: OpenCall, started: float) -> Provenance:
        return call.record.provenance(self._prices, (time.perf_counter() - started) * 1000)

    async def _publish(self, call: OpenCall, fact: Message, step: str) -> None:
        # the id is made from the call: a second terminal fact of one call would be dropped by the stream
        await self._facts.publish_fact(fact, f"{call.record.call_id}.{step}", call.record.request_id)


def _schema_of(request: GenerateContent) -> PreparedSchema | None:
    if request.output != "json":
        if request.output_schema_json is not None:
            raise RmosError(ErrorCode.INVALID_REQUEST, 'output_schema_json goes with output "json" only')
        return None
    if request.output_schema_json is None or request.schema_name is None:
        raise RmosError(ErrorCode.INVALID_REQUEST, 'output "json" needs output_schema_json and schema_name')
    return prepared(request.schema_name, request.output_schema_json)


def _requested(record: CallRecord) -> CallRequested:
    request = record.request
    return CallRequested(
        call_id=record.call_id,
        request_id=record.request_id,
        operation=request.operation,
        output=request.output,
        provider=record.provider,
        model_requested=request.model,
        prompt_sha256=text_sha256(request.prompt),
        variant_seed=request.variant_seed,
    )
