"""A search as the fold of its stream."""

from __future__ import annotations

from typing import cast

from contracts.examples import examples
from contracts.log import LogEvent, SearchProgressed, SearchStarted
from contracts.search import AttemptOutcome, SearchAttempt, SearchProgress
from services.rmos.domain.search_record import fold, progressed

STARTED = cast(SearchStarted, examples()[SearchStarted])


def attempt(number: int) -> SearchAttempt:
    return SearchAttempt(number=number, outcome=AttemptOutcome.FAILED)


def told(*numbers: int) -> SearchProgressed:
    progress = SearchProgress(attempts=numbers[-1], time_ms=1)
    return progressed(STARTED, progress, tuple(attempt(number) for number in numbers))


def test_attempts_that_are_told_of_twice_count_once() -> None:
    """The first telling was answered with "unknown", so the second one began with the same round."""
    events: list[LogEvent] = [STARTED, told(1, 2), told(1, 2, 3, 4)]
    state = fold(events)
    assert state is not None
    assert state.attempts == tuple(attempt(number) for number in (1, 2, 3, 4))
