"""The record of one call, put together from what the handler saw. Digests only; no text of prompt or answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from contracts.ai import Attempt, CostStatus, GenerateContent, Provenance, SafetyFinding, Usage
from contracts.canonical import sha256_hex
from contracts.errors import ErrorCode
from contracts.model import decimal_of
from services.ai_gateway.domain.prices import PriceTable


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is known of a call so far; every step returns a fuller one."""

    call_id: str
    request_id: str
    created_at_utc: str
    provider: str
    model: str
    request: GenerateContent
    policy_sha256: str
    engine_version: str
    schema_sha256: str | None = None
    allowed: bool = False
    safety_reason: str | None = None
    findings: tuple[SafetyFinding, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    repair_rounds: int = 0
    queue_ms: float = 0.0
    usage: Usage = field(default_factory=Usage)
    model_answered: str | None = None
    response_sha256: str | None = None
    captured: bool = False

    def with_attempt(self, outcome: str, upstream_ms: float, error: ErrorCode | None = None) -> CallRecord:
        attempt = Attempt.model_validate(
            {
                "number": len(self.attempts) + 1,
                "outcome": outcome,
                "error": error,
                "upstream_ms": decimal_of(round(upstream_ms, 3)),
            }
        )
        return replace(self, attempts=(*self.attempts, attempt))

    def with_usage(self, usage: Usage) -> CallRecord:
        """Repair rounds are paid too: usage adds up over attempts; what one did not say counts as unknown."""
        if not any(attempt.outcome != "error" for attempt in self.attempts):
            return replace(self, usage=usage)
        names = Usage.model_fields
        summed = {name: _sum(getattr(self.usage, name), getattr(usage, name)) for name in names}
        return replace(self, usage=Usage(**summed))

    def provenance(self, prices: PriceTable, latency_ms: float) -> Provenance:
        cost, status = prices.cost(self.provider, self.model_answered or self.model, self.usage)
        if not any(attempt.outcome != "error" for attempt in self.attempts) and self.provider != "offline":
            # nothing was answered; a failed attempt may still have been billed, so its cost is not known to be zero
            cost, status = (0, CostStatus.FREE) if not self.attempts else (None, CostStatus.UNPRICED)
        request = self.request
        return Provenance(
            call_id=self.call_id,
            request_id=self.request_id,
            operation=request.operation,
            category=request.category,
            output=request.output,
            created_at_utc=self.created_at_utc,
            provider=self.provider,
            model_requested=request.model,
            model_answered=self.model_answered,
            allowed=self.allowed,
            safety_reason=self.safety_reason,
            safety_flags=self.findings,
            policy_sha256=self.policy_sha256,
            prompt_sha256=text_sha256(request.prompt),
            system_sha256=None if request.system_prompt is None else text_sha256(request.system_prompt),
            schema_sha256=self.schema_sha256,
            response_sha256=self.response_sha256,
            latency_ms=decimal_of(round(latency_ms, 3)),
            queue_ms=decimal_of(round(self.queue_ms, 3)),
            attempts=self.attempts,
            repair_rounds=self.repair_rounds,
            usage=self.usage,
            cost_micro_usd=cost,
            cost_status=status,
            price_table_sha256=prices.sha256,
            variant_seed=request.variant_seed,
            captured=self.captured,
            engine_version=self.engine_version,
        )


def text_sha256(text: str) -> str:
    """Digest of the text as UTF-8. Lone surrogates cannot reach this: messages are JSON."""
    return sha256_hex(text.encode())


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b
