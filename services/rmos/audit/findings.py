"""What an audit finds: each disagreement once, at the place where it is, with both sides."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    EVENT_CHANGED = "event_changed"
    """The row is no longer what its leaf hash, which was signed, was made of."""
    EVENT_REPLACED = "event_replaced"
    """Row and leaf hash fit each other, but another leaf was signed for this position."""
    LEAF_CHANGED = "leaf_changed"
    """The row is what was signed; its stored leaf hash is not."""
    EVENTS_SWAPPED = "events_swapped"
    EVENT_MISSING = "event_missing"
    EVENT_INSERTED = "event_inserted"
    VERSION_GAP = "version_gap"
    """A stream's versions do not follow each other."""
    CHECKPOINT_INVALID = "checkpoint_invalid"
    """A recorded checkpoint is not well-formed, not signed by a known key, or not what its row says."""
    CHECKPOINT_MISSING = "checkpoint_missing"
    """A checkpoint was signed and marked on the bus, and is not on record."""
    MARK_MISSING = "mark_missing"
    MARK_INVALID = "mark_invalid"
    MARK_OLD = "mark_old"
    EVENTS_UNCOVERED = "events_uncovered"
    """Events that no checkpoint covers although they have been there for a while."""
    EVENT_UNREADABLE = "event_unreadable"
    """It is what was signed, and this version cannot fold it."""
    HISTORY_REWRITTEN = "history_rewritten"
    """Checkpoints signed at different times are not of one growing log, or not of this one."""
    PUBLIC_CHECKPOINT_MISSING = "public_checkpoint_missing"
    PUBLIC_CHECKPOINT_INVALID = "public_checkpoint_invalid"
    PUBLIC_CHECKPOINT_OLD = "public_checkpoint_old"
    PUBLIC_CHECKPOINT_AHEAD = "public_checkpoint_ahead"
    TILE_MISSING = "tile_missing"
    TILE_CHANGED = "tile_changed"
    BLOB_MISSING = "blob_missing"
    BLOB_CHANGED = "blob_changed"
    PROJECTION_ROW_MISSING = "projection_row_missing"
    PROJECTION_ROW_EXTRA = "projection_row_extra"
    PROJECTION_ROW_CHANGED = "projection_row_changed"
    PROJECTION_AHEAD = "projection_ahead"
    PROJECTION_VERSION = "projection_version"
    """The tables were folded by another version of the folds: rebuild them."""
    STREAM_AHEAD = "stream_ahead"
    STREAM_INCOMPLETE = "stream_incomplete"
    STREAM_DIFFERS = "stream_differs"


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` names the one place: `event 7`, `blob 3f…`, `projections.runs run_1`; `what` says what disagrees."""

    kind: Kind
    where: str
    what: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """The result of one audit. Sound exactly when there are no findings; `notes` say what could not be judged,
    `not_checked` what was left out because somebody asked for less."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)

    def add(self, kind: Kind, where: str, what: str, **details: Any) -> None:
        self.findings.append(Finding(kind, where, what, details))

    def count(self, name: str, amount: int = 1) -> None:
        self.checked[name] = self.checked.get(name, 0) + amount

    @property
    def sound(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "sound": self.sound,
            "findings": [asdict(finding) for finding in self.findings],
            "notes": self.notes,
            "checked": self.checked,
            "not_checked": self.not_checked,
        }


def left_out(quick: bool, bus: bool) -> list[str]:
    """What an audit does not look at when it is quick, or has no bus."""
    found = ["public tiles", "content of blobs", "projections"] if quick else []
    if not bus:
        return [*found, "the mark of what was signed and the stream LOG, both on the bus"]
    return [*found, "messages of the stream LOG before the last"] if quick else found
