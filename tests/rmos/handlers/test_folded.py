"""A stream that was folded before is read on from there, on a real log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from contracts.envelope import RequestContext
from contracts.errors import ErrorCode
from contracts.log import LogEvent, StoredEvent
from contracts.rmos import DeleteRun, ReferenceAssets
from services.rmos.domain import run as run_domain
from services.rmos.event_log.reader import DECODED_AT_ONCE, LogReader
from services.rmos.handlers import folded
from services.rmos.handlers.folded import Folded
from services.rmos.ports import AppendRequest, AppendResult, EventLog
from tests.rmos.handlers.shop import DORA, OTTO, Shop, by, refused


@dataclass
class CountingLog:
    """The real log; `read` are the events that it gave out."""

    log: EventLog
    read: int = 0

    async def append(self, request: AppendRequest) -> AppendResult:
        return await self.log.append(request)

    async def read_stream(self, stream: str, after_version: int = 0) -> list[LogEvent]:
        events = await self.log.read_stream(stream, after_version)
        self.read += len(events)
        return events

    async def outcome_of(self, request: RequestContext, command_sha256: str) -> list[LogEvent]:
        return await self.log.outcome_of(request, command_sha256)


async def a_run_of(shop: Shop, events: int) -> str:
    run_id = await shop.opened_run()
    for number in range(events - 1):
        command = ReferenceAssets(run_id=run_id, asset_ids=(f"asset_{number}",))
        await shop.runs.reference_assets(command, by(DORA))
    return run_id


async def test_every_event_is_read_once_and_the_state_is_that_of_the_whole_stream(shop: Shop) -> None:
    log, runs = CountingLog(shop.world.log), Folded(run_domain.fold_on)
    run_id = await a_run_of(shop, 20)
    stream = run_domain.stream_of(run_id)
    for _ in range(3):
        assert (await runs.newest(log, stream))[1] == 20
    assert log.read == 20
    await shop.runs.reference_assets(ReferenceAssets(run_id=run_id, asset_ids=("asset_new",)), by(DORA))
    assert await runs.newest(log, stream) == (run_domain.fold(await shop.world.log.read_stream(stream)), 21)
    assert log.read == 21


async def test_a_stream_that_is_not_there_yet_is_looked_for_again(shop: Shop) -> None:
    runs = Folded(run_domain.fold_on)
    assert await runs.newest(shop.world.log, "run-run_1") == (None, 0)
    run_id = await shop.opened_run()
    state, version = await runs.newest(shop.world.log, run_domain.stream_of(run_id))
    assert (version, run_domain.fold(await shop.world.log.read_stream(run_domain.stream_of(run_id)))) == (1, state)


async def test_what_was_not_asked_for_longest_is_forgotten_and_read_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folded, "MAX_EVENTS", 10)
    log, runs = CountingLog(shop.world.log), Folded(run_domain.fold_on)
    first, second, large = [run_domain.stream_of(await a_run_of(shop, events)) for events in (5, 5, 12)]
    for stream in (first, second, first):
        await runs.newest(log, stream)
    assert log.read == 10
    third = run_domain.stream_of(await a_run_of(shop, 1))
    for stream in (third, first, second):  # the second one went when the third came, and the third one for the second
        await runs.newest(log, stream)
    assert log.read == 10 + 1 + 5
    for _ in range(2):  # one that is too large for all is kept while it is the newest
        await runs.newest(log, large)
    assert log.read == 16 + 12


async def test_a_run_that_was_deleted_is_gone_for_who_knew_it(shop: Shop) -> None:
    run_id = await shop.opened_run()
    assert (await shop.desk.run(run_id))[1] == 1
    await shop.runs.delete_run(DeleteRun(run_id=run_id), by(OTTO))
    await refused(shop.desk.run(run_id), ErrorCode.NOT_FOUND)


async def test_a_long_stream_leaves_the_event_loop_to_others_while_it_is_decoded(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await a_run_of(shop, 4 * DECODED_AT_ONCE)
    reader, stream = LogReader("nowhere"), run_domain.stream_of(run_id)
    stored = await shop.world.log.read_stored(stream)
    turns = 0

    async def at_once(stream: str, after_version: int) -> list[StoredEvent]:
        return stored

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    monkeypatch.setattr(reader, "read_stored", at_once)
    counting = asyncio.create_task(count_turns())
    await asyncio.sleep(0)
    before = turns
    assert len(await reader.read_stream(stream)) == 4 * DECODED_AT_ONCE
    assert turns - before == 3
    counting.cancel()
