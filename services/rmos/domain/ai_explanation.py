"""The explanation of one artifact by a model: asked for, and then ready or failed. Advice, in a stream of its own: no
state of it and nothing that a model says changes a verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from contracts.ai_explanations import MAX_TEXT, AiExplanation, ExplainArtifact, ExplanationFailure
from contracts.artifacts import SUMMARY_LENGTH, ExplanationStatus, RunArtifact
from contracts.blobs import BlobRef
from contracts.envelope import Actor
from contracts.errors import ErrorCode, RmosError
from contracts.log import AiExplanationFailed, AiExplanationReady, AiExplanationRequested, LogEvent

MAX_REASON = 500
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Action(StrEnum):
    REQUEST = "request"
    FINISH = "finish"
    FAIL = "fail"


S, A = ExplanationStatus, Action
TRANSITIONS: dict[tuple[ExplanationStatus, Action], ExplanationStatus] = {
    (S.NONE, A.REQUEST): S.PENDING,
    (S.PENDING, A.REQUEST): S.PENDING,
    (S.PENDING, A.FINISH): S.READY,
    (S.PENDING, A.FAIL): S.ERROR,
    (S.READY, A.REQUEST): S.READY,
    (S.ERROR, A.REQUEST): S.PENDING,
}
"""(status, action) -> next status. Asking for one that is pending or ready changes nothing and leaves no event."""


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Nobody has asked a model yet."""


@dataclass(frozen=True, slots=True)
class Pending:
    asked: AiExplanationRequested


@dataclass(frozen=True, slots=True)
class Ready:
    answer: AiExplanationReady


@dataclass(frozen=True, slots=True)
class Failed:
    failure: AiExplanationFailed


ExplanationState = NotAsked | Pending | Ready | Failed
Event = AiExplanationRequested | AiExplanationReady | AiExplanationFailed
_STATUS: dict[type[ExplanationState], ExplanationStatus] = {
    NotAsked: S.NONE,
    Pending: S.PENDING,
    Ready: S.READY,
    Failed: S.ERROR,
}


@dataclass(frozen=True, slots=True)
class Request:
    """`explanation_id` names this request, if it becomes one."""

    asked: ExplainArtifact
    artifact: RunArtifact
    explanation_id: str
    prompt_sha256: str
    by: Actor
    now: str


@dataclass(frozen=True, slots=True)
class Finish:
    """`text` is in the object store; provider and model are those that answered."""

    explanation_id: str
    text: BlobRef
    summary: str
    provider: str
    model: str | None
    ai_call_id: str
    now: str


@dataclass(frozen=True, slots=True)
class Fail:
    """`ai_call_id` and what follows only where a model was called."""

    explanation_id: str
    code: ErrorCode
    message: str
    now: str
    ai_call_id: str | None = None
    provider: str | None = None
    model: str | None = None


Command = Request | Finish | Fail


def stream_of(artifact_id: str) -> str:
    return f"ai_explanation-{artifact_id}"


def status_of(state: ExplanationState) -> ExplanationStatus:
    return _STATUS[type(state)]


def allowed_for(state: ExplanationState) -> tuple[Action, ...]:
    return tuple(action for action in Action if (status_of(state), action) in TRANSITIONS)


def decide(command: Command, state: ExplanationState) -> list[Event]:
    """What is put on the record. Raises ILLEGAL_TRANSITION for the end of a request that is not the pending one."""
    match command:
        case Request():
            status = status_of(state)
            return [] if TRANSITIONS[status, A.REQUEST] is status else [_requested(command)]
        case Finish():
            return [_ready(command, _pending(A.FINISH, command, state))]
        case Fail():
            return [_failed(command, _pending(A.FAIL, command, state))]
        case _:
            assert_never(command)


