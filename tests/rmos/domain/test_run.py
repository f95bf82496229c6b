from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.advisories import PromoteAdvisory, RejectAdvisory, ReviewAdvisory
from contracts.artifacts import AttachmentKind
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import (
    RMOS_EVENTS,
    AssetsReferenced,
    AttachmentAdded,
    LogEvent,
    RunDeleted,
    RunOpened,
    SessionEvent,
)
from contracts.rmos import NewAttachment
from services.rmos.domain.context import merged
from services.rmos.domain.run import (
    ACTION_OF,
    TRANSITIONS,
    Action,
    Advise,
    Attach,
    Command,
    Delete,
    DeletedRun,
    ReferToAssets,
    RunFold,
    RunState,
    Standing,
    add_attachments,
    chosen_attachments,
    decide,
    evolve,
    fold,
    fold_on,
    judged_artifact,
    standing_of,
)
from tests.rmos.domain import given


def run_with(*attachments: tuple[AttachmentKind, str]) -> RunState:
    events = [AttachmentAdded(run_id="run_1", attachment=given.attachment(*item)) for item in attachments]
    state = fold([given.run_opened(), *events])
    assert isinstance(state, RunState)
    return state


def new(kind: AttachmentKind, character: str) -> NewAttachment:
    blob = BlobRef(sha256=given.digest(character), size=3, content_type="application/json")
    return NewAttachment(kind=kind, filename="a.json", blob=blob)


def test_content_that_a_run_has_under_this_kind_is_not_added_again() -> None:
    run = run_with((AttachmentKind.SPEC, "a"))
    events = add_attachments(run, [new(AttachmentKind.SPEC, "a"), new(AttachmentKind.SPEC, "b")], given.NOW)
    assert [event.attachment.attachment_id for event in events] == [given.digest("b")]


def test_the_same_content_twice_in_one_command_is_added_once() -> None:
    events = add_attachments(run_with(), [new(AttachmentKind.SVG, "a"), new(AttachmentKind.SVG, "a")], given.NOW)
    assert len(events) == 1


def test_required_kinds_take_the_newest_of_each() -> None:
    run = run_with((AttachmentKind.SPEC, "a"), (AttachmentKind.SVG, "b"), (AttachmentKind.SPEC, "c"))
    chosen = chosen_attachments(run, (), (AttachmentKind.SPEC, AttachmentKind.SVG))
    assert [item.attachment_id for item in chosen] == [given.digest("c"), given.digest("b")]


def test_a_missing_kind_is_named() -> None:
    with pytest.raises(RmosError) as caught:
        chosen_attachments(run_with(), (), (AttachmentKind.SVG,))
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert caught.value.details["missing_kinds"] == ["svg"]


def test_an_attachment_is_found_by_its_digest_with_or_without_the_prefix() -> None:
    run = run_with((AttachmentKind.SPEC, "a"))
    for text in (given.digest("a"), "att-" + given.digest("a")):
        assert chosen_attachments(run, (text,), ())[0].attachment_id == given.digest("a")


def test_an_unknown_attachment_is_not_found() -> None:
    with pytest.raises(RmosError) as caught:
        chosen_attachments(run_with(), (given.digest("d"),), ())
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_referenced_assets_are_kept_in_order() -> None:
    state = fold([given.run_opened(), AssetsReferenced(run_id="run_1", asset_ids=("asset_b", "asset_a"))])
    assert isinstance(state, RunState)
    assert state.asset_ids == ("asset_b", "asset_a")


def test_a_stated_field_replaces_the_runs_and_an_unstated_one_does_not() -> None:
    context = merged(given.FULL_CONTEXT, CuttingContext(tool_id="flat_0_8"))
    assert context.tool_id == "flat_0_8"
    assert context.material_id == given.FULL_CONTEXT.material_id


DELETE = Delete(force=True, cascade=True, reason="opened by mistake", under_way=False)


def test_assets_are_referred_to_once() -> None:
    run = fold_on(run_with(), decide(ReferToAssets(("asset_a", "asset_b", "asset_a")), run_with()))
    assert isinstance(run, RunState)
    assert run.asset_ids == ("asset_a", "asset_b")
    assert decide(ReferToAssets(("asset_b",)), run) == []


def test_rejected_advice_is_kept_but_no_longer_given() -> None:
    run = fold_on(run_with(), [AssetsReferenced(run_id="run_1", asset_ids=("asset_a", "asset_b"))])
    assert isinstance(run, RunState)
    run = fold_on(run, decide(Advise(RejectAdvisory(run_id="run_1", asset_id="asset_a", code="DUPLICATE")), run))
    assert isinstance(run, RunState)
    assert (run.asset_ids, run.advice) == (("asset_a", "asset_b"), ("asset_b",))


