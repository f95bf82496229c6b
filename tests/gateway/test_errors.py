"""Every failure is one envelope with a request id, and never a stack trace."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest

from contracts import subjects
from contracts.errors import HTTP_STATUS, RETRYABLE, ErrorCode, RmosError
from contracts.examples import RUN_SHOWN
from contracts.model import Message
from tests.gateway.conftest import World

MEMBERS = {"error", "message", "details", "request_id", "retryable", "type", "title", "status"}


def problem_in(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer's envelope, checked for being one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body.keys() >= MEMBERS
    assert body["error"] == code
    assert body["status"] == status
    assert body["type"] == f"urn:rmos:error:{code}"
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["message"]
    assert "Traceback" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return body


@pytest.mark.parametrize("code", list(ErrorCode))
async def test_every_code_of_the_bus_has_its_status(world: World, code: ErrorCode) -> None:
    world.partner.says(subjects.RUN, RmosError(code, "what happened, and what to do", run_id="x1"))
    async with world.client() as client:
        answer = await client.get("/api/runs/x1")
    body = problem_in(answer, HTTP_STATUS[code], code.value)
    assert body["message"] == "what happened, and what to do"
    assert body["details"] == {"run_id": "x1"}
    assert body["retryable"] is (code in RETRYABLE)
    assert ("Retry-After" in answer.headers) is (code in RETRYABLE)


async def test_a_service_that_breaks_shows_nothing_of_it(world: World) -> None:
    world.partner.says(subjects.RUN, ZeroDivisionError("secret of the house"))
    async with world.client() as client:
        answer = await client.get("/api/runs/x1")
    problem_in(answer, 500, "INTERNAL")
    assert "secret" not in answer.text


async def test_an_answer_outside_the_contract_is_500_and_not_the_clients_fault(world: World) -> None:
    class Odd(Message):
        odd: str = "value"

    world.partner.says(subjects.RUN, Odd())
    async with world.client() as client:
        problem_in(await client.get("/api/runs/x1"), 500, "INTERNAL")


async def test_an_error_in_the_gateway_itself_is_logged_and_not_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret of the house")

    monkeypatch.setattr("services.gateway.routes.runs.for_people", broken)
    async with world.client() as client:
        answer = await client.get("/api/runs/x1")
    problem_in(answer, 500, "INTERNAL")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/api/nothing", 404, "NOT_FOUND"),
        ("GET", "/api/runs/", 404, "NOT_FOUND"),
        ("DELETE", "/api/runs", 405, "INVALID_REQUEST"),
        ("PUT", "/api/rmos/toolpaths", 405, "INVALID_REQUEST"),
        ("GET", "/api/runs/%20", 400, "INVALID_REQUEST"),
        ("GET", "/api/runs?limit=0", 400, "INVALID_REQUEST"),
        ("GET", "/api/runs?sesion=s1", 400, "INVALID_REQUEST"),
        ("GET", "/api/runs?from=yesterday", 400, "INVALID_REQUEST"),
        ("GET", "/api/runs?day=2026-13-01", 400, "INVALID_REQUEST"),
        ("GET", "/api/runs?risk_level=PINK", 400, "INVALID_REQUEST"),
        ("GET", "/api/catalog/wishes", 400, "INVALID_REQUEST"),
        ("GET", "/api/events/stream?after=-1", 400, "INVALID_REQUEST"),
        ("GET", f"/api/events/stream?after={10**30}", 400, "INVALID_REQUEST"),
        ("GET", "/api/runs?from=9999-12-31T23:59:59-23:59", 400, "INVALID_REQUEST"),
        ("GET", "/api/runs?to=0001-01-01T00:00:00%2B23:59", 400, "INVALID_REQUEST"),
        ("GET", f"/api/audit/checkpoint?size={2**53}", 400, "INVALID_REQUEST"),
        ("GET", f"/api/audit/consistency?from={2**53}", 400, "INVALID_REQUEST"),
        ("GET", f"/api/audit/consistency?from=1&to={2**53}", 400, "INVALID_REQUEST"),
        ("GET", f"/api/runs/x1/attestation?up_to={2**53}", 400, "INVALID_REQUEST"),
        ("DELETE", f"/api/workflow-sessions/x1?expected_version={2**53}", 400, "INVALID_REQUEST"),
        ("GET", "/api/runs/x1/attachments/short", 400, "INVALID_REQUEST"),
    ],
)
async def test_what_the_framework_refuses_has_the_envelope_too(
    world: World, method: str, path: str, status: int, code: str
) -> None:
    async with world.client() as client:
        answer = await client.request(method, path)
    problem_in(answer, status, code)
    if status == 405:
        assert answer.headers["Allow"]
    assert world.partner.asked == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/api/workflow-sessions/x1/design", {"spec": {"canvas_mm": 120, "shapes": []}}),
        ("PATCH", "/api/workflow-sessions/x1", {"context": {"tool_id": "flat_1_0"}}),
        ("POST", "/api/workflow-sessions/x1/archive", {}),
        ("POST", "/api/rmos/workflow/approve", {"session_id": "x1"}),
    ],
)
async def test_a_version_that_no_message_can_carry_is_the_clients_fault(
    world: World, method: str, path: str, body: dict[str, Any]
) -> None:
    async with world.client() as client:
        answer = await client.request(method, path, json={**body, "expected_version": 2**53})
    errors = problem_in(answer, 400, "INVALID_REQUEST")["details"]["errors"]
    assert "expected_version" in [error["field"] for error in errors]
    assert world.partner.asked == []


RING = {"type": "ring", "r_inner": 45, "r_outer": 48}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/runs", {"stock_thickness_mm": -1}, "stock_thickness_mm"),
        ("/api/runs", {"stock_thickness_mm": "thick"}, "stock_thickness_mm"),
        ("/api/runs", {"labell": "x"}, "labell"),
        ("/api/runs", {"tool_id": "flat_1_0", "context": {"tool_id": "flat_2_0"}}, "body"),
        ("/api/runs", {"mode": "router", "tool_id": "saw:saw_140_1_0"}, "body"),
        ("/api/runs", [], "body"),
        ("/api/rmos/feasibility", {}, "body"),
        ("/api/rmos/feasibility", {"spec": {"canvas_mm": 90, "shapes": [RING]}}, "spec"),
        ("/api/rmos/toolpaths", {"tool_id": "flat_1_0"}, "(body)"),
        ("/api/rmos/toolpaths", {"artifact_id": "a1", "operations": []}, "operations"),
        ("/api/rmos/workflow/approve", {"note": "good"}, "session_id"),
        ("/api/rmos/workflow/reject", {"session_id": "s1", "note": "x" * 4001}, "note"),
        ("/api/art/prompt-to-svg", {"prompt": ""}, "prompt"),
        ("/api/art/prompt-to-svg", {"prompt": "x", "count": 11}, "count"),
        ("/api/art/prompt-to-svg/attach-to-run", {"run_id": "r1", "asset_ids": []}, "asset_ids"),
        ("/api/runs/r1/artifacts/bind-art-studio-candidate", {}, "(body)"),
        ("/api/runs/r1/artifacts/bind-art-studio-candidate", {"attachment_ids": ["x"]}, "attachment_ids.0"),
    ],
)
async def test_a_wrong_body_is_400_and_names_the_field_but_not_the_value(
    world: World, path: str, body: object, field: str
) -> None:
    async with world.client() as client:
        answer = await client.post(path, json=body)
    errors = problem_in(answer, 400, "INVALID_REQUEST")["details"]["errors"]
    assert any(error["field"].startswith(field) and error["problem"] for error in errors), errors
    assert world.partner.asked == []


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{", "application/json"),
        (b'{"label": NaN}', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"", "application/json"),
        (b'{"label": "x"}', "text/plain"),
        (b"[" * 200_000, "application/json"),
    ],
)
async def test_a_body_that_is_not_json_is_400(world: World, content: bytes, content_type: str) -> None:
    async with world.client() as client:
        answer = await client.post("/api/runs", content=content, headers={"Content-Type": content_type})
    problem_in(answer, 400, "INVALID_REQUEST")


async def test_a_body_over_the_limit_is_413_by_its_header_and_as_it_arrives(world: World) -> None:
    small = world.with_limits(max_json_bytes=1000)

    async def trickle() -> Any:
        for _ in range(20):
            yield b" " * 100

    async with small.client() as client:
        declared = await client.post("/api/runs", content=b" " * 1001, headers={"Content-Type": "application/json"})
        chunked = await client.post("/api/runs", content=trickle(), headers={"Content-Type": "application/json"})
        fitting = await client.post(
            "/api/runs", content=b'{"label": "x"}' + b" " * 986, headers={"Content-Type": "application/json"}
        )
    for answer in (declared, chunked):
        assert problem_in(answer, 413, "PAYLOAD_TOO_LARGE")["details"]["limit_bytes"] == 1000
    assert fitting.status_code == 201


async def test_more_requests_than_the_limit_are_503_with_a_time_to_come_back(world: World) -> None:
    narrow = world.with_limits(max_in_flight=2)
    gate = asyncio.Event()
    reached = asyncio.Semaphore(0)
    original = world.gateway.requests.request

    class Held:
        connected = True

        async def request(self, *arguments: Any) -> Any:
            reached.release()
            await gate.wait()
            return await original(*arguments)

    object.__setattr__(narrow.gateway, "requests", Held())
    async with narrow.client() as client:
        held = [asyncio.create_task(client.get("/api/runs/x1")) for _ in range(2)]
        for _ in held:
            await reached.acquire()
        refused = await client.get("/api/runs/x1")
        alive = await client.get("/healthz")
        gate.set()
        answered = await asyncio.gather(*held)
        after = await client.get("/api/runs/x1")
    assert problem_in(refused, 503, "UNAVAILABLE")["retryable"] is True
    assert refused.headers["Retry-After"] == "1"
    assert alive.status_code == 200
    assert [answer.status_code for answer in (*answered, after)] == [200, 200, 200]


async def test_a_service_that_is_not_there_is_503(world: World) -> None:
    await world.partner.buses["rmos"].close()
    async with world.client() as client:
        answer = await client.get("/api/runs/x1")
    problem_in(answer, 503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "1"


async def test_numbers_are_json_numbers_both_ways(world: World) -> None:
    async with world.client() as client:
        body = {"stock_thickness_mm": 2.8, "context": {"rpm": 18000, "stepdown_mm": "0.4"}}
        answer = await client.post("/api/runs", json=body)
    context = world.partner.last(subjects.OPEN_RUN).body.context
    wanted = [Decimal("2.8"), Decimal(18000), Decimal("0.4")]
    assert [context.stock_thickness_mm, context.rpm, context.stepdown_mm] == wanted
    shown = answer.json()
    assert shown["context"]["stock_thickness_mm"] == 2.8
    assert shown["score"] == 88.5
    assert isinstance(shown["score"], float)
    assert shown["run_id"] == RUN_SHOWN.run_id
    assert answer.headers["content-type"] == "application/json"


async def test_a_request_that_fits_http_but_not_the_bus_is_413_and_the_next_is_answered(world: World) -> None:
    item = {"design": {"inner_diameter_mm": 90, "note": "x" * 9_000_000}}
    async with world.client() as client:
        large = await client.post("/api/rmos/feasibility/batch", json={"items": [item]})
        details = problem_in(large, 413, "PAYLOAD_TOO_LARGE")["details"]
        assert details["size_bytes"] > details["limit_bytes"]
        assert (await client.get("/api/runs/r1")).status_code == 200
