"""Wires art_studio: the only module here that knows the concrete bus, stores, pools, clock and ids."""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.metadata import version

from contracts import subjects
from contracts.art import GenerateSvgReply, PromptToSvgReply
from contracts.envelope import RequestContext
from contracts.errors import RmosError
from contracts.health import AskHealth, Health
from runtime.blobs import BlobStore
from runtime.bus import Bus
from runtime.clock import SystemClock
from runtime.ids import new_id
from runtime.logs import Logger
from runtime.pool import WorkerPool
from services.art_studio.asset_index import PostgresAssetIndex
from services.art_studio.database import open_pool
from services.art_studio.domain.compiler import COMPILER_VERSION
from services.art_studio.drawing_pool import PRELOAD, PooledDrawings
from services.art_studio.handlers.attaching import AssetHandlers
from services.art_studio.handlers.drawing import DrawingHandlers
from services.art_studio.handlers.generation import GenerationHandlers
from services.art_studio.handlers.once import once
from services.art_studio.handlers.variants import Studio, VariantMaker
from services.art_studio.kept_answers import PostgresKeptAnswers
from services.art_studio.partners import AuthorityOverBus, DesignerOverBus
from services.art_studio.settings import ArtSettings, read_settings

SEED_BITS = 53  # contracts.ai.Seed


async def start(stack: AsyncExitStack, log: Logger) -> None:
    await serve(read_settings(), stack, log)


async def serve(settings: ArtSettings, stack: AsyncExitStack, log: Logger) -> None:
    """Answers art_studio's subjects until the stack is closed."""
    drawings = await _drawings(settings.process.workers, stack)
    blobs = BlobStore(settings.s3)
    stack.callback(blobs.close)
    pool = open_pool(settings.postgres.dsn)
    await pool.open()
    stack.push_async_callback(pool.close)
    index, answers = PostgresAssetIndex(pool), PostgresKeptAnswers(pool)
    clock = SystemClock()
    bus = await Bus.connect(settings.nats, "art_studio", clock, log)
    stack.push_async_callback(bus.close)
    authority = AuthorityOverBus(bus, new_id)
    studio = Studio(DesignerOverBus(bus, new_id), drawings, blobs, index, bus, clock.now, new_id)
    generation = GenerationHandlers(VariantMaker(studio), authority, lambda: secrets.randbits(SEED_BITS))
    assets = AssetHandlers(index, authority)
    drawing = DrawingHandlers(drawings, blobs)
    health = _health({"asset_index": index.ready, "object_store": blobs.ready})
    await bus.serve(subjects.PROMPT_TO_SVG, once(answers, PromptToSvgReply, generation.prompt_to_svg))
    await bus.serve(subjects.GENERATE_SVG, once(answers, GenerateSvgReply, generation.generate_svg))
    await bus.serve(subjects.ATTACH_ASSETS, assets.attach_assets)
    await bus.serve(subjects.ASSET, assets.asset)
    await bus.serve(subjects.ASSETS, assets.assets)
    await bus.serve(subjects.COMPILED_SPEC, drawing.compiled_spec)
    await bus.serve(subjects.RECOMPUTED_SVG, drawing.recomputed_svg)
    await bus.serve(subjects.CHECKED_SVG, drawing.checked_svg)
    await bus.serve(subjects.HEALTH["art_studio"], health)


async def _drawings(workers: int, stack: AsyncExitStack) -> PooledDrawings:
    compilers, renderers = WorkerPool(workers, preload=PRELOAD), WorkerPool(workers, preload=PRELOAD)
    for pool in (compilers, renderers):
        stack.callback(pool.close)
        await pool.warm_up()
    return PooledDrawings(compilers, renderers)


def _health(
    parts: dict[str, Callable[[], Awaitable[bool]]],
) -> Callable[[AskHealth, RequestContext], Awaitable[Health]]:
    async def problem(name: str, ready: Callable[[], Awaitable[bool]]) -> str | None:
        try:
            return None if await ready() else f"{name}: it answers but is not set up; run the migration step"
        except RmosError as error:
            return f"{name}: {error.message}"

    async def health(_: AskHealth, __: RequestContext) -> Health:
        found = [await problem(name, ready) for name, ready in parts.items()]
        problems = tuple(text for text in found if text is not None)
        return Health(
            service="art_studio",
            version=version("rmos"),
            pid=os.getpid(),
            ready=not problems,
            problems=problems,
            details={"compiler_version": COMPILER_VERSION},
        )

    return health
