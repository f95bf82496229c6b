"""Every error as JSON: the envelope {error, message, details, request_id}, which is also an RFC 9457 problem."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from contracts.errors import HTTP_STATUS, RETRYABLE, ErrorCode, RmosError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
SHOWN_ERRORS = 50
"""How many wrong fields are listed."""


class Reply(Response):
    """A JSON reply."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def problem(
    error: RmosError,
    request_id: str,
    *,
    status: int | None = None,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response of an error; `more` stands beside the envelope's own members, `status` overrides the code's."""
    status = status or HTTP_STATUS[error.code]
    body = {
        **(more or {}),
        "error": error.code.value,
        "message": error.message,
        "details": error.details,
        "request_id": request_id,
        "retryable": error.code in RETRYABLE,
        "type": f"urn:rmos:error:{error.code.value}",
        "title": HTTPStatus(status).phrase,
        "status": status,
    }
    sent = dict(headers or {})
    if error.code in RETRYABLE:
        sent["Retry-After"] = str(RETRY_AFTER_S)
    if error.code is ErrorCode.UNAUTHENTICATED:
        sent["WWW-Authenticate"] = 'Bearer realm="rmos"'
    return Response(orjson.dumps(body), status, headers=sent, media_type=MEDIA_TYPE)


def unexpected() -> RmosError:
    """What a client sees of an error that nobody foresaw."""
    return RmosError(ErrorCode.INTERNAL, "an unexpected error; the gateway's log names it under this request id")


def install(app: FastAPI) -> None:
    """Answer RmosErrors, wrong requests and the framework's own refusals with the envelope."""

    async def typed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RmosError)
        return problem(error, request.state.request_id)

    async def wrong_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem(_invalid(error), request.state.request_id)

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(
            _refusal(request, error), request.state.request_id, status=error.status_code, headers=error.headers
        )

    app.add_exception_handler(RmosError, typed)
    app.add_exception_handler(RequestValidationError, wrong_request)
    app.add_exception_handler(HTTPException, framework)


def _invalid(error: RequestValidationError) -> RmosError:
    """Every wrong field with its reason; never a value, which may be a secret."""
    problems = [{"field": _field(item["loc"]), "problem": item["msg"]} for item in error.errors()[:SHOWN_ERRORS]]
    first = problems[0]
    return RmosError(ErrorCode.INVALID_REQUEST, f"{first['field']}: {first['problem']}", errors=problems)


def _field(location: tuple[int | str, ...]) -> str:
    parts = location[1:] if location[0] == "body" and len(location) > 1 else location
    return ".".join(str(part) for part in parts)


_CODES = {404: ErrorCode.NOT_FOUND, 413: ErrorCode.PAYLOAD_TOO_LARGE, 500: ErrorCode.INTERNAL}


def _refusal(request: Request, error: HTTPException) -> RmosError:
    path = request.url.path
    if error.status_code == HTTPStatus.NOT_FOUND:
        return RmosError(ErrorCode.NOT_FOUND, f"there is nothing at {path}; /docs lists the endpoints")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        return RmosError(
            ErrorCode.INVALID_REQUEST, f"{path} does not answer {request.method}, only {allowed}", allowed=allowed
        )
    return RmosError(_CODES.get(error.status_code, ErrorCode.INVALID_REQUEST), str(error.detail))
