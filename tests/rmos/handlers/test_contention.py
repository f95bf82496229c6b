"""Many at once on one stream, and deadlines: everybody gets a turn, nobody who went away leaves a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from contracts.artifacts import ArtifactStatus, AttachmentKind
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.model import Message
from contracts.rmos import (
    AddAttachments,
    BindCandidate,
    DecideSession,
    EvaluateSession,
    ListRunAttachments,
    ListRuns,
    MakeToolpaths,
    NewAttachment,
    OpenRun,
    OpenSession,
    ReferenceAssets,
    SetSessionContext,
)
from contracts.sessions import SessionState
from tests.rmos.handlers.shop import DORA, GOOD, OTTO, SHOP, Shop, by, refused
from tests.rmos.handlers.test_repeated import OTHER_TOOL

MANY = 40
Handler = Callable[[Any, RequestContext], Awaitable[Any]]


async def test_many_that_attach_to_one_run_at_once_are_all_accepted(shop: Shop) -> None:
    run_id = await shop.opened_run()
    blobs = [await shop.blobs.put(b"%d" % number, "text/plain") for number in range(MANY)]
    new = [NewAttachment(kind=AttachmentKind.DOCUMENT, filename="x", blob=blob) for blob in blobs]
    commands = [AddAttachments(run_id=run_id, attachments=(item,)) for item in new]
    await asyncio.gather(*(shop.runs.add_attachments(command, by(DORA)) for command in commands))
    held = await shop.world.queries.attachments(ListRunAttachments(run_id=run_id))
    assert {item.attachment_id for item in held.items} == {blob.sha256 for blob in blobs}


async def test_many_that_open_runs_in_one_session_at_once_are_all_accepted(shop: Shop) -> None:
    session = await shop.opened_session()
    opening = OpenRun(workflow_session_id=session.session_id)
    await asyncio.gather(*(shop.runs.open_run(opening, by(DORA)) for _ in range(MANY)))
    listed = await shop.world.queries.runs(ListRuns(session_id=session.session_id, limit=2 * MANY))
    assert len(listed.items) == MANY


async def test_who_named_the_version_it_saw_is_told_that_it_is_not_the_newest_however_few_are_there(shop: Shop) -> None:
    session = await shop.opened_session()
    change = SetSessionContext(session_id=session.session_id, context=OTHER_TOOL, expected_version=session.version)
    back = change.model_copy(update={"context": SHOP, "expected_version": session.version + 1})
    await shop.sessions.set_context(change, by(DORA))
    await refused(shop.sessions.set_context(change, by(OTTO)), ErrorCode.VERSION_CONFLICT)
    assert (await shop.sessions.set_context(back, by(OTTO))).session.context == SHOP


def until_in_a_second(shop: Shop, key: str | None = None) -> RequestContext:
    deadline_ms = int(shop.clock.now().timestamp() * 1000) + 1000
    return by(OTTO, key).model_copy(update={"deadline_ms": deadline_ms})


async def bind(shop: Shop) -> tuple[Handler, Message]:
    run_id = await shop.opened_run()
    await shop.attached(run_id, GOOD)
    kinds = (AttachmentKind.SPEC, AttachmentKind.SVG)
    return shop.binding.bind_candidate, BindCandidate(run_id=run_id, required_kinds=kinds)


async def evaluate(shop: Shop) -> tuple[Handler, Message]:
    session = await shop.designed_session()
    return shop.sessions.evaluate, EvaluateSession(session_id=session.session_id)


async def make(shop: Shop) -> tuple[Handler, Message]:
    return shop.toolpaths.make_toolpaths, MakeToolpaths(spec=GOOD, context=SHOP)


@pytest.mark.parametrize("given", [bind, evaluate, make], ids=lambda given: given.__name__)
async def test_what_took_until_after_the_deadline_is_not_recorded(shop: Shop, given: Any) -> None:
    handler, command = await given(shop)
    before = await shop.position()

    async def take_long() -> None:
        shop.clock.pass_s(2)

    shop.engine.meanwhile = take_long
    await refused(handler(command, until_in_a_second(shop, "key_1")), ErrorCode.DEADLINE_EXCEEDED)
    assert await shop.position() == before
    answered = await handler(command, until_in_a_second(shop, "key_1"))
    assert answered.artifact.status is ArtifactStatus.OK


async def test_a_program_that_came_after_the_deadline_is_not_released_and_can_be_asked_for_again(shop: Shop) -> None:
    session, candidate = await shop.approved_session()

    async def take_long() -> None:
        shop.clock.pass_s(2)

    shop.cam.meanwhile = take_long
    command = MakeToolpaths(artifact_id=candidate.artifact_id)
    late = shop.toolpaths.make_toolpaths(command, until_in_a_second(shop, "key_1"))
    await refused(late, ErrorCode.DEADLINE_EXCEEDED)
    assert (await shop.session(session.session_id)).state is SessionState.TOOLPATHS_REQUESTED
    again = await shop.toolpaths.make_toolpaths(command, until_in_a_second(shop, "key_1"))
    assert again.artifact.status is ArtifactStatus.OK


@pytest.mark.parametrize(("given_ms", "for_cam_ms"), [(60_000, 58_000), (1_000, 500)])
async def test_a_program_that_takes_too_long_is_an_error_on_record_and_can_be_asked_for_again(
    shop: Shop, given_ms: int, for_cam_ms: int
) -> None:
    session, candidate = await shop.approved_session()
    begun_ms = int(shop.clock.now().timestamp() * 1000)
    request = by(OTTO).model_copy(update={"deadline_ms": begun_ms + given_ms})

    async def take_all_the_time() -> None:
        assert shop.cam.deadline_ms == begun_ms + for_cam_ms
        shop.clock.pass_s(for_cam_ms / 1000)
        shop.cam.failing = RmosError(ErrorCode.DEADLINE_EXCEEDED, "cam gave no answer within the deadline; ask again")

    shop.cam.meanwhile = take_all_the_time
    command = MakeToolpaths(artifact_id=candidate.artifact_id)
    late = (await shop.toolpaths.make_toolpaths(command, request)).artifact
    assert (late.status, late.decision.details["cause"]) == (ArtifactStatus.ERROR, "DEADLINE_EXCEEDED")
    assert (await shop.session(session.session_id)).state is SessionState.APPROVED
    shop.cam.failing = None
    again = await shop.toolpaths.make_toolpaths(command, by(OTTO))
    assert again.artifact.status is ArtifactStatus.OK


async def test_nothing_is_recorded_for_whom_nobody_waits(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    before, run_id = await shop.position(), candidate.run_id
    over = until_in_a_second(shop)
    shop.clock.pass_s(2)
    for answer in (
        shop.runs.open_run(OpenRun(), over),
        shop.sessions.open_session(OpenSession(), over),
        shop.runs.reference_assets(ReferenceAssets(run_id=run_id, asset_ids=("asset_a",)), over),
        shop.decisions.reject(DecideSession(session_id=session.session_id), over),
    ):
        await refused(answer, ErrorCode.DEADLINE_EXCEEDED)
    assert await shop.position() == before
