"""What each endpoint asks of the bus, and how it shows the answer."""

from __future__ import annotations

from typing import Any

import jsonschema
import orjson
import pytest

from contracts import examples, subjects
from contracts.art import GenerateSvgReply, PromptToSvgReply, VariantStatus
from contracts.artifacts import ArtifactStatus, Decision
from contracts.errors import ErrorCode
from contracts.feasibility import RiskLevel
from contracts.rmos import ArtifactReply, CatalogEntries, Events, ListRuns, OpenRun, Runs, SessionReply
from tests.gateway.conftest import World
from tests.gateway.test_errors import problem_in

SPEC = {"canvas_mm": 120, "shapes": [{"type": "ring", "r_inner": 45, "r_outer": 48}]}
GCODE = "G21\nG90\n"
BIND = f"/api/runs/{examples.RUN}/artifacts/bind-art-studio-candidate"


def toolpaths(**changes: Any) -> ArtifactReply:
    artifact = examples.TOOLPATHS.model_copy(update=changes)
    ok = artifact.status is ArtifactStatus.OK
    return ArtifactReply(
        artifact=artifact, gcode_text=GCODE if ok else None, opplan_json='{"steps":[]}' if ok else None
    )


async def test_a_run_is_opened_with_its_context_from_both_places(world: World) -> None:
    async with world.client() as client:
        body = {"label": "OM", "workflow_session_id": "s1", "tool_id": "flat_1_0", "context": {"material_id": "ebony"}}
        answer = await client.post("/api/runs", json=body)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/runs/{examples.RUN}"
    sent: OpenRun = world.partner.last(subjects.OPEN_RUN).body
    assert (sent.mode, sent.label, sent.workflow_session_id) == ("router", "OM", "s1")
    assert sent.context.model_dump(exclude_none=True) == {"tool_id": "flat_1_0", "material_id": "ebony"}


@pytest.mark.parametrize("place", ["beside", "inside"])
async def test_a_tool_id_with_the_saw_prefix_means_mode_saw(world: World, place: str) -> None:
    tool = {"tool_id": "saw:saw_140_1_0"}
    shop = tool if place == "beside" else {"context": tool}
    async with world.client() as client:
        await client.post("/api/runs", json=shop)
        await client.post("/api/rmos/toolpaths", json={"artifact_id": "a1", **shop})
    for conversation in (subjects.OPEN_RUN, subjects.MAKE_TOOLPATHS):
        sent = world.partner.last(conversation).body
        assert (sent.mode, sent.context.tool_id) == ("saw", "saw_140_1_0")


@pytest.mark.parametrize(
    ("path", "conversation", "what"),
    [
        ("/api/rmos/feasibility", subjects.FEASIBILITY, {"spec": SPEC}),
        ("/api/rmos/feasibility/batch", subjects.FEASIBILITY_BATCH, {"items": [{"spec": SPEC}]}),
    ],
)
async def test_feasibility_takes_the_mode_from_the_prefix_too_and_refuses_a_contradiction(
    world: World, path: str, conversation: subjects.Conversation, what: dict[str, Any]
) -> None:
    body = {**what, "context": {"tool_id": "saw:saw_140_1_0"}}
    async with world.client() as client:
        await client.post(path, json=body)
        contradiction = await client.post(path, json={**body, "mode": "router"})
    sent = world.partner.last(conversation).body
    assert (sent.mode, sent.context.tool_id) == ("saw", "saw_140_1_0")
    problem_in(contradiction, 400, "INVALID_REQUEST")


async def test_an_item_of_a_batch_may_name_its_blade_with_the_prefix(world: World) -> None:
    context = {"context": {"tool_id": "saw:saw_140_1_0"}}
    async with world.client() as client:
        items = [{"spec": SPEC, **context}, {"spec": SPEC, "context": "none"}, {"spec": SPEC}]
        await client.post("/api/rmos/feasibility/batch", json={"items": items, "mode": "saw"})
    sent = orjson.loads(world.partner.last(subjects.FEASIBILITY_BATCH).body.items_json)
    assert [item.get("context") for item in sent] == [{"tool_id": "saw_140_1_0"}, "none", None]


