"""Lag is counted from the first event that was missed; clocks that disagree never make it negative."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from runtime.testing import DatabaseAccess
from services.rmos.lag import Follower, lag_of, lags_of
from tests.rmos.event_log.given import until
from tests.rmos.projections.given import run_opened, world

NOW = datetime(2026, 1, 2, 3, 4, 10, 500_000, tzinfo=UTC)


def test_seconds_run_from_the_oldest_event_that_was_missed() -> None:
    lag = lag_of(Follower("projections", 7, 9, "2026-01-02T03:04:05.250000Z"), NOW)
    assert (lag.behind_positions, lag.behind_s) == (2, Decimal("5.25"))


def test_who_has_everything_is_not_behind() -> None:
    lag = lag_of(Follower("projections", 9, 9, None), NOW)
    assert (lag.behind_positions, lag.behind_s) == (0, 0)


def test_a_clock_that_is_behind_the_writers_gives_zero() -> None:
    assert lag_of(Follower("projections", 8, 9, "2026-01-02T03:04:11.000000Z"), NOW).behind_s == 0


async def test_the_log_tells_how_far_projections_and_checkpoints_have_come(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        await live.append(run_opened("1"))
        await live.projector.catch_up()
        await live.append(run_opened("2"))
        await live.append(run_opened("3"))
        now = datetime.now(UTC)
        checkpoints, projections = lags_of(await live.log.followers(), now)
        assert (checkpoints.name, checkpoints.position, checkpoints.behind_positions) == ("checkpoints", 0, 3)
        assert (projections.name, projections.position, projections.behind_positions) == ("projections", 1, 2)
        assert 0 < projections.behind_s <= checkpoints.behind_s
        await live.projector.catch_up()

        async def caught_up() -> bool:
            return lags_of(await live.log.followers(), now)[1].behind_positions == 0

        await until(caught_up)
