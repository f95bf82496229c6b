"""The feasibility engine in worker processes, and the CAM job that a verdict and the catalog make."""

from __future__ import annotations

from functools import lru_cache

from pydantic import TypeAdapter

from contracts.cam import Post, ToolpathJob
from contracts.canonical import Canonical, canonical_bytes
from contracts.catalog import Entry
from contracts.comparison import GeometryDiff
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility, Mode
from contracts.gcode_header import ProgramOrigin
from contracts.spec import RosetteSpec
from runtime.pool import WorkerPool
from services.rmos.catalog import load_catalog
from services.rmos.domain.catalog import Catalog, cutter_for, limits_for, with_entries
from services.rmos.domain.feasibility import evaluate, written_verdict
from services.rmos.domain.geometry_diff import compared
from services.rmos.domain.legacy import LegacyRun, read_run_file

the_catalog = lru_cache(maxsize=1)(load_catalog)
"""The packaged catalog, read once in each process."""


_ENTRIES: TypeAdapter[tuple[Entry, ...]] = TypeAdapter(tuple[Entry, ...])


@lru_cache(maxsize=4)
def _catalog_with(own: bytes) -> Catalog:
    """The packaged catalog with customers' entries, made once for each set of them in each process."""
    return with_entries(the_catalog(), _ENTRIES.validate_json(own))[0]


def _evaluate(spec: RosetteSpec, context: CuttingContext, mode: Mode, own: bytes) -> Feasibility:
    return evaluate(spec, context, _catalog_with(own), mode)


def _written(spec: RosetteSpec, context: CuttingContext, mode: Mode, own: bytes, with_results: bool) -> Canonical:
    return written_verdict(spec, context, _catalog_with(own), mode, with_results=with_results)


class PooledEngine:
    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._own = b"[]"
        self._entries: tuple[Entry, ...] = ()
        self._counts: dict[str, int] = {}
        self.packaged: Catalog = the_catalog()
        self.catalog: Catalog = self.packaged

    def use(self, own: tuple[Entry, ...], catalog: Catalog) -> None:
        """Judge by `catalog` from now on: the packaged one with these entries."""
        self._own = _dumped(own)
        self._entries = own
        self._counts = {}
        self.catalog = catalog

    async def evaluate(self, spec: RosetteSpec, context: CuttingContext, mode: Mode) -> Feasibility:
        return await self._pool.run(_evaluate, spec, context, mode, self._own)

    async def written_verdict(
        self, spec: RosetteSpec, context: CuttingContext, mode: Mode, *, with_results: bool = True
    ) -> Canonical:
        return await self._pool.run(_written, spec, context, mode, self._own, with_results)

    async def evaluate_by(
        self, catalog_sha256: str, spec: RosetteSpec, context: CuttingContext, mode: Mode
    ) -> Feasibility:
        return await self._pool.run(_evaluate, spec, context, mode, self._own_of(catalog_sha256))

    async def compare(self, a: RosetteSpec, b: RosetteSpec) -> GeometryDiff:
        return await self._pool.run(compared, a, b)

    async def read_run_file(self, path: str, data: bytes) -> LegacyRun:
        return await self._pool.run(read_run_file, path, data)

    def job_for(
        self,
        spec: RosetteSpec,
        context: CuttingContext,
        feasibility: Feasibility,
        post: Post,
        origin: ProgramOrigin,
    ) -> ToolpathJob:
        return _job(self.catalog, spec, context, feasibility, post, origin)

    def job_by(
        self,
        catalog_sha256: str,
        spec: RosetteSpec,
        context: CuttingContext,
        feasibility: Feasibility,
        post: Post,
        origin: ProgramOrigin,
    ) -> ToolpathJob:
        catalog = _catalog_with(self._own_of(catalog_sha256))
        return _job(catalog, spec, context, feasibility, post, origin)

    def _own_of(self, catalog_sha256: str) -> bytes:
        """The customers' entries with which the catalog had this digest: those up to some day. All of them when it
        never had: the packaged catalog is another one by now."""
        if not self._counts:
            growing = (with_entries(self.packaged, self._entries[:count])[0] for count in range(len(self._entries) + 1))
            self._counts = {catalog.sha256: count for count, catalog in enumerate(growing)}
        count = self._counts.get(catalog_sha256)
        return self._own if count is None else _dumped(self._entries[:count])


def _dumped(entries: tuple[Entry, ...]) -> bytes:
    return canonical_bytes([entry.model_dump(mode="json") for entry in entries])


def _job(
    catalog: Catalog,
    spec: RosetteSpec,
    context: CuttingContext,
    feasibility: Feasibility,
    post: Post,
    origin: ProgramOrigin,
) -> ToolpathJob:
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
        cutter=cutter_for(catalog.tool(context.tool_id)),
        feeds=feasibility.feeds,
        machine=limits_for(catalog.machine(context.machine_id)),
        stock_thickness_mm=context.stock_thickness_mm,
        post=post,
        design_sha256=feasibility.design_sha256,
        feasibility_sha256=feasibility.feasibility_sha256,
        origin=origin,
    )
