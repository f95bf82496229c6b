"""The API's description (OpenAPI 3.1): what FastAPI knows of the routes, plus keys, roles and the error envelope."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from contracts.errors import ErrorCode
from contracts.feasibility import FeasibilityReply
from contracts.model import Message
from contracts.rmos import ArtifactReply
from services.gateway.access import ENDPOINTS, MAY, Rule
from services.gateway.examples import PROBLEM_EXAMPLE
from services.gateway.problems import MEDIA_TYPE

PATH = "/openapi.json"
DESCRIPTION = """\
From a luthier's words to G-code that may be cut, with every decision on record.

Lengths are mm, speeds mm/min and rev/min, scores 0-100; numbers are JSON numbers. Every response carries
`X-Request-ID`, yours if you sent one. A POST with an `Idempotency-Key` may be sent again: the work is done once.
An error is always the envelope `Problem`; where `retryable` is true, `Retry-After` says when to ask again.
"""
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error (RFC 9457). `error` is for programs, `message` says what happened and what to do.",
    "required": ["error", "message", "details", "request_id", "retryable", "type", "title", "status"],
    "properties": {
        "error": {"enum": [code.value for code in ErrorCode]},
        "message": {"type": "string"},
        "details": {"type": "object"},
        "request_id": {"type": "string"},
        "retryable": {"type": "boolean"},
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
    },
}
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_HEADERS = [
    {
        "name": "X-Request-ID",
        "in": "header",
        "description": "1-128 visible ASCII characters; returned, and recorded with everything this request causes.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    }
]
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "1-128 visible ASCII characters. The same key again gives the first outcome, not a second one.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
}
_ALWAYS = (400, 401, 403, 503, 504)
_WITH_ID = (404,)
_WITH_BODY = (413,)


def install(app: FastAPI, version: str) -> None:
    """Serve `/openapi.json` and `/docs`. The description is made once, at the first question, in a thread: it takes
    seconds of computing, in which the event loop must go on answering others and NATS' pings."""
    making: list[asyncio.Task[bytes]] = []

    async def description(_: Request) -> Response:
        if not making:
            making.append(asyncio.create_task(asyncio.to_thread(lambda: orjson.dumps(described(app, version)))))
        return Response(await asyncio.shield(making[0]), media_type="application/json")

    async def docs(_: Request) -> Response:
        return get_swagger_ui_html(openapi_url=PATH, title="RMOS")

    app.add_route(PATH, description, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)


def described(app: FastAPI, version: str) -> dict[str, Any]:
    """The whole description as one document."""
    document = get_openapi(
        title="RMOS", version=version, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for name, schema in {**_schemas_of(ArtifactReply), **_schemas_of(FeasibilityReply)}.items():
        schemas.setdefault(name, schema)
    schemas["ArtifactView"] = _artifact_view(schemas.pop("RunArtifact"))
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(operation, ENDPOINTS[method.upper(), path], method != "get", "{" in path)
    return document


def _complete(operation: dict[str, Any], rule: Rule, is_post: bool, has_id: bool) -> None:
    """Security, headers and errors of one operation."""
    responses = operation["responses"]
    responses.pop("422", None)
    if rule.permission is None:
        operation["security"] = []
        return
    operation["security"] = [{name: []} for name in _SECURITY]
    roles = ", ".join(role.value for role in MAY[rule.permission])
    operation["description"] = f"{operation.get('description', '')}\n\nRoles: {roles}.".strip()
    operation.setdefault("parameters", []).extend(_HEADERS + ([_IDEMPOTENCY] if is_post else []))
    statuses = (
        _ALWAYS + (_WITH_ID if has_id or is_post else ()) + ((*_WITH_BODY, 409, 422, 500, 502) if is_post else ())
    )
    for status in statuses:
        responses.setdefault(
            str(status),
            {
                "description": HTTPStatus(status).phrase,
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": PROBLEM_EXAMPLE}
                },
            },
        )


def _schemas_of(message: type[Message]) -> dict[str, Any]:
    template = "#/components/schemas/{model}"
    schema = message.model_json_schema(ref_template=template, mode="serialization")
    found: dict[str, Any] = schema["$defs"]
    return found


def _artifact_view(recorded: dict[str, Any]) -> dict[str, Any]:
    """The record's schema with the inlined texts among its outputs, and a model's explanation."""
    view = deepcopy(recorded)
    text = {"type": ["string", "null"]}
    view["title"] = "ArtifactView"
    view["properties"]["ai_explanation"] = {
        "$ref": "#/components/schemas/AiExplanation",
        "description": "What a model was asked about it, and said, without its text. Advice: it decides nothing.",
    }
    view["properties"]["outputs"]["properties"] = {"gcode_text": text, "opplan_json": text}
    return view
