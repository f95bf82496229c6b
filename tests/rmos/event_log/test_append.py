"""The promises of EventLog.append on a real Postgres, one writer."""

from __future__ import annotations

import asyncio
import random

import psycopg
import pytest

from contracts.canonical import canonical_bytes, sha256_hex
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import StoredEvent
from runtime.clock import SystemClock
from runtime.logs import logger
from runtime.testing import DatabaseAccess
from services.rmos.domain.leaf import entry_of, leaf_of
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.ports import AppendRequest, NewEvent, RecordedFact
from tests.rmos.event_log.given import context, leading, opened, referenced, request


async def everything(log: PostgresEventLog) -> list[StoredEvent]:
    events: list[StoredEvent] = []
    while page := await log.read_after(events[-1].position if events else 0, 500):
        events += page
    return events


async def refused(log: PostgresEventLog, command: AppendRequest) -> RmosError:
    with pytest.raises(RmosError) as caught:
        await log.append(command)
    return caught.value


async def test_events_of_several_streams_get_the_next_positions_in_one_commit(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("command_1", "run-1", 0, opened("1"), referenced("1")))
        both = AppendRequest(
            context=context("command_2"),
            expected={"run-1": 2, "session-1": 0},
            events=(NewEvent("run-1", "a", referenced("1")), NewEvent("session-1", "b", referenced("1", "asset_2"))),
        )
        result = await log.append(both)
        assert (result.positions, result.versions, result.repeated) == ((3, 4), (3, 1), False)
        assert await log.read_stream("run-1") == [opened("1"), referenced("1"), referenced("1")]
        assert await log.read_stream("session-2") == []


async def test_what_is_stored_is_the_canonical_bytes_and_a_leaf_over_the_whole_row(database: DatabaseAccess) -> None:
    caused = context("command_1").model_copy(update={"causation_id": "command_0"})
    async with leading(database.writer_dsn) as log:
        await log.append(AppendRequest(caused, {"run-1": 0}, (NewEvent("run-1", "event_a", opened("1", "größe")),)))
        (event,) = await everything(log)
    assert event.data_json.encode() == canonical_bytes(opened("1", "größe"))
    assert (event.event_id, event.request_id, event.causation_id) == ("event_a", "request_command_1", "command_0")
    assert StoredEvent.model_validate(event.model_dump()) == event
    entry = entry_of(
        position=1,
        stream="run-1",
        version=1,
        event_id="event_a",
        event_type="rmos.run_opened.v2",
        recorded_at_utc=event.recorded_at_utc,
        actor=canonical_bytes(caused.actor).decode(),
        request_id="request_command_1",
        command_id="command_1",
        command_index=0,
        command_sha256=event.command_sha256,
        causation_id="command_0",
        writer_epoch=event.writer_epoch,
        data=event.data_json.encode(),
    )
    assert event.leaf_sha256 == leaf_of(entry).hex()


async def test_a_wrong_version_is_refused_with_the_actual_one(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("command_1", "run-1", 0, opened("1")))
        error = await refused(log, request("command_2", "run-1", 0, referenced("1")))
        assert (error.code, error.details) == (
            ErrorCode.VERSION_CONFLICT,
            {"stream": "run-1", "expected": 0, "actual": 1},
        )
        error = await refused(log, request("command_3", "run-2", 4, referenced("2")))
        assert error.details == {"stream": "run-2", "expected": 4, "actual": 0}
        assert len(await everything(log)) == 1


async def test_a_version_unknown_to_a_new_leader_is_looked_up(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("command_1", "run-1", 0, opened("1"), referenced("1")))
    async with leading(database.writer_dsn) as log:
        stale = await refused(log, request("command_2", "run-1", 0, referenced("1")))
        assert stale.details["actual"] == 2
        result = await log.append(request("command_3", "run-1", 2, referenced("1")))
        assert (result.positions, result.versions) == ((3,), (3,))
        assert [event.writer_epoch for event in await everything(log)] == [1, 1, 2]


async def test_a_stream_may_be_guarded_without_being_written(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("command_1", "session-1", 0, opened("1")))
        guarded = NewEvent("run-1", "a", opened("1"))
        error = await refused(log, AppendRequest(context("command_2"), {"run-1": 0, "session-1": 2}, (guarded,)))
        assert error.details["stream"] == "session-1"
        result = await log.append(AppendRequest(context("command_3"), {"run-1": 0, "session-1": 1}, (guarded,)))
        assert result.positions == (2,)


