"""An advisory: an asset that a run refers to, and what persons say about it. It decides nothing about cutting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from contracts.advisories import (
    Advisory,
    AdvisoryStatus,
    PromoteAdvisory,
    RejectAdvisory,
    RejectionCode,
    ReviewAdvisory,
)
from contracts.errors import ErrorCode, RmosError
from contracts.log import AdvisoryPromoted, AdvisoryRejected, AdvisoryReviewed


class Action(StrEnum):
    REVIEW = "review"
    PROMOTE = "promote"
    REJECT = "reject"


S, A = AdvisoryStatus, Action
TRANSITIONS: dict[tuple[AdvisoryStatus, Action], AdvisoryStatus] = {
    (S.NEW, A.REVIEW): S.REVIEWED,
    (S.NEW, A.PROMOTE): S.PROMOTED,
    (S.NEW, A.REJECT): S.REJECTED,
    (S.REVIEWED, A.REVIEW): S.REVIEWED,
    (S.REVIEWED, A.PROMOTE): S.PROMOTED,
    (S.REVIEWED, A.REJECT): S.REJECTED,
}
"""(status, action) -> next status. Promoted and rejected are final."""


@dataclass(frozen=True, slots=True)
class New:
    asset_id: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    asset_id: str
    rating: int
    note: str | None


@dataclass(frozen=True, slots=True)
class Promoted:
    asset_id: str
    rating: int | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    asset_id: str
    code: RejectionCode
    rating: int | None
    note: str | None


AdvisoryState = New | Reviewed | Promoted | Rejected
Command = ReviewAdvisory | PromoteAdvisory | RejectAdvisory
Event = AdvisoryReviewed | AdvisoryPromoted | AdvisoryRejected
_STATUS: dict[type[AdvisoryState], AdvisoryStatus] = {
    New: S.NEW,
    Reviewed: S.REVIEWED,
    Promoted: S.PROMOTED,
    Rejected: S.REJECTED,
}


def status_of(advisory: AdvisoryState) -> AdvisoryStatus:
    return _STATUS[type(advisory)]


def allowed_for(advisory: AdvisoryState) -> tuple[Action, ...]:
    return tuple(action for action in Action if (status_of(advisory), action) in TRANSITIONS)


def decide(command: Command, advisory: AdvisoryState) -> list[Event]:
    """What is put on the record. Raises ILLEGAL_TRANSITION for an advisory that is settled."""
    fields = command.model_dump()
    event: Event
    match command:
        case ReviewAdvisory():
            action, event = Action.REVIEW, AdvisoryReviewed.model_validate(fields)
        case PromoteAdvisory():
            action, event = Action.PROMOTE, AdvisoryPromoted.model_validate(fields)
        case RejectAdvisory():
            action, event = Action.REJECT, AdvisoryRejected.model_validate(fields)
        case _:
            assert_never(command)
    if (status_of(advisory), action) not in TRANSITIONS:
        raise RmosError(
            ErrorCode.ILLEGAL_TRANSITION,
            f"{action.value} is not possible: the advisory {advisory.asset_id} is {status_of(advisory).value} for good",
            status=status_of(advisory).value,
            allowed=[item.value for item in allowed_for(advisory)],
        )
    return [event]


def evolve(advisory: AdvisoryState, event: Event) -> AdvisoryState:
    """Raises ValueError for an event that the table does not allow: the stream is damaged."""
    action = {AdvisoryReviewed: A.REVIEW, AdvisoryPromoted: A.PROMOTE, AdvisoryRejected: A.REJECT}[type(event)]
    if (status_of(advisory), action) not in TRANSITIONS:
        raise ValueError(f"{event.type} on an advisory that is {status_of(advisory)}: the stream is damaged")
    match event:
        case AdvisoryReviewed():
            return Reviewed(advisory.asset_id, event.rating, event.note)
        case AdvisoryPromoted():
            return Promoted(advisory.asset_id, event.rating or _rating(advisory), event.note)
        case AdvisoryRejected():
            return Rejected(advisory.asset_id, event.code, event.rating or _rating(advisory), event.note)
        case _:
            assert_never(event)


def shown(run_id: str, advisory: AdvisoryState) -> Advisory:
    """As people see it."""
    return Advisory(
        run_id=run_id,
        asset_id=advisory.asset_id,
        status=status_of(advisory),
        rating=_rating(advisory),
        code=advisory.code if isinstance(advisory, Rejected) else None,
        note=None if isinstance(advisory, New) else advisory.note,
        allowed=tuple(action.value for action in allowed_for(advisory)),
    )


def _rating(advisory: AdvisoryState) -> int | None:
    return None if isinstance(advisory, New) else advisory.rating
