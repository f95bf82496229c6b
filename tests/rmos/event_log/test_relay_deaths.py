"""The relay dies at any message, before or after the bus has it: the next one finishes and doubles nothing."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.logs import logger
from runtime.testing import DatabaseAccess, NatsAccess
from services.rmos.event_log.relay import LogRelay
from tests.rmos.event_log.given import leading, until
from tests.rmos.event_log.test_relay import appended, assert_same, connected, relaying


class Dead(BaseException):
    """The process died here."""


@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored"])
@pytest.mark.parametrize("at", range(1, 6))
async def test_death_at_any_message_leaves_what_the_next_relay_finishes(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch, at: int, stored: bool
) -> None:
    """Five messages: one alone, then a batch of four, of which the last commits."""
    async with leading(database.writer_dsn) as log, connected(bus_server, "migrate") as admin:
        await appended(log, 1, 1)
        async with connected(bus_server, "rmos") as client:
            if at > 1:
                async with relaying(client, log) as first:
                    await until(lambda: first.published == 1)
            await appended(log, 2, 5)
            publish, left = client.publish, at if at == 1 else at - 1

            async def dying(subject: str, *arguments: Any, **options: Any) -> None:
                nonlocal left
                left -= subject.startswith("log.")
                if left == 0 and not stored and subject.startswith("log."):
                    raise Dead
                await publish(subject, *arguments, **options)
                if left == 0 and subject.startswith("log."):
                    await client.flush()
                    raise Dead

            monkeypatch.setattr(client, "publish", dying)
            with pytest.raises(Dead):
                await LogRelay(client, log, log.head, logger()).run()
        async with connected(bus_server, "rmos") as client, relaying(client, log) as next_one:
            await until(lambda: next_one.published == 5)
        await assert_same(log, admin.jetstream())
