"""What art_studio's handlers need of the outside. The comments are the specification every adapter must keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.ai import GenerateContent, GeneratedContent
from contracts.art import Asset, Assets, CheckedSvg, ListAssets
from contracts.artifacts import Attachment, Run
from contracts.blobs import BlobRef
from contracts.envelope import RequestContext
from contracts.model import Message
from contracts.rmos import NewAttachment
from contracts.spec import RosetteSpec


@dataclass(frozen=True, slots=True)
class NewAsset:
    """A generated design and where it came from. `request_seed` is the seed of the whole request."""

    digest: str
    asset: Asset
    """Its `asset_id` is the shortest possible one; the index may give a longer one."""
    request_seed: int


class Drawings(Protocol):
    """Computation away from the event loop. All raise RmosError(UNAVAILABLE) when the worker process died."""

    async def compiled(self, spec: RosetteSpec) -> bytes:
        """The SVG of the spec. Raises RmosError(INVALID_SPEC) when it is too large to draw."""
        ...

    async def checked(self, svg: bytes) -> CheckedSvg:
        """The verdict on an SVG from outside."""
        ...

    async def preview(self, svg: bytes) -> bytes:
        """A PNG of one of our own drawings. Raises RmosError(INVALID_SVG) when it cannot be drawn in time."""
        ...


class Blobs(Protocol):
    async def put(self, data: bytes, content_type: str) -> BlobRef:
        """Store content under its digest; returns once it is stored. Raises RmosError(UNAVAILABLE)."""
        ...

    async def get(self, reference: BlobRef) -> bytes:
        """The content, hashed again. Raises BLOB_MISSING, BLOB_CORRUPT (with both digests) or UNAVAILABLE."""
        ...


class Facts(Protocol):
    async def publish_fact(self, fact: Message, fact_id: str, request_id: str, subject: str | None = None) -> None:
        """Store a fact once; returns once it is stored. Raises RmosError(UNAVAILABLE)."""
        ...


class Designer(Protocol):
    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        """One model call. Raises the RmosError that ai_gateway answered, UNAVAILABLE or DEADLINE_EXCEEDED."""
        ...


class Authority(Protocol):
    """rmos, asked in the caller's name. All raise the RmosError it answered, UNAVAILABLE or DEADLINE_EXCEEDED."""

    async def run(self, run_id: str, request: RequestContext) -> Run:
        """Raises NOT_FOUND."""
        ...

    async def attach(
        self, run_id: str, attachments: Sequence[NewAttachment], request: RequestContext
    ) -> tuple[Attachment, ...]:
        """The run's entries for this content, at most 60 at a time; what it has already is not added twice."""
        ...

    async def reference(self, run_id: str, asset_ids: Sequence[str], request: RequestContext) -> None:
        """Link the assets to the run as advice."""
        ...


class AssetIndex(Protocol):
    """Where generated designs are found again. All raise RmosError(UNAVAILABLE)."""

    async def add(self, new: NewAsset) -> str:
        """The asset's id; an asset with this digest keeps the id it has. Durable when it returns.

        The same asset from another request is one asset with two origins.
        """
        ...

    async def get(self, asset_id: str) -> Asset:
        """The asset with its first origin. Raises NOT_FOUND."""
        ...

    async def page(self, query: ListAssets) -> Assets:
        """Newest first; with a filter, each asset shows the origin that matches. A seed matches the variant's and the
        request's. Following `next_cursor` visits everything that existed at the first page exactly once.
        Raises INVALID_REQUEST for a cursor that is none of ours.
        """
        ...

    async def ready(self) -> bool:
        """True when the index answers, False when it answers but has no tables."""
        ...


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered, as canonical JSON, and to which command (contracts.commands.command_digest)."""

    command_sha256: str
    reply: bytes


class KeptAnswers(Protocol):
    """Answers to commands that their callers named. All raise RmosError(UNAVAILABLE)."""

    async def get(self, command_id: str) -> KeptAnswer | None:
        """What was kept under this id; None when nothing was."""
        ...

    async def keep(self, command_id: str, answer: KeptAnswer) -> KeptAnswer:
        """Keeps the answer, durable when it returns; what stands under the id now, which is the first one kept."""
        ...
