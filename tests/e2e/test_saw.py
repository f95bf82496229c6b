"""Feasibility in mode saw over HTTP: strips and tiles instead of pockets."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e.stack import Stack

SAW = {"material_id": "spruce_sitka", "machine_id": "cnc_saw_precision", "stock_thickness_mm": 3}
BLADE = {**SAW, "tool_id": "saw_125_1_2_24"}
STRIP = {"canvas_mm": 120, "shapes": [{"type": "ring", "r_inner": 45, "r_outer": 48, "depth_mm": 1.5}]}
PARAMETERS = {
    "inner_diameter_mm": 90,
    "outer_diameter_mm": 110,
    "channel_depth_mm": 1.5,
    "ring_params": [
        {"ring_index": 0, "width_mm": 3, "pattern_type": "solid", "material_id": "cedar_western_red"},
        {"ring_index": 1, "width_mm": 4, "pattern_type": "tile", "tile_length_mm": 4, "material_id": "spruce_sitka"},
    ],
}


async def asked(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/api/rmos/feasibility", json=body)
    assert answer.status_code == 200, answer.text
    verdict: dict[str, Any] = answer.json()
    return verdict


async def test_a_rosette_for_the_saw_is_judged_as_spec_and_as_parameters_with_every_risk(stack: Stack) -> None:
    async with stack.client("designer") as client:
        green = await asked(client, spec=STRIP, mode="saw", context=BLADE)
        assert (green["risk_level"], green["feeds"]["proposed"]) == ("GREEN", True)
        assert len(green["results"]) == 13

        parameters = await asked(client, design=PARAMETERS, context={**SAW, "tool_id": "saw:saw_125_1_2_24"})
        assert parameters["risk_level"] == "GREEN"

        fast = await asked(client, spec=STRIP, mode="saw", context={**BLADE, "rpm": 13750, "feed_mm_per_min": 15000})
        rim = next(result for result in fast["results"] if result["calculator"] == "rim_speed")
        assert (fast["risk_level"], rim["risk"]) == ("RED", "RED")
        assert "rev/min" in rim["suggestion"]

        bare = await asked(client, spec=STRIP, mode="saw", context=SAW)
        assert (bare["risk_level"], bare.get("score")) == ("UNKNOWN", None)
        assert "tool_id" in bare["block_reason"]
