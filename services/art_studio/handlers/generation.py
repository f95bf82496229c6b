"""From a prompt to stored designs; with a run, also attached to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from contracts.art import (
    Asset,
    GenerateSvg,
    GenerateSvgReply,
    PromptToSvg,
    PromptToSvgReply,
    Variant,
    VariantStatus,
)
from contracts.envelope import RequestContext
from contracts.errors import RETRYABLE, ErrorCode, RmosError
from contracts.model import decimal_of
from runtime.clock import elapsed_ms
from services.art_studio.domain.compiler import COMPILER_VERSION
from services.art_studio.domain.seeds import seed_of_command
from services.art_studio.handlers.attaching import attach_to_run
from services.art_studio.handlers.variants import Made, VariantMaker
from services.art_studio.ports import Authority

VARIANTS_AT_ONCE = 4
"""Per request, so that one request of ten cannot keep all others waiting for the model."""
INLINE_SVG_BYTES = 2_000_000
"""Together in one reply; a drawing beyond it is left to be fetched by its digest (the bus carries 8 MiB a message)."""
_LEFT_OUT = "the drawing is too large for the reply: fetch it by variant_sha256"


class GenerationHandlers:
    def __init__(self, maker: VariantMaker, authority: Authority, new_seed: Callable[[], int]) -> None:
        self._maker = maker
        self._authority = authority
        self._new_seed = new_seed

    async def prompt_to_svg(self, command: PromptToSvg, request: RequestContext) -> PromptToSvgReply:
        """The variants, at least one of them OK. Raises GENERATION_FAILED with every variant's error when none is; the
        retryable error itself when all failed for want of a service."""
        return (await self._generated(command, request))[0]

    async def generate_svg(self, command: GenerateSvg, request: RequestContext) -> GenerateSvgReply:
        """As `prompt_to_svg`; with a run, SVG, spec, provenance and preview of every OK variant become its attachments.

        Raises NOT_FOUND before anything is generated when there is no such run. When the attaching fails, the error's
        details name the assets, which are kept and can be attached later.
        """
        if command.run_id is not None:
            await self._authority.run(command.run_id, request)
        reply, assets = await self._generated(command, request)
        attachments = (
            await attach_to_run(self._authority, command.run_id, assets, request) if command.run_id is not None else ()
        )
        return GenerateSvgReply(**dict(reply), run_id=command.run_id, attachments=attachments)

    async def _generated(
        self, command: PromptToSvg, request: RequestContext
    ) -> tuple[PromptToSvgReply, tuple[Asset, ...]]:
        started = time.perf_counter()
        if command.route != "direct":
            raise RmosError(ErrorCode.INVALID_REQUEST, f"route {command.route} is not available yet, use direct")
        seed = command.variant_seed if command.variant_seed is not None else self._seed_for(request)
        made = await self._all(command, seed, request)
        assets = tuple(dict.fromkeys(one.asset.asset_id for one in made if one.asset is not None))
        if not assets:
            raise _all_failed([one.variant for one in made], seed, request)
        reply = PromptToSvgReply(
            request_id=request.request_id,
            variant_seed=seed,
            route=command.route,
            variants=_within_reply([one.variant for one in made]),
            asset_ids=assets,
            success_count=sum(one.variant.status is VariantStatus.OK for one in made),
            failure_count=sum(one.variant.status is VariantStatus.ERROR for one in made),
            provenance=tuple(one.provenance for one in made if one.provenance is not None),
            compiler_version=COMPILER_VERSION,
            compute_ms=decimal_of(elapsed_ms(started)),
        )
        return reply, tuple(one.asset for one in made if one.asset is not None)

    def _seed_for(self, request: RequestContext) -> int:
        return seed_of_command(request.command_id) if request.idempotent else self._new_seed()

    async def _all(self, command: PromptToSvg, seed: int, request: RequestContext) -> list[Made]:
        """Every variant in order. An error that ends the request is raised after the others came to their end."""
        slots = asyncio.Semaphore(VARIANTS_AT_ONCE)

        async def one(index: int) -> Made | RmosError:
            async with slots:
                try:
                    return await self._maker.make(command, seed, index, request)
                except RmosError as error:
                    return error

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(index)) for index in range(command.count)]
        made: list[Made] = []
        for task in tasks:
            outcome = task.result()
            if isinstance(outcome, RmosError):
                raise outcome
            made.append(outcome)
        return made


def _all_failed(variants: Sequence[Variant], seed: int, request: RequestContext) -> RmosError:
    """One error for all; a retryable one when every variant failed for want of a service."""
    errors = [variant.error for variant in variants if variant.error is not None]
    details = {
        "request_id": request.request_id,
        "variant_seed": seed,
        "variants": [
            {
                "index": variant.index,
                "variant_seed": variant.variant_seed,
                "error": variant.error.model_dump(mode="json"),
            }
            for variant in variants
            if variant.error is not None
        ],
    }
    first = errors[0]
    if all(error.code in RETRYABLE and not error.code.startswith("AI_") for error in errors):
        return RmosError(first.code, first.message, **details)
    count = f"all {len(errors)} variants" if len(errors) > 1 else "the variant"
    return RmosError(ErrorCode.GENERATION_FAILED, f"{count} failed: {first.code}: {first.message}", **details)


def _within_reply(variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """The variants with as many drawings inline as a reply holds."""
    kept: list[Variant] = []
    room = INLINE_SVG_BYTES
    for variant in variants:
        size = len(variant.svg or "")
        if size <= room:
            room -= size
            kept.append(variant)
        else:
            kept.append(variant.model_copy(update={"svg": None, "warnings": (*variant.warnings, _LEFT_OUT)}))
    return tuple(kept)
