"""The operation plan: what the program does, in the order it does it, as canonical JSON (decimals as strings)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from contracts.cam import Simulation, ToolpathJob
from contracts.canonical import canonical_bytes
from contracts.model import decimal_of, decimal_text
from services.cam.domain.toolpath import Operation, Toolpath

FORMAT = "rmos.opplan.v1"


def opplan_of(
    job: ToolpathJob,
    toolpath: Toolpath,
    toolpaths_sha256: str,
    spans: Sequence[tuple[int, int]],
    seconds: Sequence[float],
    simulation: Simulation,
    versions: tuple[str, str],
) -> bytes:
    """Canonical bytes. `spans` are first and last program line and `seconds` the time of each operation."""
    engine_version, post_version = versions
    plan: JsonValue = {
        "format": FORMAT,
        "design_sha256": job.design_sha256,
        "feasibility_sha256": job.feasibility_sha256,
        "toolpaths_sha256": toolpaths_sha256,
        "engine_version": engine_version,
        "post_version": post_version,
        "units": {"length": "mm", "feed": "mm/min", "spindle": "rev/min", "time": "s"},
        "zero": "X and Y at the rosette's centre, Z at the top of the stock",
        "tool": job.cutter.model_dump(mode="json"),
        "feeds": job.feeds.model_dump(mode="json"),
        "machine_id": job.machine.machine_id,
        "stock_thickness_mm": _text(float(job.stock_thickness_mm)),
        "safe_z_mm": _text(float(job.safe_z_mm)),
        "cycle_time_s": decimal_text(simulation.cycle_time_s),
        "coverage_of_reachable": decimal_text(simulation.coverage_of_reachable),
        "coverage_of_design": decimal_text(simulation.coverage_of_design),
        "operations": [
            _operation(operation, span, time)
            for operation, span, time in zip(toolpath.operations, spans, seconds, strict=True)
        ],
    }
    return canonical_bytes(plan)


def _operation(operation: Operation, span: tuple[int, int], seconds: float) -> JsonValue:
    return {
        "name": operation.name,
        "kind": "pocket",
        "features": list(operation.features),
        "top_mm": _text(operation.top_mm),
        "levels_mm": [_text(level) for level in operation.levels_mm],
        "rough_passes_per_level": operation.rough_passes,
        "finish_passes": operation.finish_passes,
        "entry": "ramp",
        "first_line": span[0],
        "last_line": span[1],
        "time_s": _text(seconds),
    }


def _text(value: float) -> str:
    return decimal_text(decimal_of(round(value, 3)))