def test_advice_on_an_asset_that_the_run_does_not_refer_to_is_not_found() -> None:
    with pytest.raises(RmosError) as caught:
        decide(Advise(ReviewAdvisory(run_id="run_1", asset_id="asset_x", rating=3)), run_with())
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_a_run_with_decisions_is_deleted_only_with_them() -> None:
    run = fold_on(run_with(), [given.candidate_bound(RiskLevel.RED)])
    assert isinstance(run, RunState)
    with pytest.raises(RmosError, match="cascade"):
        decide(Delete(force=True, cascade=False, reason=None, under_way=False), run)
    (event,) = decide(Delete(force=False, cascade=True, reason=None, under_way=False), run)
    assert event == RunDeleted(run_id="run_1", cascaded=True)


def test_a_run_whose_design_is_under_way_in_its_session_is_deleted_only_by_force() -> None:
    with pytest.raises(RmosError, match="force"):
        decide(Delete(force=False, cascade=True, reason=None, under_way=True), run_with())
    (event,) = decide(Delete(force=True, cascade=True, reason=None, under_way=True), run_with())
    assert event == RunDeleted(run_id="run_1", forced=True)


def test_nothing_follows_a_tombstone() -> None:
    deleted = fold_on(run_with(), decide(DELETE, run_with()))
    assert deleted == DeletedRun("run_1")
    with pytest.raises(ValueError, match="damaged"):
        evolve(deleted, AssetsReferenced(run_id="run_1", asset_ids=("asset_a",)))


def test_an_artifact_without_a_verdict_cannot_be_overridden() -> None:
    run = fold_on(run_with(), [given.candidate_bound(RiskLevel.RED, verdict=False)])
    assert isinstance(run, RunState)
    with pytest.raises(RmosError) as caught:
        judged_artifact(run, "artifact_1")
    assert caught.value.code is ErrorCode.INVALID_REQUEST


def test_every_event_of_a_run_has_its_action() -> None:
    of_runs = {event for event in RMOS_EVENTS if "run_id" in event.model_fields} - {RunOpened}
    without_sessions = {event for event in of_runs if not issubclass(event, SessionEvent)}
    elsewhere = ("rmos.search_", "rmos.ai_explanation_")
    own_streams = {event for event in without_sessions if event.type.startswith(elsewhere)}
    assert set(ACTION_OF) == without_sessions - own_streams
    assert set(ACTION_OF.values()) | {Action.DECIDE} == set(Action)


class AnyRun(RuleBasedStateMachine):
    """Whatever is done in whatever order: the table holds, nothing is doubled, and nothing follows the tombstone."""

    def __init__(self) -> None:
        super().__init__()
        self.run: RunFold = run_with()
        self.events: list[LogEvent] = [given.run_opened()]

    @rule(kind=st.sampled_from(list(AttachmentKind)), character=st.sampled_from("abc"))
    def attach(self, kind: AttachmentKind, character: str) -> None:
        self.step(Attach((new(kind, character),), given.NOW), Action.ATTACH)

    @rule(assets=st.lists(st.sampled_from(["asset_a", "asset_b", "asset_c"]), min_size=1, max_size=3))
    def refer(self, assets: list[str]) -> None:
        self.step(ReferToAssets(tuple(assets)), Action.REFERENCE_ASSETS)

    @rule(asset=st.sampled_from(["asset_a", "asset_b"]), kind=st.sampled_from(["review", "promote", "reject"]))
    def advise(self, asset: str, kind: str) -> None:
        common = {"run_id": "run_1", "asset_id": asset}
        command = {
            "review": lambda: ReviewAdvisory(**common, rating=3),
            "promote": lambda: PromoteAdvisory(**common),
            "reject": lambda: RejectAdvisory(**common, code="OTHER"),
        }[kind]()
        self.step(Advise(command), Action.ADVISE)

    @rule(risk=st.sampled_from([RiskLevel.GREEN, RiskLevel.RED]))
    def judge(self, risk: RiskLevel) -> None:
        if isinstance(self.run, RunState):
            self.take(given.candidate_bound(risk))

    @rule(force=st.booleans(), cascade=st.booleans())
    def delete(self, force: bool, cascade: bool) -> None:
        self.step(Delete(force, cascade, None, under_way=False), Action.DELETE)

    def step(self, command: Command, action: Action) -> None:
        before = self.run
        if isinstance(before, DeletedRun):
            assert (Standing.DELETED, action) not in TRANSITIONS
            return
        try:
            events = decide(command, before)
        except RmosError:
            return
        for event in events:
            assert ACTION_OF[type(event)] is action
            self.take(event)
            assert standing_of(self.run) is TRANSITIONS[Standing.OPEN, action]

    def take(self, event: LogEvent) -> None:
        self.run = evolve(self.run, event)
        self.events.append(event)

    @invariant()
    def nothing_is_held_twice(self) -> None:
        if isinstance(self.run, RunState):
            held = [(item.attachment_id, item.kind) for item in self.run.attachments]
            assert len(held) == len(set(held))
            assert len(self.run.asset_ids) == len(set(self.run.asset_ids))

    @invariant()
    def the_events_alone_give_the_same_run(self) -> None:
        assert fold(self.events) == self.run


TestAnyRun = AnyRun.TestCase
TestAnyRun.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
