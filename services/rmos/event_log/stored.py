"""Rows of the table `events` as the contracts' StoredEvent, and stored bytes as typed events."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from contracts.envelope import Actor
from contracts.errors import ErrorCode, RmosError
from contracts.log import EVENT_TYPES, LogEvent, StoredEvent
from contracts.upcasting import UPCASTERS, upcast

Row = tuple[Any, ...]


_FIELDS = frozenset(StoredEvent.model_fields)


def stored_event(row: Row) -> StoredEvent:
    """A row in the column order of read_after.sql. Not validated again: the table's constraints are the contract's.

    This is `model_construct` without its search for defaults and aliases, which would be a third of every rebuild; a
    test holds the two against each other.
    """
    event = StoredEvent.__new__(StoredEvent)
    values = {
        "position": row[0],
        "stream": row[1],
        "version": row[2],
        "event_id": row[3],
        "type": row[4],
        "recorded_at_utc": row[5],
        "actor": actor_of(row[6]),
        "request_id": row[7],
        "command_id": row[8],
        "command_index": row[9],
        "command_sha256": row[10].hex(),
        "causation_id": row[11],
        "writer_epoch": row[12],
        "data_json": row[13].decode(),
        "leaf_sha256": row[14].hex(),
    }
    object.__setattr__(event, "__dict__", values)
    object.__setattr__(event, "__pydantic_fields_set__", _FIELDS)
    object.__setattr__(event, "__pydantic_extra__", None)
    object.__setattr__(event, "__pydantic_private__", None)
    return event


def decoded(event: StoredEvent) -> LogEvent:
    """The typed event in its newest version. Raises RmosError(INTERNAL) for a type or body that this version of rmos
    does not know."""
    return decoded_body(event.position, event.type, event.data_json, event.recorded_at_utc)


def decoded_body(position: int, event_type: str, data: str | bytes, recorded_at_utc: str) -> LogEvent:
    """Likewise, from the parts that count."""
    try:
        if event_type in UPCASTERS:
            event_type, body = upcast(event_type, orjson.loads(data), recorded_at_utc)
            data = orjson.dumps(body)
        return EVENT_TYPES[event_type].model_validate_json(data)
    except (KeyError, ValueError) as error:
        raise RmosError(
            ErrorCode.INTERNAL,
            f"the event at position {position} ({event_type}) is not one this version of rmos can read",
            position=position,
        ) from error


@lru_cache(maxsize=1024)
def actor_of(text: str) -> Actor:
    """The column `actor` as a model. The same few are read again and again."""
    return Actor.model_validate_json(text)
