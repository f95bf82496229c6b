from __future__ import annotations

import itertools
from typing import Any

import pytest

from contracts.advisories import AdvisoryStatus, PromoteAdvisory, RejectAdvisory, RejectionCode, ReviewAdvisory
from contracts.errors import ErrorCode, RmosError
from contracts.log import AdvisoryReviewed
from services.rmos.domain.advisory import (
    TRANSITIONS,
    Action,
    AdvisoryState,
    New,
    allowed_for,
    decide,
    evolve,
    shown,
    status_of,
)

ON = {"run_id": "run_1", "asset_id": "asset_a"}
COMMANDS: dict[Action, Any] = {
    Action.REVIEW: ReviewAdvisory(**ON, rating=3, note="nice"),
    Action.PROMOTE: PromoteAdvisory(**ON),
    Action.REJECT: RejectAdvisory(**ON, code=RejectionCode.TEXT_REQUIRES_OUTLINE),
}
WAYS: dict[AdvisoryStatus, tuple[Action, ...]] = {
    AdvisoryStatus.NEW: (),
    AdvisoryStatus.REVIEWED: (Action.REVIEW,),
    AdvisoryStatus.PROMOTED: (Action.PROMOTE,),
    AdvisoryStatus.REJECTED: (Action.REJECT,),
}


def after(*actions: Action) -> AdvisoryState:
    advisory: AdvisoryState = New("asset_a")
    for action in actions:
        for event in decide(COMMANDS[action], advisory):
            advisory = evolve(advisory, event)
    return advisory


@pytest.mark.parametrize(("status", "action"), list(itertools.product(AdvisoryStatus, Action)))
def test_the_table_says_what_may_follow(status: AdvisoryStatus, action: Action) -> None:
    if (status, action) in TRANSITIONS:
        assert status_of(after(*WAYS[status], action)) is TRANSITIONS[status, action]
        return
    with pytest.raises(RmosError) as caught:
        decide(COMMANDS[action], after(*WAYS[status]))
    assert caught.value.code is ErrorCode.ILLEGAL_TRANSITION
    assert caught.value.details["allowed"] == [item.value for item in allowed_for(after(*WAYS[status]))]


def test_the_latest_rating_counts_and_stays_when_nothing_new_is_said() -> None:
    better = ReviewAdvisory(**ON, rating=5)
    reviewed = evolve(after(Action.REVIEW), decide(better, after(Action.REVIEW))[0])
    promoted = evolve(reviewed, decide(COMMANDS[Action.PROMOTE], reviewed)[0])
    assert shown("run_1", promoted).rating == 5


def test_a_rejection_shows_its_code() -> None:
    rejected = shown("run_1", after(Action.REVIEW, Action.REJECT))
    assert (rejected.code, rejected.rating, rejected.allowed) == (RejectionCode.TEXT_REQUIRES_OUTLINE, 3, ())


def test_an_event_that_cannot_follow_shows_a_damaged_stream() -> None:
    with pytest.raises(ValueError, match="damaged"):
        evolve(after(Action.REJECT), AdvisoryReviewed(**ON, rating=1))
