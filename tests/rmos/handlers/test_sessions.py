"""Workflow sessions on a real log: each command accepted, refused, repeated, and on another version than it saw."""

from __future__ import annotations

from contracts.artifacts import ArtifactKind, ArtifactStatus, AttachmentKind
from contracts.errors import ErrorCode
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import SessionRunOpened
from contracts.params import RosetteParamSpec
from contracts.rmos import (
    ArchiveSession,
    AskRun,
    AskSession,
    DecideSession,
    DeleteRun,
    DeleteSession,
    EvaluateSession,
    ListRunAttachments,
    ListRuns,
    ListSessions,
    OpenRun,
    SetSessionContext,
    SetSessionDesign,
)
from contracts.sessions import SessionState
from services.rmos.domain.session_commands import MAX_RUNS
from tests.rmos.handlers.shop import (
    ADA,
    AUDREY,
    DORA,
    GOOD,
    OTHER,
    OTTO,
    RED,
    ROBOT,
    SHOP,
    Shop,
    by,
    refused,
)
from tests.rmos.projections.given import run_opened

SHALLOW = CuttingContext(stock_thickness_mm=2)
PARAMETERS = RosetteParamSpec.model_validate(
    {
        "inner_diameter_mm": 90,
        "outer_diameter_mm": 100,
        "channel_depth_mm": "1.2",
        "ring_params": [{"ring_index": 0, "width_mm": 5, "pattern_type": "solid", "material_id": "ebony"}],
    }
)


async def test_a_design_that_is_set_opens_a_run_which_holds_it(shop: Shop) -> None:
    session = await shop.designed_session()
    assert session.state is SessionState.CONTEXT_READY
    assert session.run_id is not None
    run = await shop.world.queries.run(AskRun(run_id=session.run_id))
    assert (run.workflow_session_id, run.context, run.attachment_count) == (session.session_id, SHOP, 1)
    held = await shop.world.queries.attachments(ListRunAttachments(run_id=session.run_id))
    assert [item.kind for item in held.items] == [AttachmentKind.SPEC]


async def test_a_design_may_come_as_parameters_and_goes_into_the_run_that_is_there(shop: Shop) -> None:
    session = await shop.opened_session()
    run_id = await shop.opened_run(CuttingContext(), session.session_id)
    command = SetSessionDesign(session_id=session.session_id, design=PARAMETERS)
    assert (await shop.sessions.set_design(command, by(DORA))).session.run_id == run_id


async def test_the_same_design_again_changes_nothing_and_another_ends_the_approval(shop: Shop) -> None:
    session, _ = await shop.approved_session()
    before = await shop.position()
    same = SetSessionDesign(session_id=session.session_id, spec=GOOD)
    assert (await shop.sessions.set_design(same, by(DORA))).session == session
    assert await shop.position() == before
    other = SetSessionDesign(session_id=session.session_id, spec=OTHER)
    changed = (await shop.sessions.set_design(other, by(DORA))).session
    assert (changed.state, changed.approval_artifact_id) == (SessionState.CONTEXT_READY, None)
    assert changed.design_sha256 != session.design_sha256


