"""The CAM core's one entry: a job in, a program that passed its own simulation out. Pure; fit for a process pool."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.cam import Simulation, ToolpathJob
from services.cam.domain import program_for
from services.cam.errors import CamError, GeometryFailed, SimulationFailed
from services.cam.opplan import opplan_of
from services.cam.posts import TABLES, write
from services.cam.preview import preview_of
from services.cam.simulate import simulate

ENGINE_VERSION = "cam-1.1.0"
"""Changes whenever the same job would give another toolpath, verdict, plan or preview."""


@dataclass(frozen=True, slots=True)
class GeneratedProgram:
    """Everything that is stored of one job. The three byte strings depend on the job alone."""

    gcode: bytes
    opplan: bytes
    preview_svg: bytes
    toolpaths_sha256: str
    simulation: Simulation
    engine_version: str
    post_version: str


def generate(job: ToolpathJob) -> GeneratedProgram:
    """The verified program for a job.

    Raises the leaves of services.cam.errors.CamError and nothing else: SimulationFailed if the finished text does not
    pass (it is then never returned), GeometryFailed for a defect of the engine, the others if the job cannot be cut as
    asked.
    """
    try:
        return _generated(job)
    except CamError:
        raise
    except Exception as defect:  # the edge of the worker process: whatever broke, no program, and a typed answer
        raise GeometryFailed(defect) from defect


def _generated(job: ToolpathJob) -> GeneratedProgram:
    toolpath = program_for(job)
    program = write(toolpath, job, ENGINE_VERSION)
    judgement = simulate(program.text, job)
    if not judgement.report.passed:
        raise SimulationFailed(judgement.report)
    seconds = [
        sum(judgement.seconds_by_line.get(line, 0.0) for line in range(first, last + 1))
        for first, last in program.spans
    ]
    post_version = TABLES[job.post].version
    sha256 = toolpath.sha256
    return GeneratedProgram(
        gcode=program.text,
        opplan=opplan_of(
            job, toolpath, sha256, program.spans, seconds, judgement.report, (ENGINE_VERSION, post_version)
        ),
        preview_svg=preview_of(job, toolpath),
        toolpaths_sha256=sha256,
        simulation=judgement.report,
        engine_version=ENGINE_VERSION,
        post_version=post_version,
    )
