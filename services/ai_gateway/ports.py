"""What the gateway's handlers need of the outside: model providers, facts, blobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from contracts.ai import Output, Usage
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode
from contracts.model import Message


@dataclass(frozen=True, slots=True)
class Repair:
    """An answer that was not valid, and why: sent back so that the model can mend it."""

    answer: str
    problem: str


@dataclass(frozen=True, slots=True)
class StructuredOutput:
    """`asked` is the caller's JSON Schema; `strict` the same in the form that strict modes accept."""

    name: str
    asked: Mapping[str, Any]
    strict: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ImageForm:
    size: str | None = None
    quality: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One attempt. `attempt` counts from 1; `timeout_s` is what is left for this attempt."""

    output: Output
    model: str
    prompt: str
    system_prompt: str | None
    timeout_s: float
    attempt: int = 1
    temperature: float | None = None
    max_output_tokens: int | None = None
    seed: int | None = None
    structure: StructuredOutput | None = None
    image: ImageForm = ImageForm()
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    data: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """`text` for text and JSON outputs, `pictures` for images. `model` as the provider named it."""

    model: str
    text: str | None = field(default=None, repr=False)
    pictures: tuple[Picture, ...] = ()
    usage: Usage = field(default_factory=Usage)


class ProviderFailure(Exception):
    """No answer. The message is fit for a user: it never holds a key, a prompt or an upstream body.

    `retryable`: asking again can help; `retry_after_s` is what the provider asked to wait.
    """

    def __init__(
        self, code: ErrorCode, message: str, *, retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class Provider(Protocol):
    """One source of model answers. Safe to call concurrently; cancelling `generate` abandons the attempt."""

    @property
    def name(self) -> str: ...

    def default_model(self, output: Output) -> str | None:
        """The model asked where the caller names none; None where this provider does not make such output."""
        ...

    async def generate(self, call: ProviderCall) -> ProviderAnswer:
        """One attempt, no retries. Raises ProviderFailure and nothing else."""
        ...

    async def close(self) -> None: ...


class Facts(Protocol):
    async def publish_fact(self, fact: Message, fact_id: str, request_id: str, subject: str | None = None) -> None:
        """Store a fact; returns once it is stored; the same id is stored once. Raises RmosError(UNAVAILABLE)."""
        ...


class Blobs(Protocol):
    async def put(self, data: bytes, content_type: str) -> BlobRef:
        """Store content under its digest; returns once it is stored. Raises RmosError(UNAVAILABLE)."""
        ...