async def test_the_filters_of_the_list_reach_rmos(world: World) -> None:
    query = {
        "day": "2026-11-21",
        "from": "2026-11-01",
        "to": "2026-11-21T10:00:00+02:00",
        "tool_id": "flat_",
        "mode": "saw",
        "status": "BLOCKED",
        "risk_level": "RED",
        "session": "s1",
        "kind": "toolpaths",
        "cursor": "abc",
        "limit": "7",
        "include_total": "true",
    }
    world.partner.says(subjects.RUNS, Runs(items=(examples.RUN_SHOWN,), next_cursor="def", total=1))
    async with world.client() as client:
        answer = await client.get("/api/runs", params=query)
    assert answer.json()["next_cursor"] == "def"
    assert answer.json()["items"][0]["run_id"] == examples.RUN
    assert world.partner.last(subjects.RUNS).body == ListRuns.model_validate(
        {
            "day": "2026-11-21",
            "from_utc": "2026-11-01T00:00:00.000000Z",
            "mode": "saw",
            "session_id": "s1",
            "to_utc": "2026-11-21T08:00:00.000000Z",
            "tool_id": "flat_",
            "status": "BLOCKED",
            "risk_level": "RED",
            "kind": "toolpaths",
            "cursor": "abc",
            "limit": 7,
            "include_total": True,
        }
    )


async def test_events_of_a_run_come_with_their_exact_bytes_and_parsed(world: World) -> None:
    stored = examples.STORED.model_copy(update={"data_json": '{"depth_mm":"1.2","run_id":"x1"}'})
    world.partner.says(subjects.RUN_EVENTS, Events(items=(stored,)))
    async with world.client() as client:
        (event,) = (await client.get("/api/runs/x1/events")).json()["items"]
    assert event["data_json"] == '{"depth_mm":"1.2","run_id":"x1"}'
    assert event["data"] == {"depth_mm": "1.2", "run_id": "x1"}
    assert event["leaf_sha256"] == examples.STORED.leaf_sha256


async def test_an_artifact_has_its_fields_at_the_top_and_small_outputs_inline(world: World) -> None:
    world.partner.says(subjects.ARTIFACT, toolpaths())
    async with world.client() as client:
        shown = (await client.get(f"/api/artifacts/{examples.CUT}")).json()
    assert shown["artifact_id"] == examples.CUT
    assert shown["outputs"]["gcode_text"] == GCODE
    assert shown["outputs"]["opplan_json"] == '{"steps":[]}'
    assert shown["outputs"]["gcode"]["sha256"] == examples.GCODE.sha256
    assert shown["simulation"]["cycle_time_s"] == 512.4
    assert world.partner.last(subjects.ARTIFACT).body.with_outputs is True


async def test_beside_an_artifact_stands_what_a_model_says_about_it_as_advice_without_its_text(world: World) -> None:
    async with world.client() as client:
        shown = (await client.get(f"/api/artifacts/{examples.BOUND}")).json()
        document = (await client.get("/openapi.json")).json()
    advice = shown["ai_explanation"]
    assert (advice["status"], advice["origin"], advice["advisory"]) == ("READY", "ai", True)
    assert (advice["summary"], "text" in advice) == (examples.ADVICE, False)
    assert world.partner.last(subjects.AI_EXPLANATION).body.with_text is False
    view = document["components"]["schemas"]["ArtifactView"]["properties"]["ai_explanation"]
    schema = {**document["components"]["schemas"]["AiExplanation"], "components": document["components"]}
    assert view["$ref"] == "#/components/schemas/AiExplanation"
    jsonschema.validate(advice, schema)


