"""The leaf of the log's Merkle tree: one hash that covers everything an event's row says.

The entry is a small canonical JSON object (sorted keys, ASCII) and not the event itself, so that it always fits the
65,535 bytes a C2SP tlog-tiles entry may have; the event's bytes are covered by `data_sha256`. The leaf is RFC 6962
section 2.1's `SHA-256(0x00 || entry)`. The layout is version 1 for ever: another one needs a new field `v`.
"""

from __future__ import annotations

import hashlib

import orjson

_LEAF_PREFIX = b"\x00"


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
    return hashlib.sha256(_LEAF_PREFIX + entry).digest()
