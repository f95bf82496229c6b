"""The attempts of one call: waiting for a free slot, retries where nothing came, repair rounds where nonsense came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from contracts.ai import Attempt, CallAttemptFailed
from contracts.errors import ErrorCode
from services.ai_gateway.domain.provenance import CallRecord
from services.ai_gateway.domain.retries import MAX_REPAIR_ROUNDS, delay_before_retry
from services.ai_gateway.ports import Facts, Picture, Provider, ProviderAnswer, ProviderCall, ProviderFailure, Repair
from services.ai_gateway.structured import PreparedSchema, Problem

LONGEST_ATTEMPT_S = 120.0
_SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}


class GaveUp(Exception):
    """No usable answer came. The reason is fit for a user."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass
class OpenCall:
    """A call between its first fact and its last; `record` grows with every step."""

    record: CallRecord
    provider: Provider
    ask: ProviderCall
    schema: PreparedSchema | None
    slots: asyncio.Semaphore
    left_s: Callable[[], float]


class Attempts:
    def __init__(self, facts: Facts, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._facts = facts
        self._sleep = sleep

    async def answer(self, call: OpenCall) -> ProviderAnswer:
        """The first usable answer. Raises GaveUp; RmosError(UNAVAILABLE) when a fact cannot be stored."""
        failures, repairs = 0, 0
        while True:
            try:
                answer = await self._attempt(call)
            except ProviderFailure as failure:
                failures += 1
                await self._wait_before_retry(call, failure, failures)
                continue
            problem = _problem(answer, call)
            if problem is None:
                return answer
            await self._report(call)
            if call.schema is None or repairs >= MAX_REPAIR_ROUNDS:
                raise GaveUp(ErrorCode.AI_INVALID_OUTPUT, f"the model's answer is not usable: {problem.place}")
            repairs += 1
            call.record = replace(call.record, repair_rounds=repairs)
            call.ask = replace(call.ask, repairs=(*call.ask.repairs, Repair(answer.text or "", _plea(problem))))

    async def _attempt(self, call: OpenCall) -> ProviderAnswer:
        """One attempt on record, whatever comes of it. Raises ProviderFailure and GaveUp."""
        await self._slot(call)
        started = time.perf_counter()
        left_s = call.left_s()
        ask = replace(call.ask, attempt=len(call.record.attempts) + 1, timeout_s=min(LONGEST_ATTEMPT_S, left_s))
        try:
            async with asyncio.timeout(ask.timeout_s):
                answer = await call.provider.generate(ask)
        except TimeoutError:
            failure = ProviderFailure(ErrorCode.AI_TIMEOUT, f"{call.provider.name} gave no answer in time")
            call.record = call.record.with_attempt("error", _since(started), failure.code)
            raise failure from None
        except ProviderFailure as failure:
            call.record = call.record.with_attempt("error", _since(started), failure.code)
            raise
        finally:
            call.slots.release()
        record = replace(call.record.with_usage(answer.usage), model_answered=answer.model)
        outcome = "ok" if _problem(answer, call) is None else "invalid_output"
        error = None if outcome == "ok" else ErrorCode.AI_INVALID_OUTPUT
        call.record = record.with_attempt(outcome, _since(started), error)
        return answer

    async def _slot(self, call: OpenCall) -> None:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(max(0.0, call.left_s())):
                await call.slots.acquire()
        except TimeoutError:
            waited = f"{call.provider.name} had no free slot within the deadline; ask again later"
            raise GaveUp(ErrorCode.AI_TIMEOUT, waited) from None
        finally:
            call.record = replace(call.record, queue_ms=call.record.queue_ms + _since(started))

    async def _wait_before_retry(self, call: OpenCall, failure: ProviderFailure, failures: int) -> None:
        """Returns when it is time to try again. Raises GaveUp when it never is."""
        await self._report(call)
        delay = delay_before_retry(
            failure.code,
            retryable=failure.retryable,
            failures=failures,
            retry_after_s=failure.retry_after_s,
            left_s=call.left_s(),
            call_id=call.record.call_id,
        )
        if delay is None:
            raise GaveUp(failure.code, failure.message)
        await self._sleep(delay)

    async def _report(self, call: OpenCall) -> None:
        attempt: Attempt = call.record.attempts[-1]
        fact = CallAttemptFailed(call_id=call.record.call_id, attempt=attempt)
        await self._facts.publish_fact(fact, f"{call.record.call_id}.attempt-{attempt.number}", call.record.request_id)


def _problem(answer: ProviderAnswer, call: OpenCall) -> Problem | None:
    if call.schema is not None:
        return call.schema.problem_of(answer.text or "")
    if call.ask.output == "image":
        unusable = not answer.pictures or not all(_is_picture(picture) for picture in answer.pictures)
        return Problem("no picture of the stated type", "") if unusable else None
    return None if answer.text and answer.text.strip() else Problem("it is empty", "")


def _is_picture(picture: Picture) -> bool:
    signature = _SIGNATURES.get(picture.content_type)
    return signature is not None and picture.data.startswith(signature)


def _plea(problem: Problem) -> str:
    return f"Your answer cannot be used: {problem.detail}\nAnswer again with the whole corrected JSON document alone."


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