async def test_an_outputs_bytes_are_read_from_the_object_store(world: World) -> None:
    blob = await world.gateway.blobs.put(GCODE.encode(), "text/x-gcode")
    world.partner.says(
        subjects.ARTIFACT, ArtifactReply(artifact=examples.TOOLPATHS.model_copy(update={"outputs": {"gcode": blob}}))
    )
    async with world.client() as client:
        answer = await client.get(f"/api/artifacts/{examples.CUT}/outputs/gcode")
        missing = await client.get(f"/api/artifacts/{examples.CUT}/outputs/preview")
    assert answer.content == GCODE.encode()
    assert answer.headers["content-type"].startswith("text/x-gcode")
    assert ".nc" in answer.headers["Content-Disposition"]
    assert problem_in(missing, 404, "NOT_FOUND")["details"]["outputs"] == ["gcode"]


@pytest.mark.parametrize(("status", "verdict"), [("OK", "ALLOW"), ("BLOCKED", "BLOCK")])
async def test_a_bind_is_200_for_allow_and_block(world: World, status: str, verdict: str) -> None:
    artifact = examples.CANDIDATE.model_copy(update={"status": ArtifactStatus(status)})
    world.partner.says(subjects.BIND_CANDIDATE, ArtifactReply(artifact=artifact))
    async with world.client() as client:
        answer = await client.post(BIND, json={"attachment_ids": ["att-" + "a" * 64], "strict": False})
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["status"], shown["verdict"]) == (status, verdict)
    assert (shown["artifact_id"], shown["run_id"]) == (examples.BOUND, examples.RUN)
    assert shown["decision"]["risk_level"] == "GREEN"
    assert shown["feasibility_sha256"] == shown["feasibility"]["feasibility_sha256"]
    assert shown["hashes"] == dict(artifact.hashes)
    sent = world.partner.last(subjects.BIND_CANDIDATE).body
    assert (sent.run_id, sent.attachment_ids, sent.strict) == (examples.RUN, ("a" * 64,), False)


async def test_feasibility_is_shown_flat_with_its_time(world: World) -> None:
    ring = {"type": "ring", "r_inner": 45, "r_outer": 48.5, "depth_mm": 1.5}
    body = {"spec": {"canvas_mm": 120, "shapes": [ring]}, "context": {"stickout_mm": 12}}
    async with world.client() as client:
        shown = (await client.post("/api/rmos/feasibility", json=body)).json()
    assert {"risk_level", "score", "results", "suggestions", "feasibility_sha256", "engine_version"} <= shown.keys()
    assert shown["score"] == 88.5
    assert isinstance(shown["compute_ms"], int | float)
    assert str(world.partner.last(subjects.FEASIBILITY).body.spec.shapes[0].r_outer) == "48.5"


async def test_released_toolpaths_are_200_with_program_and_simulation(world: World) -> None:
    world.partner.says(subjects.MAKE_TOOLPATHS, toolpaths())
    async with world.client() as client:
        body = {"run_id": "r1", "artifact_id": "a1", "post": "linuxcnc", "feasibility": {"risk_level": "GREEN"}}
        answer = await client.post("/api/rmos/toolpaths", json=body)
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["status"], shown["run_id"], shown["artifact_id"]) == ("OK", examples.RUN, examples.CUT)
    assert shown["outputs"]["gcode_text"] == GCODE
    assert shown["outputs"]["blobs"]["gcode"]["sha256"] == shown["hashes"]["gcode"] == examples.GCODE.sha256
    assert shown["simulation"]["coverage_of_reachable"] == 0.9991
    sent = world.partner.last(subjects.MAKE_TOOLPATHS).body
    assert (sent.run_id, sent.artifact_id, sent.post) == ("r1", "a1", "linuxcnc")
    assert "feasibility" not in sent.model_dump()


