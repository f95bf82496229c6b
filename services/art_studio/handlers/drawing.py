"""Answers about single drawings: what a spec compiles to, and whether an SVG from outside is acceptable."""

from __future__ import annotations

from pydantic import ValidationError

from contracts.art import CheckedSvg, CheckSvg, CompiledSpec, CompileSpec, RecomputedSvg, RecomputeSvg
from contracts.canonical import sha256_hex
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.params import RosetteParamSpec, spec_of
from contracts.spec import RosetteSpec
from services.art_studio.domain.compiler import COMPILER_VERSION
from services.art_studio.domain.svg_rules import MAX_BYTES
from services.art_studio.ports import Blobs, Drawings

SVG_TYPE = "image/svg+xml"


class DrawingHandlers:
    def __init__(self, drawings: Drawings, blobs: Blobs) -> None:
        self._drawings = drawings
        self._blobs = blobs

    async def compiled_spec(self, query: CompileSpec, _: RequestContext) -> CompiledSpec:
        """The spec and its stored drawing. Raises INVALID_SPEC or INVALID_DESIGN for what cannot be drawn."""
        spec = query.spec if query.spec is not None else _spec_of(query.design)
        svg = await self._drawings.compiled(spec)
        return CompiledSpec(spec=spec, svg=await self._blobs.put(svg, SVG_TYPE), compiler_version=COMPILER_VERSION)

    async def recomputed_svg(self, query: RecomputeSvg, _: RequestContext) -> RecomputedSvg:
        """What the spec compiles to, by its digest; nothing is stored. Raises INVALID_SPEC."""
        svg = await self._drawings.compiled(query.spec)
        return RecomputedSvg(svg_sha256=sha256_hex(svg), compiler_version=COMPILER_VERSION)

    async def checked_svg(self, query: CheckSvg, _: RequestContext) -> CheckedSvg:
        """The verdict on a stored SVG. Raises BLOB_MISSING or BLOB_CORRUPT when it cannot be read."""
        if query.blob.size > MAX_BYTES:
            return CheckedSvg(accepted=False, reason=f"{query.blob.size} bytes: at most {MAX_BYTES} are read")
        return await self._drawings.checked(await self._blobs.get(query.blob))


def _spec_of(design: RosetteParamSpec | None) -> RosetteSpec:
    assert design is not None  # CompileSpec holds exactly one of both
    try:
        return spec_of(design)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise RmosError(
            ErrorCode.INVALID_DESIGN, f"the parameters give no valid spec: {problem['msg']}; change that ring"
        ) from error
