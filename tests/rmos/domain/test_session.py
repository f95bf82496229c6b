from __future__ import annotations

import itertools

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import RMOS_EVENTS, SessionEvent, SessionOpened, SessionRunDeleted
from contracts.sessions import SessionState
from services.rmos.domain import session_commands as commands
from services.rmos.domain.session import (
    ACTION_OF,
    STATE_OF,
    TRANSITIONS,
    UNDER_WAY,
    Action,
    Approved,
    ContextReady,
    Covered,
    Deleted,
    Draft,
    Judged,
    Living,
    SessionFold,
    allowed_in,
    design_of,
    evolve,
    fold,
    judged_context,
    just_opened,
    require,
    state_of,
    stream_of,
)
from tests.rmos.domain import given

SOME = CuttingContext(tool_id="flat_1_0")
OTHER_TOOL = commands.SetContext(CuttingContext(tool_id="flat_0_8"))
WAYS: dict[SessionState, tuple[commands.Command, ...]] = {
    SessionState.DRAFT: (),
    SessionState.CONTEXT_READY: (),
    SessionState.FEASIBILITY_REQUESTED: given.TO_JUDGED[:2],
    SessionState.FEASIBILITY_READY: given.TO_JUDGED,
    SessionState.DESIGN_REVISION_REQUIRED: (*given.TO_JUDGED, given.REQUIRE_REVISION),
    SessionState.APPROVED: given.TO_APPROVED,
    SessionState.TOOLPATHS_REQUESTED: (*given.TO_APPROVED, commands.RequestToolpaths()),
    SessionState.TOOLPATHS_READY: given.TO_TOOLPATHS,
    SessionState.REJECTED: (*given.TO_JUDGED, given.REJECT),
    SessionState.ARCHIVED: (commands.Archive(None),),
}
STEPS: dict[Action, commands.Command] = {
    Action.OPEN_RUN: commands.OpenRunIn("run_1"),
    Action.SET_CONTEXT: OTHER_TOOL,
    Action.SET_DESIGN: commands.SetDesign(given.design("9")),
    Action.DROP_RUN: commands.DropRun("run_1"),
    Action.REQUEST_FEASIBILITY: commands.RequestFeasibility(),
    Action.STORE_FEASIBILITY: given.judged(),
    Action.APPROVE: given.APPROVE,
    Action.REJECT: given.REJECT,
    Action.REQUIRE_REVISION: given.REQUIRE_REVISION,
    Action.REQUEST_TOOLPATHS: commands.RequestToolpaths(),
    Action.STORE_TOOLPATHS: given.STORE_TOOLPATHS,
    Action.FAIL_TOOLPATHS: given.FAIL_TOOLPATHS,
    Action.ARCHIVE: commands.Archive("done"),
    Action.DELETE: commands.Delete(force=True, cascade=True, reason="a trial"),
}


def session_in(state: SessionState) -> Living:
    context = CuttingContext() if state is SessionState.DRAFT else given.FULL_CONTEXT
    session = given.after(*WAYS[state], context=context)
    assert not isinstance(session, Deleted)
    assert state_of(session) is state
    return session


def test_all_ten_states_can_be_reached_and_each_has_its_class() -> None:
    assert set(WAYS) == set(SessionState) == set(STATE_OF.values())
    for state in SessionState:
        session_in(state)


def test_every_event_of_a_session_has_its_action_and_every_action_its_command() -> None:
    assert set(ACTION_OF) | {SessionOpened} == {event for event in RMOS_EVENTS if issubclass(event, SessionEvent)}
    assert set(ACTION_OF.values()) == set(commands.ACTION_OF.values()) == set(Action)


def test_a_session_with_tool_material_and_machine_is_context_ready() -> None:
    assert isinstance(given.after(), ContextReady)


def test_a_session_without_its_whole_context_is_a_draft_until_it_is_given() -> None:
    assert isinstance(given.after(context=SOME), Draft)
    assert isinstance(given.after(commands.SetContext(given.FULL_CONTEXT), context=SOME), ContextReady)


def test_a_run_may_bring_the_context_that_its_session_lacks() -> None:
    session = given.after(commands.OpenRunIn("run_1"), commands.SetDesign(given.design()), context=SOME)
    assert isinstance(session, ContextReady)


def test_no_events_are_no_session() -> None:
    assert fold([]) is None


@pytest.mark.parametrize("state", [None, Deleted(given.after().about)])
def test_an_event_on_no_session_shows_a_damaged_stream(state: SessionFold | None) -> None:
    event = SessionRunDeleted(session_id="session_1", state=SessionState.DRAFT, run_id="run_1", was_current=False)
    with pytest.raises(ValueError, match="damaged"):
        evolve(state, event)


