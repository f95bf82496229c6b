from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.ai_explanations import MAX_TEXT, ExplainArtifact
from contracts.artifacts import SUMMARY_LENGTH, ExplanationStatus
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from contracts.log import AiExplanationFailed, AiExplanationReady, AiExplanationRequested, LogEvent
from services.rmos.domain.ai_explanation import (
    TRANSITIONS,
    Action,
    Command,
    ExplanationState,
    Fail,
    Failed,
    Finish,
    NotAsked,
    Pending,
    Ready,
    Request,
    allowed_for,
    decide,
    evolve,
    fold,
    one_line,
    shown,
    status_of,
    summary_of,
    text_in,
)
from tests.rmos.domain import given

TEXT = BlobRef(sha256=given.digest("e"), size=12, content_type="text/plain")


def request(explanation_id: str = "explanation_1", **asked: Any) -> Request:
    command = ExplainArtifact(artifact_id="artifact_1", **asked)
    return Request(command, given.artifact(), explanation_id, given.digest("d"), given.OPERATOR, given.NOW)


def finish(explanation_id: str = "explanation_1") -> Finish:
    return Finish(explanation_id, TEXT, "It can be cut.", "offline", "offline-1", "call_1", given.NOW)


def fail(explanation_id: str = "explanation_1", message: str = "no answer") -> Fail:
    return Fail(explanation_id, ErrorCode.AI_TIMEOUT, message, given.NOW)


COMMANDS: dict[Action, Command] = {Action.REQUEST: request(), Action.FINISH: finish(), Action.FAIL: fail()}
WAYS: dict[ExplanationStatus, tuple[Action, ...]] = {
    ExplanationStatus.NONE: (),
    ExplanationStatus.PENDING: (Action.REQUEST,),
    ExplanationStatus.READY: (Action.REQUEST, Action.FINISH),
    ExplanationStatus.ERROR: (Action.REQUEST, Action.FAIL),
}


def after(*commands: Command) -> ExplanationState:
    state: ExplanationState = NotAsked()
    for command in commands:
        for event in decide(command, state):
            state = evolve(state, event)
    return state


def being(status: ExplanationStatus) -> ExplanationState:
    return after(*(COMMANDS[action] for action in WAYS[status]))


@pytest.mark.parametrize(("status", "action"), list(itertools.product(ExplanationStatus, Action)))
def test_the_table_says_what_may_follow(status: ExplanationStatus, action: Action) -> None:
    state = being(status)
    if (status, action) in TRANSITIONS:
        events = decide(COMMANDS[action], state)
        for event in events:
            state = evolve(state, event)
        assert status_of(state) is TRANSITIONS[status, action]
        assert len(events) == (status is not TRANSITIONS[status, action])
        return
    with pytest.raises(RmosError) as caught:
        decide(COMMANDS[action], state)
    assert caught.value.code is ErrorCode.ILLEGAL_TRANSITION
    assert caught.value.details["allowed"] == [item.value for item in allowed_for(state)]


def test_a_request_records_who_asked_which_model_what() -> None:
    (event,) = decide(request(provider="local", model="qwen3:8b"), NotAsked())
    assert isinstance(event, AiExplanationRequested)
    assert (event.provider, event.model, event.prompt_sha256) == ("local", "qwen3:8b", given.digest("d"))
    assert (event.asked_by, event.asked_at_utc, event.run_id) == (given.OPERATOR, given.NOW, "run_1")
    pending = shown(event)
    assert (pending.status, pending.provider, pending.asked_by) == ("PENDING", "local", given.OPERATOR)
    assert pending.advisory is True
    assert (pending.text, pending.summary, pending.answered_at_utc) == (None, None, None)


def test_one_that_failed_is_asked_for_anew_under_its_own_id() -> None:
    state = after(request(), fail(), request("explanation_2"))
    assert isinstance(state, Pending)
    assert state.asked.explanation_id == "explanation_2"


@pytest.mark.parametrize("late", [finish(), fail()])
def test_a_late_end_of_a_former_request_is_refused(late: Command) -> None:
    state = after(request(), fail(), request("explanation_2"))
    with pytest.raises(RmosError, match="explanation_1 is not the pending request") as caught:
        decide(late, state)
    assert caught.value.code is ErrorCode.ILLEGAL_TRANSITION


