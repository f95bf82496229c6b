"""Searches through the whole system: HTTP to the offline designer, the engine's processes and the record."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from tests.e2e.journey import SHOP, got, posted
from tests.e2e.stack import Stack

WANTED = {
    **SHOP,
    "tool_id": "flat_1_5875",
    "target_inner_diameter_mm": 90,
    "target_outer_diameter_mm": 120,
    "min_rings": 3,
    "max_rings": 6,
    "channel_depth_mm": 1.5,
    "style": "gothic",
}
NEVER_GREEN = {**WANTED, "tool_id": "flat_0_8"}
"""No table covers so small a cutter: YELLOW at best."""
SEARCH, QUICK = "/api/rmos/ai/constraint-search", "/api/rmos/ai/quick-check"


async def ended(client: httpx.AsyncClient, search_id: str, within_s: float = 30) -> dict[str, Any]:
    until = time.monotonic() + within_s
    while True:
        search = await got(client, f"/api/rmos/ai/searches/{search_id}")
        if search["state"] == "ended":
            return search
        assert time.monotonic() < until, f"the search did not end: {search}"
        await asyncio.sleep(0.05)


async def events_of(client: httpx.AsyncClient, run_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await got(client, f"/api/runs/{run_id}/events", limit=200))["items"]
    return items


async def test_a_search_finds_a_green_design_and_all_of_it_is_on_record(stack: Stack) -> None:
    async with stack.client("designer") as client:
        found = await posted(client, SEARCH, {"context": WANTED, "variant_seed": 7})
        assert (found["status"], found["risk"], found["stopped_by"]) == ("success", "GREEN", "target")
        assert found["score"] >= 80
        artifact = await got(client, f"/api/artifacts/{found['artifact_id']}")
        assert artifact["kind"] == "constraint_search"
        assert artifact["status"] == "OK"
        recorded = artifact["decision"]["details"]["search"]["attempts"]
        assert [item["number"] for item in recorded] == list(range(1, len(found["attempts"]) + 1))
        assert [item["call_id"] for item in recorded] == [item["call_id"] for item in found["attempts"]]
        types = [event["type"] for event in await events_of(client, found["run_id"])]
        assert types[:2] == ["rmos.run_opened.v2", "rmos.search_started.v1"]
        assert types[-2:] == ["rmos.search_concluded.v1", "rmos.search_ended.v1"]
        judged = await posted(client, "/api/rmos/feasibility", {"design": found["best_design"], "context": SHOP_1_5875})
        assert judged["risk_level"] == "GREEN"
        assert judged["design_sha256"] == found["best_design_sha256"]


SHOP_1_5875 = {**SHOP, "tool_id": "flat_1_5875"}


async def test_every_attempt_leads_to_the_provenance_of_its_model_call(stack: Stack) -> None:
    async with stack.client("designer") as client:
        found = await posted(client, SEARCH, {"context": WANTED, "variant_seed": 11})
        calls = {item["call_id"] for item in found["attempts"]}
        assert len(calls) == len(found["attempts"])
        request_id = (await got(client, f"/api/artifacts/{found['artifact_id']}"))["request_id"]
        assert request_id


async def test_the_same_seed_gives_the_same_attempts(stack: Stack) -> None:
    async with stack.client("designer") as client:
        body = {"context": NEVER_GREEN, "variant_seed": 5, "search_budget": {"max_attempts": 12}}
        first, second = await posted(client, SEARCH, body), await posted(client, SEARCH, body)
        fingerprints = [[item.get("candidate_sha256") for item in found["attempts"]] for found in (first, second)]
        assert fingerprints[0] == fingerprints[1]
        assert first["search_id"] != second["search_id"]


async def test_where_no_green_exists_the_search_says_best_effort_and_keeps_to_its_attempts(stack: Stack) -> None:
    async with stack.client("designer") as client:
        found = await posted(
            client, SEARCH, {"context": NEVER_GREEN, "variant_seed": 3, "search_budget": {"max_attempts": 20}}
        )
        assert (found["status"], found["stopped_by"], found["risk"]) == ("best_effort", "attempts", "YELLOW")
        assert len(found["attempts"]) == 20


async def test_where_nothing_may_be_cut_the_search_is_exhausted_and_its_artifact_blocks(stack: Stack) -> None:
    through = {**WANTED, "stock_thickness_mm": 1.4}
    async with stack.client("designer") as client:
        found = await posted(client, QUICK, {"context": through, "variant_seed": 3})
        assert (found["status"], found["risk"]) == ("exhausted", "RED")
        assert len(found["attempts"]) == 5
        artifact = await got(client, f"/api/artifacts/{found['artifact_id']}")
        assert artifact["status"] == "BLOCKED"
        assert artifact["decision"]["block_reason"]


async def test_a_time_limit_ends_a_search_whose_model_never_answers(stack: Stack) -> None:
    slow = {**WANTED, "style": "[[fault:hang]] gothic"}
    async with stack.client("designer") as client:
        found = await posted(
            client, SEARCH, {"context": slow, "search_budget": {"time_limit_seconds": 1, "max_attempts": 10}}
        )
    assert (found["status"], found["stopped_by"]) == ("timeout", "time")
    assert [(item["number"], item["candidate_sha256"], item["score"]) for item in found["attempts"]] == [
        (1, None, None),
        (2, None, None),
    ]
    assert (found["best_design"], found["risk"]) == (None, None)


async def test_an_async_search_answers_at_once_and_ends_in_an_artifact(stack: Stack) -> None:
    async with stack.client("designer") as client:
        body = {"context": NEVER_GREEN, "variant_seed": 9, "search_budget": {"max_attempts": 30}}
        response = await client.post(SEARCH, json=body, headers={"Prefer": "respond-async"})
        assert response.status_code == 202
        search_id = response.json()["search_id"]
        assert response.headers["location"] == f"/api/rmos/ai/searches/{search_id}"
        search = await ended(client, search_id)
        assert (search["outcome"], search["status"]) == ("concluded", "best_effort")
        assert len(search["attempts"]) == 30
        types = [event["type"] for event in await events_of(client, search["run_id"])]
        assert "rmos.search_progressed.v2" in types


async def test_a_cancelled_search_keeps_its_attempts_and_makes_no_artifact(stack: Stack) -> None:
    async with stack.client("designer") as client:
        body = {"context": {**WANTED, "style": "[[fault:hang]]"}, "search_budget": {"time_limit_seconds": 60}}
        response = await client.post(SEARCH, json=body, headers={"Prefer": "respond-async"})
        search_id, run_id = response.json()["search_id"], response.json()["run_id"]
        cancelled = await client.delete(f"/api/rmos/ai/searches/{search_id}")
        assert cancelled.status_code == 200
        assert (cancelled.json()["state"], cancelled.json()["outcome"]) == ("ended", "cancelled")
        assert (await got(client, f"/api/runs/{run_id}/artifacts"))["items"] == []
        again = await client.delete(f"/api/rmos/ai/searches/{search_id}")
        assert again.json()["outcome"] == "cancelled"


async def test_a_repeated_search_is_the_first_one(stack: Stack) -> None:
    async with stack.client("designer") as client:
        body = {"context": WANTED, "variant_seed": 21}
        headers = {"Idempotency-Key": "search-once"}
        replies = await asyncio.gather(*(client.post(SEARCH, json=body, headers=headers) for _ in range(3)))
        assert {reply.json()["search_id"] for reply in replies} == {replies[0].json()["search_id"]}
        assert {reply.json().get("artifact_id") for reply in replies} == {replies[0].json()["artifact_id"]}


async def test_a_search_needs_what_every_verdict_needs(stack: Stack) -> None:
    async with stack.client("designer") as client:
        body = {"context": {name: value for name, value in WANTED.items() if name != "machine_id"}}
        refused = await client.post(SEARCH, json=body)
        assert refused.status_code == 400
        assert refused.json()["details"]["missing"] == ["machine_id"]


async def test_the_best_design_becomes_the_sessions_and_can_be_approved_and_cut(stack: Stack) -> None:
    async with stack.client("operator") as client:
        session = await posted(
            client, "/api/workflow-sessions", {"mode": "constraint_first", "context": SHOP_1_5875}, 201
        )
        context = {name: WANTED[name] for name in ("target_inner_diameter_mm", "target_outer_diameter_mm", "style")}
        found = await posted(
            client, SEARCH, {"session_id": session["session_id"], "context": context, "variant_seed": 7}
        )
        assert found["status"] == "success"
        state = await got(client, f"/api/workflow-sessions/{session['session_id']}")
        assert state["state"] == "feasibility_ready"
        await posted(client, "/api/rmos/workflow/approve", {"session_id": session["session_id"], "note": "fine"})
        made = await posted(client, "/api/rmos/toolpaths", {"artifact_id": found["artifact_id"]})
        assert made["status"] == "OK"
        assert made["hashes"]["design"] == found["best_design_sha256"]


async def test_a_batch_keeps_its_order_and_gives_each_wrong_item_its_own_error(stack: Stack) -> None:
    ring = {"ring_index": 0, "width_mm": 3, "pattern_type": "solid", "material_id": "ebony"}
    design = {"inner_diameter_mm": 90, "outer_diameter_mm": 110, "channel_depth_mm": 1.5, "ring_params": [ring]}
    items: list[dict[str, Any]] = [
        {"design": {**design, "inner_diameter_mm": 80 + number % 10}} for number in range(60)
    ]
    items[7], items[41] = {"design": {**design, "inner_diameter_mm": 200}}, {"context": {"tool_id": "flat_9_9"}}
    async with stack.client("designer") as client:
        body = {"items": items, "context": SHOP_1_5875, "with_results": False}
        answered = (await posted(client, "/api/rmos/feasibility/batch", body))["items"]
        assert [item["index"] for item in answered] == list(range(60))
        assert [at for at, item in enumerate(answered) if "error" in item] == [7, 41]
        alone = await posted(client, "/api/rmos/feasibility", {**items[13], "context": SHOP_1_5875})
        assert answered[13]["feasibility"]["feasibility_sha256"] == alone["feasibility_sha256"]
        too_many = await client.post("/api/rmos/feasibility/batch", json={"items": items[:1] * 1001})
        assert too_many.status_code == 400


async def test_an_admins_own_tool_is_judged_by_and_never_replaces_a_packaged_one(stack: Stack) -> None:
    async with stack.client("admin") as client:
        before = await got(client, "/api/catalog/tools")
        packaged = next(item for item in before["items"] if item["id"] == "flat_2_0")
        own = {**packaged, "id": "flat_2_0_own", "name": "2 mm, our regrind"}
        added = await posted(client, "/api/catalog/tools", own, 201)
        after = await got(client, "/api/catalog/tools")
        assert after["catalog_sha256"] == added["catalog_sha256"] != before["catalog_sha256"]
        ring = {"ring_index": 0, "width_mm": 4, "pattern_type": "solid"}
        design = {"inner_diameter_mm": 90, "outer_diameter_mm": 110, "channel_depth_mm": 1, "ring_params": [ring]}
        body = {"design": design, "context": {**SHOP, "tool_id": "flat_2_0_own"}}
        assert (await posted(client, "/api/rmos/feasibility", body))["catalog_sha256"] == added["catalog_sha256"]
        taken = await client.post("/api/catalog/tools", json=packaged)
        assert taken.status_code == 400
        assert "never replaced" in taken.json()["message"]
        wrong = {**own, "id": "flat_2_0_bad", "diameter": {**own["diameter"], "unit": "inch"}}
        assert (await client.post("/api/catalog/tools", json=wrong)).status_code == 400
    async with stack.client("operator") as client:
        refused = await client.post("/api/catalog/tools", json={**own, "id": "flat_2_0_other"})
        assert refused.status_code == 403
