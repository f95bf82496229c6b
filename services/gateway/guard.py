"""The route class of every endpoint: rule first, then the body within its limit, then the handler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Message

from contracts.errors import ErrorCode, RmosError
from services.gateway.access import ENDPOINTS, Rule, rule_key
from services.gateway.calls import Gateway, caller_for

_THREAD_FROM_BYTES = 64 << 10
"""Bodies from here on are parsed in a thread: the event loop has other clients."""


class GuardedRequest(Request):
    """A request whose JSON is parsed by orjson (no NaN, no infinities), big ones beside the event loop."""

    async def json(self) -> Any:
        body = await self.body()
        if len(body) < _THREAD_FROM_BYTES:
            return orjson.loads(body)
        return await asyncio.to_thread(orjson.loads, body)

    def limit_body(self, limit: int) -> None:
        """Raise PAYLOAD_TOO_LARGE once the body passes this many bytes, by its header or as it arrives."""
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise _too_large(limit)
        receive, got = self._receive, 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                raise _too_large(limit)
            return message

        self._receive = counted


class GuardedRoute(APIRoute):
    """Nothing of a request is looked at before its credential; a route without a rule cannot be made."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods = options.get("methods") or ["GET"]
        self._rules: dict[str, Rule] = {method: ENDPOINTS[rule_key(method, path)] for method in methods}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            admitted = GuardedRequest(request.scope, request.receive)
            gateway: Gateway = request.app.state.gateway
            rule = self._rules[request.method]
            if rule.permission is not None:
                request.state.caller = caller_for(gateway, rule, request)
            if self.body_field is not None:
                admitted.limit_body(gateway.limits.max_json_bytes)
                async with arriving(rule.deadline_s):
                    await admitted.body()
            return await handle(admitted)

        return guarded


@asynccontextmanager
async def arriving(within_s: float) -> AsyncIterator[None]:
    """The time that a request's body has. Raises DEADLINE_EXCEEDED."""
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise RmosError(
            ErrorCode.DEADLINE_EXCEEDED, f"the request's body did not arrive within {within_s:g} s"
        ) from None


def _too_large(limit: int) -> RmosError:
    return RmosError(ErrorCode.PAYLOAD_TOO_LARGE, f"the body is larger than {limit} bytes", limit_bytes=limit)
