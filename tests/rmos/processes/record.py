"""What must be true of the record, whoever wrote it: table, stream and listings say the same, each thing once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import nats
import psycopg

from contracts import subjects
from contracts.envelope import RequestContext
from contracts.rmos import ListArtifacts, ListAttachments, ListRuns, ListSessions
from contracts.subjects import DASHBOARD, LOG_STREAM, Conversation, inbox_prefix
from runtime.bus import Bus
from runtime.clock import unix_ms
from runtime.testing import NatsAccess
from tests.rmos.event_log.given import until
from tests.rmos.processes.traffic import OPERATOR, Traffic


@dataclass(frozen=True, slots=True)
class Row:
    position: int
    stream: str
    version: int
    event_id: str
    command_id: str
    type: str
    epoch: int
    body: dict[str, Any]


def whole_table(dsn: str) -> list[Row]:
    with psycopg.connect(dsn) as auditor:
        rows = auditor.execute(
            "SELECT position, stream, version, event_id, command_id, type, writer_epoch, data FROM rmos.events "
            "ORDER BY position"
        ).fetchall()
    return [Row(*row[:7], json.loads(bytes(row[7]))) for row in rows]


def check_table(rows: list[Row]) -> None:
    """Positions 1..N, dense versions, every event once, terms in order."""
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    versions: dict[str, int] = {}
    for row in rows:
        assert row.version == versions.get(row.stream, 0) + 1, f"{row.stream} jumps to version {row.version}"
        versions[row.stream] = row.version
    assert len({row.event_id for row in rows}) == len(rows)
    assert [row.epoch for row in rows] == sorted(row.epoch for row in rows)


def check_acknowledged(rows: list[Row], traffic: Traffic) -> None:
    """Nothing acknowledged is missing, nothing is there twice, nothing refused is there at all."""
    of_command: dict[str, list[Row]] = {}
    for row in rows:
        of_command.setdefault(row.command_id, []).append(row)
    attached = {
        (row.body["run_id"], row.body["attachment"]["attachment_id"])
        for row in rows
        if row.type == "rmos.attachment_added.v1"
    }
    for done in traffic.acknowledged:
        events, answer = of_command.get(done.command_id, []), done.answer
        types = [row.type for row in events]
        match done.conversation:
            case subjects.OPEN_RUN:
                assert [row.body["run_id"] for row in events] == [answer.run_id], done.command_id
                assert events[0].position == answer.position
            case subjects.OPEN_SESSION:
                assert [row.body["session_id"] for row in events] == [answer.session.session_id], done.command_id
            case subjects.MAKE_TOOLPATHS:
                opened = ["rmos.run_opened.v2"] if done.body.run_id is None else []  # type: ignore[attr-defined]  # MakeToolpaths
                assert types == [*opened, "rmos.toolpaths_decided.v1"], done.command_id
                assert events[-1].body["artifact"]["artifact_id"] == answer.artifact.artifact_id
            case subjects.ADD_ATTACHMENTS:
                assert {(answer.run_id, item.attachment_id) for item in answer.items} <= attached, done.command_id
            case other:
                raise AssertionError(f"{other.subject} was acknowledged")
    assert traffic.refused.isdisjoint(of_command)
    sent = {done.command_id for done in traffic.acknowledged}
    assert of_command.keys() <= sent, "an event of a command that nobody was told about"


async def check_stream(access: NatsAccess, rows: list[Row]) -> None:
    """The stream LOG holds the table: sequence is position, in the header too."""
    client = await nats.connect(
        access.url,
        user=DASHBOARD,
        password=access.passwords[DASHBOARD],
        inbox_prefix=inbox_prefix(DASHBOARD).encode(),
    )
    try:
        jetstream = client.jetstream()

        async def all_published() -> bool:
            return (await jetstream.stream_info(LOG_STREAM)).state.last_seq >= len(rows)

        await until(all_published, 30)
        state = (await jetstream.stream_info(LOG_STREAM)).state
        assert (state.first_seq, state.last_seq, state.messages) == (1, len(rows), len(rows))
        reader = await jetstream.subscribe("log.>", stream=LOG_STREAM, ordered_consumer=True)
        for row in rows:
            message = await reader.next_msg(timeout=10)
            headers = message.headers or {}
            found = message.metadata.sequence.stream, headers["x-log-position"], headers["ce-id"], message.subject
            assert found == (row.position, str(row.position), row.event_id, f"log.{row.type}")
            assert json.loads(message.data) == row.body
    finally:
        await client.close()


async def tail(dsn: str, stop: asyncio.Event, wake_s: float = 0.005) -> list[tuple[int, str]]:
    """What a reader sees who asks for what follows the last position that it saw, again and again, to the end."""
    seen: list[tuple[int, str]] = []
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as auditor:
        while True:
            last_round = stop.is_set()
            cursor = await auditor.execute(
                "SELECT position, event_id FROM rmos.events WHERE position > %s ORDER BY position LIMIT 1000",
                (seen[-1][0] if seen else 0,),
            )
            rows = await cursor.fetchall()
            seen += rows
            if not rows:
                if last_round:
                    return seen
                await asyncio.sleep(wake_s)


class Listings:
    """Everything that can be found by walking cursors over the bus, as a client does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._asked = 0

    async def runs(self) -> list[Any]:
        return await self._walk(subjects.RUNS, lambda cursor: ListRuns(cursor=cursor, limit=200))

    async def sessions(self) -> list[Any]:
        return await self._walk(subjects.SESSIONS, lambda cursor: ListSessions(cursor=cursor, limit=200))

    async def artifacts(self, run_id: str) -> list[Any]:
        return await self._walk(
            subjects.ARTIFACTS, lambda cursor: ListArtifacts(run_id=run_id, cursor=cursor, limit=200)
        )

    async def attachments(self, run_id: str) -> list[Any]:
        return list((await self._ask(subjects.ATTACHMENTS, ListAttachments(run_id=run_id))).items)

    async def _walk(self, conversation: Conversation, page_after: Any) -> list[Any]:
        items: list[Any] = []
        cursor: str | None = None
        while True:
            page = await self._ask(conversation, page_after(cursor))
            items += page.items
            cursor = page.next_cursor
            if cursor is None:
                return items

    async def _ask(self, conversation: Conversation, body: Any) -> Any:
        self._asked += 1
        name = f"listing-{self._asked}"
        context = RequestContext(command_id=name, request_id=name, actor=OPERATOR, deadline_ms=unix_ms() + 30_000)
        return await self._bus.request(conversation, body, context)


async def check_listings(listings: Listings, rows: list[Row]) -> None:
    """Every run, session, artifact and attachment of the table is found once, and nothing else is."""
    opened = [row.body["run_id"] for row in reversed(rows) if row.type == "rmos.run_opened.v2"]
    runs = await listings.runs()
    assert [run.run_id for run in runs] == opened
    sessions = [row.body["session_id"] for row in reversed(rows) if row.type == "rmos.session_opened.v1"]
    assert [session.session_id for session in await listings.sessions()] == sessions
    artifacts: list[str] = []
    attachments: list[tuple[str, str]] = []
    for run in runs:
        if run.artifact_count:
            artifacts += [item.artifact_id for item in await listings.artifacts(run.run_id)]
        if run.attachment_count:
            attachments += [(run.run_id, item.attachment_id) for item in await listings.attachments(run.run_id)]
    assert sorted(artifacts) == sorted(row.body["artifact"]["artifact_id"] for row in rows if "artifact" in row.body)
    assert sorted(attachments) == sorted(
        (row.body["run_id"], row.body["attachment"]["attachment_id"]) for row in rows if "attachment" in row.body
    )