async def test_a_repeated_design_is_set_once_and_another_under_its_key_is_refused(shop: Shop) -> None:
    session = await shop.opened_session()
    command = SetSessionDesign(session_id=session.session_id, spec=GOOD)
    first = await shop.sessions.set_design(command, by(DORA, "key_1"))
    after = await shop.position()
    assert await shop.sessions.set_design(command, by(DORA, "key_1")) == first
    assert await shop.position() == after
    other = SetSessionDesign(session_id=session.session_id, spec=OTHER)
    await refused(shop.sessions.set_design(other, by(DORA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)


async def test_every_step_is_refused_on_another_version_than_it_saw(shop: Shop) -> None:
    session = await shop.designed_session()
    name, seen = session.session_id, session.version - 1
    steps = [
        shop.sessions.set_context(SetSessionContext(session_id=name, context=SHALLOW, expected_version=seen), by(DORA)),
        shop.sessions.set_design(SetSessionDesign(session_id=name, spec=OTHER, expected_version=seen), by(DORA)),
        shop.sessions.evaluate(EvaluateSession(session_id=name, expected_version=seen), by(DORA)),
        shop.sessions.archive(ArchiveSession(session_id=name, expected_version=seen), by(OTTO)),
        shop.sessions.delete(DeleteSession(session_id=name, cascade=True, force=True, expected_version=seen), by(OTTO)),
    ]
    for step in steps:
        error = await refused(step, ErrorCode.VERSION_CONFLICT)
        assert error.details["actual_version"] == session.version
    assert (await shop.session(name)) == session


async def test_a_change_of_context_ends_the_approval_and_the_same_context_does_not(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    same = SetSessionContext(session_id=session.session_id, context=SHOP)
    assert (await shop.sessions.set_context(same, by(DORA))).session == session
    change = SetSessionContext(session_id=session.session_id, context=SHALLOW)
    changed = (await shop.sessions.set_context(change, by(DORA))).session
    assert (changed.state, changed.approved_by) == (SessionState.CONTEXT_READY, None)
    assert (changed.context.stock_thickness_mm, changed.context.tool_id) == (2, SHOP.tool_id)
    blocked = await shop.made(artifact_id=candidate.artifact_id)
    assert blocked.decision.details["error"] == ErrorCode.APPROVAL_REQUIRED.value


async def test_a_repeated_change_of_context_happens_once(shop: Shop) -> None:
    session = await shop.opened_session()
    command = SetSessionContext(session_id=session.session_id, context=SHALLOW)
    first = await shop.sessions.set_context(command, by(DORA, "key_1"))
    assert await shop.sessions.set_context(command, by(DORA, "key_1")) == first
    other = command.model_copy(update={"context": CuttingContext(stock_thickness_mm=3)})
    await refused(shop.sessions.set_context(other, by(DORA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)


async def test_what_the_session_says_later_is_what_its_runs_are_judged_in(shop: Shop) -> None:
    session = await shop.opened_session()
    run_id = await shop.opened_run(CuttingContext(), session.session_id)
    change = SetSessionContext(session_id=session.session_id, context=SHALLOW)
    await shop.sessions.set_context(change, by(DORA))
    candidate = await shop.bound(run_id)
    assert candidate.context.stock_thickness_mm == 2
    made = await shop.made(run_id=run_id, spec=GOOD)
    assert made.context.stock_thickness_mm == 2


async def test_the_current_design_is_judged_and_the_verdict_recorded(shop: Shop) -> None:
    session = await shop.designed_session()
    command = EvaluateSession(session_id=session.session_id)
    reply = await shop.sessions.evaluate(command, by(DORA, "key_1"))
    assert reply.artifact is not None
    assert (reply.artifact.kind, reply.artifact.status) == (ArtifactKind.FEASIBILITY, ArtifactStatus.OK)
    assert (reply.session.state, reply.session.risk_level) == (SessionState.FEASIBILITY_READY, RiskLevel.YELLOW)
    assert reply.session.feasibility_sha256 == reply.artifact.hashes["feasibility"]
    assert await shop.sessions.evaluate(command, by(DORA, "key_1")) == reply
    assert await shop.kinds(str(session.run_id)) == [ArtifactKind.FEASIBILITY]


async def test_an_unmakeable_design_is_blocked_on_the_record_and_cannot_be_approved(shop: Shop) -> None:
    session = await shop.designed_session(RED)
    reply = await shop.sessions.evaluate(EvaluateSession(session_id=session.session_id), by(DORA))
    assert reply.artifact is not None
    assert (reply.artifact.status, reply.session.risk_level) == (ArtifactStatus.BLOCKED, RiskLevel.RED)
    decide = DecideSession(session_id=session.session_id)
    await refused(shop.decisions.approve(decide, by(OTTO)), ErrorCode.SAFETY_BLOCKED)


async def test_a_draft_is_judged_unknown_and_told_what_to_give(shop: Shop) -> None:
    session = await shop.designed_session(context=CuttingContext(material_id="spruce_sitka"))
    assert session.state is SessionState.DRAFT
    reply = await shop.sessions.evaluate(EvaluateSession(session_id=session.session_id), by(DORA))
    assert reply.session.risk_level is RiskLevel.UNKNOWN
    assert reply.artifact is not None
    assert reply.artifact.decision.details["suggestions"]


async def test_nothing_is_judged_without_a_design(shop: Shop) -> None:
    session = await shop.opened_session()
    command = EvaluateSession(session_id=session.session_id)
    await refused(shop.sessions.evaluate(command, by(DORA)), ErrorCode.ILLEGAL_TRANSITION)


async def test_a_design_that_changes_while_it_is_judged_is_judged_anew(shop: Shop) -> None:
    session = await shop.designed_session()

    async def change() -> None:
        await shop.sessions.set_design(SetSessionDesign(session_id=session.session_id, spec=OTHER), by(OTTO))

    shop.engine.meanwhile = change
    reply = await shop.sessions.evaluate(EvaluateSession(session_id=session.session_id), by(DORA))
    assert shop.engine.evaluations == 2
    assert reply.artifact is not None
    assert reply.artifact.hashes["design"] == reply.session.design_sha256 != session.design_sha256
    assert await shop.kinds(str(session.run_id)) == [ArtifactKind.FEASIBILITY]


async def test_an_archived_session_takes_no_more_runs_and_designs(shop: Shop) -> None:
    session = await shop.opened_session()
    command = ArchiveSession(session_id=session.session_id, note="delivered")
    archived = await shop.sessions.archive(command, by(OTTO, "key_1"))
    assert (archived.session.state, archived.session.allowed) == (SessionState.ARCHIVED, ("delete",))
    assert await shop.sessions.archive(command, by(OTTO, "key_1")) == archived
    await refused(shop.sessions.archive(command, by(OTTO)), ErrorCode.ILLEGAL_TRANSITION)
    opening = OpenRun(workflow_session_id=session.session_id)
    await refused(shop.runs.open_run(opening, by(DORA)), ErrorCode.ILLEGAL_TRANSITION)
    design = SetSessionDesign(session_id=session.session_id, spec=GOOD)
    await refused(shop.sessions.set_design(design, by(DORA)), ErrorCode.ILLEGAL_TRANSITION)


async def test_a_run_that_was_opened_is_opened_again_by_its_key_although_the_session_is_over(shop: Shop) -> None:
    session = await shop.opened_session()
    opening = OpenRun(workflow_session_id=session.session_id)
    first = await shop.runs.open_run(opening, by(DORA, "key_1"))
    await shop.sessions.archive(ArchiveSession(session_id=session.session_id), by(OTTO))
    assert await shop.runs.open_run(opening, by(DORA, "key_1")) == first


async def test_a_session_with_runs_is_deleted_only_with_them_and_under_way_only_by_force(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    name = session.session_id
    await refused(shop.sessions.delete(DeleteSession(session_id=name), by(OTTO)), ErrorCode.ILLEGAL_TRANSITION)
    with_runs = DeleteSession(session_id=name, cascade=True)
    await refused(shop.sessions.delete(with_runs, by(OTTO)), ErrorCode.ILLEGAL_TRANSITION)
    command = DeleteSession(session_id=name, cascade=True, force=True, reason="the client went away")
    deleted = await shop.sessions.delete(command, by(OTTO, "key_1"))
    assert deleted.ids == (name, candidate.run_id)
    assert await shop.sessions.delete(command, by(OTTO, "key_1")) == deleted
    await refused(shop.sessions.delete(command, by(OTTO)), ErrorCode.NOT_FOUND)


async def test_a_tombstone_is_for_auditors_and_admins_only(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    command = DeleteSession(session_id=session.session_id, cascade=True, force=True)
    await shop.sessions.delete(command, by(OTTO))
    asked, run = AskSession(session_id=session.session_id), AskRun(run_id=candidate.run_id)
    for reader in (DORA, OTTO):
        await refused(shop.queries.session(asked, by(reader)), ErrorCode.NOT_FOUND)
        await refused(shop.queries.run(run, by(reader)), ErrorCode.NOT_FOUND)
        await refused(shop.queries.runs(ListRuns(include_deleted=True), by(reader)), ErrorCode.FORBIDDEN)
        await refused(shop.queries.sessions(ListSessions(include_deleted=True), by(reader)), ErrorCode.FORBIDDEN)
    for reader in (AUDREY, ADA):
        assert (await shop.queries.session(asked, by(reader))).session.deleted_at_utc is not None
        assert (await shop.queries.run(run, by(reader))).deleted_at_utc is not None
        listed = await shop.queries.sessions(ListSessions(include_deleted=True), by(reader))
        assert [item.session_id for item in listed.items] == [session.session_id]
    assert (await shop.queries.runs(ListRuns(), by(AUDREY))).items == ()
    assert (await shop.queries.sessions(ListSessions(), by(AUDREY))).items == ()


async def test_only_persons_with_the_role_delete(shop: Shop) -> None:
    session = await shop.opened_session()
    for actor in (DORA, AUDREY, ROBOT):
        command = DeleteSession(session_id=session.session_id)
        await refused(shop.sessions.delete(command, by(actor)), ErrorCode.FORBIDDEN)


async def test_steps_on_a_session_that_is_not_there_are_not_found(shop: Shop) -> None:
    for step in (
        shop.sessions.set_context(SetSessionContext(session_id="session_x", context=SHALLOW), by(DORA)),
        shop.sessions.set_design(SetSessionDesign(session_id="session_x", spec=GOOD), by(DORA)),
        shop.sessions.evaluate(EvaluateSession(session_id="session_x"), by(DORA)),
        shop.sessions.archive(ArchiveSession(session_id="session_x"), by(OTTO)),
        shop.sessions.delete(DeleteSession(session_id="session_x"), by(OTTO)),
    ):
        await refused(step, ErrorCode.NOT_FOUND)


async def test_a_session_takes_as_many_runs_as_can_be_deleted_with_it(shop: Shop) -> None:
    session = await shop.opened_session()
    name, world = session.session_id, shop.world
    stream, opened = f"session-{name}", [f"run_{number}" for number in range(MAX_RUNS)]
    joined = [SessionRunOpened(session_id=name, state=session.state, run_id=run_id) for run_id in opened]
    await world.append(*((stream, event) for event in joined))
    await world.append(*(run_opened(run_id, name) for run_id in opened))
    opening = OpenRun(workflow_session_id=name)
    error = await refused(shop.runs.open_run(opening, by(DORA)), ErrorCode.ILLEGAL_TRANSITION)
    assert error.details["runs"] == MAX_RUNS
    await shop.runs.delete_run(DeleteRun(run_id=opened.pop(0)), by(OTTO))
    opened.append((await shop.runs.open_run(opening, by(DORA))).run_id)
    deleted = await shop.sessions.delete(DeleteSession(session_id=name, cascade=True), by(OTTO))
    assert deleted.ids == (name, *opened)


async def test_a_session_that_got_more_runs_before_says_how_many_must_go_first(shop: Shop) -> None:
    session = await shop.opened_session()
    name, runs = session.session_id, [f"run_{number}" for number in range(MAX_RUNS + 1)]
    joined = [SessionRunOpened(session_id=name, state=session.state, run_id=run_id) for run_id in runs]
    await shop.world.append(*((f"session-{name}", event) for event in joined))
    await shop.world.append(*(run_opened(run_id, name) for run_id in runs))
    delete = DeleteSession(session_id=name, cascade=True)
    await refused(shop.sessions.delete(delete, by(OTTO)), ErrorCode.ILLEGAL_TRANSITION)
    await shop.runs.delete_run(DeleteRun(run_id=runs[0]), by(OTTO))
    assert len((await shop.sessions.delete(delete, by(OTTO))).ids) == 1 + MAX_RUNS
