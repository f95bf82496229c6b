"""Customers' own entries from a file: `rmos catalog add` against the running system, added whole or not at all."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.stack import Stack

OWN = """
[sources]
weighed = "weighed on the bench, three pieces"
drawing = "the maker's drawing"
shop = "measured in our shop"

[[material]]
id = "olive_own"
name = "Olive, our stock"
family = "hardwood"
aliases = ["olive_ours"]
density = [960, "est:weighed"]
cutting_coefficient = [60, "est:shop"]
chip_load_factor = [0.8, "est:shop"]
burn_tendency = [0.5, "est:shop"]
specific_heat = [1700, "est:shop"]
min_wall = [0.6, "est:shop"]
min_piece = [0.25, "est:shop"]

[[tool]]
id = "saw_80_own"
name = "Our 80 mm blade"
kind = "saw_blade"
material = "carbide"
flutes = 30
diameter = [80, "src:drawing"]
max_speed = [15000, "src:drawing"]
kerf = [1.1, "src:drawing"]
plate = [0.8, "src:drawing"]
bore = [10, "src:drawing"]
flange = [30, "est:shop"]
"""
CLASHING = OWN.replace('id = "olive_own"', 'id = "olive_new"').replace('"olive_ours"', '"ebony"')


async def rmos(stack: Stack, *arguments: str, role: str = "admin") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "cli.app", "catalog", "add", *arguments, "--url", stack.url]
    environment = {**os.environ, "RMOS_API_KEY": stack.key(role)}
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env=environment, check=False, timeout=60
    )


async def digest(stack: Stack) -> str:
    async with stack.client("auditor") as client:
        return str((await client.get("/api/catalog/materials")).json()["catalog_sha256"])


async def test_a_file_is_added_once_and_judged_by(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN, encoding="utf-8")
    before = await digest(stack)

    dry = await rmos(stack, str(file), "--dry-run")
    assert (dry.returncode, await digest(stack)) == (0, before), dry.stderr
    refused = await rmos(stack, str(file), role="designer")
    assert (refused.returncode, await digest(stack)) == (1, before), refused.stdout
    added = await rmos(stack, str(file))
    assert added.returncode == 0, added.stderr
    assert "2 new" in added.stdout
    after = await digest(stack)
    assert after in added.stdout
    assert after != before
    again = await rmos(stack, str(file))
    assert (again.returncode, await digest(stack)) == (0, after), again.stderr
    assert "0 new, 2 there already" in again.stdout

    spec = {"canvas_mm": 120, "shapes": [{"type": "ring", "r_inner": 45, "r_outer": 48, "depth_mm": 1.5}]}
    context = {"material_id": "olive_ours", "tool_id": "saw_80_own", "machine_id": "cnc_saw_precision"}
    body = {"spec": spec, "mode": "saw", "context": {**context, "stock_thickness_mm": 3}}
    async with stack.client("designer") as client:
        verdict = (await client.post("/api/rmos/feasibility", json=body)).json()
    assert (verdict["catalog_sha256"], verdict["risk_level"]) == (after, "YELLOW")


async def test_a_clash_names_both_and_adds_nothing(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "clash.toml"
    file.write_text(CLASHING.replace('id = "saw_80_own"', 'id = "saw_80_other"'), encoding="utf-8")
    before = await digest(stack)

    refused = await rmos(stack, str(file))

    assert refused.returncode == 1
    assert "'olive_new' (Olive, our stock) clashes with 'ebony_african' (African (Gaboon) ebony)" in refused.stderr
    assert await digest(stack) == before


async def test_a_wrong_file_names_its_entry_and_figure(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(OWN.replace('[960, "est:weighed"]', '[0.96, "est:weighed"]'), encoding="utf-8")
    refused = await rmos(stack, str(file))
    assert refused.returncode == 1
    assert "material 'olive_own': density 0.96 kg/m3 is outside" in refused.stderr
