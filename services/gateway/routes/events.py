"""The log as server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from contracts import subjects
from contracts.errors import ErrorCode, RmosError
from contracts.rmos import ListRuns, Runs
from services.gateway.bodies import StreamQuery
from services.gateway.calls import Caller, CallerOf, Gateway, GatewayOf
from services.gateway.feed.event import Filter
from services.gateway.guard import GuardedRoute

router = APIRouter(route_class=GuardedRoute, tags=["events"])
_HEADERS = {"X-Accel-Buffering": "no"}  # proxies hold event streams back otherwise


@router.get(
    "/api/events/stream",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events in log order, each once."}},
)
async def event_stream(
    query: Annotated[StreamQuery, Query()],
    caller: CallerOf,
    gateway: GatewayOf,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,16}$")] = None,
) -> Response:
    """Every recorded event as it happens; `id` is its log position. `Last-Event-ID` (or `after`) resumes behind a
    position, without either the stream begins now. Filters: run, session, and type as a prefix. The last event before
    the gateway ends a stream is named `lagged` or `closing` and says where to resume."""
    if gateway.feed.failure is not None:
        raise RmosError(ErrorCode.UNAVAILABLE, f"{gateway.feed.failure}; ask again")
    after = query.after if last_event_id is None else int(last_event_id)
    if after is not None and not await gateway.feed.reaches(after):
        raise _ahead(after, gateway)
    wanted = Filter(run_id=query.run, session_id=query.session, type_prefix=query.type or "")
    if query.session is not None:
        wanted.session_runs |= await _runs_of(query.session, caller)
    return EventStream(gateway, gateway.feed.follow(after, wanted.wants))


def _ahead(after: int, gateway: Gateway) -> RmosError:
    """A client that followed another log would otherwise be told nothing for ever."""
    if not gateway.requests.connected:
        return RmosError(ErrorCode.UNAVAILABLE, "the log cannot be read at the moment; ask again")
    return RmosError(
        ErrorCode.INVALID_REQUEST, f"position {after} is ahead of the log: it is not one of this log", after=after
    )


async def _runs_of(session_id: str, caller: Caller) -> set[str]:
    """The runs a session has already: their events name the run alone."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        page: Runs = await caller.ask(subjects.RUNS, ListRuns(session_id=session_id, cursor=cursor, limit=200))
        found |= {run.run_id for run in page.items}
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


class EventStream(Response):
    """A response that lasts until the client leaves, stops reading, or the feed ends."""

    media_type = "text/event-stream"

    def __init__(self, gateway: Gateway, frames: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._gateway = gateway
        self._frames = frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway = self._gateway
        if gateway.metrics.open_streams >= gateway.limits.max_streams:
            raise RmosError(ErrorCode.UNAVAILABLE, f"{gateway.limits.max_streams} event streams are open already")
        with gateway.metrics.stream():
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            writer = asyncio.create_task(self._write(send))
            leaver = asyncio.create_task(_client_left(receive))
            try:
                await asyncio.wait({writer, leaver}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaver.cancel()
                writer_done = writer.done()
                writer.cancel()
                with suppress(asyncio.CancelledError):
                    await writer
            if writer_done:
                writer.result()

    async def _write(self, send: Send) -> None:
        patience_s = self._gateway.limits.stalled_write_s
        try:
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    body = {"type": "http.response.body", "body": frame, "more_body": True}
                    async with asyncio.timeout(patience_s):
                        await send(body)
            async with asyncio.timeout(patience_s):
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            # nothing can be said to a client that takes nothing: the server closes the connection under it
            self._gateway.metrics.streams_stalled.inc()
            self._gateway.log.warning("stream_stalled", patience_s=patience_s)


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
