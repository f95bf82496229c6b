"""`rmos bus dead` as a person runs it, against a real bus with a real recorder behind it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import nats
import pytest

from contracts.cam import ToolpathsFailed
from contracts.canonical import canonical_bytes
from contracts.envelope import event_headers
from contracts.subjects import DASHBOARD, OPERATOR, REDRIVE_DEAD_LETTER, inbox_prefix
from runtime.bus import Bus
from runtime.clock import SystemClock
from runtime.dead_letters import BusAway, BusLogin, dead_letters
from runtime.logs import logger
from runtime.settings import NatsSettings
from runtime.testing import DatabaseAccess, NatsAccess, running_nats
from services.rmos.event_log import fact as fact_module
from services.rmos.event_log.duties import ended
from services.rmos.event_log.letters import LetterHandler
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.recorder import FactRecorder
from services.rmos.migrate import migrate_bus
from tests.rmos.event_log.given import leading, until

UNKNOWN = "cam.toolpaths_retracted.v1"
"""A fact of a newer version of cam, say: this version of rmos does not know it yet."""
FACT = canonical_bytes(
    ToolpathsFailed(request_id="request_1", design_sha256="ab" * 32, engine_version="1", reason="the bit broke")
)


@pytest.fixture
def bus_server() -> Iterator[NatsAccess]:
    with running_nats() as access:
        asyncio.run(migrate_bus(settings(access, "migrate"), log_is_empty=True))
        yield access


def settings(access: NatsAccess, user: str) -> NatsSettings:
    return NatsSettings(url=access.url, user=user, password=access.passwords[user])


async def rmos(access: NatsAccess, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with the operator's login in its environment."""
    given = {"RMOS_NATS_URL": access.url, "RMOS_NATS_PASSWORD": access.passwords[OPERATOR], **environment}
    command = [sys.executable, "-m", "cli.app", "bus", "dead", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, env={**os.environ, **given}, capture_output=True, text=True, check=False, timeout=60
    )