@pytest.mark.parametrize(
    ("stated", "code"),
    [("SAFETY_BLOCKED", "SAFETY_BLOCKED"), ("APPROVAL_REQUIRED", "APPROVAL_REQUIRED"), (None, "SAFETY_BLOCKED")],
)
async def test_refused_toolpaths_are_409_with_run_artifact_and_decision(
    world: World, stated: str | None, code: str
) -> None:
    details = {"suggestions": ["a wider ring"]} | ({"error": stated} if stated else {})
    decision = Decision(risk_level=RiskLevel.RED, score=12.5, block_reason="0.6 mm is too narrow", details=details)
    world.partner.says(subjects.MAKE_TOOLPATHS, toolpaths(status=ArtifactStatus.BLOCKED, decision=decision))
    async with world.client() as client:
        answer = await client.post("/api/rmos/toolpaths", json={"artifact_id": "a1"})
    body = problem_in(answer, 409, code)
    assert (body["run_id"], body["artifact_id"]) == (examples.RUN, examples.CUT)
    assert (body["decision"]["risk_level"], body["decision"]["score"]) == ("RED", 12.5)
    assert body["message"] == "0.6 mm is too narrow"
    assert body["details"]["suggestions"] == ["a wider ring"]


async def test_failed_toolpaths_are_500_with_run_and_artifact(world: World) -> None:
    decision = Decision(risk_level=RiskLevel.ERROR, block_reason="the program failed its own simulation")
    world.partner.says(subjects.MAKE_TOOLPATHS, toolpaths(status=ArtifactStatus.ERROR, decision=decision))
    async with world.client() as client:
        answer = await client.post("/api/rmos/toolpaths", json={"artifact_id": "a1"})
    body = problem_in(answer, 500, ErrorCode.TOOLPATHS_ERROR.value)
    assert (body["run_id"], body["artifact_id"]) == (examples.RUN, examples.CUT)
    assert body["message"] == "the program failed its own simulation"


async def test_a_session_is_opened_shown_listed_and_decided(world: World) -> None:
    decided = SessionReply(session=examples.SESSION_SHOWN, artifact=examples.APPROVAL)
    shown_only = SessionReply(session=examples.SESSION_SHOWN)
    for conversation in (subjects.APPROVE, subjects.REJECT, subjects.REQUIRE_REVISION):
        world.partner.says(conversation, decided)
    for conversation in (subjects.OPEN_SESSION, subjects.SESSION):
        world.partner.says(conversation, shown_only)
    async with world.client() as client:
        opened = await client.post("/api/workflow-sessions", json={"mode": "ai_assisted"})
        assert (opened.status_code, opened.json()["session_id"]) == (201, examples.SESSION)
        assert opened.headers["Location"] == f"/api/workflow-sessions/{examples.SESSION}"
        assert "artifact" not in opened.json()
        assert (await client.get("/api/workflow-sessions/s1")).json()["state"] == "approved"
        assert (await client.get("/api/workflow-sessions", params={"state": "approved"})).status_code == 200
        for verb, conversation in (
            ("approve", subjects.APPROVE),
            ("reject", subjects.REJECT),
            ("require-revision", subjects.REQUIRE_REVISION),
        ):
            answer = await client.post(f"/api/rmos/workflow/{verb}", json={"session_id": "s1", "note": "as agreed"})
            assert answer.json()["artifact"]["artifact_id"] == examples.APPROVED
            assert world.partner.last(conversation).body.note == "as agreed"
    assert world.partner.last(subjects.SESSIONS).body.state == "approved"


