"""Drawings computed in worker processes: compiling and checking in one pool, rendering in another.

A render that runs over its time kills its worker and with it the other renders in the pool, which are tried once more.
"""

from __future__ import annotations

from contracts.art import CheckedSvg
from contracts.errors import ErrorCode, RmosError
from contracts.spec import RosetteSpec
from runtime.pool import WorkerPool
from services.art_studio.domain.compiler import DrawingTooLarge, compile_svg, piece_count
from services.art_studio.domain.svg_check import check_svg
from services.art_studio.rendering import CPU_LIMIT_S, PREVIEW_PX, render_png

PRELOAD = ("services.art_studio.drawing_pool",)
_PIECES_AT_ONCE = 100
"""A drawing this small takes about a millisecond, less than the way to a worker and back."""
_BYTES_AT_ONCE = 50_000


class PooledDrawings:
    def __init__(self, compilers: WorkerPool, renderers: WorkerPool, render_limit_s: float = CPU_LIMIT_S) -> None:
        self._compilers = compilers
        self._renderers = renderers
        self._render_limit_s = render_limit_s

    async def compiled(self, spec: RosetteSpec) -> bytes:
        try:
            if piece_count(spec) <= _PIECES_AT_ONCE:
                return compile_svg(spec)
            return await self._compilers.run(compile_svg, spec)
        except DrawingTooLarge as error:
            raise RmosError(ErrorCode.INVALID_SPEC, str(error)) from error

    async def checked(self, svg: bytes) -> CheckedSvg:
        if len(svg) <= _BYTES_AT_ONCE:
            return check_svg(svg)
        return await self._compilers.run(check_svg, svg)

    async def preview(self, svg: bytes) -> bytes:
        try:
            return await self._rendered(svg)
        except ValueError as error:
            raise RmosError(ErrorCode.INVALID_SVG, f"the drawing cannot be rendered: {error}") from error

    async def _rendered(self, svg: bytes) -> bytes:
        for _ in range(2):
            try:
                return await self._renderers.run(render_png, svg, PREVIEW_PX, self._render_limit_s)
            except RmosError as error:
                if error.code is not ErrorCode.UNAVAILABLE:
                    raise
        raise RmosError(
            ErrorCode.INVALID_SVG,
            f"the drawing took more than {self._render_limit_s:g} s of rendering: a simpler design",
        )
