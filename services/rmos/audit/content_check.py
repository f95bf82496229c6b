"""What follows from the log against the log: blobs that artifacts refer to, and the projections' rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, assert_never

import orjson
from sqlalchemy import Table

from contracts.blobs import blob_key
from contracts.canonical import sha256_hex
from contracts.envelope import Actor
from contracts.log import AiExplanationReady, BlobsPurged, StoredEvent
from services.rmos.audit.findings import Kind, Report
from services.rmos.audit.rows import LogRow
from services.rmos.projections.changes import FoldBroken, Insert, Key, Row, Update, key_of
from services.rmos.projections.folds import FOLD_VERSION, changes_of
from services.rmos.projections.tables import FOLDED, SCHEMA

Blob = tuple[str, int, str]
"""Digest, size, content type."""


def blobs_of(row: LogRow) -> Iterator[Blob]:
    """The content that an event of rmos refers to. Other services' facts may be about content that was not kept."""
    if not row.type.startswith("rmos."):
        return
    data = orjson.loads(row.data)
    artifact = data.get("artifact") or {}
    for output in artifact.get("outputs", {}).values():
        yield output["sha256"], output["size"], output["content_type"]
    attached = [data["attachment"]] if "attachment" in data else []
    for item in (*attached, *artifact.get("attachments", ())):
        yield item["attachment_id"], item["size"], item["content_type"]
    if row.type == AiExplanationReady.type:
        yield data["text"]["sha256"], data["text"]["size"], data["text"]["content_type"]


class References:
    """Which content the log refers to, and which of it retention let go since: that may be missing, lawfully."""

    def __init__(self) -> None:
        self.first: dict[Blob, int] = {}
        """Content -> the position that refers to it first."""
        self._last: dict[str, int] = {}
        self._purged: dict[str, int] = {}

    def add(self, row: LogRow, position: int) -> None:
        """One event, in the order of the log."""
        if row.type == BlobsPurged.type:
            self._purged |= dict.fromkeys(orjson.loads(row.data)["digests"], position)
        for blob in blobs_of(row):
            self.first.setdefault(blob, position)
            self._last[blob[0]] = position

    def may_be_gone(self, sha256: str) -> bool:
        """Whether nothing has referred to this content since it was purged."""
        return self._purged.get(sha256, 0) > self._last.get(sha256, 0)


def check_blob(
    blob: Blob, position: int, content: bytes | None, quarantined: bool, report: Report, may_be_gone: bool = False
) -> None:
    """The content behind a reference, hashed again."""
    sha256, size, content_type = blob
    if content is None and may_be_gone:
        report.count("blobs_purged")
        return
    report.count("blobs")
    where = f"blob {blob_key(sha256, content_type)}"
    if content is None:
        what = "its changed content lies in quarantine" if quarantined else "it is not in the object store"
        kind = Kind.BLOB_CHANGED if quarantined else Kind.BLOB_MISSING
        report.add(kind, where, f"{what}; the event at position {position} refers to it", sha256=sha256)
    elif (actual := sha256_hex(content)) != sha256:
        what = f"it holds {len(content)} bytes with SHA-256 {actual}; the event at position {position} refers to it"
        report.add(Kind.BLOB_CHANGED, where, what, sha256=sha256, actual_sha256=actual, size=size)


class FreshFold:
    """The projections in memory, folded from the log alone."""

    def __init__(self) -> None:
        self.tables: dict[Table, dict[Key, Row]] = {table: {} for table in FOLDED}
        self.unjudged: list[LogRow] = []
        """Events that could not be folded: they rest on a damaged one, or are of a kind that is not known here."""

    def add(self, row: LogRow, position: int) -> None:
        """Folds one event as the one at this position."""
        try:
            for change in changes_of(_stored(row, position)):
                self._apply(change)
        except (FoldBroken, KeyError, TypeError, ValueError):
            self.unjudged.append(row)

    def _apply(self, change: Insert | Update) -> None:
        rows = self.tables.setdefault(change.table, {})
        if isinstance(change, Insert):
            rows[key_of(change.table, change.row)] = dict(change.row)
        elif isinstance(change, Update):
            row = rows[key_of(change.table, change.key)]
            row.update(change.values)
            for column, amount in change.add.items():
                row[column] += amount
        else:
            assert_never(change)


