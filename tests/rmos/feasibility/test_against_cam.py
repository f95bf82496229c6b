"""What feasibility allows, CAM can plan: a verdict that lets a design pass promises a toolpath."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.setup.designs import questions
from contracts.cam import ToolpathJob
from contracts.feasibility import CuttingContext
from contracts.gcode_header import ProgramOrigin
from contracts.spec import DotRing, Ring, RosetteSpec, Sector
from services.cam.domain import program_for
from services.cam.errors import ChannelTooNarrow
from services.rmos.catalog import load_catalog
from services.rmos.domain.catalog import cutter_for, limits_for
from services.rmos.domain.feasibility import evaluate
from tests.rmos.feasibility.truth_table import USUAL, rosette

CATALOG = load_catalog()
ALLOWED = {"GREEN", "YELLOW"}


def job_for(spec: RosetteSpec, context: CuttingContext) -> ToolpathJob:
    """The job of a verdict, whatever it says."""
    verdict = evaluate(spec, context, CATALOG)
    assert None not in (verdict.feeds, context.tool_id, context.machine_id, context.stock_thickness_mm)
    return ToolpathJob(
        spec=spec if context.channel_depth_mm is None else spec.with_default_depth(context.channel_depth_mm),
        cutter=cutter_for(CATALOG.tool(str(context.tool_id))),
        feeds=verdict.feeds,
        machine=limits_for(CATALOG.machine(str(context.machine_id))),
        stock_thickness_mm=context.stock_thickness_mm,
        post="grbl",
        design_sha256=verdict.design_sha256,
        feasibility_sha256=verdict.feasibility_sha256,
        origin=ProgramOrigin(run_id="run", log_origin="rmos.local/log"),
    )


def allowed(count: int, seed: int) -> Iterator[tuple[RosetteSpec, CuttingContext]]:
    for question in questions(count, seed):
        verdict = question.answer() if question.mode == "router" and question.spec is not None else None
        if verdict is not None and verdict.risk_level in ALLOWED:
            yield RosetteSpec.model_validate(question.spec), CuttingContext.model_validate(question.context)


@pytest.mark.parametrize("seed", [76, pytest.param(78, marks=pytest.mark.slow)])
def test_everything_that_is_allowed_among_random_designs_is_planned(seed: int) -> None:
    planned = [program_for(job_for(spec, context)) for spec, context in allowed(25, seed)]
    assert len(planned) >= 3
    assert all(toolpath.operations for toolpath in planned)


@pytest.mark.parametrize(
    "shapes",
    [
        (DotRing(r="43.16", dot_r="0.28", count=24), Sector(r_inner=41, r_outer=47, start_deg=0, end_deg=324)),
        (Ring(r_inner=40, r_outer=46), Sector(r_inner=41, r_outer=47, start_deg=0, end_deg="0.4")),
    ],
)
def test_what_cam_cannot_enter_is_red_before_it_is_asked(shapes: tuple[DotRing | Ring | Sector, ...]) -> None:
    spec, context = rosette(*shapes), CuttingContext(**USUAL)  # type: ignore[arg-type]
    assert evaluate(spec, context, CATALOG).risk_level == "RED"
    with pytest.raises(ChannelTooNarrow):
        program_for(job_for(spec, context))
