"""One event of the log as the feed hands it out, and which of them a client wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from contracts.envelope import ACTOR, REQUEST_ID

_RUN_OPENED = "rmos.run_opened."


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """`frame` is the finished text, made once and shared by all clients."""

    position: int
    type: str
    run_ids: frozenset[str]
    session_ids: frozenset[str]
    frame: bytes


def feed_event(position: int, event_type: str, headers: dict[str, str], body: bytes) -> FeedEvent:
    """The event as it stands in the log: `data` is the recorded body, in which decimals are strings.

    The frame has no `event:` field, so that an EventSource hands every type to its one `onmessage`; the type is inside.
    """
    data = orjson.loads(body)
    shown = {
        "position": position,
        "type": event_type,
        "event_id": headers.get("ce-id"),
        "recorded_at_utc": headers.get("ce-time"),
        "subject": headers.get("ce-subject"),
        "request_id": headers.get(REQUEST_ID),
        "actor": orjson.Fragment(headers.get(ACTOR, "null")),
        "data": orjson.Fragment(body),
    }
    artifact = data.get("artifact", {})
    return FeedEvent(
        position=position,
        type=event_type,
        run_ids=_ids(data.get("run_id"), artifact.get("run_id")),
        session_ids=_ids(data.get("session_id"), data.get("workflow_session_id"), artifact.get("workflow_session_id")),
        frame=b"id: %d\ndata: %b\n\n" % (position, orjson.dumps(shown)),
    )


@dataclass(slots=True)
class Filter:
    """What one client wants. `session_runs` begins with the session's runs and grows as the session opens more."""

    run_id: str | None = None
    session_id: str | None = None
    type_prefix: str = ""
    session_runs: set[str] = field(default_factory=set)

    def wants(self, event: FeedEvent) -> bool:
        in_session = self._in_session(event)
        return (
            in_session
            and event.type.startswith(self.type_prefix)
            and (self.run_id is None or self.run_id in event.run_ids)
        )

    def _in_session(self, event: FeedEvent) -> bool:
        if self.session_id is None:
            return True
        if self.session_id in event.session_ids:
            if event.type.startswith(_RUN_OPENED):
                self.session_runs |= event.run_ids
            return True
        return bool(self.session_runs & event.run_ids)


def _ids(*values: Any) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str))
