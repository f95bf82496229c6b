"""Answers `cmd.cam.generate_toolpaths.v1`: a job in, stored and verified program out."""

from __future__ import annotations

import time
from collections.abc import Callable

from contracts.cam import RecomputedToolpaths, ToolpathJob, ToolpathResult, ToolpathsFailed, ToolpathsGenerated
from contracts.canonical import sha256_hex
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.model import decimal_of
from services.cam.errors import CamError
from services.cam.generate import ENGINE_VERSION
from services.cam.ports import Blobs, Facts, Programs


class ToolpathHandler:
    def __init__(self, programs: Programs, blobs: Blobs, facts: Facts, new_id: Callable[[str], str]) -> None:
        self._programs = programs
        self._blobs = blobs
        self._facts = facts
        self._new_id = new_id

    async def generate(self, job: ToolpathJob, context: RequestContext) -> ToolpathResult:
        """The program's blobs and simulation. Raises TOOLPATHS_ERROR with the reason when it cannot be made."""
        started = time.perf_counter()
        try:
            program = await self._programs.generate(job)
        except CamError as error:
            failed = ToolpathsFailed(
                request_id=context.request_id,
                design_sha256=job.design_sha256,
                engine_version=ENGINE_VERSION,
                reason=str(error),
            )
            await self._facts.publish_fact(failed, self._new_id("fact"), context.request_id)
            raise RmosError(ErrorCode.TOOLPATHS_ERROR, str(error), reason=type(error).__name__) from error
        result = ToolpathResult(
            gcode=await self._blobs.put(program.gcode, "text/x-gcode"),
            opplan=await self._blobs.put(program.opplan, "application/json"),
            preview=await self._blobs.put(program.preview_svg, "image/svg+xml"),
            toolpaths_sha256=program.toolpaths_sha256,
            simulation=program.simulation,
            engine_version=program.engine_version,
            post_version=program.post_version,
            compute_ms=decimal_of(round((time.perf_counter() - started) * 1000, 3)),
        )
        generated = ToolpathsGenerated(
            request_id=context.request_id,
            design_sha256=job.design_sha256,
            toolpaths_sha256=result.toolpaths_sha256,
            gcode_sha256=result.gcode.sha256,
            opplan_sha256=result.opplan.sha256,
            engine_version=result.engine_version,
            post_version=result.post_version,
            compute_ms=result.compute_ms,
        )
        await self._facts.publish_fact(generated, self._new_id("fact"), context.request_id)
        return result

    async def recomputed(self, job: ToolpathJob, _: RequestContext) -> RecomputedToolpaths:
        """What the job gives, by its digests; no blob is stored and no fact published. Raises as `generate`."""
        try:
            program = await self._programs.generate(job)
        except CamError as error:
            raise RmosError(ErrorCode.TOOLPATHS_ERROR, str(error), reason=type(error).__name__) from error
        return RecomputedToolpaths(
            gcode_sha256=sha256_hex(program.gcode),
            opplan_sha256=sha256_hex(program.opplan),
            preview_sha256=sha256_hex(program.preview_svg),
            toolpaths_sha256=program.toolpaths_sha256,
            engine_version=program.engine_version,
            post_version=program.post_version,
        )
