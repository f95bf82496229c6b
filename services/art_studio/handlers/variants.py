"""One variant: ask the model, read the answer, draw it, store it, index it, publish the fact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from contracts.ai import GeneratedContent, Provenance
from contracts.art import Asset, PromptToSvg, Variant, VariantFailed, VariantGenerated, VariantStatus
from contracts.blobs import BlobRef
from contracts.canonical import canonical_bytes, sha256_hex
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from runtime.clock import utc_text
from services.art_studio.domain.answers import Answer, read_answer
from services.art_studio.domain.compiler import COMPILER_VERSION
from services.art_studio.domain.prompting import model_call
from services.art_studio.domain.seeds import asset_digest, asset_ids, seed_of_variant
from services.art_studio.ports import AssetIndex, Blobs, Designer, Drawings, Facts, NewAsset


@dataclass(frozen=True, slots=True)
class Studio:
    """Everything a variant is made with."""

    designer: Designer
    drawings: Drawings
    blobs: Blobs
    index: AssetIndex
    facts: Facts
    now: Callable[[], datetime]
    new_id: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Made:
    """A variant, the record of its model call as far as there was one, and its asset when it succeeded."""

    variant: Variant
    provenance: Provenance | None
    asset: Asset | None


class VariantMaker:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def make(self, command: PromptToSvg, seed: int, index: int, request: RequestContext) -> Made:
        """The variant, OK or ERROR, its fact stored. Raises RmosError only when the fact could not be stored."""
        variant_seed = seed_of_variant(seed, index)
        provenance: Provenance | None = None
        try:
            generated = await self._studio.designer.generate(model_call(command, variant_seed), request)
            provenance = generated.provenance
            answer = _read(generated, command)
            variant, asset = await self._kept(command, seed, index, answer, provenance, request)
        except RmosError as raised:
            error, of_call = _without_record(raised)
            provenance = provenance or of_call
            await self._publish_failure(error, variant_seed, provenance, request)
            failed = Variant(
                index=index,
                status=VariantStatus.ERROR,
                variant_seed=variant_seed,
                safety_flags=provenance.safety_flags if provenance else (),
                error=error.body,
            )
            return Made(failed, provenance, None)
        await self._publish_success(asset, provenance, request)
        return Made(variant, provenance, asset)

    async def _kept(
        self,
        command: PromptToSvg,
        seed: int,
        index: int,
        answer: Answer,
        provenance: Provenance,
        request: RequestContext,
    ) -> tuple[Variant, Asset]:
        """Draws the design and stores it with its record under an asset id."""
        svg = await self._studio.drawings.compiled(answer.spec)
        png = await self._studio.drawings.preview(svg)
        blobs = await self._stored(svg, canonical_bytes(answer.spec), canonical_bytes(provenance), png)
        variant_seed = seed_of_variant(seed, index)
        asset = await self._indexed(command, seed, variant_seed, blobs, provenance, request)
        variant = Variant(
            index=index,
            status=VariantStatus.OK,
            variant_seed=variant_seed,
            spec=answer.spec,
            svg=svg.decode(),
            variant_sha256=asset.svg.sha256,
            attachment_sha256=asset.spec.sha256,
            spec_sha256=asset.spec.sha256,
            preview=asset.preview,
            provenance_sha256=asset.provenance.sha256,
            asset_id=asset.asset_id,
            warnings=(*_soft_warnings(provenance), *answer.warnings),
            safety_flags=provenance.safety_flags,
        )
        return variant, asset

    async def _stored(self, svg: bytes, spec: bytes, provenance: bytes, png: bytes) -> tuple[BlobRef, ...]:
        put = self._studio.blobs.put
        return await asyncio.gather(
            put(svg, "image/svg+xml"),
            put(spec, "application/json"),
            put(provenance, "application/json"),
            put(png, "image/png"),
        )

    async def _indexed(
        self, command: PromptToSvg, seed: int, variant_seed: int, blobs: tuple[BlobRef, ...], provenance: Provenance,
        request: RequestContext,
    ) -> Asset:  # fmt: skip
        svg, spec, record, preview = blobs
        digest = asset_digest(svg.sha256, spec.sha256)
        asset = Asset(
            asset_id=asset_ids(digest)[0],
            created_at_utc=utc_text(self._studio.now()),
            request_id=request.request_id,
            variant_seed=variant_seed,
            svg=svg,
            spec=spec,
            provenance=record,
            preview=preview,
            prompt_sha256=sha256_hex(command.prompt.encode()),
            meta={
                "compiler_version": COMPILER_VERSION,
                "model": provenance.model_answered,
                "provider": provenance.provider,
                "request_seed": seed,
                "route": "direct",
            },
        )
        asset_id = await self._studio.index.add(NewAsset(digest=digest, asset=asset, request_seed=seed))
        return asset.model_copy(update={"asset_id": asset_id})

    async def _publish_success(self, asset: Asset, provenance: Provenance, request: RequestContext) -> None:
        fact = VariantGenerated(
            request_id=request.request_id,
            asset_id=asset.asset_id,
            call_id=provenance.call_id,
            variant_seed=asset.variant_seed,
            svg_sha256=asset.svg.sha256,
            spec_sha256=asset.spec.sha256,
            provenance_sha256=asset.provenance.sha256,
            compiler_version=COMPILER_VERSION,
        )
        await self._studio.facts.publish_fact(fact, self._studio.new_id("fact"), request.request_id)

    async def _publish_failure(
        self, error: RmosError, variant_seed: int, provenance: Provenance | None, request: RequestContext
    ) -> None:
        fact = VariantFailed(
            request_id=request.request_id,
            call_id=provenance.call_id if provenance else None,
            variant_seed=variant_seed,
            error=error.body,
        )
        await self._studio.facts.publish_fact(fact, self._studio.new_id("fact"), request.request_id)


def _without_record(error: RmosError) -> tuple[RmosError, Provenance | None]:
    """A failed model call carries its record in the error's details: taken out, it stands with the others' records."""
    details = dict(error.details)
    try:
        provenance = Provenance.model_validate(details["provenance"])
    except (KeyError, ValidationError):
        return error, None
    del details["provenance"]
    return RmosError(error.code, error.message, **details), provenance


def _read(generated: GeneratedContent, command: PromptToSvg) -> Answer:
    if generated.text is None:
        raise RmosError(ErrorCode.AI_INVALID_OUTPUT, "the model answered without text")
    return read_answer(generated.text, command)


def _soft_warnings(provenance: Provenance) -> list[str]:
    return [f"SOFT_WARN {finding.flag}: {finding.reason}" for finding in provenance.safety_flags]
