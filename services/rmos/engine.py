"""The feasibility engine in worker processes, and the CAM job that a verdict and the catalog make."""

from __future__ import annotations

from functools import lru_cache

from contracts.cam import Post, ToolpathJob
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility, Mode
from contracts.spec import RosetteSpec
from runtime.pool import WorkerPool
from services.rmos.catalog import load_catalog
from services.rmos.domain.catalog import Catalog, cutter_for, limits_for
from services.rmos.domain.feasibility import evaluate

the_catalog = lru_cache(maxsize=1)(load_catalog)
"""The packaged catalog, read once in each process."""


def _evaluate(spec: RosetteSpec, context: CuttingContext, mode: Mode) -> Feasibility:
    return evaluate(spec, context, the_catalog(), mode)


class PooledEngine:
    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self.catalog: Catalog = the_catalog()

    async def evaluate(self, spec: RosetteSpec, context: CuttingContext, mode: Mode) -> Feasibility:
        return await self._pool.run(_evaluate, spec, context, mode)

    def job_for(self, spec: RosetteSpec, context: CuttingContext, feasibility: Feasibility, post: Post) -> ToolpathJob:
        if (
            context.tool_id is None
            or context.machine_id is None
            or context.stock_thickness_mm is None
            or feasibility.feeds is None
        ):
            raise RmosError(ErrorCode.TOOLPATHS_ERROR, "tool, machine, stock thickness and feeds must all be known")
        resolved = spec if context.channel_depth_mm is None else spec.with_default_depth(context.channel_depth_mm)
        return ToolpathJob(
            spec=resolved,
            cutter=cutter_for(self.catalog.tool(context.tool_id)),
            feeds=feasibility.feeds,
            machine=limits_for(self.catalog.machine(context.machine_id)),
            stock_thickness_mm=context.stock_thickness_mm,
            post=post,
            design_sha256=feasibility.design_sha256,
            feasibility_sha256=feasibility.feasibility_sha256,
        )
