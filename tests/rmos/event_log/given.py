"""Requests for tests, and a log that leads."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from contracts.envelope import Actor, RequestContext, Role
from contracts.feasibility import CuttingContext
from contracts.log import AssetsReferenced, LogEvent, RunOpened
from runtime.clock import SystemClock
from runtime.logs import logger
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.writer import Term
from services.rmos.ports import AppendRequest, NewEvent

NOW = "2026-01-02T03:04:05.000006Z"
ADA = Actor(id="ada", role=Role.DESIGNER)
_numbers = itertools.count(1)


def context(command_id: str) -> RequestContext:
    return RequestContext(command_id=command_id, request_id=f"request_{command_id}", actor=ADA, deadline_ms=0)


def opened(run_id: str, label: str | None = None) -> RunOpened:
    return RunOpened(run_id=run_id, mode="router", label=label, context=CuttingContext(), opened_at_utc=NOW)


def referenced(run_id: str, asset_id: str = "asset_1") -> AssetsReferenced:
    return AssetsReferenced(run_id=run_id, asset_ids=(asset_id,))


def request(
    command_id: str, stream: str, expected: int | None, *events: LogEvent, digest: str | None = None
) -> AppendRequest:
    """A command that appends these events to one stream, each under an event id that no other process makes."""
    return AppendRequest(
        context=context(command_id),
        expected={} if expected is None else {stream: expected},
        events=tuple(NewEvent(stream, f"event_{os.getpid()}_{next(_numbers)}", event) for event in events),
        command_sha256=digest,
    )


@asynccontextmanager
async def no_lead(_: Term) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def leading(dsn: str, holder: str = "test") -> AsyncIterator[PostgresEventLog]:
    """A log whose process leads."""
    log = PostgresEventLog(dsn, holder, SystemClock(), logger())
    async with log.opened(), log.standing(no_lead):
        await until(lambda: log.term is not None)
        yield log


async def until(condition: Callable[[], bool | Awaitable[bool]], timeout_s: float = 15.0) -> None:
    """Returns once the condition holds. Raises AssertionError after the time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        result = condition()
        if result if isinstance(result, bool) else await result:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within {timeout_s} s: {condition}")
