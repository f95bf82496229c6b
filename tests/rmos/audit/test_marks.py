"""The mark on the bus: what was signed once is not signed otherwise, whatever becomes of database and object store."""

from __future__ import annotations

import asyncio
import re

import psycopg
import pytest

from contracts.errors import RmosError
from contracts.subjects import MARKS_STREAM
from runtime.objects import ObjectStore
from runtime.settings import S3Settings, SettingsError
from runtime.testing import DatabaseAccess, NatsAccess
from services.rmos.audit.acceptance import Acceptance
from services.rmos.audit.marks import Mark, Marks
from services.rmos.domain.checkpoint import opened
from services.rmos.migrate import log_is_empty, migrate_bus
from services.rmos.settings import CheckpointSettings
from tests.rmos.audit.given import (
    KEY,
    append,
    as_superuser,
    checkpointing,
    forge,
    public_objects,
    published,
    read_back,
)
from tests.rmos.audit.test_checkpointer import failure_at_start, leaves, sizes
from tests.rmos.conftest import bus_settings
from tests.rmos.event_log.given import leading, until
from tests.rmos.event_log.test_relay import connected


async def newest_mark(bus: NatsAccess) -> Mark | None:
    async with connected(bus, "rmos") as client:
        return await Marks(client).newest()


async def marked_size(bus: NatsAccess) -> int:
    mark = await newest_mark(bus)
    assert mark is not None
    assert mark.note is not None
    return opened(mark.note, [KEY.verifier]).size


async def removed(objects: ObjectStore) -> None:
    for name in await objects.names(""):
        await objects.remove(name)


async def lose_the_marks(bus: NatsAccess, *, log_is_empty: bool = False) -> None:
    async with connected(bus, "migrate") as admin:
        await admin.jetstream().delete_stream(MARKS_STREAM)
    await migrate_bus(bus_settings(bus, "migrate"), log_is_empty=log_is_empty)


