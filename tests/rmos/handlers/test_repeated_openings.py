"""An opening is answered from its own event: the same answer for each repetition, and what the projections show."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext
from contracts.rmos import AskRun, AskSession, OpenRun, OpenSession
from runtime.clock import SystemClock
from runtime.ids import new_id
from runtime.testing import DatabaseAccess
from services.rmos.domain.policy import SafetyPolicy
from services.rmos.handlers.desk import Desk
from services.rmos.handlers.runs import RunHandlers
from services.rmos.handlers.sessions import SessionHandlers
from tests.rmos.handlers.shop import DORA, by
from tests.rmos.projections.given import FULL, World, world

NO_PARTNER = cast(Any, None)
"""Openings ask nobody: whatever called this would fail."""


def desk_of(world: World) -> Desk:
    return Desk(
        log=world.log,
        blobs=NO_PARTNER,
        art=NO_PARTNER,
        cam=NO_PARTNER,
        engine=NO_PARTNER,
        policy=SafetyPolicy(),
        clock=SystemClock(),
        new_id=new_id,
        log_origin="rmos.test/openings",
    )


def repeated_by_another_request(request: RequestContext) -> RequestContext:
    return request.model_copy(update={"request_id": "request_of_the_repetition"})


async def test_a_run_is_shown_as_the_projections_show_it(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as there:
        command = OpenRun(mode="saw", label="for Ada", context=FULL)
        opened = await RunHandlers(desk_of(there)).open_run(command, by(DORA, "command_1"))
        assert opened == await there.queries.run(AskRun(run_id=opened.run_id))


async def test_a_run_of_a_session_takes_over_the_session_s_context(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as there:
        desk = desk_of(there)
        given = OpenSession(context=FULL)
        session = (await SessionHandlers(desk, there.queries).open_session(given, by(DORA, "command_1"))).session
        assert session == (await there.queries.session(AskSession(session_id=session.session_id))).session
        command = OpenRun(workflow_session_id=session.session_id, context=CuttingContext(tool_id="vbit_60"))
        opened = await RunHandlers(desk).open_run(command, by(DORA, "command_2"))
        assert (opened.context.tool_id, opened.context.material_id) == ("vbit_60", FULL.material_id)
        assert opened == await there.queries.run(AskRun(run_id=opened.run_id))


async def test_the_same_opening_many_times_at_once_opens_one_run_and_one_session(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as there:
        runs, sessions = RunHandlers(desk_of(there)), SessionHandlers(desk_of(there), there.queries)
        first, again = by(DORA, "command_run"), repeated_by_another_request(by(DORA, "command_run"))
        answers = await asyncio.gather(*(runs.open_run(OpenRun(), asked) for asked in (first, again, first, again)))
        assert all(answer == answers[0] for answer in answers)
        assert await runs.open_run(OpenRun(), again) == answers[0]
        replies = await asyncio.gather(
            *(sessions.open_session(OpenSession(), by(DORA, "command_session")) for _ in range(4))
        )
        assert all(reply == replies[0] for reply in replies)
        assert await there.log.last_position() == 2


async def test_another_opening_under_the_same_command_id_is_refused(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as there:
        runs, sessions = RunHandlers(desk_of(there)), SessionHandlers(desk_of(there), there.queries)
        await runs.open_run(OpenRun(label="one"), by(DORA, "command_1"))
        for other in (
            runs.open_run(OpenRun(label="two"), by(DORA, "command_1")),
            sessions.open_session(OpenSession(), by(DORA, "command_1")),
        ):
            with pytest.raises(RmosError) as refused:
                await other
            assert refused.value.code is ErrorCode.IDEMPOTENCY_MISMATCH
        assert await there.log.last_position() == 1
