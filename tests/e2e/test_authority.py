"""The authority's decisions over HTTP, on the running stack: sessions step by step, override, advice, deletion."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e import journey
from tests.e2e.stack import Stack

RING = {"version": "v1", "canvas_mm": 120, "shapes": [{"type": "ring", "r_inner": 45, "r_outer": 48, "depth_mm": 1.2}]}
WIDER = {**RING, "shapes": [{**RING["shapes"][0], "r_outer": 49}]}  # type: ignore[dict-item, index]  # a JSON object


async def sent(client: httpx.AsyncClient, method: str, path: str, status: int = 200, **more: Any) -> dict[str, Any]:
    response = await client.request(method, path, **more)
    assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text[:600]}"
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_session_step_by_step_from_its_design_to_its_archive(stack: Stack) -> None:
    async with stack.client("operator") as client:
        opened = await sent(client, "POST", "/api/workflow-sessions", 201, json={"mode": "design_first"})
        path = f"/api/workflow-sessions/{opened['session_id']}"
        assert opened["state"] == "draft"
        assert (await sent(client, "PUT", f"{path}/design", json={"spec": RING}))["state"] == "draft"
        ready = await sent(client, "PATCH", path, json={"context": journey.SHOP})
        assert ready["state"] == "context_ready"
        stale = {"spec": WIDER, "expected_version": ready["version"] - 1}
        assert (await sent(client, "PUT", f"{path}/design", 409, json=stale))["error"] == "VERSION_CONFLICT"
        judged = await sent(client, "POST", f"{path}/feasibility")
        assert (judged["state"], judged["artifact"]["kind"]) == ("feasibility_ready", "feasibility")
        decision = {"session_id": opened["session_id"], "note": "good"}
        approved = await sent(client, "POST", "/api/rmos/workflow/approve", json=decision)
        assert approved["state"] == "approved"
        made = await sent(
            client, "POST", "/api/rmos/toolpaths", json={"artifact_id": judged["artifact"]["artifact_id"]}
        )
        assert made["simulation"]["passed"] is True
        assert (await sent(client, "GET", path))["state"] == "toolpaths_ready"
        summary = await sent(client, "GET", f"{path}/runs", params={"view": "summary", "include_total": True})
        assert (summary["total"], summary["items"][0]["run_id"]) == (1, made["run_id"])
        assert summary["items"][0]["event_type"] == "rmos.toolpaths_decided.v1"
        assert len(summary["items"][0]["explanation_summary"]) <= 200
        changed = await sent(client, "PUT", f"{path}/design", json={"spec": WIDER})
        assert (changed["state"], changed["approval_artifact_id"]) == ("context_ready", None)
        again = await sent(client, "POST", f"{path}/feasibility")
        a, b = judged["artifact"]["artifact_id"], again["artifact"]["artifact_id"]
        diff = await sent(client, "GET", f"/api/artifacts/{a}/diff/{b}")
        assert diff["geometry"]["added_mm2"] > 300
        assert diff["geometry"]["removed_mm2"] == 0
        explained = await sent(client, "GET", f"/api/artifacts/{b}/explanation")
        assert explained["status"] == "READY"
        archived = await sent(client, "POST", f"{path}/archive")
        assert (archived["state"], archived["allowed"]) == ("archived", ["delete"])
        illegal = await sent(client, "PATCH", path, 409, json={"context": {"stock_thickness_mm": 3}})
        assert (illegal["error"], illegal["details"]["allowed"]) == ("ILLEGAL_TRANSITION", ["delete"])


async def test_a_deleted_session_is_gone_for_all_but_auditors(stack: Stack) -> None:
    async with stack.client("operator") as client, stack.client("auditor") as auditor:
        opened = await sent(client, "POST", "/api/workflow-sessions", 201, json={"context": journey.SHOP})
        path = f"/api/workflow-sessions/{opened['session_id']}"
        run_id = await journey.opened_run(client, workflow_session_id=opened["session_id"])
        assert (await sent(client, "DELETE", path, 409))["error"] == "ILLEGAL_TRANSITION"
        deleted = await sent(client, "DELETE", path, params={"cascade": True, "reason": "a trial"})
        assert deleted["ids"] == [opened["session_id"], run_id]
        for gone in (path, f"/api/runs/{run_id}", f"/api/runs/{run_id}/events"):
            await sent(client, "GET", gone, 404)
        assert (await sent(auditor, "GET", path))["deleted_at_utc"] is not None
        events = (await sent(auditor, "GET", f"/api/runs/{run_id}/events"))["items"]
        assert [event["type"] for event in events][-1] == "rmos.run_deleted.v1"
        listed = await sent(auditor, "GET", "/api/runs", params={"include_deleted": True, "limit": 200})
        assert run_id in [run["run_id"] for run in listed["items"]]
        assert (await sent(client, "GET", "/api/runs", 403, params={"include_deleted": True}))["error"] == "FORBIDDEN"


async def test_advice_is_reviewed_and_an_override_takes_the_policy(stack: Stack) -> None:
    async with stack.client("admin") as client:
        run_id = await journey.opened_run(client)
        asset_id = (await journey.generated(client, run_id))["asset_ids"][0]
        advice = f"/api/runs/{run_id}/advisories"
        listed = await sent(client, "GET", advice)
        assert [(item["asset_id"], item["status"]) for item in listed["items"]] == [(asset_id, "NEW")]
        assert (await sent(client, "POST", f"{advice}/{asset_id}/review", json={"rating": 5}))["rating"] == 5
        assert (await sent(client, "POST", f"{advice}/{asset_id}/promote"))["status"] == "PROMOTED"
        rejected = await sent(client, "POST", f"{advice}/{asset_id}/reject", 409, json={"code": "DUPLICATE"})
        assert rejected["error"] == "ILLEGAL_TRANSITION"
        thin = {"context": {**journey.SHOP, "stock_thickness_mm": 1.25}}
        refused = await sent(client, "POST", "/api/rmos/toolpaths", 409, json={"spec": RING, **thin})
        override = {"artifact_id": refused["artifact_id"], "scope": "RED", "reason": "the customer insists on it"}
        answer = await sent(client, "POST", f"/api/runs/{refused['run_id']}/override", 403, json=override)
        assert answer["error"] == "FORBIDDEN"
        told = await sent(
            client, "POST", "/api/admin/retention/purge", json={"older_than_days": 365, "statuses": ["BLOCKED"]}
        )
        assert (told["dry_run"], told["purge_id"]) == (True, None)