async def test_every_checkpoint_is_marked_before_it_is_public(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    assert await newest_mark(bus_server) == Mark(1, None)  # the migration has said that the log begins
    await published(database, public_store, bus_server, 10)
    assert await marked_size(bus_server) == 10
    with public_objects(public_store) as objects, psycopg.connect(database.reader_dsn) as connection:
        recorded = connection.execute("SELECT note FROM rmos.checkpoints WHERE tree_size = 10").fetchone()
        mark = await newest_mark(bus_server)
        assert recorded is not None
        assert mark is not None
        assert objects.read("checkpoint") == mark.note == recorded[0]


async def test_a_forged_history_is_not_signed_when_every_checkpoint_is_gone(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    forge(database, 1)
    as_superuser(database, "DELETE FROM rmos.checkpoints")
    with public_objects(public_store) as objects:
        await removed(objects)
        assert "mark on the bus is of 10 events" in await failure_at_start(database, public_store, bus_server)
        assert objects.read("checkpoint") is None
    assert await marked_size(bus_server) == 10


async def test_a_partial_rollback_is_not_signed(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    """The rows above 10 go, the note of 10 is made public again, and what came after is rewritten."""
    await published(database, public_store, bus_server, 10)
    with public_objects(public_store) as objects:
        older = objects.read("checkpoint")
        assert older is not None
        async with leading(database.writer_dsn) as log, checkpointing(database, objects, bus_server, log) as one:
            await append(log, 5, "later")
            await until(lambda: one.covered.position == 15)
        as_superuser(database, "DELETE FROM rmos.checkpoints WHERE tree_size > 10")
        forge(database, 12)
        await objects.put("checkpoint", older, "text/plain")
        assert "mark on the bus is of 15 events" in await failure_at_start(database, public_store, bus_server)
        assert objects.read("checkpoint") == older
    assert sizes(database)[-1] == 10


async def test_a_checkpointer_at_work_does_not_begin_anew_either(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.rmos.audit.checkpointer.LOOK_AGAIN_S", 0.05)
    with public_objects(public_store) as objects:
        async with leading(database.writer_dsn) as log, checkpointing(database, objects, bus_server, log) as running:
            await append(log, 10)
            await until(lambda: running.covered.position == 10)
            await lose_the_marks(bus_server, log_is_empty=True)
            forge(database, 1)
            as_superuser(database, "DELETE FROM rmos.checkpoints")
            await removed(objects)
            await until(lambda: running.failure is not None)
            assert "10 events were signed for, the database knows of 0" in str(running.failure)
    assert sizes(database) == []


class DyingMarks(Marks):
    """The process dies at the first mark: before it (lost), or right after it (stored)."""

    stored: bool
    died = False

    async def put(self, note: bytes, after: int) -> int:
        if type(self).died:
            return await super().put(note, after)
        type(self).died = True
        if self.stored:
            await super().put(note, after)
        raise asyncio.CancelledError


@pytest.mark.parametrize("before", [0, 5])
@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored"])
async def test_death_at_a_mark_leaves_a_log_that_the_next_one_finishes(
    database: DatabaseAccess,
    public_store: S3Settings,
    bus_server: NatsAccess,
    monkeypatch: pytest.MonkeyPatch,
    stored: bool,
    before: int,
) -> None:
    if before:
        await published(database, public_store, bus_server, before)
    dying = type("Dying", (DyingMarks,), {"stored": stored})
    with public_objects(public_store) as objects:
        async with leading(database.writer_dsn) as log:
            await append(log, 3, "more")
            with monkeypatch.context() as patched:
                patched.setattr("tests.rmos.audit.given.Marks", dying)
                async with checkpointing(database, objects, bus_server, log):
                    await until(lambda: dying.died)
            assert sizes(database)[-1] == before + 3
            async with checkpointing(database, objects, bus_server, log) as next_one:
                await until(lambda: next_one.covered.position == before + 3)
                assert next_one.failure is None
    assert await marked_size(bus_server) == read_back(public_store)[0] == before + 3
    assert sizes(database)[-1] == before + 3


async def test_a_mark_follows_the_one_that_its_writer_knew(bus_server: NatsAccess) -> None:
    async with connected(bus_server, "rmos") as client:
        marks = Marks(client)
        assert await marks.put(b"one", after=1) == 2
        with pytest.raises(RmosError, match="wrong last sequence"):
            await marks.put(b"other", after=1)
        assert await marks.newest() == Mark(2, b"one")


async def test_a_stream_that_is_missing_is_no_mark_that_is_missing(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 3)
    async with connected(bus_server, "migrate") as admin:
        await admin.jetstream().delete_stream(MARKS_STREAM)
    async with connected(bus_server, "rmos") as client:
        with pytest.raises(RmosError, match="stream not found"):
            await Marks(client).newest()
    with public_objects(public_store) as objects:
        async with leading(database.writer_dsn) as log, checkpointing(database, objects, bus_server, log) as waiting:
            await append(log, 2, "later")
            await asyncio.sleep(0.5)
            assert (waiting.covered.position, waiting.failure, sizes(database)[-1]) == (0, None, 3)
            await migrate_bus(bus_settings(bus_server, "migrate"), log_is_empty=False)
            await until(lambda: waiting.failure is not None)
            assert "holds no mark" in str(waiting.failure)


async def test_the_migration_says_that_a_log_begins_only_while_it_is_empty(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    assert log_is_empty(database.owner_dsn)
    await published(database, public_store, bus_server, 3)
    assert not log_is_empty(database.owner_dsn)
    await lose_the_marks(bus_server)
    assert await newest_mark(bus_server) is None
    await lose_the_marks(bus_server, log_is_empty=True)
    assert await newest_mark(bus_server) == Mark(1, None)
    assert await migrate_bus(bus_settings(bus_server, "migrate"), log_is_empty=True) == []


def proposed(failure: str) -> Acceptance:
    found = re.search(r"RMOS_ACCEPT_TREE=(\S+)$", failure)
    assert found is not None, failure
    accept = Acceptance.parse(found[1])
    assert str(accept) == found[1]
    return accept


async def goes_on(
    database: DatabaseAccess, public_store: S3Settings, bus: NatsAccess, accept: Acceptance | None, size: int
) -> None:
    """The next writer accepts this much, and signs two more events."""
    with public_objects(public_store) as objects:
        async with (
            leading(database.writer_dsn) as log,
            checkpointing(database, objects, bus, log, accept=accept) as checkpointer,
        ):
            await until(lambda: checkpointer.covered.position == size or checkpointer.failure is not None)
            assert checkpointer.failure is None
            await append(log, 2, f"after_{size}")
            await until(lambda: checkpointer.covered.position == size + 2)
    assert read_back(public_store)[0] == await marked_size(bus) == sizes(database)[-1] == size + 2


async def test_a_lost_mark_stops_until_a_person_accepts_the_tree(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    await lose_the_marks(bus_server)
    failure = await failure_at_start(database, public_store, bus_server)
    assert "holds no mark" in failure
    accept = proposed(failure)
    assert (accept.mark, accept.size) == (0, 10)
    await goes_on(database, public_store, bus_server, accept, 10)


async def test_a_database_restored_from_a_backup_stops_until_a_person_accepts_the_tree(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    """What was signed was: the events after the backup are gone, and others come in their place."""
    await published(database, public_store, bus_server, 300)
    async with leading(database.writer_dsn) as log:
        with public_objects(public_store) as objects:
            async with checkpointing(database, objects, bus_server, log) as checkpointer:
                await append(log, 5, "later")
                await until(lambda: checkpointer.covered.position == 305)
    as_superuser(
        database, "DELETE FROM rmos.checkpoints WHERE tree_size > 300", "DELETE FROM rmos.events WHERE position > 302"
    )
    failure = await failure_at_start(database, public_store, bus_server)
    assert "Restore the newer database" in failure
    accept = proposed(failure)
    assert accept.size == 302
    await goes_on(database, public_store, bus_server, accept, 302)
    await goes_on(database, public_store, bus_server, None, 304)


async def test_an_acceptance_that_was_left_in_place_accepts_nothing_more(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    await lose_the_marks(bus_server)
    accept = proposed(await failure_at_start(database, public_store, bus_server))
    await goes_on(database, public_store, bus_server, accept, 10)
    forge(database, 12)
    as_superuser(database, "DELETE FROM rmos.checkpoints WHERE tree_size > 10")
    with public_objects(public_store) as objects:
        await removed(objects)
    assert "mark on the bus is of 12" in await failure_at_start(database, public_store, bus_server, accept=accept)


async def test_nothing_is_accepted_that_the_checkpoints_on_record_contradict(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    forge(database, 4)
    await lose_the_marks(bus_server)
    with public_objects(public_store) as objects:
        await removed(objects)
    failure = await failure_at_start(database, public_store, bus_server)
    assert "Nor does the database agree with itself" in failure
    assert "RMOS_ACCEPT_TREE" not in failure


async def test_an_acceptance_of_another_tree_accepts_nothing(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    await lose_the_marks(bus_server)
    accept = Acceptance(0, 10, bytes(32))
    assert "names another tree" in await failure_at_start(database, public_store, bus_server, accept=accept)
    assert len(leaves(database)) == 10


@pytest.mark.parametrize("text", ["yes", "1:2", f"1:2:{'g' * 64}", f"01:2:{'a' * 64}", f"1:2:{'a' * 64} "])
def test_an_acceptance_is_exactly_what_was_proposed(text: str) -> None:
    settings = {"RMOS_LOG_ORIGIN": "rmos.test/log", "RMOS_CHECKPOINT_KEY": "5e" * 32}
    assert CheckpointSettings.read(settings).acceptance() is None
    with pytest.raises(SettingsError, match="RMOS_ACCEPT_TREE"):
        CheckpointSettings.read({**settings, "RMOS_ACCEPT_TREE": text}).acceptance()
