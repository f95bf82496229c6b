from __future__ import annotations

import itertools

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import LogEvent
from contracts.sessions import SessionState
from services.rmos.domain.session import TRANSITIONS, Action, after, allowed_in, evolve, fold, stream_of
from tests.rmos.domain import given

EVENT_OF = {
    Action.SET_DESIGN: given.design_set,
    Action.STORE_FEASIBILITY: given.judged,
    Action.APPROVE: given.approved,
    Action.REJECT: given.rejected,
    Action.REQUIRE_REVISION: given.revision_required,
    Action.STORE_TOOLPATHS: given.toolpaths_stored,
}


def test_a_session_with_tool_material_and_machine_is_context_ready() -> None:
    state = fold([given.opened()])
    assert state is not None
    assert state.state is SessionState.CONTEXT_READY


def test_a_session_without_its_whole_context_is_a_draft() -> None:
    state = fold([given.opened(CuttingContext(tool_id="flat_1_0"))])
    assert state is not None
    assert state.state is SessionState.DRAFT


def test_no_events_are_no_session() -> None:
    assert fold([]) is None


def test_an_event_before_the_opening_shows_a_damaged_stream() -> None:
    with pytest.raises(ValueError, match="damaged"):
        evolve(None, given.design_set())


def test_an_approval_keeps_exactly_the_digests_it_was_given_for() -> None:
    state = fold([given.opened(), given.design_set(), given.judged(), given.approved()])
    assert state is not None
    assert state.state is SessionState.APPROVED
    assert state.approved == given.digests("a")


def test_a_new_design_ends_the_approval_of_the_former_one() -> None:
    events: list[LogEvent] = [
        given.opened(),
        given.design_set(),
        given.judged(),
        given.approved(),
        given.design_set("9"),
    ]
    state = fold(events)
    assert state is not None
    assert state.approved is None
    assert state.approval_artifact_id is None
    assert state.risk is None


@pytest.mark.parametrize("ending", [given.rejected, given.revision_required])
def test_rejection_and_required_revision_end_the_approval(ending: object) -> None:
    events = [given.opened(), given.design_set(), given.judged(), given.approved(), ending()]  # type: ignore[operator]
    state = fold(events)
    assert state is not None
    assert state.approved is None


@pytest.mark.parametrize(
    ("state", "action"),
    [pair for pair in itertools.product(SessionState, Action) if pair not in TRANSITIONS],
)
def test_what_is_not_in_the_table_is_refused_and_names_what_is_allowed(state: SessionState, action: Action) -> None:
    with pytest.raises(RmosError) as caught:
        after(state, action)
    assert caught.value.code is ErrorCode.ILLEGAL_TRANSITION
    assert caught.value.details["allowed"] == [item.value for item in allowed_in(state)]


def test_nothing_follows_a_rejected_session() -> None:
    assert allowed_in(SessionState.REJECTED) == ()


@settings(max_examples=150, deadline=None)
@any_of(st.lists(st.sampled_from(list(Action)), max_size=14))
def test_every_walk_keeps_to_the_table_and_approves_only_what_was_judged(actions: list[Action]) -> None:
    state = evolve(None, given.opened())
    for action in actions:
        legal = (state.state, action) in TRANSITIONS
        if not legal:
            with pytest.raises(RmosError):
                evolve(state, EVENT_OF[action]())
            continue
        expected = TRANSITIONS[state.state, action]
        state = evolve(state, EVENT_OF[action]())
        assert state.state is expected
        if state.state is SessionState.APPROVED:
            assert state.approved == state.digests
            assert state.risk is RiskLevel.GREEN
        if state.approved is None:
            assert state.state not in {SessionState.APPROVED, SessionState.TOOLPATHS_READY}


def test_streams_are_named_after_the_session() -> None:
    assert stream_of("session_1") == "session-session_1"
