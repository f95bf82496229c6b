"""Is everything there? Asked of every part at once, and never more than once at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request

from contracts.envelope import SYSTEM_ACTOR, RequestContext
from contracts.errors import RmosError
from contracts.health import AskHealth, Health
from contracts.subjects import HEALTH
from services.gateway.calls import Gateway

PATIENCE_S = 2.0


class Readiness:
    """Callers that come while a question is out wait for its answer: an open endpoint must not multiply requests."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._questions: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def state(self) -> dict[str, Any]:
        """`ready`, and the state of each part; a part that is not ready says why."""
        asked = {service: self._once(service, partial(self._service, service)) for service in HEALTH}
        store = self._once("object_store", self._store)
        answers = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
        bus = _part(None if self._gateway.requests.connected else "not connected")
        feed = _part(self._gateway.feed.failure)
        parts = {"bus": bus, "object_store": await store, "event_feed": feed}
        return {
            "ready": all(part["ready"] for part in (*parts.values(), *answers.values())),
            **parts,
            "services": answers,
        }

    async def measure(self) -> None:
        """Brings the metrics of the authority up to date; without an answer from it there are none."""
        await self._once("rmos", partial(self._service, "rmos"))

    async def _once(self, name: str, ask: Callable[[], Coroutine[Any, Any, dict[str, Any]]]) -> dict[str, Any]:
        question = self._questions.get(name)
        if question is None or question.done():
            question = self._questions[name] = asyncio.create_task(ask())
        done, _ = await asyncio.wait({question}, timeout=PATIENCE_S)
        return question.result() if done else _part(f"no answer within {PATIENCE_S:g} s")

    async def _service(self, service: str) -> dict[str, Any]:
        gateway = self._gateway
        context = RequestContext(
            command_id=gateway.new_id("qry"),
            request_id=gateway.new_id("req"),
            actor=SYSTEM_ACTOR,
            deadline_ms=gateway.now_ms() + int(PATIENCE_S * 900),
        )
        try:
            health: Health = await gateway.requests.request(HEALTH[service], AskHealth(), context)
        except RmosError as error:
            if service == "rmos":
                gateway.metrics.set_lags(())
            return _part(error.message)
        if service == "rmos":
            gateway.metrics.set_lags(health.lags)
        problems = "; ".join(health.problems) or "it says that it is not ready"
        return {**_part(None if health.ready else problems), "version": health.version, "pid": health.pid}

    async def _store(self) -> dict[str, Any]:
        try:
            return _part(None if await self._gateway.blobs.ready() else "the bucket is not there")
        except RmosError as error:
            return _part(error.message)


def _part(problem: str | None) -> dict[str, Any]:
    return {"ready": True} if problem is None else {"ready": False, "problem": problem}


async def _readiness(request: Request) -> Readiness:
    readiness: Readiness = request.app.state.readiness
    return readiness


ReadinessOf = Annotated[Readiness, Depends(_readiness)]
