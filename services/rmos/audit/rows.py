"""Rows of the log as they are stored, and the leaf entry that each of them stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from services.rmos.domain.leaf import entry_of

StoredRow = tuple[Any, ...]
"""A row as the driver gives it, columns as in LogRow. Audits of whole logs unpack these: twice as fast as a LogRow."""
POSITION, LEAF = 0, 14
_PLAIN = (1, 3, 4, 5, 7, 8)
"""The text columns that never need an escape in JSON, unless somebody wrote the row by hand."""


class LogRow(NamedTuple):
    """One row of `events`, columns in the order of read_after.sql; `actor` is its canonical JSON."""

    position: int
    stream: str
    version: int
    event_id: str
    type: str
    recorded_at_utc: str
    actor: str
    request_id: str
    command_id: str
    command_index: int
    command_sha256: bytes
    causation_id: str | None
    writer_epoch: int
    data: bytes
    leaf: bytes


def log_row(row: StoredRow) -> LogRow:
    return LogRow._make(row)


def entry_of_row(row: LogRow) -> bytes:
    """The tlog entry that the row says now; its leaf is the stored one unless the row was changed."""
    return entry_of(
        position=row.position,
        stream=row.stream,
        version=row.version,
        event_id=row.event_id,
        event_type=row.type,
        recorded_at_utc=row.recorded_at_utc,
        actor=row.actor,
        request_id=row.request_id,
        command_id=row.command_id,
        command_index=row.command_index,
        command_sha256=row.command_sha256.hex(),
        causation_id=row.causation_id,
        writer_epoch=row.writer_epoch,
        data=row.data,
    )


def leaves_of(rows: Sequence[StoredRow]) -> list[bytes]:
    """The leaf hash of each row's content: `leaf_of(entry_of_row(row))`."""
    sha256 = hashlib.sha256
    return [sha256(entry).digest() for entry in prefixed_entries(rows)]


def prefixed_entries(rows: Sequence[StoredRow]) -> Iterator[bytes]:
    """What the leaf hash of each row is made of: 0x00 and `entry_of_row(row)`. One at a time: a thousand of them would
    not stay in the processor's cache.

    Written out as text because an audit makes it for every event there is, and the checkpointer beside the appends (a
    test holds it to `entry_of_row`). Text that would need an escape is left to `entry_of_row`: were it written as it
    is, one row could be made to look like another.
    """
    if not all(_is_plain("".join([row[column] for row in rows])) for column in _PLAIN):
        return (b"\x00" + entry_of_row(log_row(row)) for row in rows)
    sha256 = hashlib.sha256
    json = _Json()
    return (
        (
            f'\x00{{"actor":{json[actor]},"causation_id":{json[causation_id]},'
            f'"command_id":"{command_id}","command_index":{json[command_index]},"command_sha256":"{command_sha256.hex()}",'
            f'"data_sha256":"{sha256(data).hexdigest()}","event_id":"{event_id}","position":{position},'
            f'"recorded_at_utc":"{recorded_at_utc}","request_id":"{request_id}","stream":"{stream}","type":"{type_}",'
            f'"version":{json[version]},"writer_epoch":{json[writer_epoch]}}}'
        ).encode()
        for (
            position,
            stream,
            version,
            event_id,
            type_,
            recorded_at_utc,
            actor,
            request_id,
            command_id,
            command_index,
            command_sha256,
            causation_id,
            writer_epoch,
            data,
            _,
        ) in rows
    )


def _is_plain(text: str) -> bool:
    """Whether JSON writes this as it is, between quotes: ASCII, and nothing that is escaped (an escape is longer)."""
    return text.isascii() and len(orjson.dumps(text)) == len(text) + 2


class _Json(dict[str | int | None, str]):
    """Values that come again and again, as JSON."""

    def __missing__(self, value: str | int | None) -> str:
        text = self[value] = orjson.dumps(value).decode()
        return text
