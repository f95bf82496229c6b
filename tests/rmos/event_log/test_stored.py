"""Rows become the contract's StoredEvent, without the price of its validation."""

from __future__ import annotations

import pickle

from contracts.envelope import Actor
from contracts.examples import STORED
from contracts.log import StoredEvent
from services.rmos.event_log.stored import Row, stored_event


def row_of(event: StoredEvent) -> Row:
    return (
        event.position,
        event.stream,
        event.version,
        event.event_id,
        event.type,
        event.recorded_at_utc,
        event.actor.model_dump_json(),
        event.request_id,
        event.command_id,
        event.command_index,
        bytes.fromhex(event.command_sha256),
        event.causation_id,
        event.writer_epoch,
        event.data_json.encode(),
        bytes.fromhex(event.leaf_sha256),
    )


def test_a_row_is_the_event_that_the_contract_would_have_made_of_it() -> None:
    found = stored_event(row_of(STORED))
    assert found == STORED
    assert found.model_dump() == StoredEvent.model_validate(STORED.model_dump()).model_dump()
    assert (found.model_fields_set, found.model_extra) == (set(StoredEvent.model_fields), None)
    assert isinstance(found.actor, Actor)
    assert pickle.loads(pickle.dumps(found)) == found.model_copy() == found
