"""The one place that reads the clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the process edge hands it to everything else."""

    def now(self) -> datetime:
        """The current time, UTC, timezone-aware."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds and a Z: the `Timestamp` of the contracts."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def unix_ms() -> int:
    """Milliseconds since 1970, the unit of deadlines."""
    return time.time_ns() // 1_000_000


def elapsed_ms(started: float) -> float:
    """Milliseconds since a `time.perf_counter()` reading, at most three decimals."""
    return round((time.perf_counter() - started) * 1000, 3)