def test_a_failure_has_its_code_and_a_reason_that_fits_one_line() -> None:
    (event,) = decide(fail(message="it\x00 broke\n" + "x" * 900), after(request()))
    assert isinstance(event, AiExplanationFailed)
    assert event.error.code is ErrorCode.AI_TIMEOUT
    assert event.error.message.startswith("it broke x")
    assert len(event.error.message) == 500


@pytest.mark.parametrize(
    ("steps", "event"),
    [
        ((), finish()),
        ((), fail()),
        ((request(), finish()), fail()),
        ((request(), fail()), finish()),
        ((request(), fail(), request("explanation_2")), finish()),
    ],
    ids=["answer to nothing", "end of nothing", "after ready", "after error", "of a former request"],
)
def test_an_event_that_cannot_follow_shows_a_damaged_stream(steps: tuple[Command, ...], event: Command) -> None:
    (recorded,) = decide(event, after(request()))
    with pytest.raises(ValueError, match="damaged"):
        evolve(after(*steps), recorded)


def test_a_second_request_on_top_of_a_pending_one_shows_a_damaged_stream() -> None:
    (recorded,) = decide(request("explanation_2"), NotAsked())
    with pytest.raises(ValueError, match="damaged"):
        evolve(after(request()), recorded)


@pytest.mark.parametrize("answer", [None, "", " \n\t ", "\x00\x1b", "x" * (MAX_TEXT + 1)])
def test_an_answer_without_words_or_with_too_many_is_no_explanation(answer: str | None) -> None:
    with pytest.raises(RmosError, match="no explanation") as caught:
        text_in(answer)
    assert caught.value.code is ErrorCode.AI_INVALID_OUTPUT


def test_a_text_keeps_its_paragraphs_and_loses_what_a_terminal_would_obey() -> None:
    assert text_in(" One.\r\n\r\nTwo\x1b[31m:\tred.\x00 ") == "One.\n\nTwo[31m:\tred."


def test_a_summary_is_the_beginning_in_one_line_that_fits() -> None:
    assert summary_of("One.\n\nTwo.") == "One. Two."
    long = summary_of("word " * 100)
    assert (len(long) <= SUMMARY_LENGTH, long.endswith("word…")) == (True, True)


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", " a  \x85 b "])
def test_one_line_has_no_control_characters(text: str) -> None:
    assert one_line(text) == "a b"


class AnyExplanation(RuleBasedStateMachine):
    """Whatever is asked and answered in whatever order: the table holds, and the events alone give the same state."""

    def __init__(self) -> None:
        super().__init__()
        self.state: ExplanationState = NotAsked()
        self.events: list[LogEvent] = []

    @rule(number=st.integers(1, 4))
    def ask(self, number: int) -> None:
        self.step(Action.REQUEST, request(f"explanation_{number}"))

    @rule(number=st.integers(1, 4))
    def answer(self, number: int) -> None:
        self.step(Action.FINISH, finish(f"explanation_{number}"))

    @rule(number=st.integers(1, 4))
    def give_up(self, number: int) -> None:
        self.step(Action.FAIL, fail(f"explanation_{number}"))

    def step(self, action: Action, command: Command) -> None:
        before = status_of(self.state)
        state, of_another = self.state, False
        if isinstance(state, Pending) and isinstance(command, Finish | Fail):
            of_another = command.explanation_id != state.asked.explanation_id
        if (before, action) not in TRANSITIONS or of_another:
            with pytest.raises(RmosError, match="is not possible"):
                decide(command, self.state)
            return
        for event in decide(command, self.state):
            self.state = evolve(self.state, event)
            self.events.append(event)
        assert status_of(self.state) is TRANSITIONS[before, action]

    @invariant()
    def the_events_alone_give_the_same_state(self) -> None:
        assert fold(self.events) == self.state

    @invariant()
    def every_request_but_the_last_failed_and_only_the_last_can_be_answered(self) -> None:
        kinds = [type(event) for event in self.events]
        expected = [AiExplanationRequested, AiExplanationFailed] * (len(kinds) // 2)
        if isinstance(self.state, Pending):
            expected.append(AiExplanationRequested)
        elif isinstance(self.state, Ready):
            expected[-1] = AiExplanationReady
        else:
            assert isinstance(self.state, NotAsked | Failed)
        assert kinds == expected


TestAnyExplanation = AnyExplanation.TestCase
TestAnyExplanation.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