def evolve(state: ExplanationState, event: LogEvent) -> ExplanationState:
    """Raises ValueError for an event that cannot follow: the stream is damaged."""
    match state, event:
        case ((NotAsked() | Failed()), AiExplanationRequested()):
            return Pending(event)
        case Pending(asked), AiExplanationReady() if event.explanation_id == asked.explanation_id:
            return Ready(event)
        case Pending(asked), AiExplanationFailed() if event.explanation_id == asked.explanation_id:
            return Failed(event)
    raise ValueError(f"{event.type} on an explanation that is {status_of(state).value}: the stream is damaged")


def fold(events: Iterable[LogEvent]) -> ExplanationState:
    state: ExplanationState = NotAsked()
    for event in events:
        state = evolve(state, event)
    return state


def text_in(answer: str | None) -> str:
    """The text of a model's answer. Raises AI_INVALID_OUTPUT for none, or for one that is too long."""
    text = _CONTROL.sub("", (answer or "").replace("\r\n", "\n")).strip()
    if not text or len(text) > MAX_TEXT:
        what = "it is empty" if not text else f"it has {len(text)} characters, {MAX_TEXT} are the most"
        raise RmosError(ErrorCode.AI_INVALID_OUTPUT, f"the model's answer is no explanation: {what}")
    return text


def summary_of(text: str) -> str:
    """The beginning of the text as one line of at most 200 characters."""
    line = one_line(text)
    return line if len(line) <= SUMMARY_LENGTH else line[: SUMMARY_LENGTH - 1].rstrip() + "…"


def one_line(text: str) -> str:
    """Without control characters: events hold nothing that a table or a terminal would choke on."""
    return " ".join(_CONTROL.sub(" ", text).split())


def shown(asked: AiExplanationRequested) -> AiExplanation:
    """A pending explanation as people see it: what the projections say once they have folded the event."""
    return AiExplanation(
        artifact_id=asked.artifact_id,
        run_id=asked.run_id,
        status=S.PENDING,
        explanation_id=asked.explanation_id,
        provider=asked.provider,
        model=asked.model,
        asked_at_utc=asked.asked_at_utc,
        asked_by=asked.asked_by,
    )


def _pending(action: Action, command: Finish | Fail, state: ExplanationState) -> AiExplanationRequested:
    possible = (status_of(state), action) in TRANSITIONS
    if possible and isinstance(state, Pending) and state.asked.explanation_id == command.explanation_id:
        return state.asked
    raise RmosError(
        ErrorCode.ILLEGAL_TRANSITION,
        f"{action.value} is not possible: {command.explanation_id} is not the pending request for an explanation",
        status=status_of(state).value,
        allowed=[item.value for item in allowed_for(state)],
    )


def _requested(command: Request) -> AiExplanationRequested:
    return AiExplanationRequested(
        artifact_id=command.artifact.artifact_id,
        run_id=command.artifact.run_id,
        workflow_session_id=command.artifact.workflow_session_id,
        explanation_id=command.explanation_id,
        provider=command.asked.provider,
        model=command.asked.model,
        prompt_sha256=command.prompt_sha256,
        asked_by=command.by,
        asked_at_utc=command.now,
    )


def _ready(command: Finish, asked: AiExplanationRequested) -> AiExplanationReady:
    return AiExplanationReady(
        artifact_id=asked.artifact_id,
        run_id=asked.run_id,
        workflow_session_id=asked.workflow_session_id,
        explanation_id=asked.explanation_id,
        text=command.text,
        summary=command.summary,
        provider=command.provider,
        model=command.model,
        ai_call_id=command.ai_call_id,
        answered_at_utc=command.now,
    )


def _failed(command: Fail, asked: AiExplanationRequested) -> AiExplanationFailed:
    return AiExplanationFailed(
        artifact_id=asked.artifact_id,
        run_id=asked.run_id,
        workflow_session_id=asked.workflow_session_id,
        explanation_id=asked.explanation_id,
        error=ExplanationFailure(code=command.code, message=one_line(command.message)[:MAX_REASON]),
        provider=command.provider,
        model=command.model,
        ai_call_id=command.ai_call_id,
        answered_at_utc=command.now,
    )