async def test_the_runs_of_a_session_are_asked_for_after_the_session_itself(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/api/workflow-sessions/s1/runs", params={"limit": 3})
    assert answer.status_code == 200
    assert [asked.conversation for asked in world.partner.asked] == [subjects.SESSION, subjects.RUNS]
    assert (world.partner.asked[1].body.session_id, world.partner.asked[1].body.limit) == ("s1", 3)


@pytest.mark.parametrize(
    ("path", "conversation"),
    [
        ("/api/art/prompt-to-svg", subjects.PROMPT_TO_SVG),
        ("/api/art-studio/svg/generate", subjects.GENERATE_SVG),
    ],
)
async def test_some_failed_variants_are_200_and_all_are_502(world: World, path: str, conversation: Any) -> None:
    reply: PromptToSvgReply = examples.examples()[conversation.reply]  # type: ignore[assignment]
    failed = examples.VARIANT.model_copy(
        update={"status": VariantStatus.ERROR, "error": examples.FAILURE, "spec": None}
    )
    some = reply.model_copy(update={"variants": (examples.VARIANT, failed), "success_count": 1, "failure_count": 1})
    none = reply.model_copy(update={"variants": (failed, failed), "success_count": 0, "failure_count": 2})
    async with world.client() as client:
        world.partner.says(conversation, some)
        partial = await client.post(path, json={"prompt": "twelve petals", "count": 2, "diameter_mm": 110.5})
        world.partner.says(conversation, none)
        lost = await client.post(path, json={"prompt": "twelve petals", "count": 2})
    assert partial.status_code == 200
    assert [variant["status"] for variant in partial.json()["variants"]] == ["OK", "ERROR"]
    assert partial.json()["variants"][0]["spec"]["canvas_mm"] == 120
    assert str(world.partner.asked[0].body.diameter_mm) == "110.5"
    body = problem_in(lost, 502, "GENERATION_FAILED")
    assert [variant["error"]["code"] for variant in body["details"]["variants"]] == ["AI_INVALID_OUTPUT"] * 2
    assert body["failure_count"] == 2


async def test_a_generation_into_a_run_names_the_run(world: World) -> None:
    async with world.client() as client:
        answer = await client.post("/api/art-studio/svg/generate", json={"prompt": "petals", "run_id": "r1"})
    assert answer.status_code == 200
    assert world.partner.last(subjects.GENERATE_SVG).body.run_id == "r1"
    assert GenerateSvgReply.model_fields.keys() == answer.json().keys()


async def test_assets_are_listed_shown_and_attached(world: World) -> None:
    async with world.client() as client:
        listed = await client.get("/api/art/assets", params={"variant_seed": 7, "limit": 5})
        shown = await client.get(f"/api/art/assets/{examples.ASSET}")
        attached = await client.post(
            "/api/art/prompt-to-svg/attach-to-run", json={"run_id": "r1", "asset_ids": [examples.ASSET]}
        )
    assert [answer.status_code for answer in (listed, shown, attached)] == [200, 200, 200]
    assert shown.json()["asset_id"] == examples.ASSET
    assert world.partner.last(subjects.ASSETS).body.variant_seed == 7
    assert world.partner.last(subjects.ATTACH_ASSETS).body.asset_ids == (examples.ASSET,)


async def test_catalog_figures_are_numbers_with_source_and_standing(world: World) -> None:
    figure = {"value": "0.8", "unit": "mm", "source": "maker's sheet", "standing": "src"}
    bounded = {"density": {**figure, "unit": "kg/m3"}, "min_wall": figure, "min_piece": figure}
    entry = {"id": "ebony", "name": "Ebony", "family": "hardwood", **bounded}
    import json

    world.partner.says(
        subjects.CATALOG, CatalogEntries(kind="materials", catalog_sha256="a" * 64, items_json=json.dumps([entry]))
    )
    async with world.client() as client:
        shown = (await client.get("/api/catalog/materials")).json()
    assert shown["items"][0]["min_wall"] == {**figure, "value": 0.8}
    assert shown["catalog_sha256"] == "a" * 64


async def test_providers_are_listed(world: World) -> None:
    async with world.client() as client:
        shown = (await client.get("/api/ai/providers")).json()
    assert {"default_provider", "providers"} == shown.keys()
