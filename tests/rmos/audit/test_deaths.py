"""The checkpointer dies while it records a checkpoint: what is on record is signed, and the next one goes on from it.

(The writes to the object store are in test_checkpointer.)
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.settings import S3Settings
from runtime.testing import DatabaseAccess, NatsAccess
from services.rmos.audit.records import AuditRecords
from services.rmos.audit.verify import Audited, audit
from tests.rmos.audit.given import KEY, append, checkpointing, public_objects, published
from tests.rmos.event_log.given import leading, until
from tests.rmos.projections.given import world


class Dead(BaseException):
    """The process died here."""


@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored"])
async def test_death_at_the_row_of_a_checkpoint_leaves_a_log_that_verifies(
    database: DatabaseAccess,
    public_store: S3Settings,
    bus_server: NatsAccess,
    monkeypatch: pytest.MonkeyPatch,
    stored: bool,
) -> None:
    await published(database, public_store, bus_server, 5)
    add, died = AuditRecords.add_checkpoint, asyncio.Event()

    async def dying(*arguments: Any) -> None:
        if not died.is_set():
            if stored:
                await add(*arguments)
            died.set()
            raise Dead
        await add(*arguments)

    monkeypatch.setattr(AuditRecords, "add_checkpoint", dying)
    with public_objects(public_store) as public:
        async with leading(database.writer_dsn) as log:
            await append(log, 3, "more")
            async with checkpointing(database, public, bus_server, log):
                await asyncio.wait_for(died.wait(), 10)
            async with checkpointing(database, public, bus_server, log) as next_one:
                await until(lambda: next_one.covered.position == 8)
    async with world(database.writer_dsn) as live:
        await live.reader.wait_for(8)
    report = await asyncio.to_thread(audit, Audited(database.reader_dsn, public_store, (KEY.verifier,)), quick=False)
    assert (report.findings, report.notes) == ([], [])