def check_projections(
    fresh: FreshFold, live: Callable[[str, str], Iterable[dict[str, Any]]], damaged: set[int], report: Report
) -> None:
    """Every row of the live tables against the fresh fold. Rows of runs and sessions that a damaged event speaks of, or
    one that cannot be folded, are left out, with a note: there is no telling what they should be."""
    for event in () if damaged else fresh.unjudged:
        what = f"{event.type} cannot be folded by this version: its run and its session are not judged"
        report.add(Kind.EVENT_UNREADABLE, f"event {event.position}", what)
    tables = {table: {key_of(table, row): row for row in live(SCHEMA, table.name)} for table in fresh.tables}
    exempt = _exempt(tables, damaged, fresh.unjudged)
    for name, values in exempt.items():
        report.notes += [
            f"projections of {name.removesuffix('_id')} {value} rest on a damaged event: not judged"
            for value in sorted(values)
        ]
    for table, found in tables.items():
        columns = [column.name for column in table.columns]
        wanted = fresh.tables[table]
        for key in sorted(found.keys() | wanted.keys()):
            row, due = found.get(key), wanted.get(key)
            if _is_exempt(row or due or {}, exempt):
                continue
            report.count("projection_rows")
            _compare(f"{SCHEMA}.{table.name} {' '.join(map(str, key))}", columns, row, due, report)


def check_cursor(cursor: tuple[int, int] | None, events: int, report: Report) -> int | None:
    """Up to where the tables are folded; None when they cannot be judged."""
    position, version = cursor or (0, FOLD_VERSION)
    if position and version != FOLD_VERSION:  # tables that hold nothing yet were folded by no version
        what = f"the tables hold folds of version {version}, this is {FOLD_VERSION}: rebuild them"
        report.add(Kind.PROJECTION_VERSION, SCHEMA, what)
        return None
    if position > events:
        report.add(Kind.PROJECTION_AHEAD, SCHEMA, f"folded up to {position}, the log ends at {events}")
        return None
    return position


def _compare(where: str, columns: list[str], row: Row | None, due: Row | None, report: Report) -> None:
    if row is None:
        report.add(Kind.PROJECTION_ROW_MISSING, where, "the log speaks of it, the table has no such row")
    elif due is None:
        report.add(Kind.PROJECTION_ROW_EXTRA, where, "the log does not speak of it")
    else:
        wrong = {name for name in columns if _plain(row.get(name)) != _plain(due.get(name))}
        if wrong:
            what = f"{', '.join(sorted(wrong))} differ from what the log gives"
            report.add(Kind.PROJECTION_ROW_CHANGED, where, what, columns=sorted(wrong))


def _exempt(tables: dict[Table, dict[Key, Row]], damaged: set[int], unjudged: Sequence[LogRow]) -> dict[str, set[str]]:
    """What an unfolded event speaks of, it says itself; a damaged one says nothing any more, only the live rows do."""
    runs = {value for row in unjudged if (value := _spoken_of(row, "run")) is not None}
    sessions = {value for row in unjudged if (value := _spoken_of(row, "session")) is not None}
    rows = [(table.name, row) for table, found in tables.items() for row in found.values()]
    for _, row in rows:
        if row.get("position") in damaged:
            runs |= {row["run_id"]} if row.get("run_id") else set()
            sessions |= {row["session_id"]} if row.get("session_id") else set()
    for _, row in rows:  # a session's state follows from events that its run mentions, and the other way round
        if row.get("run_id") in runs and row.get("session_id"):
            sessions.add(row["session_id"])
    return {"run_id": runs, "session_id": sessions}


def _spoken_of(row: LogRow, what: str) -> str | None:
    """The run or session that an event is about, by its stream or its content."""
    kind, _, name = row.stream.partition("-")
    if kind == what:
        return name
    data = orjson.loads(row.data)
    value = data.get(f"{what}_id") if isinstance(data, dict) else None
    return value if isinstance(value, str) else None


def _is_exempt(row: Row, exempt: dict[str, set[str]]) -> bool:
    return any(row.get(name) in values for name, values in exempt.items())


def _plain(value: Any) -> Any:
    """Values as both sides can have them: numbers by value, JSON by content."""
    if isinstance(value, Decimal):
        return value.normalize()
    if isinstance(value, dict | list | tuple):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
    return value


def _stored(row: LogRow, position: int) -> StoredEvent:
    return StoredEvent.model_construct(
        position=position,
        stream=row.stream,
        version=row.version,
        event_id=row.event_id,
        type=row.type,
        recorded_at_utc=row.recorded_at_utc,
        actor=Actor.model_validate_json(row.actor),
        request_id=row.request_id,
        command_id=row.command_id,
        command_index=row.command_index,
        command_sha256=row.command_sha256.hex(),
        causation_id=row.causation_id,
        writer_epoch=row.writer_epoch,
        data_json=row.data.decode(),
        leaf_sha256=row.leaf.hex(),
    )
