"""Wires cam: the only module here that knows the concrete bus, object store and process pool."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from importlib.metadata import version

from contracts import subjects
from contracts.cam import ToolpathJob
from contracts.envelope import RequestContext
from contracts.health import AskHealth, Health
from runtime.blobs import BlobStore
from runtime.bus import Bus
from runtime.clock import SystemClock
from runtime.ids import new_id
from runtime.logs import Logger
from runtime.pool import WorkerPool
from services.cam.generate import GeneratedProgram, generate
from services.cam.handlers import ToolpathHandler
from services.cam.settings import read_settings


class PooledPrograms:
    """Programs computed in worker processes."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def generate(self, job: ToolpathJob) -> GeneratedProgram:
        return await self._pool.run(generate, job)


async def start(stack: AsyncExitStack, log: Logger) -> None:
    settings = read_settings()
    pool = WorkerPool(settings.process.workers, preload=("services.cam.generate",))
    stack.callback(pool.close)
    await pool.warm_up()
    blobs = BlobStore(settings.s3)
    stack.callback(blobs.close)
    bus = await Bus.connect(settings.nats, "cam", SystemClock(), log)
    stack.push_async_callback(bus.close)
    handler = ToolpathHandler(PooledPrograms(pool), blobs, bus, new_id)

    async def health(_: AskHealth, __: RequestContext) -> Health:
        return Health(service="cam", version=version("rmos"), pid=os.getpid(), ready=True)

    await bus.serve(subjects.GENERATE_TOOLPATHS, handler.generate)
    await bus.serve(subjects.RECOMPUTED_TOOLPATHS, handler.recomputed)
    await bus.serve(subjects.HEALTH["cam"], health)