async def test_a_guarded_stream_that_must_be_new_is_looked_up_by_a_leader_that_does_not_know_it(
    database: DatabaseAccess,
) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("command_1", "session-1", 0, opened("1")))
    async with leading(database.writer_dsn) as log:
        guarded = AppendRequest(
            context("command_2"), {"run-1": 0, "session-1": 0}, (NewEvent("run-1", "a", opened("1")),)
        )
        error = await refused(log, guarded)
        assert (error.code, error.details["stream"]) == (ErrorCode.VERSION_CONFLICT, "session-1")
        assert len(await everything(log)) == 1


async def test_without_an_expectation_the_event_goes_to_the_end_of_its_stream(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        commands = [request(f"command_{number}", "run-1", None, referenced("1")) for number in range(20)]
        results = await asyncio.gather(*map(log.append, commands))
        assert [result.versions for result in results] == [(number,) for number in range(1, 21)]


async def test_a_repeated_command_gives_its_first_result_whatever_happened_since(database: DatabaseAccess) -> None:
    digest = sha256_hex(b"the command's body")
    async with leading(database.writer_dsn) as log:
        first = await log.append(request("command_1", "run-1", 0, opened("1", "first"), digest=digest))
        await log.append(request("command_2", "run-1", 1, referenced("1")))
        again = await log.append(request("command_1", "run-9", 0, opened("9", "second"), digest=digest))
        assert (again.positions, again.versions, again.repeated) == (first.positions, first.versions, True)
        assert [event.stream for event in again.events] == ["run-1"]
        assert await log.outcome_of(context("command_1"), digest) == [opened("1", "first")]
        assert await log.outcome_of(context("command_3"), digest) == []
        with pytest.raises(RmosError) as caught:
            await log.outcome_of(context("command_1"), sha256_hex(b"another body"))
        assert caught.value.code is ErrorCode.IDEMPOTENCY_MISMATCH
        assert len(await everything(log)) == 2


async def test_a_repetition_is_known_by_its_events_when_the_command_has_no_digest(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        first = await log.append(request("command_1", "run-1", 0, opened("1")))
        again = await log.append(request("command_1", "run-1", 0, opened("1")))
        assert (first.repeated, again.repeated, again.positions) == (False, True, first.positions)


async def test_a_command_id_with_other_content_is_refused(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("command_1", "run-1", 0, opened("1")))
        error = await refused(log, request("command_1", "run-2", 0, opened("2")))
        assert (error.code, error.details) == (ErrorCode.IDEMPOTENCY_MISMATCH, {"command_id": "command_1"})


async def test_an_event_id_of_another_command_is_refused(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        for number, stream in enumerate(("run-1", "run-2")):
            command = AppendRequest(context(f"command_{number}"), {stream: 0}, (NewEvent(stream, "same", opened("1")),))
            if number == 0:
                await log.append(command)
        error = await refused(log, command)
        assert (error.code, error.details) == (ErrorCode.IDEMPOTENCY_MISMATCH, {"event_id": "same"})


async def test_the_same_command_sent_twice_at_once_is_done_once(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        commands = [request("command_1", "run-1", 0, opened("1")) for _ in range(10)]
        results = await asyncio.gather(*map(log.append, commands))
        assert {result.positions for result in results} == {(1,)}
        assert sorted(result.repeated for result in results) == [False] + [True] * 9


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (AppendRequest(context("c"), {}, ()), ErrorCode.INVALID_REQUEST),
        (request("c", "run 1", 0, opened("1")), ErrorCode.INVALID_REQUEST),
        (request("c", "run-1", -1, opened("1")), ErrorCode.INVALID_REQUEST),
        (request("c", "run-1", 0, opened("1", "a\x00b")), ErrorCode.INVALID_REQUEST),
        (AppendRequest(context("c"), {}, (NewEvent("s", "e", opened("1")),) * 2), ErrorCode.INVALID_REQUEST),
        (
            AppendRequest(context("c"), {}, (NewEvent("s", "e", RecordedFact("ai.x.v1", b"x" * 1_000_001)),)),
            ErrorCode.PAYLOAD_TOO_LARGE,
        ),
    ],
    ids=["empty", "stream name", "negative version", "NUL", "one event id twice", "too large"],
)
async def test_a_bad_request_is_refused_before_it_meets_the_others(
    database: DatabaseAccess, command: AppendRequest, code: ErrorCode
) -> None:
    async with leading(database.writer_dsn) as log:
        assert (await refused(log, command)).code is code
        assert await everything(log) == []


async def test_an_escaped_backslash_before_u0000_is_text_and_kept(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("command_1", "run-1", 0, opened("1", "\\u0000")))
        assert await log.read_stream("run-1") == [opened("1", "\\u0000")]


async def test_in_one_batch_each_request_has_its_own_outcome(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("old", "run-old", 0, opened("old")))
        results = await asyncio.gather(
            log.append(request("good_1", "run-1", 0, opened("1"))),
            log.append(request("conflict", "run-old", 0, opened("old"))),
            log.append(request("old", "run-old", 0, opened("old"))),
            log.append(request("old", "run-old", 0, opened("other"))),
            log.append(request("good_2", "run-1", 1, referenced("1"))),
            log.append(request("conflict_in_batch", "run-1", 1, referenced("1"))),
            return_exceptions=True,
        )
        codes = [result.code if isinstance(result, RmosError) else result.repeated for result in results]  # type: ignore[union-attr]  # nothing else comes
        assert codes == [
            False,
            ErrorCode.VERSION_CONFLICT,
            True,
            ErrorCode.IDEMPOTENCY_MISMATCH,
            False,
            ErrorCode.VERSION_CONFLICT,
        ]
        assert [event.command_id for event in await everything(log)] == ["old", "good_1", "good_2"]


async def test_an_event_that_the_database_refuses_harms_only_its_own_command(database: DatabaseAccess) -> None:
    # a constraint that the service does not know of stands for whatever a database may object to
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("ALTER TABLE events ADD CONSTRAINT odd CHECK (stream <> 'run-odd')")
    async with leading(database.writer_dsn) as log:
        streams = ["run-1", "run-odd", "run-2", "run-3"]
        commands = [request(f"command_{stream}", stream, 0, opened("1")) for stream in streams]
        results = await asyncio.gather(*map(log.append, commands), return_exceptions=True)
        assert isinstance(results[1], RmosError)
        assert results[1].code is ErrorCode.INTERNAL
        assert [event.stream for event in await everything(log)] == ["run-1", "run-2", "run-3"]
        assert (await log.append(request("after", "run-4", 0, opened("4")))).positions == (4,)


async def test_32_writers_leave_no_gap_and_no_double_and_a_tail_reader_misses_nothing(
    database: DatabaseAccess,
) -> None:
    acknowledged: dict[str, tuple[int, int]] = {}
    writing = True

    async def write(log: PostgresEventLog, client: int) -> None:
        choice = random.Random(client)
        for number in range(25):
            stream, command_id = f"run-{choice.randrange(8)}", f"command_{client}_{number}"
            while command_id not in acknowledged:
                version = len(await log.read_stream(stream))
                try:
                    result = await log.append(request(command_id, stream, version, referenced("1")))
                    acknowledged[command_id] = (result.positions[0], result.versions[0])
                except RmosError as error:
                    assert error.code is ErrorCode.VERSION_CONFLICT  # noqa: PT017 - any other one is a failure here

    async def tail(log: PostgresEventLog) -> list[StoredEvent]:
        seen: list[StoredEvent] = []
        while True:
            last_round = not writing
            page = await log.read_after(seen[-1].position if seen else 0, 50)
            seen += page
            if last_round and not page:
                return seen

    async with leading(database.writer_dsn) as log:
        reader = asyncio.create_task(tail(log))
        await asyncio.gather(*(write(log, client) for client in range(32)))
        writing = False
        seen = await reader
        stored = await everything(log)
    assert seen == stored
    assert [event.position for event in stored] == list(range(1, 32 * 25 + 1))
    assert {event.command_id: (event.position, event.version) for event in stored} == acknowledged
    for stream in {event.stream for event in stored}:
        versions = [event.version for event in stored if event.stream == stream]
        assert versions == list(range(1, len(versions) + 1))


async def test_a_follower_reads_and_refuses_to_write(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log:
        await log.append(request("command_1", "run-1", 0, opened("1")))
        follower = PostgresEventLog(database.writer_dsn, "follower", SystemClock(), logger())
        async with follower.opened():
            assert await follower.read_stream("run-1") == [opened("1")]
            assert await follower.last_position() == 1
            error = await refused(follower, request("command_2", "run-2", 0, opened("2")))
            assert (error.code, error.body.retryable) == (ErrorCode.UNAVAILABLE, True)


async def test_a_database_that_is_away_is_said_to_be_unavailable() -> None:
    nowhere = PostgresEventLog("postgresql://nobody@127.0.0.1:1/none", "test", SystemClock(), logger())
    async with nowhere.opened():
        with pytest.raises(RmosError) as caught:
            await nowhere.read_stream("run-1")
        assert (caught.value.code, caught.value.body.retryable) == (ErrorCode.UNAVAILABLE, True)


async def test_the_request_context_of_a_command_is_what_its_events_carry(database: DatabaseAccess) -> None:
    sent = RequestContext.model_validate({**context("command_1").model_dump(), "idempotent": True})
    async with leading(database.writer_dsn) as log:
        await log.append(AppendRequest(sent, {}, (NewEvent("run-1", "e", opened("1")),)))
        (event,) = await everything(log)
    assert (event.actor, event.command_id) == (sent.actor, sent.command_id)
