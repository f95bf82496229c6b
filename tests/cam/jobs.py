"""Jobs for the CAM tests: plain figures of a small desktop machine, a 1 mm end mill and maple."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from contracts.cam import ToolpathJob
from contracts.model import decimal_of
from contracts.spec import RosetteSpec

Figure = float | str
"""Strings for figures that a float cannot hold exactly."""

FEEDS = {
    "spindle_rev_per_min": 18000,
    "feed_mm_per_min": 600,
    "ramp_feed_mm_per_min": 400,
    "stepdown_mm": "0.5",
    "stepover_ratio": "0.4",
    "proposed": True,
}
MACHINE = {
    "machine_id": "desktop",
    "envelope_x_mm": 300,
    "envelope_y_mm": 180,
    "envelope_z_mm": 45,
    "rapid_xy_mm_per_min": 3000,
    "rapid_z_mm_per_min": 1000,
    "max_feed_xy_mm_per_min": 1500,
    "max_feed_z_mm_per_min": 400,
    "min_spindle_rev_per_min": 8000,
    "max_spindle_rev_per_min": 24000,
    "acceleration_mm_per_s2": 300,
}

ORIGIN = {
    "run_id": "run_01JCF3QJ8ZC9XQ2T5RMN8KQH4V",
    "rests_on_artifact_id": "artifact_01JCF3QK3GZV6H0Y5B7SXW2E9D",
    "log_origin": "rmos.local/5e5e5e5e5e5e",
}


def job_for(
    *shapes: dict[str, Any],
    diameter: float = 1,
    depth: float = 1.5,
    post: str = "grbl",
    canvas: float = 150,
    flute: float = 6,
    stock: float = 3,
    safe_z: float = 5,
    feeds: dict[str, Any] | None = None,
    machine: dict[str, Any] | None = None,
    origin: dict[str, Any] | None = None,
) -> ToolpathJob:
    spec = RosetteSpec.model_validate({"canvas_mm": canvas, "shapes": shapes}).with_default_depth(decimal_of(depth))
    cutter = {"tool_id": "flat-1", "kind": "flat", "diameter_mm": diameter, "flute_length_mm": flute}
    return ToolpathJob.model_validate(
        {
            "spec": spec,
            "cutter": cutter,
            "feeds": FEEDS | (feeds or {}),
            "machine": MACHINE | (machine or {}),
            "stock_thickness_mm": stock,
            "safe_z_mm": safe_z,
            "post": post,
            "design_sha256": "d" * 64,
            "feasibility_sha256": "f" * 64,
            "origin": origin or ORIGIN,
        }
    )


def ring(r_inner: Figure, r_outer: Figure, **more: Any) -> dict[str, Any]:
    return {"type": "ring", "r_inner": r_inner, "r_outer": r_outer, **more}


def disc(r: Figure, **more: Any) -> dict[str, Any]:
    return {"type": "circle", "r": r, "material": "ebony", **more}


def petals(r_inner: Figure, r_outer: Figure, count: int, **more: Any) -> dict[str, Any]:
    return {"type": "radial_petals", "r_inner": r_inner, "r_outer": r_outer, "petals": count, **more}


def tiles(r_inner: Figure, r_outer: Figure, count: int, gap: Figure, **more: Any) -> dict[str, Any]:
    return {"type": "tile_ring", "r_inner": r_inner, "r_outer": r_outer, "count": count, "gap_mm": gap, **more}


RING_AND_DISCS = (ring(40, 45), {"type": "dot_ring", "r": 50, "dot_r": 2, "count": 12})

REGIONS: dict[str, dict[str, Any]] = {
    "ring": ring(40, 45),
    "ring one cutter wide": ring(40, 41),
    "ring a hair wider than the cutter": ring(40, "41.05"),
    "disc": disc(6),
    "small disc": disc("0.6"),
    "dots": {"type": "dot_ring", "r": 30, "dot_r": "1.5", "count": 7},
    "petals": petals(25, 40, 8),
    "tiles with a gap": tiles(30, 36, 20, 1),
    "tiles side by side": tiles(30, 33, 24, 0),
    "herringbone": {"type": "herringbone_ring", "r_inner": 30, "r_outer": 36, "count": 40},
    "rope": {"type": "rope_ring", "r_inner": 30, "r_outer": 32, "count": 60},
    "polygon band": {"type": "polygon_ring", "r_inner": 20, "r_outer": 27, "sides": 5},
    "polygon": {"type": "polygon_ring", "r_inner": 0, "r_outer": 9, "sides": 3},
    "sector": {"type": "arc", "r_inner": 20, "r_outer": 26, "start_deg": 20, "end_deg": 290},
    "sector one cutter wide": {"type": "arc", "r_inner": 20, "r_outer": 21, "start_deg": 0, "end_deg": 90},
}

_MM = st.integers(0, 40)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    """Any shape, 2 to 10 mm wide, so that cutters up to 1.2 mm find room in most of it."""
    inner = draw(st.integers(80, 300)) / 10
    band = {"r_inner": inner, "r_outer": inner + draw(st.integers(20, 100)) / 10}
    turn = {"angle_deg": draw(st.integers(-1800, 1800)) / 10}
    kind = draw(
        st.sampled_from(["ring", "petals", "tiles", "channel", "rope", "herringbone", "dots", "band", "arc", "disc"])
    )
    match kind:
        case "ring":
            return {"type": "ring", **band}
        case "petals":
            return {"type": "radial_petals", **band, **turn, "petals": draw(st.integers(3, 7))}
        case "tiles":
            return {
                "type": "tile_ring",
                **band,
                **turn,
                "count": draw(st.integers(3, 9)),
                "gap_mm": draw(st.integers(1, 20)) / 10,
            }
        case "channel":
            return {"type": "tile_ring", **band, **turn, "count": draw(st.integers(3, 40))}
        case "rope":
            return {"type": "rope_ring", **band, **turn, "count": draw(st.integers(3, 40))}
        case "herringbone":
            return {"type": "herringbone_ring", **band, **turn, "count": draw(st.integers(3, 40))}
        case "dots":
            radius = draw(st.integers(10, 35)) / 10
            return {"type": "dot_ring", "r": inner, "dot_r": radius, "count": draw(st.integers(2, 9)), **turn}
        case "band":
            # the band's narrowest place is at the sides' middles: at least 1.3 mm from 5 sides on
            return {"type": "polygon_ring", **band, **turn, "sides": draw(st.integers(5, 12))}
        case "arc":
            start = draw(st.integers(-180, 179))
            return {
                "type": "arc",
                **band,
                "start_deg": start,
                "end_deg": start + draw(st.integers(20, 359 if start < 1 else 180)),
            }
        case _:
            return disc(draw(st.integers(10, 80)) / 10, cx=draw(_MM) - 20, cy=draw(_MM) - 20)
