"""A fact as large as the bus carries is given up like any other, and costs the recorder neither bus nor next fact."""

from __future__ import annotations

import pytest

from contracts.canonical import canonical_bytes
from contracts.subjects import fact_subject
from runtime.message_size import message_bytes
from runtime.testing import DatabaseAccess, NatsAccess
from tests.rmos.event_log.given import leading
from tests.rmos.event_log.test_recorder import (
    TYPE,
    dead_letters,
    fact,
    headers,
    nothing_pending,
    publisher,
    recorded,
    recording,
)
from tests.rmos.event_log.test_relay import connected


@pytest.mark.parametrize(("free", "whole"), [(0, False), (200, False), (8000, True)])
async def test_a_fact_of_any_size_is_given_up_with_the_reason(
    database: DatabaseAccess, bus_server: NatsAccess, free: int, whole: bool
) -> None:
    async with (
        leading(database.writer_dsn) as log,
        publisher(bus_server) as cam,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        recording(client, log),
    ):
        room = cam.client.max_payload - message_bytes(canonical_bytes(fact(0)), headers("fact_0")) - free
        large = canonical_bytes(fact(0).model_copy(update={"reason": fact(0).reason + "x" * room}))
        await cam.jetstream.publish(fact_subject(TYPE), large, headers=headers("fact_0"), timeout=20)
        await cam.publish_fact(fact(1), "fact_1", "request_1")
        assert [event.event_id for event in await recorded(log, 1)] == ["fact_1"]
        await nothing_pending(admin)
        (letter,) = await dead_letters(admin, 1)
        assert client.is_connected
    assert letter.headers is not None
    assert (letter.headers["x-dead-stream"], letter.headers["x-dead-sequence"]) == ("FACTS", "1")
    assert letter.headers["x-dead-reason"].startswith("PAYLOAD_TOO_LARGE")
    left_out = f"({len(large)} bytes, not in this letter but in FACTS under 1)"
    assert letter.headers["x-dead-reason"].endswith(left_out) is not whole
    assert (letter.data or b"") == (large if whole else b"")