def test_an_event_that_leads_elsewhere_than_the_table_shows_a_damaged_stream() -> None:
    (approval,) = commands.decide(given.APPROVE, session_in(SessionState.FEASIBILITY_READY))
    with pytest.raises(ValueError, match="damaged"):
        evolve(session_in(SessionState.DRAFT), approval)
    elsewhere = approval.model_copy(update={"state": SessionState.TOOLPATHS_READY})
    with pytest.raises(ValueError, match="damaged"):
        evolve(session_in(SessionState.FEASIBILITY_READY), elsewhere)


def test_an_approval_keeps_exactly_the_digests_it_was_given_for() -> None:
    session = session_in(SessionState.APPROVED)
    assert isinstance(session, Approved)
    assert session.approval.digests == session.verdict.digests == given.digests("a")


@pytest.mark.parametrize(
    "change",
    [
        commands.SetDesign(given.design("9")),
        OTHER_TOOL,
        commands.SetContext(CuttingContext(material_id="ebony")),
        commands.SetContext(CuttingContext(machine_id="other_machine")),
        commands.SetContext(CuttingContext(stock_thickness_mm=3)),
        given.REQUIRE_REVISION,
        given.REJECT,
    ],
)
@pytest.mark.parametrize(
    "state", [SessionState.APPROVED, SessionState.TOOLPATHS_READY], ids=["approved", "toolpaths_ready"]
)
def test_any_later_change_ends_the_approval(change: commands.Command, state: SessionState) -> None:
    assert not isinstance(given.then(session_in(state), change), Covered)


@pytest.mark.parametrize("change", [commands.SetDesign(given.design()), commands.SetContext(given.FULL_CONTEXT)])
def test_what_changes_nothing_is_no_event_and_ends_no_approval(change: commands.Command) -> None:
    assert commands.decide(change, session_in(SessionState.APPROVED)) == []


def test_a_bound_candidate_is_judged_anew_although_it_is_the_same() -> None:
    session = given.then(session_in(SessionState.APPROVED), commands.SetDesign(given.design(), anew=True))
    assert isinstance(session, ContextReady)


def test_what_the_session_says_later_goes_before_what_its_run_was_opened_in() -> None:
    session = given.after(commands.OpenRunIn("run_1"), commands.SetDesign(given.design()), OTHER_TOOL)
    design = design_of(session)  # type: ignore[arg-type]  # no deletion happened
    assert design is not None
    context = judged_context(session, design)  # type: ignore[arg-type]  # as above
    assert context == given.FULL_CONTEXT.model_copy(update={"tool_id": "flat_0_8"})


def test_what_the_run_said_at_its_opening_goes_before_what_the_session_had_said() -> None:
    own = given.FULL_CONTEXT.model_copy(update={"tool_id": "vbit_60"})
    session = given.after(OTHER_TOOL, commands.OpenRunIn("run_1"), commands.SetDesign(given.design(context=own)))
    assert session.about.in_run("run_1", own).tool_id == "vbit_60"


def test_asked_again_after_a_crash_requested_toolpaths_are_no_trap() -> None:
    stuck = session_in(SessionState.TOOLPATHS_REQUESTED)
    asked_again = given.then(stuck, commands.RequestToolpaths())
    done = given.then(asked_again, given.STORE_TOOLPATHS)
    assert not isinstance(done, Deleted)
    assert state_of(done) is SessionState.TOOLPATHS_READY


def test_failed_toolpaths_leave_the_approval() -> None:
    session = given.then(session_in(SessionState.TOOLPATHS_REQUESTED), given.FAIL_TOOLPATHS)
    assert isinstance(session, Approved)


def test_nothing_is_judged_without_a_design() -> None:
    with pytest.raises(RmosError, match="no design yet") as caught:
        commands.decide(commands.RequestFeasibility(), session_in(SessionState.CONTEXT_READY))
    assert caught.value.code is ErrorCode.ILLEGAL_TRANSITION


def test_the_run_of_the_current_design_takes_the_design_with_it() -> None:
    session = given.after(commands.OpenRunIn("run_1"), commands.OpenRunIn("run_2"), *given.TO_APPROVED)
    without_other = given.then(session, commands.DropRun("run_2"))
    assert isinstance(without_other, Approved)
    gone = given.then(without_other, commands.DropRun("run_1"))
    assert isinstance(gone, ContextReady)
    assert (gone.design, gone.about.run_ids) == (None, ())


def test_a_session_with_runs_is_deleted_only_with_them() -> None:
    session = given.after(commands.OpenRunIn("run_1"))
    assert not isinstance(session, Deleted)
    with pytest.raises(RmosError) as caught:
        commands.decide(commands.Delete(force=True, cascade=False, reason=None), session)
    assert caught.value.details["run_ids"] == ["run_1"]
    (deleted,) = commands.decide(commands.Delete(force=False, cascade=True, reason=None), session)
    assert deleted.run_ids == ("run_1",)  # type: ignore[attr-defined]  # the event of a deletion


