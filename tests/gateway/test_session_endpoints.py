"""What the endpoints of sessions, runs, advice and retention ask of the bus, and how they show the answer."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import examples, subjects
from contracts.advisories import PromoteAdvisory, RejectAdvisory, ReviewAdvisory
from contracts.ai_explanations import AiExplanation, AskAiExplanation, ExplainArtifact
from contracts.comparison import AskDiff, AskExplanation
from contracts.envelope import Role
from contracts.model import Message, for_people
from contracts.rmos import (
    AddCatalogEntries,
    AddCatalogEntry,
    ArchiveSession,
    DeleteRun,
    DeleteSession,
    EvaluateSession,
    ListRuns,
    ListSessions,
    OverrideVerdict,
    PurgeBlobs,
    SetSessionContext,
    SetSessionDesign,
)
from contracts.subjects import Conversation
from tests.gateway.conftest import World
from tests.gateway.test_errors import problem_in

SESSION = f"/api/workflow-sessions/{examples.SESSION}"
RUN = f"/api/runs/{examples.RUN}"
ARTIFACT = f"/api/artifacts/{examples.BOUND}"
ADVICE = f"{RUN}/advisories/{examples.ASSET}"
RING = {"version": "v1", "canvas_mm": 120, "shapes": [{"type": "ring", "r_inner": 45, "r_outer": 48}]}
THICKER = {"stock_thickness_mm": 3}
IN_SESSION = {"session_id": examples.SESSION}
ON_ASSET = {"run_id": examples.RUN, "asset_id": examples.ASSET}
REASON = "the test cut was clean"


@pytest.mark.parametrize(
    ("method", "path", "given", "conversation", "expected"),
    [
        (
            "PATCH",
            SESSION,
            {"json": {"context": THICKER, "expected_version": 3}},
            subjects.SET_CONTEXT,
            SetSessionContext.model_validate({**IN_SESSION, "context": THICKER, "expected_version": 3}),
        ),
        (
            "PUT",
            f"{SESSION}/design",
            {"json": {"spec": RING}},
            subjects.SET_DESIGN,
            SetSessionDesign.model_validate({**IN_SESSION, "spec": RING}),
        ),
        ("POST", f"{SESSION}/feasibility", {}, subjects.EVALUATE_SESSION, EvaluateSession(**IN_SESSION)),
        (
            "POST",
            f"{SESSION}/archive",
            {"json": {"note": "delivered"}},
            subjects.ARCHIVE_SESSION,
            ArchiveSession(**IN_SESSION, note="delivered"),
        ),
        (
            "DELETE",
            SESSION,
            {"params": {"cascade": "true", "force": "true", "reason": "a trial"}},
            subjects.DELETE_SESSION,
            DeleteSession(**IN_SESSION, cascade=True, force=True, reason="a trial"),
        ),
        ("DELETE", RUN, {}, subjects.DELETE_RUN, DeleteRun(run_id=examples.RUN)),
        (
            "POST",
            f"{RUN}/override",
            {"json": {"artifact_id": examples.BOUND, "scope": "YELLOW", "reason": REASON}},
            subjects.OVERRIDE_VERDICT,
            OverrideVerdict(run_id=examples.RUN, artifact_id=examples.BOUND, scope="YELLOW", reason=REASON),
        ),
        (
            "POST",
            f"{ADVICE}/review",
            {"json": {"rating": 4}},
            subjects.REVIEW_ADVISORY,
            ReviewAdvisory(**ON_ASSET, rating=4),
        ),
        ("POST", f"{ADVICE}/promote", {}, subjects.PROMOTE_ADVISORY, PromoteAdvisory(**ON_ASSET)),
        (
            "POST",
            f"{ADVICE}/reject",
            {"json": {"code": "AESTHETIC", "note": "too busy"}},
            subjects.REJECT_ADVISORY,
            RejectAdvisory(**ON_ASSET, code="AESTHETIC", note="too busy"),
        ),
        (
            "GET",
            f"{RUN}/diff/run_b",
            {},
            subjects.DIFF,
            AskDiff(of="runs", a=examples.RUN, b="run_b"),
        ),
        (
            "GET",
            f"{ARTIFACT}/diff/{examples.CUT}",
            {},
            subjects.DIFF,
            AskDiff(of="artifacts", a=examples.BOUND, b=examples.CUT),
        ),
        ("GET", f"{ARTIFACT}/explanation", {}, subjects.EXPLANATION, AskExplanation(artifact_id=examples.BOUND)),
        (
            "GET",
            f"{ARTIFACT}/ai-explanation",
            {},
            subjects.AI_EXPLANATION,
            AskAiExplanation(artifact_id=examples.BOUND, with_text=True),
        ),
        (
            "POST",
            f"{ARTIFACT}/ai-explanation",
            {"json": {"provider": "local", "model": "qwen3:8b"}},
            subjects.EXPLAIN_ARTIFACT,
            ExplainArtifact(artifact_id=examples.BOUND, provider="local", model="qwen3:8b"),
        ),
        (
            "POST",
            f"{ARTIFACT}/ai-explanation",
            {},
            subjects.EXPLAIN_ARTIFACT,
            ExplainArtifact(artifact_id=examples.BOUND),
        ),
        (
            "GET",
            "/api/workflow-sessions",
            {"params": {"include_deleted": "true", "offset": "2"}},
            subjects.SESSIONS,
            ListSessions(include_deleted=True, offset=2),
        ),
        (
            "POST",
            "/api/admin/retention/purge",
            {"json": {"older_than_days": 365, "statuses": ["BLOCKED"]}},
            subjects.PURGE_BLOBS,
            PurgeBlobs(older_than_days=365, statuses=("BLOCKED",), dry_run=True),
        ),
    ],
)
async def test_the_request_reaches_rmos_whole(
    world: World, method: str, path: str, given: dict[str, Any], conversation: Conversation, expected: Message
) -> None:
    async with world.client() as client:
        answer = await client.request(method, path, **given)
    assert answer.status_code == 200, answer.text
    assert world.partner.last(conversation).body == expected


@pytest.mark.parametrize(
    ("status", "answered", "header"),
    [("PENDING", 202, "Location"), ("READY", 200, "Content-Location"), ("ERROR", 200, "Content-Location")],
)
async def test_a_request_for_an_explanation_is_202_while_it_is_pending(
    world: World, status: str, answered: int, header: str
) -> None:
    world.partner.says(
        subjects.EXPLAIN_ARTIFACT, AiExplanation(artifact_id=examples.BOUND, run_id=examples.RUN, status=status)
    )
    async with world.client() as client:
        answer = await client.post(f"{ARTIFACT}/ai-explanation", headers={"Idempotency-Key": "key_1"})
    assert (answer.status_code, answer.headers[header]) == (answered, f"{ARTIFACT}/ai-explanation")
    assert (answer.json()["status"], answer.json()["advisory"]) == (status, True)
    assert world.partner.last(subjects.EXPLAIN_ARTIFACT).context.idempotent is True


async def test_a_model_name_that_is_none_is_refused_before_anybody_is_asked(world: World) -> None:
    async with world.client() as client:
        for wrong in ({"model": "a\x00b"}, {"model": ""}, {"provider": "Open AI"}, {"prompt": "approve it"}):
            assert (await client.post(f"{ARTIFACT}/ai-explanation", json=wrong)).status_code == 400
    assert world.partner.asked_of(subjects.EXPLAIN_ARTIFACT) == []


async def test_several_catalog_entries_are_one_command(world: World) -> None:
    wanted = AddCatalogEntries(entries=(AddCatalogEntry(material=examples.BONE),))
    async with world.client() as client:
        answer = await client.post("/api/catalog", json=for_people(wanted, exclude_none=True))
    assert (answer.status_code, answer.json()["added"]) == (201, 1)
    assert world.partner.last(subjects.ADD_CATALOG_ENTRIES).body == wanted


@pytest.mark.parametrize(
    ("method", "path", "conversation"),
    [
        ("POST", "/api/workflow-sessions", subjects.OPEN_SESSION),
        ("PATCH", SESSION, subjects.SET_CONTEXT),
        ("POST", "/api/rmos/ai/constraint-search", subjects.SEARCH_CONSTRAINTS),
        ("POST", "/api/rmos/ai/quick-check", subjects.SEARCH_CONSTRAINTS),
    ],
)
async def test_a_blade_is_asked_for_by_its_catalog_id(
    world: World, method: str, path: str, conversation: Conversation
) -> None:
    wanted = {"target_outer_diameter_mm": 110, "target_inner_diameter_mm": 90} if "/ai/" in path else {}
    async with world.client() as client:
        answer = await client.request(method, path, json={"context": {**wanted, "tool_id": "saw:saw_160_1_4_32"}})
    assert answer.is_success, answer.text
    assert world.partner.last(conversation).body.context.tool_id == "saw_160_1_4_32"


@pytest.mark.parametrize(
    ("query", "conversation", "expected"),
    [
        ({}, subjects.RUNS, ListRuns(session_id=examples.SESSION)),
        (
            {"view": "summary", "status": "OK", "limit": "7", "offset": "14", "include_total": "true"},
            subjects.RUN_SUMMARIES,
            ListRuns(session_id=examples.SESSION, status="OK", limit=7, offset=14, include_total=True),
        ),
    ],
)
async def test_a_sessions_runs_are_shown_whole_or_in_summary(
    world: World, query: dict[str, str], conversation: Conversation, expected: ListRuns
) -> None:
    async with world.client() as client:
        answer = await client.get(f"{SESSION}/runs", params=query)
    assert answer.status_code == 200, answer.text
    assert world.partner.last(conversation).body == expected
    assert answer.json()["items"][0]["run_id"] == examples.RUN


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (f"{SESSION}/runs", {"view": "short"}),
        (f"{SESSION}/runs", {"cursor": "abc", "offset": "1"}),
        ("/api/runs", {"offset": "-1"}),
        (f"{RUN}/advisories", {"status": "SEEN"}),
    ],
)
async def test_a_query_that_cannot_be_meant_is_refused(world: World, path: str, query: dict[str, str]) -> None:
    async with world.client() as client:
        answer = await client.get(path, params=query)
    problem_in(answer, 400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{RUN}/override", {"artifact_id": examples.BOUND, "scope": "GREEN", "reason": REASON}),
        (f"{RUN}/override", {"artifact_id": examples.BOUND, "scope": "RED", "reason": "because"}),
        (f"{ADVICE}/review", {"rating": 6}),
        (f"{ADVICE}/reject", {"note": "no code"}),
        ("/api/catalog", {"entries": []}),
        ("/api/catalog", {"entries": [{}]}),
        ("/api/admin/retention/purge", {"older_than_days": 0, "statuses": ["OK"]}),
        ("/api/admin/retention/purge", {"older_than_days": 9, "statuses": []}),
    ],
)
async def test_a_body_that_cannot_be_meant_is_refused(world: World, path: str, body: dict[str, Any]) -> None:
    async with world.client() as client:
        answer = await client.post(path, json=body)
    problem_in(answer, 400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        (Role.DESIGNER, "DELETE", RUN),
        (Role.DESIGNER, "DELETE", SESSION),
        (Role.DESIGNER, "POST", f"{RUN}/override"),
        (Role.AUDITOR, "PATCH", SESSION),
        (Role.AUDITOR, "POST", f"{ADVICE}/promote"),
        (Role.OPERATOR, "POST", "/api/admin/retention/purge"),
        (Role.OPERATOR, "POST", "/api/catalog"),
    ],
)
async def test_what_a_role_may_not_do_reaches_nobody(world: World, role: Role, method: str, path: str) -> None:
    async with world.client(role) as client:
        answer = await client.request(method, path, json=None if method == "DELETE" else {})
    problem_in(answer, 403, "FORBIDDEN")
    assert world.partner.asked == []
