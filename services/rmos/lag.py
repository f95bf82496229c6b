"""How far behind the log everything is that follows it: in positions, and in seconds since the oldest event missed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from contracts.health import Lag


class Follower(NamedTuple):
    """A row of followers.sql. All projections share one cursor: their tables move in one transaction."""

    name: str
    position: int
    head: int
    next_recorded_at_utc: str | None


def lag_of(follower: Follower, now: datetime) -> Lag:
    """Zero seconds when nothing is missed, also when this process' clock is behind the writer's."""
    waited_s = 0.0
    if follower.next_recorded_at_utc is not None:
        waited_s = max(0.0, (now - datetime.fromisoformat(follower.next_recorded_at_utc)).total_seconds())
    return Lag(
        name=follower.name,
        position=follower.position,
        behind_positions=max(0, follower.head - follower.position),
        behind_s=Decimal(round(waited_s, 3)),
    )


def lags_of(followers: Iterable[Follower], now: datetime) -> tuple[Lag, ...]:
    """One for each, in the same order."""
    return tuple(lag_of(follower, now) for follower in followers)
