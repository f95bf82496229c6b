"""The error envelope: one closed list of codes, each with its HTTP status and whether trying again can help."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import JsonValue

from contracts.model import Message


class ErrorCode(StrEnum):
    """Machine-readable reasons. Everything that is not one of these is INTERNAL and shows no detail to a user."""

    INVALID_REQUEST = "INVALID_REQUEST"
    INVALID_SPEC = "INVALID_SPEC"
    INVALID_DESIGN = "INVALID_DESIGN"
    INVALID_SVG = "INVALID_SVG"
    DIGEST_MISMATCH = "DIGEST_MISMATCH"
    BLOB_CORRUPT = "BLOB_CORRUPT"
    BLOB_MISSING = "BLOB_MISSING"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    SAFETY_BLOCKED = "SAFETY_BLOCKED"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    VERDICT_DRIFTED = "VERDICT_DRIFTED"
    TOOLPATHS_ERROR = "TOOLPATHS_ERROR"
    GENERATION_FAILED = "GENERATION_FAILED"
    AI_BLOCKED = "AI_BLOCKED"
    AI_NOT_CONFIGURED = "AI_NOT_CONFIGURED"
    AI_RATE_LIMITED = "AI_RATE_LIMITED"
    AI_TIMEOUT = "AI_TIMEOUT"
    AI_REFUSED = "AI_REFUSED"
    AI_INVALID_OUTPUT = "AI_INVALID_OUTPUT"
    AI_PROVIDER_ERROR = "AI_PROVIDER_ERROR"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    RATE_LIMITED = "RATE_LIMITED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


HTTP_STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.INVALID_SPEC: 400,
    ErrorCode.INVALID_DESIGN: 400,
    ErrorCode.INVALID_SVG: 400,
    ErrorCode.DIGEST_MISMATCH: 400,
    ErrorCode.BLOB_CORRUPT: 409,
    ErrorCode.BLOB_MISSING: 409,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.ILLEGAL_TRANSITION: 409,
    ErrorCode.VERSION_CONFLICT: 409,
    ErrorCode.IDEMPOTENCY_MISMATCH: 422,
    ErrorCode.SAFETY_BLOCKED: 409,
    ErrorCode.APPROVAL_REQUIRED: 409,
    ErrorCode.VERDICT_DRIFTED: 409,
    ErrorCode.TOOLPATHS_ERROR: 500,
    ErrorCode.GENERATION_FAILED: 502,
    ErrorCode.AI_BLOCKED: 422,
    ErrorCode.AI_NOT_CONFIGURED: 400,
    ErrorCode.AI_RATE_LIMITED: 502,
    ErrorCode.AI_TIMEOUT: 502,
    ErrorCode.AI_REFUSED: 502,
    ErrorCode.AI_INVALID_OUTPUT: 502,
    ErrorCode.AI_PROVIDER_ERROR: 502,
    ErrorCode.BUDGET_EXCEEDED: 429,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.DEADLINE_EXCEEDED: 504,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}

RETRYABLE: frozenset[ErrorCode] = frozenset(
    {
        ErrorCode.VERSION_CONFLICT,
        ErrorCode.AI_RATE_LIMITED,
        ErrorCode.AI_TIMEOUT,
        ErrorCode.RATE_LIMITED,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.UNAVAILABLE,
    }
)


class ErrorBody(Message):
    """An error on the bus: what happened and what to do (`message`), data for a program (`details`)."""

    code: ErrorCode
    message: str
    details: dict[str, JsonValue] = {}
    retryable: bool = False


class RmosError(Exception):
    """Root of every error that may cross a process border; carries the envelope it becomes."""

    def __init__(self, code: ErrorCode, message: str, /, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: dict[str, Any] = details

    def __reduce__(self) -> tuple[Any, ...]:
        # made again in another process by its envelope: Exception's own way would lose the code and the details
        return RmosError.from_body, (self.body,)

    @property
    def body(self) -> ErrorBody:
        return ErrorBody(code=self.code, message=self.message, details=self.details, retryable=self.code in RETRYABLE)

    @classmethod
    def from_body(cls, body: ErrorBody) -> RmosError:
        return cls(body.code, body.message, **body.details)
