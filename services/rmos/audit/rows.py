"""Rows of the log as they are stored, and the leaf entry that each of them stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from services.rmos.domain.leaf import entry_of


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


def log_row(row: tuple[Any, ...]) -> LogRow:
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


def leaves_of(rows: Sequence[LogRow]) -> list[bytes]:
    """The leaf hash of each row's content: `leaf_of(entry_of_row(row))`, written out because an audit runs it for every
    event there is (a test holds the two together). The keys stand in sorted order, so nothing sorts them again."""
    sha256, dumps = hashlib.sha256, orjson.dumps
    return [
        sha256(
            b"\x00"
            + dumps(
                {
                    "actor": actor,
                    "causation_id": causation_id,
                    "command_id": command_id,
                    "command_index": command_index,
                    "command_sha256": command_sha256.hex(),
                    "data_sha256": sha256(data).hexdigest(),
                    "event_id": event_id,
                    "position": position,
                    "recorded_at_utc": recorded_at_utc,
                    "request_id": request_id,
                    "stream": stream,
                    "type": type_,
                    "version": version,
                    "writer_epoch": writer_epoch,
                }
            )
        ).digest()
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
    ]