async def answer(access: NatsAccess, *arguments: str) -> Any:
    done = await rmos(access, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@asynccontextmanager
async def recording(access: NatsAccess, log: PostgresEventLog) -> AsyncIterator[Bus]:
    """rmos at work on facts and letters, and a connection of cam to publish facts with."""
    rmos_bus = await Bus.connect(settings(access, "rmos"), "rmos", SystemClock(), logger())
    cam = await Bus.connect(settings(access, "cam"), "cam", SystemClock(), logger())
    await rmos_bus.serve(REDRIVE_DEAD_LETTER, LetterHandler(rmos_bus.client, log, logger()).redrive)
    running = asyncio.create_task(FactRecorder(rmos_bus.client, log, logger()).run())
    try:
        yield cam
    finally:
        await ended(running)
        await cam.close()
        await rmos_bus.close()


async def publish_unknown(cam: Bus, fact_id: str, sending: str = "") -> None:
    """`sending` tells two messages with the same fact apart, which NATS would otherwise keep once."""
    headers = event_headers(
        event_id=fact_id,
        event_type=UNKNOWN,
        source="cam",
        time="2026-01-01T00:00:00.000000Z",
        request_id="request_1",
        subject="job_1",
    )
    await cam.jetstream.publish(f"fact.{UNKNOWN}", FACT, headers={**headers, "Nats-Msg-Id": fact_id + sending})


async def until_dead(access: NatsAccess, count: int) -> list[Any]:
    """The letters as `list` shows them, once so many are there."""
    login = BusLogin(access.url, OPERATOR, access.passwords[OPERATOR])
    async with dead_letters(login) as letters:

        async def there() -> bool:
            return await letters.count() >= count

        await until(there, 60)
    found: list[Any] = (await answer(access, "list"))["letters"]
    return found


async def test_a_poison_fact_is_listed_shown_redriven_after_the_fix_and_recorded_once(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with leading(database.writer_dsn) as log, recording(bus_server, log) as cam:
        await publish_unknown(cam, "fact_1")
        (letter,) = await until_dead(bus_server, 1)
        assert (letter["number"], letter["id"], letter["type"]) == (1, "fact_1", UNKNOWN)
        assert "is no fact that this version of rmos knows" in letter["reason"]
        assert (letter["subject"], letter["stream"], letter["sequence"]) == (f"fact.{UNKNOWN}", "FACTS", 1)
        shown = await answer(bus_server, "show", "1")
        assert shown["body"].encode() == FACT
        assert shown["headers"]["ce-subject"] == "job_1"
        assert not any(name.startswith(("x-dead-", "Nats-")) for name in shown["headers"])

        before = await rmos(bus_server, "redrive", "1", "--json")  # before the fix: it stays
        assert before.returncode == 1
        (refused,) = json.loads(before.stdout)["refused"]
        assert refused["number"] == 1
        assert "is no fact that this version of rmos knows" in refused["reason"]
        assert await until_dead(bus_server, 1) == [letter]
        assert await log.last_position() == 0
        await publish_unknown(cam, "fact_1", sending="-again")
        await until_dead(bus_server, 2)

        monkeypatch.setitem(fact_module._FACTS, UNKNOWN, ("cam", ToolpathsFailed))
        redriven = await answer(bus_server, "redrive", "--all")
        assert [(item["number"], item["position"], item["repeated"]) for item in redriven["redriven"]] == [
            (1, 1, False),
            (2, 1, True),
        ]
        await publish_unknown(cam, "fact_1", sending="-once-more")
        await publish_unknown(cam, "fact_2")
        await until(lambda: log.head.position == 2, 60)
        events = await log.read_after(0, 10)
        assert [(event.event_id, event.type, event.stream) for event in events] == [
            ("fact_1", UNKNOWN, "cam-job_1"),
            ("fact_2", UNKNOWN, "cam-job_1"),
        ]
        assert {event.actor.id for event in events} == {"cam"}
        assert (await answer(bus_server, "list")) == {"count": 0, "letters": []}


async def test_a_letter_that_is_not_there_ends_with_1_and_wrong_usage_or_no_bus_with_2(bus_server: NatsAccess) -> None:
    missing = await rmos(bus_server, "show", "7")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "there is no dead letter 7" in missing.stderr
    again = await rmos(bus_server, "redrive", "7", "8", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (1, {"redriven": [], "missing": [7, 8], "refused": []})
    assert (await rmos(bus_server, "redrive")).returncode == 2
    assert (await rmos(bus_server, "redrive", "1", "--all")).returncode == 2
    refused = await rmos(bus_server, "list", RMOS_NATS_PASSWORD="wrong")
    assert refused.returncode == 2
    assert "not reachable as this user" in refused.stderr
    away = await rmos(bus_server, "list", RMOS_NATS_URL="nats://127.0.0.1:1")
    assert away.returncode == 2
    assert "Traceback" not in away.stderr + refused.stderr + missing.stderr


async def test_without_a_running_stack_and_without_a_bus_named_it_says_so(
    bus_server: NatsAccess, tmp_path: Any
) -> None:
    done = await rmos(bus_server, "list", "--home", str(tmp_path), RMOS_NATS_URL="", RMOS_NATS_PASSWORD="")
    assert done.returncode == 2
    assert "no stack is running" in done.stderr


async def test_the_text_forms_name_each_letter_and_its_reason(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with leading(database.writer_dsn) as log, recording(bus_server, log) as cam:
        for number in range(3):
            await publish_unknown(cam, f"fact_{number}")
        await until_dead(bus_server, 3)
        stays = await rmos(bus_server, "redrive", "3")
        assert (stays.returncode, stays.stdout) == (1, "")
        assert "dead letter 3 stays: " in stays.stderr
        monkeypatch.setitem(fact_module._FACTS, UNKNOWN, ("cam", ToolpathsFailed))
        assert (await rmos(bus_server, "redrive", "3")).stdout == "3 is on record, at position 1\n"
    listed = (await rmos(bus_server, "list", "--limit", "2")).stdout
    assert "fact_0" in listed
    assert "fact_2" not in listed
    assert "2 dead letters\n" in listed
    assert "2 dead letters, the oldest 1 shown" in (await rmos(bus_server, "list", "--limit", "1")).stdout
    shown = (await rmos(bus_server, "show", "2")).stdout
    assert "is no fact" in shown
    assert "the bit broke" in shown
    nobody = await rmos(bus_server, "redrive", "2")
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "no rmos takes commands" in nobody.stderr


async def test_the_operator_of_the_bus_can_publish_no_fact_and_empty_no_stream(bus_server: NatsAccess) -> None:
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    client = await nats.connect(
        bus_server.url,
        user=OPERATOR,
        password=bus_server.passwords[OPERATOR],
        inbox_prefix=inbox_prefix(OPERATOR),
        error_cb=note,
    )
    subjects = ("fact.ai.call_completed.v1", "dead.fact.ai.call_completed.v1", "$JS.API.STREAM.MSG.DELETE.DEAD")
    for subject in subjects:
        await client.publish(subject, FACT)
    await client.flush()
    await until(lambda: len(refused) == len(subjects))
    await client.close()
    for subject in subjects:
        assert [text for text in refused if f'publish to "{subject}"'.lower() in text], refused
    assert (await answer(bus_server, "list"))["count"] == 0


async def test_another_user_of_the_bus_cannot_read_or_empty_the_dead_letters(bus_server: NatsAccess) -> None:
    login = BusLogin(bus_server.url, DASHBOARD, bus_server.passwords[DASHBOARD])
    async with dead_letters(login) as there:
        with pytest.raises(BusAway, match="may not ask"):
            await there.count()
