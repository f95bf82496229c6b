"""The leaf of the log's Merkle tree: one hash that covers everything an event's row says.

The entry is a small canonical JSON object (sorted keys, ASCII) and not the event itself, so that it always fits the
65,535 bytes a C2SP tlog-tiles entry may have; the event's bytes are covered by `data_sha256`. The leaf is RFC 6962
section 2.1's `SHA-256(0x00 || entry)`. The layout is version 1 for ever: another one needs a new field `v`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

StoredRow = tuple[Any, ...]
"""A row of `events` as the driver gives it, columns in the order of read_after.sql."""
POSITION, LEAF = 0, 14
_LEAF_PREFIX = b"\x00"
_PLAIN = (1, 3, 4, 5, 7, 8)
"""The text columns that never need an escape in JSON, unless somebody wrote the row by hand."""
_FEW = 3
"""Rows for which the preparations for many would cost more than they save."""


def entry_of(
    *,
    position: int,
    stream: str,
    version: int,
    event_id: str,
    event_type: str,
    recorded_at_utc: str,
    actor: str,
    request_id: str,
    command_id: str,
    command_index: int,
    command_sha256: str,
    causation_id: str | None,
    writer_epoch: int,
    data: bytes,
) -> bytes:
    """The tlog entry of an event. `actor` is its canonical JSON as stored; `data` the stored bytes.

    All values are strings, integers below 2**53 or null, and the keys stand in sorted order here, so
    orjson's output is RFC 8785's (contracts.canonical); its check is left out because this runs once per append.
    """
    return orjson.dumps(
        {
            "actor": actor,
            "causation_id": causation_id,
            "command_id": command_id,
            "command_index": command_index,
            "command_sha256": command_sha256,
            "data_sha256": hashlib.sha256(data).hexdigest(),
            "event_id": event_id,
            "position": position,
            "recorded_at_utc": recorded_at_utc,
            "request_id": request_id,
            "stream": stream,
            "type": event_type,
            "version": version,
            "writer_epoch": writer_epoch,
        }
    )


def leaf_of(entry: bytes) -> bytes:
    """The 32-byte leaf hash of an entry."""
    return leaf_of_prefixed(_LEAF_PREFIX + entry)


def leaf_of_prefixed(prefixed: bytes) -> bytes:
    """The same of an entry as `prefixed_entries` gives it."""
    return hashlib.sha256(prefixed).digest()


def entry_of_columns(row: StoredRow) -> bytes:
    """The tlog entry that the row says; its own leaf, the last column, is not asked."""
    return entry_of(
        position=row[0],
        stream=row[1],
        version=row[2],
        event_id=row[3],
        event_type=row[4],
        recorded_at_utc=row[5],
        actor=row[6],
        request_id=row[7],
        command_id=row[8],
        command_index=row[9],
        command_sha256=row[10].hex(),
        causation_id=row[11],
        writer_epoch=row[12],
        data=row[13],
    )


def leaves_of(rows: Sequence[StoredRow]) -> list[bytes]:
    """The leaf hash of each row's content: `leaf_of(entry_of_columns(row))`."""
    sha256 = hashlib.sha256
    return [sha256(entry).digest() for entry in prefixed_entries(rows)]


def prefixed_entries(rows: Sequence[StoredRow]) -> Iterator[bytes]:
    """What the leaf hash of each row is made of: 0x00 and `entry_of_columns(row)`. One at a time: a thousand of
    them would not stay in the processor's cache.

    Written out as text because an audit makes it for every event there is, and the checkpointer beside the appends (a
    test holds it to `entry_of_columns`, which also has what would need an escape: were that written as it is, one row
    could be made to look like another).
    """
    if len(rows) <= _FEW or not all(_is_plain("".join([row[column] for row in rows])) for column in _PLAIN):
        return (_LEAF_PREFIX + entry_of_columns(row) for row in rows)
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
