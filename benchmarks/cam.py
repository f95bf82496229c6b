"""CAM figures as JSON: `python benchmarks/cam.py`. Case 1: a ring and 12 discs, 1 mm cutter; case 2: 3 rings, 48 petals
and 96 dots, 0.8 mm cutter; then a designed rosette, 60 tiles between rings, and petals that touch a rope. Times are CPU
seconds, the best of three in this process; sizes are those of the GRBL program.
"""

from __future__ import annotations

import json
import time
from typing import Any

from contracts.cam import ToolpathJob
from contracts.spec import RosetteSpec
from services.cam.domain import program_for
from services.cam.generate import ENGINE_VERSION, generate
from services.cam.posts import write
from services.cam.simulate import simulate

MACHINE = {
    "machine_id": "bench", "envelope_x_mm": 300, "envelope_y_mm": 180, "envelope_z_mm": 45,
    "rapid_xy_mm_per_min": 3000, "rapid_z_mm_per_min": 1000, "max_feed_xy_mm_per_min": 2000,
    "max_feed_z_mm_per_min": 500, "min_spindle_rev_per_min": 8000, "max_spindle_rev_per_min": 24000,
    "acceleration_mm_per_s2": 300,
}  # fmt: skip
FEEDS = {"spindle_rev_per_min": 18000, "feed_mm_per_min": 600, "ramp_feed_mm_per_min": 600, "proposed": True}

CASES: dict[str, dict[str, Any]] = {
    "case 1: ring and 12 discs": {
        "shapes": [
            {"type": "ring", "r_inner": 40, "r_outer": 45, "depth_mm": "1.5"},
            {"type": "dot_ring", "r": 50, "dot_r": 2, "count": 12, "depth_mm": "1.5"},
        ],
        "diameter_mm": 1,
        "stepdown_mm": "0.5",
    },
    "case 2: 3 rings, 48 petals, 96 dots": {
        "shapes": [
            {"type": "ring", "r_inner": 42, "r_outer": 44, "depth_mm": "1.2"},
            {"type": "radial_petals", "r_inner": 46, "r_outer": 56, "petals": 48, "web_mm": "0.8", "depth_mm": "1.2"},
            {"type": "dot_ring", "r": "58.2", "dot_r": "0.9", "count": 96, "depth_mm": "1.2"},
            {"type": "ring", "r_inner": 60, "r_outer": 61, "depth_mm": "1.2"},
            {"type": "ring", "r_inner": 64, "r_outer": "65.6", "depth_mm": "1.2"},
        ],
        "diameter_mm": "0.8",
        "stepdown_mm": "0.4",
    },
    "designed rosette: 2 rings, 12 petals, 12 tiles, 52 dots": {
        "shapes": [
            {"type": "ring", "r_inner": "41", "r_outer": "42.39", "depth_mm": "1.5"},
            {"type": "radial_petals", "r_inner": "43.39", "r_outer": "49.91", "petals": 12, "depth_mm": "1.5"},
            {"type": "tile_ring", "r_inner": "45.672", "r_outer": "47.628", "count": 12, "gap_mm": "5.912",
             "depth_mm": "1.5"},
            {"type": "dot_ring", "r": "51.855", "dot_r": "0.94", "count": 52, "depth_mm": "1.5"},
            {"type": "ring", "r_inner": "53.8", "r_outer": "55", "depth_mm": "1.5"},
        ],
        "diameter_mm": 1,
        "stepdown_mm": "0.5",
    },
    "3 rings and 60 tiles": {
        "shapes": [
            {"type": "ring", "r_inner": "41", "r_outer": "42.4", "depth_mm": "1.5"},
            {"type": "tile_ring", "r_inner": "43.4", "r_outer": "48.4", "count": 60, "gap_mm": 1, "depth_mm": "1.5"},
            {"type": "ring", "r_inner": "49.4", "r_outer": "51", "depth_mm": "1.5"},
            {"type": "ring", "r_inner": "53", "r_outer": "55", "depth_mm": "1.5"},
        ],
        "diameter_mm": 1,
        "stepdown_mm": "0.5",
    },
    "35 dots, a rope and 46 petals that touch it": {
        "shapes": [
            {"type": "dot_ring", "r": "43.2", "dot_r": "1.38", "count": 35, "depth_mm": "1.5"},
            {"type": "rope_ring", "r_inner": "45.06", "r_outer": "46.51", "count": 38, "depth_mm": "1.5"},
            {"type": "radial_petals", "r_inner": "46.51", "r_outer": "53.3", "petals": 46, "web_mm": "0.98",
             "depth_mm": "1.5"},
        ],
        "diameter_mm": 1,
        "stepdown_mm": "0.5",
    },
}  # fmt: skip


def job_of(case: dict[str, Any]) -> ToolpathJob:
    cutter = {"tool_id": "bench-flat", "kind": "flat", "diameter_mm": case["diameter_mm"], "flute_length_mm": 5}
    return ToolpathJob.model_validate(
        {
            "spec": RosetteSpec.model_validate({"canvas_mm": 140, "shapes": case["shapes"]}),
            "cutter": cutter,
            "feeds": FEEDS | {"stepdown_mm": case["stepdown_mm"], "stepover_ratio": "0.4"},
            "machine": MACHINE,
            "stock_thickness_mm": 3,
            "design_sha256": "0" * 64,
            "feasibility_sha256": "0" * 64,
            "origin": {"run_id": "run_0", "log_origin": "rmos.test/benchmarks"},
        }
    )


def measured(case: dict[str, Any]) -> dict[str, Any]:
    job = job_of(case)
    path_s, simulate_s, whole_s = [], [], []
    for _ in range(3):
        begin = time.process_time()
        program = write(program_for(job), job, ENGINE_VERSION)
        middle = time.process_time()
        simulate(program.text, job)
        end = time.process_time()
        generated = generate(job)
        path_s.append(middle - begin)
        simulate_s.append(end - middle)
        whole_s.append(time.process_time() - end)
    report = generated.simulation
    return {
        "toolpath_and_post_s": round(min(path_s), 4),
        "simulation_s": round(min(simulate_s), 3),
        "generate_s": round(min(whole_s), 3),
        "lines": report.lines,
        "kilobytes": round(len(generated.gcode) / 1024, 1),
        "coverage_of_reachable": float(report.coverage_of_reachable),
        "gouge_mm2": float(report.gouge_mm2),
        "max_gouge_um": float(report.max_gouge_mm) * 1000,
        "max_ramp_deg": float(report.max_ramp_deg),
        "cut_length_mm": float(report.cut_length_mm),
        "rapid_length_mm": float(report.rapid_length_mm),
        "arc_share": float(report.arc_share),
        "cycle_time_s": float(report.cycle_time_s),
    }


if __name__ == "__main__":
    print(json.dumps({name: measured(case) for name, case in CASES.items()}, indent=2))