@pytest.mark.parametrize("state", list(SessionState))
def test_a_session_under_way_is_deleted_only_by_force(state: SessionState) -> None:
    delete = commands.Delete(force=False, cascade=True, reason=None)
    if state in UNDER_WAY:
        with pytest.raises(RmosError, match="under way"):
            commands.decide(delete, session_in(state))
    else:
        assert len(commands.decide(delete, session_in(state))) == 1
    forced = commands.Delete(force=True, cascade=True, reason=None)
    assert isinstance(given.then(session_in(state), forced), Deleted)


@pytest.mark.parametrize(
    ("state", "action"),
    [pair for pair in itertools.product(SessionState, Action) if pair not in TRANSITIONS],
)
def test_what_is_not_in_the_table_is_refused_and_names_what_is_allowed(state: SessionState, action: Action) -> None:
    for refused in (lambda: require(session_in(state), action), lambda: given.then(session_in(state), STEPS[action])):
        with pytest.raises(RmosError) as caught:
            refused()
        assert caught.value.code is ErrorCode.ILLEGAL_TRANSITION
        assert caught.value.details["allowed"] == [item.value for item in allowed_in(state)]
        assert action.value not in caught.value.details["allowed"]


def test_nothing_but_the_archive_and_deletion_follow_a_rejection() -> None:
    assert allowed_in(SessionState.REJECTED) == (Action.ARCHIVE, Action.DELETE)
    assert allowed_in(SessionState.ARCHIVED) == (Action.DELETE,)


def test_a_session_is_shown_at_once_as_it_was_opened() -> None:
    shown = just_opened(given.opened(SOME), given.NOW, "ada")
    assert (shown.state, shown.version, shown.opened_by) == (SessionState.DRAFT, 1, "ada")
    assert "set_design" in shown.allowed


def test_streams_are_named_after_the_session() -> None:
    assert stream_of("session_1") == "session-session_1"


class AnySession(RuleBasedStateMachine):
    """Whatever is done in whatever order: the table holds, and no approval outlives what it was given for."""

    def __init__(self) -> None:
        super().__init__()
        self.session: SessionFold = given.after()
        self.events: list[SessionEvent] = [given.opened()]
        self.design = "a"

    @rule(action=st.sampled_from([action for action in Action if action is not Action.DELETE]))
    def act(self, action: Action) -> None:
        self.step(STEPS[action])

    @rule(character=st.sampled_from("ab9"), anew=st.booleans())
    def set_design(self, character: str, anew: bool) -> None:
        self.step(commands.SetDesign(given.design(character), anew))

    @rule(tool=st.sampled_from(["flat_1_0", "flat_0_8"]))
    def set_context(self, tool: str) -> None:
        self.step(commands.SetContext(CuttingContext(tool_id=tool)))

    @rule(risk=st.sampled_from([RiskLevel.GREEN, RiskLevel.YELLOW, RiskLevel.RED]))
    def judge(self, risk: RiskLevel) -> None:
        self.step(commands.RequestFeasibility())
        self.step(given.judged(risk))

    def step(self, command: commands.Command) -> None:
        before = self.session
        assert not isinstance(before, Deleted)
        pair = (state_of(before), commands.ACTION_OF[type(command)])
        try:
            events = commands.decide(command, before)
        except RmosError:
            assert pair not in TRANSITIONS or design_of(before) is None
            return
        assert pair in TRANSITIONS
        for event in events:
            self.session = evolve(self.session, event)
            self.events.append(event)
            assert not isinstance(self.session, Deleted)
            assert state_of(self.session) is event.state
            assert event.state in TRANSITIONS[pair]
        if events and pair[1] in {Action.SET_DESIGN, Action.SET_CONTEXT}:
            assert not isinstance(self.session, Judged)

    @invariant()
    def an_approval_covers_exactly_what_was_judged(self) -> None:
        if isinstance(self.session, Covered):
            assert self.session.approval.digests == self.session.verdict.digests

    @invariant()
    def the_events_alone_give_the_same_session(self) -> None:
        assert fold(self.events) == self.session


TestAnySession = AnySession.TestCase
TestAnySession.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@settings(max_examples=100, deadline=None)
@any_of(st.lists(st.sampled_from(list(Action)), max_size=14))
def test_a_deleted_session_takes_nothing_more(actions: list[Action]) -> None:
    session: SessionFold = given.after()
    for action in actions:
        if isinstance(session, Deleted):
            return
        try:
            session = given.then(session, STEPS[action])
        except RmosError:
            continue
        assert isinstance(session, Deleted) == (action is Action.DELETE)
