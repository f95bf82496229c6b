"""Toolpaths on a real log with CAM's real engine: released, refused or failed, and exactly one artifact each."""

from __future__ import annotations

import asyncio

from contracts.artifacts import ArtifactKind, ArtifactStatus
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.rmos import MakeToolpaths, SetSessionContext
from contracts.sessions import SessionState
from services.rmos.domain.policy import RequireApproval
from tests.rmos.handlers.shop import DORA, GOOD, ORIGIN, OTHER, OTTO, RED, SHOP, Shop, by, refused

CANDIDATE, APPROVAL, TOOLPATHS = ArtifactKind.ART_STUDIO_CANDIDATE, ArtifactKind.APPROVAL, ArtifactKind.TOOLPATHS
OUTAGE = RmosError(ErrorCode.UNAVAILABLE, "cam is away at the moment; ask again")


async def test_an_approved_design_is_released_once_however_often_it_is_asked_for_by_its_key(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    command = MakeToolpaths(artifact_id=candidate.artifact_id)
    first = await shop.toolpaths.make_toolpaths(command, by(OTTO, "key_1"))
    assert first.artifact.status is ArtifactStatus.OK
    assert first.gcode_text is not None
    assert await shop.toolpaths.make_toolpaths(command, by(OTTO, "key_1")) == first
    other = command.model_copy(update={"post": "linuxcnc"})
    await refused(shop.toolpaths.make_toolpaths(other, by(OTTO, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)
    assert await shop.kinds(candidate.run_id) == [CANDIDATE, APPROVAL, TOOLPATHS]
    ready = await shop.session(session.session_id)
    assert (ready.state, ready.toolpaths_artifact_id) == (SessionState.TOOLPATHS_READY, first.artifact.artifact_id)
    assert shop.cam.jobs == 1


async def test_a_failure_is_recorded_and_the_approval_stands(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    shop.cam.failing = OUTAGE
    failed = await shop.made(artifact_id=candidate.artifact_id)
    assert (failed.status, failed.decision.risk_level) == (ArtifactStatus.ERROR, RiskLevel.ERROR)
    assert failed.decision.details["retryable"] is True
    assert (await shop.session(session.session_id)).state is SessionState.APPROVED
    shop.cam.failing = None
    assert (await shop.made(artifact_id=candidate.artifact_id)).status is ArtifactStatus.OK
    assert await shop.kinds(candidate.run_id) == [CANDIDATE, APPROVAL, TOOLPATHS, TOOLPATHS]


async def test_the_session_says_that_toolpaths_are_being_made_and_is_no_trap_after_a_crash(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    seen: list[SessionState] = []

    async def crash() -> None:
        seen.append((await shop.session(session.session_id)).state)
        raise asyncio.CancelledError

    shop.cam.meanwhile = crash
    command = MakeToolpaths(artifact_id=candidate.artifact_id)
    task = asyncio.create_task(shop.toolpaths.make_toolpaths(command, by(OTTO, "key_1")))
    await asyncio.wait([task])
    assert task.cancelled()
    assert seen == [SessionState.TOOLPATHS_REQUESTED]
    assert (await shop.session(session.session_id)).state is SessionState.TOOLPATHS_REQUESTED
    again = await shop.toolpaths.make_toolpaths(command, by(OTTO, "key_1"))
    assert again.artifact.status is ArtifactStatus.OK
    assert (await shop.session(session.session_id)).state is SessionState.TOOLPATHS_READY


async def test_a_change_while_the_program_is_made_refuses_it(shop: Shop) -> None:
    session, candidate = await shop.approved_session()

    async def change() -> None:
        thinner = SetSessionContext(session_id=session.session_id, context=CuttingContext(stock_thickness_mm=2))
        await shop.sessions.set_context(thinner, by(DORA))

    shop.cam.meanwhile = change
    refused_now = await shop.made(artifact_id=candidate.artifact_id)
    assert refused_now.status is ArtifactStatus.BLOCKED
    assert refused_now.decision.details["error"] == ErrorCode.APPROVAL_REQUIRED.value
    assert "gcode" not in refused_now.outputs
    assert (await shop.session(session.session_id)).state is SessionState.CONTEXT_READY
    assert await shop.kinds(candidate.run_id) == [CANDIDATE, APPROVAL, TOOLPATHS]


async def test_many_at_once_leave_one_artifact_each_and_compute_no_program_twice(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    made = await asyncio.gather(*(shop.made(artifact_id=candidate.artifact_id) for _ in range(3)))
    assert len({item.artifact_id for item in made}) == 3
    assert {item.hashes["gcode"] for item in made} == {made[0].hashes["gcode"]}
    assert shop.cam.jobs == 3
    assert (await shop.kinds(candidate.run_id)).count(TOOLPATHS) == 3
    assert (await shop.session(session.session_id)).state is SessionState.TOOLPATHS_READY


async def test_without_an_approval_of_exactly_this_nothing_is_released(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    for more in ({"spec": OTHER, "run_id": candidate.run_id}, {"artifact_id": candidate.artifact_id}):
        context = CuttingContext(stock_thickness_mm=3)
        blocked = await shop.made(**more, context=context)
        assert blocked.decision.details["error"] == ErrorCode.APPROVAL_REQUIRED.value
    assert shop.cam.jobs == 0
    assert (await shop.session(session.session_id)).state is SessionState.APPROVED


async def test_a_run_of_no_session_needs_an_approval_only_where_the_shop_says_always(shop: Shop) -> None:
    assert (await shop.made(spec=GOOD, context=SHOP)).status is ArtifactStatus.OK
    always = shop.under(require_approval=RequireApproval.ALWAYS)
    blocked = await always.made(spec=GOOD, context=SHOP)
    assert blocked.decision.details["error"] == ErrorCode.APPROVAL_REQUIRED.value


async def test_a_session_is_left_alone_where_the_shop_needs_no_approval(shop: Shop) -> None:
    never = shop.under(require_approval=RequireApproval.NEVER)
    session = await never.opened_session()
    run_id = await never.opened_run(CuttingContext(), session.session_id)
    assert (await never.made(run_id=run_id, spec=GOOD)).status is ArtifactStatus.OK
    assert (await never.session(session.session_id)).state is SessionState.CONTEXT_READY


async def test_red_is_refused_unless_the_shop_lets_it_pass(shop: Shop) -> None:
    blocked = await shop.made(spec=RED, context=SHOP)
    assert (blocked.status, blocked.decision.details["error"]) == (ArtifactStatus.BLOCKED, "SAFETY_BLOCKED")
    lax = shop.under(block_on_red=False)
    lax.cam.failing = OUTAGE
    asked = await lax.made(spec=RED, context=SHOP)
    assert asked.status is ArtifactStatus.ERROR  # it was let pass, and CAM was asked
    assert lax.cam.jobs == 1


async def test_asked_twice_in_one_run_gives_the_same_bytes_however_it_is_asked(shop: Shop) -> None:
    run_id = await shop.opened_run()
    alone = [await shop.made(run_id=run_id, spec=GOOD) for _ in range(2)]
    assert alone[0].hashes["gcode"] == alone[1].hashes["gcode"]
    candidate = await shop.bound(run_id)
    await shop.bound(run_id)  # a second verdict on the same changes nothing: the first one is named
    asked = [await shop.made(run_id=run_id, spec=GOOD), await shop.made(artifact_id=candidate.artifact_id)]
    assert asked[0].hashes["gcode"] == asked[1].hashes["gcode"]
    assert {made.hashes["toolpaths"] for made in (*alone, *asked)} == {alone[0].hashes["toolpaths"]}


async def test_a_program_names_its_run_its_record_and_the_decision_it_rests_on(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    made = await shop.made(artifact_id=candidate.artifact_id)
    text = (await shop.blobs.get(made.outputs["gcode"])).decode()
    approval = (await shop.session(session.session_id)).approval_artifact_id
    assert f"(RUN {candidate.run_id})\n(RESTS ON {approval})\n(RECORD {ORIGIN})\n" in text
    bound = await shop.bound(await shop.opened_run())
    text = (await shop.blobs.get((await shop.made(artifact_id=bound.artifact_id)).outputs["gcode"])).decode()
    assert f"(RUN {bound.run_id})\n(RESTS ON {bound.artifact_id})\n" in text
    direct = await shop.made(spec=GOOD, context=SHOP)
    text = (await shop.blobs.get(direct.outputs["gcode"])).decode()
    assert f"(RUN {direct.run_id})\n(RESTS ON THE VERDICT OF ITS OWN RELEASE)\n" in text
