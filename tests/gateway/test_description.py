from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from fastapi import APIRouter

from services.gateway import openapi
from services.gateway.access import ENDPOINTS
from services.gateway.bodies import (
    BindBody,
    DecideBody,
    ExplainBody,
    FeasibilityBody,
    GenerateBody,
    OpenRunBody,
    OpenSessionBody,
    PromptBody,
    ToolpathsBody,
)
from services.gateway.guard import GuardedRoute
from services.gateway.openapi import described
from tests.gateway.conftest import World

BODIES: dict[str, Any] = {
    "/api/runs": OpenRunBody,
    "/api/workflow-sessions": OpenSessionBody,
    "/api/art/prompt-to-svg": PromptBody,
    "/api/art-studio/svg/generate": GenerateBody,
    "/api/runs/{run_id}/artifacts/bind-art-studio-candidate": BindBody,
    "/api/artifacts/{artifact_id}/ai-explanation": ExplainBody,
    "/api/rmos/workflow/approve": DecideBody,
    "/api/rmos/workflow/reject": DecideBody,
    "/api/rmos/workflow/require-revision": DecideBody,
    "/api/rmos/feasibility": FeasibilityBody,
    "/api/rmos/toolpaths": ToolpathsBody,
}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


async def description_of(world: World) -> dict[str, Any]:
    async with world.client(None) as client:
        document: dict[str, Any] = (await client.get("/openapi.json")).json()
    return document


async def test_every_endpoint_is_described_and_every_reference_resolves(world: World) -> None:
    document = await description_of(world)
    assert document["openapi"].startswith("3.1")
    shown = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert shown == set(ENDPOINTS)
    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


async def test_every_keyed_operation_names_its_errors_in_one_envelope(world: World) -> None:
    document = await description_of(world)
    for (method, path), rule in ENDPOINTS.items():
        operation = document["paths"][path][method.lower()]
        if rule.permission is None:
            assert operation["security"] == []
            continue
        assert operation["security"] == [{"bearer": []}, {"key": []}]
        for status in ("400", "401", "403", "503"):
            content = operation["responses"][status]["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


async def test_a_real_error_fits_the_described_envelope(world: World) -> None:
    schema = (await description_of(world))["components"]["schemas"]["Problem"]
    async with world.client() as client:
        jsonschema.validate((await client.get("/api/runs?limit=0")).json(), schema)


async def test_the_examples_of_the_journey_are_bodies_the_gateway_takes(world: World) -> None:
    document = await description_of(world)
    for path, body in BODIES.items():
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert content["examples"]
        for example in content["examples"].values():
            body.model_validate(example["value"])


def test_an_endpoint_without_a_rule_cannot_be_made() -> None:
    router = APIRouter(route_class=GuardedRoute)

    async def forgotten() -> None: ...

    with pytest.raises(KeyError):
        router.add_api_route("/api/forgotten", forgotten)


async def test_the_description_is_made_once_and_not_on_the_event_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def recording(*arguments: Any) -> dict[str, Any]:
        threads.append(threading.current_thread())
        return described(*arguments)

    monkeypatch.setattr(openapi, "described", recording)
    async with world.client(None) as client:
        answers = await asyncio.gather(*(client.get("/openapi.json") for _ in range(3)))
        assert "/openapi.json" in (await client.get("/docs")).text
    assert len({answer.content for answer in answers}) == 1
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
