"""The journey's steps as async calls, each checked for the status a working system answers."""

from __future__ import annotations

from typing import Any

import httpx

SHOP = {
    "material_id": "spruce_sitka",
    "tool_id": "flat_1_0",
    "machine_id": "shapeoko_4_xxl",
    "stock_thickness_mm": 2.8,
}
PROMPT = "gothic rosette, twelve petals, 110 mm"


async def posted(client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    response = await client.post(path, json=body)
    assert response.status_code == status, f"{path}: {response.status_code} {response.text[:600]}"
    answer: dict[str, Any] = response.json()
    return answer


async def got(client: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    response = await client.get(path, params=params)
    assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:600]}"
    answer: dict[str, Any] = response.json()
    return answer


async def opened_run(client: httpx.AsyncClient, **more: Any) -> str:
    run = await posted(client, "/api/runs", {"context": {**SHOP, **more.pop("context", {})}, **more}, 201)
    return str(run["run_id"])


async def generated(client: httpx.AsyncClient, run_id: str, seed: int = 7, prompt: str = PROMPT) -> dict[str, Any]:
    body = {"prompt": prompt, "run_id": run_id, "variant_seed": seed, "provider": "offline"}
    return await posted(client, "/api/art-studio/svg/generate", body)


async def bound(client: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    path = f"/api/runs/{run_id}/artifacts/bind-art-studio-candidate"
    return await posted(client, path, {"required_kinds": ["svg", "spec"]})
