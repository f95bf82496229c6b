"""What the folds see of an event: seven of its columns, straight from the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from contracts.envelope import Actor
from services.rmos.event_log.stored import Row, actor_of


class Event(Protocol):
    """The contracts' StoredEvent has all of these, and so has Recorded."""

    @property
    def position(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def recorded_at_utc(self) -> str: ...
    @property
    def actor(self) -> Actor: ...
    @property
    def request_id(self) -> str: ...
    @property
    def data_json(self) -> str | bytes: ...


class Recorded(NamedTuple):
    """A tuple and not a model: projector and rebuild make one of every event, and a StoredEvent takes several times as
    long."""

    position: int
    version: int
    type: str
    recorded_at_utc: str
    actor: Actor
    request_id: str
    data_json: bytes


def recorded(row: Row) -> Recorded:
    """A row in the column order of read_after.sql."""
    return Recorded(row[0], row[2], row[4], row[5], actor_of(row[6]), row[7], row[13])


class Tail(Protocol):
    """What projector and rebuild need of the log."""

    async def rows_after(self, position: int, limit: int) -> Sequence[tuple[Any, ...]]:
        """At most `limit` rows after this position, contiguous and in order; columns as in read_after.sql."""
        ...
