"""Drawings in worker processes: results, limits, and a render that takes too long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.errors import ErrorCode, RmosError
from contracts.spec import HerringboneRing
from runtime.pool import WorkerPool
from services.art_studio.domain.compiler import compile_svg
from services.art_studio.drawing_pool import PRELOAD, PooledDrawings
from tests.art_studio.pixels import png_size
from tests.art_studio.specs import EVERYTHING, spec_of

SLOW = spec_of(*[HerringboneRing(r_inner=20, r_outer=70, count=720, materials=("ebony", "maple"))] * 15)
"""More than a second of rendering."""


@pytest.fixture
def pools() -> Iterator[tuple[WorkerPool, WorkerPool]]:
    made = WorkerPool(1, preload=PRELOAD), WorkerPool(1, preload=PRELOAD)
    yield made
    for pool in made:
        pool.close()


async def test_small_and_large_drawings_compile_to_the_same_as_here(pools: tuple[WorkerPool, WorkerPool]) -> None:
    drawings = PooledDrawings(*pools)
    for spec in (EVERYTHING, SLOW, spec_of(EVERYTHING.shapes[2])):
        assert await drawings.compiled(spec) == compile_svg(spec)


async def test_a_large_svg_is_judged_as_a_small_one(pools: tuple[WorkerPool, WorkerPool]) -> None:
    drawings = PooledDrawings(*pools)
    large = compile_svg(SLOW)
    assert (await drawings.checked(large)).accepted
    assert not (await drawings.checked(large.replace(b"<desc>", b"<script/><desc>"))).accepted


async def test_a_preview_is_a_picture(pools: tuple[WorkerPool, WorkerPool]) -> None:
    assert png_size(await PooledDrawings(*pools).preview(compile_svg(EVERYTHING))) == (1024, 1024)


async def test_what_is_no_drawing_has_no_preview(pools: tuple[WorkerPool, WorkerPool]) -> None:
    with pytest.raises(RmosError) as caught:
        await PooledDrawings(*pools).preview(b"<svg")
    assert caught.value.code is ErrorCode.INVALID_SVG


async def test_a_render_over_its_time_is_ended_and_the_next_one_works(pools: tuple[WorkerPool, WorkerPool]) -> None:
    await pools[1].warm_up()
    with pytest.raises(RmosError, match="took more than") as caught:
        await PooledDrawings(*pools, render_limit_s=0.05).preview(compile_svg(SLOW))
    assert caught.value.code is ErrorCode.INVALID_SVG
    assert (await PooledDrawings(*pools).preview(compile_svg(EVERYTHING)))[:4] == b"\x89PNG"
