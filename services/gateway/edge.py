"""The outermost layer: request id, limits on how much runs at once, headers, one log line, and no stack trace ever."""

from __future__ import annotations

import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.errors import ErrorCode, RmosError
from runtime.clock import elapsed_ms
from services.gateway.calls import Gateway
from services.gateway.identity import chosen_request_id
from services.gateway.problems import problem, unexpected

UNCOUNTED = frozenset({"/healthz", "/readyz", "/metrics", "/api/events/stream"})
"""Answered however busy the gateway is; event streams have a limit of their own."""
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Those that are counted by name. A client may invent others: each would be a time series that stays for ever."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class Edge:
    """An ASGI middleware. Everything below it finds `request.state.request_id`."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._gateway.new_id("req"))
        try:
            exchange.take_request_id()
            await self._limited(scope, receive, exchange)
        except RmosError as error:
            await problem(error, exchange.request_id)(scope, receive, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or 499
        except Exception:  # the process edge: logged here, answered as INTERNAL without detail
            self._gateway.log.exception("request_failed", request_id=exchange.request_id, path=scope["path"])
            if not exchange.status:
                await problem(unexpected(), exchange.request_id)(scope, receive, exchange.send)
        finally:
            self._record(scope, exchange)

    async def _limited(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
        if scope["path"] in UNCOUNTED:
            await self._app(scope, receive, exchange.send)
            return
        if self._in_flight >= self._gateway.limits.max_in_flight:
            self._gateway.metrics.refused.inc()
            raise RmosError(
                ErrorCode.UNAVAILABLE, f"{self._in_flight} requests are being answered already; ask again in a moment"
            )
        self._in_flight += 1
        self._gateway.metrics.in_flight.inc()
        try:
            await self._app(scope, receive, exchange.send)
        finally:
            self._in_flight -= 1
            self._gateway.metrics.in_flight.dec()

    def _record(self, scope: Scope, exchange: _Exchange) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        metrics = self._gateway.metrics
        method = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.requests.labels(method, route, exchange.status).inc()
        metrics.duration_s.labels(method, route).observe(time.perf_counter() - exchange.started)
        if scope["path"] in _QUIET:
            return
        self._gateway.log.info(
            "answered",
            method=scope["method"],
            route=route,
            status=exchange.status,
            request_id=exchange.request_id,
            role=scope["state"].get("role"),
            duration_ms=elapsed_ms(exchange.started),
        )


class _Exchange:
    """One request and its response as the edge sees them. `status` is 0 until the response has begun."""

    def __init__(self, scope: Scope, send: Send, fresh_id: str) -> None:
        self._scope = scope
        self._send = send
        self.started = time.perf_counter()
        self.status = 0
        self.request_id = fresh_id
        scope.setdefault("state", {})["request_id"] = fresh_id

    def take_request_id(self) -> None:
        chosen = chosen_request_id(Headers(scope=self._scope).getlist("x-request-id"))
        if chosen is not None:
            self.request_id = self._scope["state"]["request_id"] = chosen

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)
