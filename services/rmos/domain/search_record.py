"""A search as the fold of its stream, and what its artifact keeps of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from contracts.artifacts import RunArtifact
from contracts.log import LogEvent, SearchEnded, SearchProgressed, SearchStarted
from contracts.search import SearchAttempt, SearchProgress, SearchReply, SearchResult

RESULT = "search"
"""Key of the result in the artifact's decision: in the event itself, because blobs may be purged one day."""


@dataclass(frozen=True, slots=True)
class SearchState:
    """`attempts`: what is on record of them while it runs, in the order of their numbers; those of a concluded search
    stand in its artifact, those of another that has ended in `ended`."""

    started: SearchStarted
    progress: SearchProgress | None = None
    attempts: tuple[SearchAttempt, ...] = ()
    ended: SearchEnded | None = None


def stream_of(search_id: str) -> str:
    return f"search-{search_id}"


def evolve(state: SearchState | None, event: LogEvent) -> SearchState:
    """The state after the event. The first end counts. An attempt that is told of twice, because nobody could say
    whether the first time was recorded, is one."""
    if isinstance(event, SearchStarted):
        return SearchState(event)
    if state is None:
        raise ValueError(f"{type(event).__name__} before SearchStarted: the stream is damaged")
    match event:
        case SearchProgressed():
            new = (attempt for attempt in event.attempts if attempt.number > len(state.attempts))
            return replace(state, progress=event.progress, attempts=(*state.attempts, *new))
        case SearchEnded():
            return state if state.ended is not None else replace(state, ended=event)
        case _:
            return state


def fold(events: Iterable[LogEvent]) -> SearchState | None:
    """The search after all events; None when there are none."""
    state: SearchState | None = None
    for event in events:
        state = evolve(state, event)
    return state


def progressed(
    started: SearchStarted, progress: SearchProgress, attempts: tuple[SearchAttempt, ...]
) -> SearchProgressed:
    return SearchProgressed(
        search_id=started.search_id,
        run_id=started.run_id,
        workflow_session_id=started.workflow_session_id,
        progress=progress,
        attempts=attempts,
    )


def result_in(artifact: RunArtifact) -> SearchResult:
    """What the search of this artifact found."""
    return SearchResult.model_validate(artifact.decision.details[RESULT])


def shown(state: SearchState, result: SearchResult | None) -> SearchReply:
    """`result`: of its artifact, when it was concluded."""
    started, ended = state.started, state.ended
    return SearchReply(
        search_id=started.search_id,
        run_id=started.run_id,
        session_id=started.workflow_session_id,
        state="running" if ended is None else "ended",
        outcome=ended.outcome if ended is not None else None,
        started_at_utc=started.started_at_utc,
        budget=started.search.search_budget,
        progress=state.progress,
        result=result,
        artifact_id=ended.artifact_id if ended is not None else None,
        error=ended.error if ended is not None else None,
    )
