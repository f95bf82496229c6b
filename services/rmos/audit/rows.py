"""Rows of the log as they are stored, and the leaf entry that each of them stands for."""

from __future__ import annotations

from typing import NamedTuple

from services.rmos.domain.leaf import StoredRow, entry_of_columns


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
    return entry_of_columns(row)
