"""When an attempt that brought no answer is made again. An answer that came is never asked for twice."""

from __future__ import annotations

from contracts.canonical import sha256_hex
from contracts.errors import ErrorCode

MAX_ATTEMPTS: dict[ErrorCode, int] = {
    ErrorCode.AI_RATE_LIMITED: 4,
    ErrorCode.AI_PROVIDER_ERROR: 3,
    ErrorCode.AI_TIMEOUT: 2,
}
"""Attempts in all while this is the error; anything not listed is final at once."""

MAX_REPAIR_ROUNDS = 2
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 8.0
LONGEST_RETRY_AFTER_S = 30.0


def delay_before_retry(
    code: ErrorCode, *, retryable: bool, failures: int, retry_after_s: float | None, left_s: float, call_id: str
) -> float | None:
    """Seconds to wait before the next attempt, or None when there is none.

    `failures`: attempts without an answer so far. The delay doubles, with jitter drawn from the call's id so that calls
    that failed together do not return together; a provider's Retry-After is honoured where the deadline allows it.
    """
    if not retryable or failures >= MAX_ATTEMPTS.get(code, 1):
        return None
    jitter = 0.5 + int(sha256_hex(f"{call_id}/{failures}".encode())[:8], 16) / 2**33
    delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (failures - 1)) * jitter
    if retry_after_s is not None:
        if retry_after_s > LONGEST_RETRY_AFTER_S:
            return None
        delay = max(0.0, retry_after_s)
    return delay if delay < left_s else None
