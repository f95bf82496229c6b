"""The conversation with `art_studio`: prompts into specs and drawings, compiled SVG, checked SVG, assets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from contracts.ai import Provenance, ProviderName, SafetyFinding, Seed
from contracts.artifacts import Attachment
from contracts.blobs import BlobRef
from contracts.errors import ErrorBody
from contracts.model import CatalogId, Identifier, Message, NonNegative, Number, RequestId, Sha256, Timestamp
from contracts.params import RosetteParamSpec
from contracts.spec import RosetteSpec

Route = Literal["direct", "vector", "auto"]


class PromptConstraints(Message):
    """What every variant must respect. Diameters are of the rosette band, mm."""

    inner_diameter_mm: Annotated[Number, Field(gt=0, le=1000)] | None = None
    max_shapes: Annotated[int, Field(ge=1, le=200)] | None = None
    min_feature_mm: Annotated[Number, Field(gt=0, le=20)] | None = None
    depth_mm: Annotated[Number, Field(gt=0, le=20)] | None = None
    materials: Annotated[tuple[CatalogId, ...], Field(max_length=20)] = ()


class PromptToSvg(Message):
    prompt: Annotated[str, Field(min_length=1, max_length=2000)]
    count: Annotated[int, Field(ge=1, le=10)] = 1
    variant_seed: Seed | None = None
    diameter_mm: Annotated[Number, Field(gt=0, le=1000)] | None = None
    constraints: PromptConstraints = PromptConstraints()
    style_hints: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=20)] = ()
    provider: ProviderName | None = None
    model: Annotated[str, Field(max_length=100)] | None = None
    route: Route = "direct"


class VariantStatus(StrEnum):
    OK = "OK"
    ERROR = "ERROR"


class Variant(Message):
    """One design. `variant_sha256` is the SVG's digest, `attachment_sha256` the spec's; both are blobs."""

    index: Annotated[int, Field(ge=0)]
    status: VariantStatus
    variant_seed: Seed
    spec: RosetteSpec | None = None
    svg: str | None = None
    variant_sha256: Sha256 | None = None
    attachment_sha256: Sha256 | None = None
    spec_sha256: Sha256 | None = None
    preview: BlobRef | None = None
    provenance_sha256: Sha256 | None = None
    asset_id: Identifier | None = None
    warnings: tuple[str, ...] = ()
    safety_flags: tuple[SafetyFinding, ...] = ()
    error: ErrorBody | None = None


class PromptToSvgReply(Message):
    request_id: RequestId
    variant_seed: Seed
    route: Route
    variants: tuple[Variant, ...]
    asset_ids: tuple[Identifier, ...]
    success_count: int
    failure_count: int
    provenance: tuple[Provenance, ...]
    compiler_version: str
    compute_ms: NonNegative


class GenerateSvg(PromptToSvg):
    """Generate and, with a run, attach SVG, spec and provenance of every successful variant to it."""

    run_id: Identifier | None = None


class GenerateSvgReply(PromptToSvgReply):
    run_id: Identifier | None = None
    attachments: tuple[Attachment, ...] = ()


class AttachAssets(Message):
    run_id: Identifier
    asset_ids: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=50)]


class AttachAssetsReply(Message):
    run_id: Identifier
    asset_ids: tuple[Identifier, ...]
    attachments: tuple[Attachment, ...]


class CompileSpec(Message):
    """Exactly one of spec and design."""

    spec: RosetteSpec | None = None
    design: RosetteParamSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.spec is None) == (self.design is None):
            raise ValueError("give exactly one of spec and design")
        return self


class CompiledSpec(Message):
    spec: RosetteSpec
    svg: BlobRef
    compiler_version: str


class RecomputeSvg(Message):
    spec: RosetteSpec


class RecomputedSvg(Message):
    """What the spec compiles to today, by its digest; nothing is stored."""

    svg_sha256: Sha256
    compiler_version: str


class CheckSvg(Message):
    """Is this stored SVG free of everything that is not on the allow-list?"""

    blob: BlobRef


class CheckedSvg(Message):
    accepted: bool
    reason: str | None = None
    elements: int = 0


class AskAsset(Message):
    asset_id: Identifier


class ListAssets(Message):
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    variant_seed: Seed | None = None
    request_id: RequestId | None = None


class Asset(Message):
    """A generated design kept in the object store: found again by id, seed or request."""

    asset_id: Identifier
    created_at_utc: Timestamp
    request_id: RequestId
    variant_seed: Seed
    svg: BlobRef
    spec: BlobRef
    provenance: BlobRef
    preview: BlobRef
    prompt_sha256: Sha256
    meta: dict[str, JsonValue] = {}


class Assets(Message):
    items: tuple[Asset, ...]
    next_cursor: str | None = None


class VariantGenerated(Message):
    type: ClassVar[str] = "art.variant_generated.v1"
    request_id: RequestId
    asset_id: Identifier
    call_id: Identifier
    variant_seed: Seed
    svg_sha256: Sha256
    spec_sha256: Sha256
    provenance_sha256: Sha256
    compiler_version: str


class VariantFailed(Message):
    type: ClassVar[str] = "art.variant_failed.v1"
    request_id: RequestId
    call_id: Identifier | None
    variant_seed: Seed
    error: ErrorBody


ART_FACTS = (VariantGenerated, VariantFailed)
