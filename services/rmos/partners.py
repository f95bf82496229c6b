"""The other services as rmos' handlers know them: requests over the bus with the caller's deadline."""

from __future__ import annotations

from collections.abc import Callable

from contracts import subjects
from contracts.ai import GenerateContent, GeneratedContent
from contracts.art import CheckedSvg, CheckSvg, CompiledSpec, CompileSpec, RecomputedSvg, RecomputeSvg
from contracts.blobs import BlobRef
from contracts.cam import RecomputedToolpaths, ToolpathJob, ToolpathResult
from contracts.envelope import RequestContext
from contracts.spec import RosetteSpec
from runtime.bus import Bus


class ArtOverBus:
    def __init__(self, bus: Bus, new_id: Callable[[str], str]) -> None:
        self._bus = bus
        self._new_id = new_id

    async def compile_spec(self, spec: RosetteSpec, request: RequestContext) -> CompiledSpec:
        asked = request.caused(self._new_id("query"))
        compiled: CompiledSpec = await self._bus.request(subjects.COMPILED_SPEC, CompileSpec(spec=spec), asked)
        return compiled

    async def svg_sha256(self, spec: RosetteSpec, request: RequestContext) -> str:
        asked = request.caused(self._new_id("query"))
        found: RecomputedSvg = await self._bus.request(subjects.RECOMPUTED_SVG, RecomputeSvg(spec=spec), asked)
        return found.svg_sha256

    async def check_svg(self, blob: BlobRef, request: RequestContext) -> CheckedSvg:
        asked = request.caused(self._new_id("query"))
        checked: CheckedSvg = await self._bus.request(subjects.CHECKED_SVG, CheckSvg(blob=blob), asked)
        return checked


class DesignerOverBus:
    def __init__(self, bus: Bus, new_id: Callable[[str], str]) -> None:
        self._bus = bus
        self._new_id = new_id

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        asked = request.caused(self._new_id("command"))
        generated: GeneratedContent = await self._bus.request(subjects.GENERATE_CONTENT, call, asked)
        return generated


class CamOverBus:
    def __init__(self, bus: Bus, new_id: Callable[[str], str]) -> None:
        self._bus = bus
        self._new_id = new_id

    async def generate(self, job: ToolpathJob, request: RequestContext) -> ToolpathResult:
        asked = request.caused(self._new_id("command"))
        result: ToolpathResult = await self._bus.request(subjects.GENERATE_TOOLPATHS, job, asked)
        return result

    async def recomputed(self, job: ToolpathJob, request: RequestContext) -> RecomputedToolpaths:
        asked = request.caused(self._new_id("query"))
        found: RecomputedToolpaths = await self._bus.request(subjects.RECOMPUTED_TOOLPATHS, job, asked)
        return found
