"""The conversation with `ai_gateway`: one entry for every model call, and the provenance of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.blobs import BlobRef
from contracts.errors import ErrorCode
from contracts.model import Identifier, Message, NonNegative, Number, RequestId, Sha256, Timestamp

Output = Literal["text", "json", "image"]
ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]


class SafetyCategory(StrEnum):
    """How strict the policy is: creative prompts get warnings for soft findings, operational ones are blocked."""

    CREATIVE = "creative"
    OPERATIONAL = "operational"


class GenerateContent(Message):
    """One model call. `output_schema_json` (JSON Schema as text) is needed for, and only for, output "json".

    `temperature` is a hint: it is sent only to models that take one. Sizes are pixels ("1024x1024").
    """

    operation: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
    category: SafetyCategory = SafetyCategory.CREATIVE
    output: Output
    prompt: Annotated[str, Field(min_length=1, max_length=20_000)]
    system_prompt: Annotated[str, Field(max_length=40_000)] | None = None
    provider: ProviderName | None = None
    model: Annotated[str, Field(max_length=100)] | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=200_000)] | None = None
    schema_name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")] | None = None
    output_schema_json: Annotated[str, Field(max_length=200_000)] | None = None
    variant_seed: Seed | None = None
    image_size: Annotated[str, Field(pattern=r"^\d{2,5}x\d{2,5}$")] | None = None
    image_quality: Literal["low", "medium", "high"] | None = None
    image_format: Literal["png", "webp", "jpeg"] | None = None


class Usage(Message):
    """Tokens and images as the provider counted them; None where it said nothing."""

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    images: int | None = None


class CostStatus(StrEnum):
    PRICED = "priced"
    FREE = "free"
    UNPRICED = "unpriced"
    """The price table does not know the model: the cost is unknown, not zero."""


class Attempt(Message):
    number: Annotated[int, Field(ge=1)]
    outcome: Literal["ok", "invalid_output", "error"]
    error: ErrorCode | None = None
    upstream_ms: NonNegative


class SafetyFinding(Message):
    """A soft finding (`warn`) is carried along; a hard one (`block`) stops the call."""

    flag: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    action: Literal["warn", "block"]
    reason: str


class Provenance(Message):
    """What is on record of one model call. Text never appears here: digests only."""

    call_id: Identifier
    request_id: RequestId
    operation: str
    category: SafetyCategory
    output: Output
    created_at_utc: Timestamp
    provider: str
    model_requested: str | None = None
    model_answered: str | None = None
    allowed: bool
    safety_reason: str | None = None
    safety_flags: tuple[SafetyFinding, ...] = ()
    policy_sha256: Sha256
    prompt_sha256: Sha256
    system_sha256: Sha256 | None = None
    schema_sha256: Sha256 | None = None
    response_sha256: Sha256 | None = None
    latency_ms: NonNegative
    queue_ms: NonNegative
    attempts: tuple[Attempt, ...] = ()
    repair_rounds: Annotated[int, Field(ge=0, le=2)] = 0
    usage: Usage = Usage()
    cost_micro_usd: Annotated[int, Field(ge=0)] | None = None
    cost_status: CostStatus
    price_table_sha256: Sha256
    variant_seed: Seed | None = None
    captured: bool = False
    engine_version: str


class GeneratedContent(Message):
    """`text` for text and JSON outputs (valid against the schema when JSON was asked), `images` for images."""

    text: str | None = None
    images: tuple[BlobRef, ...] = ()
    provenance: Provenance


class CallRequested(Message):
    type: ClassVar[str] = "ai.call_requested.v1"
    call_id: Identifier
    request_id: RequestId
    operation: str
    output: Output
    provider: str
    model_requested: str | None
    prompt_sha256: Sha256
    variant_seed: Seed | None


class CallBlocked(Message):
    type: ClassVar[str] = "ai.call_blocked.v1"
    provenance: Provenance


class CallAttemptFailed(Message):
    type: ClassVar[str] = "ai.call_attempt_failed.v1"
    call_id: Identifier
    attempt: Attempt


class CallCompleted(Message):
    type: ClassVar[str] = "ai.call_completed.v1"
    provenance: Provenance


class CallFailed(Message):
    type: ClassVar[str] = "ai.call_failed.v1"
    provenance: Provenance
    error: ErrorCode
    reason: str


AI_FACTS = (CallRequested, CallBlocked, CallAttemptFailed, CallCompleted, CallFailed)
TERMINAL_FACTS = (CallBlocked, CallCompleted, CallFailed)
"""Exactly one of these follows each CallRequested, also across a crash."""


class AskProviders(Message):
    """Which providers this gateway has."""


class ProviderStatus(Message):
    name: str
    configured: bool
    default_model: str | None = None
    outputs: tuple[Output, ...]


class Providers(Message):
    default_provider: str
    providers: tuple[ProviderStatus, ...]
