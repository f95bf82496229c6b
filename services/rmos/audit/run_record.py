"""Everything the log says about one run: its own stream, its session's, those of its searches, and what models
were asked to explain. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from contracts.artifacts import ArtifactKind, ArtifactStatus, Attachment, RunArtifact
from contracts.blobs import BlobRef
from contracts.errors import RmosError
from contracts.log import (
    EVENT_TYPES,
    ArtifactRecorded,
    AttachmentAdded,
    LogEvent,
    RunOpened,
    RunOpenedV1,
    SessionEvent,
)
from services.rmos.audit.content_check import blobs_of
from services.rmos.audit.rows import LogRow
from services.rmos.domain import ai_explanation, search_record
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.session import Covered
from services.rmos.event_log.stored import decoded_body


class NoRecord(Exception):
    """The rows hold no such run, or one that this version cannot read; the message says which."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision and the event that records it."""

    row: LogRow
    artifact: RunArtifact


@dataclass(frozen=True, slots=True)
class RunRecord:
    """`rows` by position; `artifacts`, the run's decisions, in the order in which they were made."""

    run_id: str
    opened: RunOpened
    rows: tuple[LogRow, ...]
    artifacts: tuple[Recorded, ...]
    attachments: tuple[Attachment, ...]

    @property
    def programs(self) -> list[Recorded]:
        """The toolpaths that were released."""
        return [item for item in self.artifacts if is_program(item.artifact)]

    @property
    def blobs(self) -> list[BlobRef]:
        """All content that the rows refer to, each once, by digest."""
        found = {sha256: (size, kind) for row in self.rows for sha256, size, kind in blobs_of(row)}
        return [BlobRef(sha256=sha256, size=size, content_type=kind) for sha256, (size, kind) in sorted(found.items())]

    def session_before(self, position: int) -> Covered | None:
        """The session as it stood before this event, if an approval covered its design then."""
        if self.opened.workflow_session_id is None:
            return None
        stream = session_domain.stream_of(self.opened.workflow_session_id)
        events = (event_in(row) for row in self.rows if row.stream == stream and row.position < position)
        session = session_domain.fold(event for event in events if event is not None)
        return session if isinstance(session, Covered) else None

    def approval_event(self, artifact_id: str) -> LogRow | None:
        """The session's event that took this approval over."""
        for row in self.rows:
            if row.type == "rmos.session_approved.v1" and orjson.loads(row.data)["artifact_id"] == artifact_id:
                return row
        return None


def is_program(artifact: RunArtifact) -> bool:
    return (
        artifact.kind is ArtifactKind.TOOLPATHS and artifact.status is ArtifactStatus.OK and "gcode" in artifact.outputs
    )


def streams_beside(run_id: str, rows: Sequence[LogRow]) -> list[str]:
    """The streams that belong to the run beside its own, whose rows these are."""
    record = record_of(run_id, rows)
    session = record.opened.workflow_session_id
    searches = dict.fromkeys(
        item.artifact.meta["search_id"] for item in record.artifacts if "search_id" in item.artifact.meta
    )
    return [
        *([session_domain.stream_of(session)] if session is not None else []),
        *(search_record.stream_of(search) for search in searches),
        *(ai_explanation.stream_of(item.artifact.artifact_id) for item in record.artifacts),
    ]


def record_of(run_id: str, rows: Sequence[LogRow]) -> RunRecord:
    """Raises NoRecord."""
    stream = run_domain.stream_of(run_id)
    own = [(row, event_in(row)) for row in sorted(rows) if row.stream == stream]
    opened = next((event for _, event in own if isinstance(event, RunOpened)), None)
    if opened is None:
        raise NoRecord(f"the log has no run {run_id}")
    artifacts = tuple(Recorded(row, event.artifact) for row, event in own if isinstance(event, ArtifactRecorded))
    attachments = tuple(event.attachment for _, event in own if isinstance(event, AttachmentAdded))
    return RunRecord(run_id, opened, tuple(sorted(rows)), artifacts, attachments)


def event_in(row: LogRow) -> LogEvent | None:
    """What a row says of runs and sessions; None for events that only surround them. Raises NoRecord."""
    known = EVENT_TYPES.get(row.type)
    if known is None or not issubclass(
        known, RunOpened | RunOpenedV1 | ArtifactRecorded | AttachmentAdded | SessionEvent
    ):
        return None
    try:
        return decoded_body(row.position, row.type, row.data, row.recorded_at_utc)
    except RmosError as error:
        raise NoRecord(f"the event at position {row.position} is not one that this version of rmos can read") from error


def artifact_ids(rows: Sequence[LogRow]) -> Iterator[tuple[str, str]]:
    """Run and artifact of each event that records one."""
    for row in rows:
        event = event_in(row)
        if isinstance(event, ArtifactRecorded):
            yield event.artifact.run_id, event.artifact.artifact_id
