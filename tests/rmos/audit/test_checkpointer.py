"""Checkpoints on a real database and a real object store, read back by the separate verifier."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable

import psycopg
import pytest
from psycopg import errors

from contracts.errors import ErrorCode, RmosError
from runtime.objects import ObjectStore
from runtime.pool import WorkerPool
from runtime.settings import S3Settings
from runtime.testing import DatabaseAccess, NatsAccess
from services.rmos.audit.acceptance import Acceptance
from services.rmos.audit.publication import PREFIX, Publication
from services.rmos.domain.checkpoint import Checkpoint, SigningKey
from services.rmos.domain.tiles import Tile
from tests.independent_verifier import tlog
from tests.rmos.audit.given import (
    KEY,
    VKEY,
    append,
    as_superuser,
    checkpointing,
    public_objects,
    published,
    read_back,
)
from tests.rmos.event_log.given import leading, until


def leaves(database: DatabaseAccess) -> list[bytes]:
    with psycopg.connect(database.reader_dsn) as connection:
        return [row[0] for row in connection.execute("SELECT leaf FROM rmos.events ORDER BY position")]


def sizes(database: DatabaseAccess) -> list[int]:
    with psycopg.connect(database.reader_dsn) as connection:
        return [row[0] for row in connection.execute("SELECT tree_size FROM rmos.checkpoints ORDER BY tree_size")]


async def test_the_whole_log_is_public_and_signed_and_a_second_verifier_reads_it(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 600)
    size, root, entries = read_back(public_store)
    assert (size, root) == (600, tlog.mth(leaves(database)))
    assert [tlog.leaf_hash(entry) for entry in entries] == leaves(database)
    with psycopg.connect(database.reader_dsn) as connection:
        for tree_size, note in connection.execute("SELECT tree_size, note FROM rmos.checkpoints"):
            assert tlog.open_checkpoint(note, VKEY) == (KEY.name, tree_size, tlog.mth(leaves(database)[:tree_size]))


async def test_partial_tiles_are_dropped_once_their_full_tile_is_public(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    with public_objects(public_store) as objects:
        async with (
            leading(database.writer_dsn) as log,
            checkpointing(database, objects, bus_server, log) as checkpointer,
        ):
            await append(log, 250)
            await until(lambda: checkpointer.covered.position == 250)
            assert objects.listed("tile/0/000.p/") != []
            await append(log, 10, "more")
            await until(lambda: checkpointer.covered.position == 260)
            await until(lambda: not objects.listed("tile/0/000.p/") and not objects.listed("tile/entries/000.p/"))
        old = Tile(0, 0, 250)
        assert await Publication(objects).tile(old) == b"".join(leaves(database)[:250])
    assert read_back(public_store)[0] == 260


async def test_when_many_events_wait_a_checkpoint_ends_with_a_full_tile_and_the_rest_follows(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    with public_objects(public_store) as objects:
        async with leading(database.writer_dsn) as log:
            await append(log, 700)
            async with checkpointing(database, objects, bus_server, log) as checkpointer:
                await until(lambda: checkpointer.covered.position == 700)
        assert {name for name, _ in objects.listed("tile/0/")} == {*("tile/0/000", "tile/0/001", "tile/0/002.p/188")}
    assert sizes(database) == [512, 700]
    assert read_back(public_store)[0] == 700


class Listing(ObjectStore):
    """A store that remembers what it was asked to list."""

    listed_prefixes: tuple[str, ...] = ()

    async def names(self, prefix: str) -> list[str]:
        self.listed_prefixes += (prefix,)
        return await super().names(prefix)


async def test_partial_tiles_are_looked_for_only_where_a_checkpoint_may_have_left_some(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each checkpoint here completes two tiles; what a try before the start left can lie below the first 512."""
    monkeypatch.setattr("services.rmos.audit.checkpointer.MAX_EVENTS", 512)
    objects = Listing(public_store, PREFIX)
    async with leading(database.writer_dsn) as log:
        await append(log, 2048)
        async with checkpointing(database, objects, bus_server, log) as checkpointer:
            await until(lambda: checkpointer.covered.position == 2048)
            await append(log, 1, "last")
            await until(lambda: checkpointer.covered.position == 2049)
    objects.close()
    assert sorted(objects.listed_prefixes) == [
        *("tile/0/000.p/", "tile/0/001.p/", "tile/entries/000.p/", "tile/entries/001.p/")
    ]


async def test_the_partial_tile_of_a_checkpoint_that_was_never_signed_is_dropped_too(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 250)
    with public_objects(public_store) as objects:
        await objects.put("tile/0/001.p/17", bytes(17 * 32), "application/octet-stream")
        async with leading(database.writer_dsn) as log:
            await append(log, 300, "more")
            async with checkpointing(database, objects, bus_server, log) as checkpointer:
                await until(lambda: checkpointer.covered.position == 550)
                await until(lambda: not objects.listed("tile/0/001.p/"))


async def test_partial_tiles_that_a_dead_one_had_yet_to_drop_are_dropped_by_the_next(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 300)
    with public_objects(public_store) as objects:
        left = ("tile/0/000.p/250", "tile/entries/000.p/250", "tile/0/001.p/44")
        await objects.put_all([(name, b"") for name in left[:2]], "application/octet-stream")
        async with (
            leading(database.writer_dsn) as log,
            checkpointing(database, objects, bus_server, log) as checkpointer,
        ):
            await until(lambda: checkpointer.covered.position == 300)
            await append(log, 1, "more")
            await until(lambda: not objects.listed("tile/0/000.p/") and not objects.listed("tile/entries/000.p/"))
            await until(lambda: checkpointer.covered.position == 301)
        assert objects.read(left[2]) is not None  # the tree of a public checkpoint needs it


async def test_the_tree_of_events_in_memory_is_that_of_the_log_also_when_the_process_that_puts_it_dies(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    pool = WorkerPool(1)
    objects = ObjectStore(public_store, PREFIX, pool=pool)
    try:
        async with leading(database.writer_dsn) as log:
            await append(log, 300)
            worker = await pool.run(os.getpid)
            os.kill(worker, signal.SIGSTOP)  # it will have the tiles, and not put them
            async with checkpointing(database, objects, bus_server, log, recent=log.recent) as checkpointer:
                await until(lambda: not pool._idle)
                assert checkpointer.covered.position == 0
                os.kill(worker, signal.SIGKILL)
                await until(lambda: checkpointer.covered.position == 300)
                await append(log, 250, "more")
                await until(lambda: checkpointer.covered.position == 550)
            assert await pool.run(os.getpid) != worker
    finally:
        pool.close()
        objects.close()
    size, root, _ = read_back(public_store)
    assert (size, root) == (550, tlog.mth(leaves(database)))


async def test_a_new_leader_goes_on_from_the_last_checkpoint(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 300)
    before = sizes(database)
    with public_objects(public_store) as objects:
        async with (
            leading(database.writer_dsn) as log,
            checkpointing(database, objects, bus_server, log) as checkpointer,
        ):
            await append(log, 5, "later")
            await until(lambda: checkpointer.covered.position == 305)
    assert sizes(database) == [*before, 305]
    assert read_back(public_store)[0] == 305


async def test_only_the_writer_of_the_newest_term_may_sign(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    with public_objects(public_store) as objects:
        async with leading(database.writer_dsn) as log:
            await append(log, 3)
            assert log.term is not None
            async with checkpointing(database, objects, bus_server, log, epoch=log.term.epoch - 1) as checkpointer:
                await asyncio.wait_for(checkpointer.run(log.term.epoch - 1), 15)
            assert sizes(database) == []
            assert objects.read("checkpoint") is None


@pytest.mark.parametrize("size", [2, 3, 99])
async def test_the_database_refuses_a_checkpoint_that_is_not_ahead_or_not_in_the_log(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess, size: int
) -> None:
    await published(database, public_store, bus_server, 3)
    with psycopg.connect(database.writer_dsn) as connection, pytest.raises(errors.IntegrityError):
        connection.execute(
            "INSERT INTO rmos.checkpoints SELECT %s, root, note, writer_epoch, made_at_utc FROM rmos.checkpoints "
            "ORDER BY tree_size DESC LIMIT 1",
            (size,),
        )


@pytest.mark.parametrize(
    "change", ["UPDATE rmos.checkpoints SET root = root", "DELETE FROM rmos.checkpoints", "TRUNCATE rmos.checkpoints"]
)
@pytest.mark.parametrize("role", ["writer_dsn", "owner_dsn", "superuser_dsn"])
async def test_no_role_changes_a_recorded_checkpoint(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess, change: str, role: str
) -> None:
    await published(database, public_store, bus_server, 3)
    with psycopg.connect(getattr(database, role)) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(change)  # type: ignore[arg-type]  # a literal of this test


async def failure_at_start(
    database: DatabaseAccess,
    public_store: S3Settings,
    bus: NatsAccess,
    key: SigningKey = KEY,
    accept: Acceptance | None = None,
) -> str:
    """What the checkpointer says when it stops at its start; nothing may be signed then."""
    before = sizes(database)
    with public_objects(public_store) as objects:
        async with checkpointing(database, objects, bus, key=key, accept=accept) as checkpointer:
            await until(lambda: checkpointer.failure is not None)
            assert checkpointer.failure is not None
            assert sizes(database) == before
            return checkpointer.failure


async def test_it_stops_when_the_log_no_longer_gives_the_signed_root(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 300)
    as_superuser(database, "UPDATE rmos.events SET leaf = sha256('forged') WHERE position = 7")
    assert "the public checkpoint" in await failure_at_start(database, public_store, bus_server)


async def test_it_stops_when_an_event_is_gone(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    as_superuser(database, "DELETE FROM rmos.events WHERE position = 4")
    assert "position 4 is missing" in await failure_at_start(database, public_store, bus_server)


async def test_it_stops_when_the_end_of_the_log_is_gone(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    as_superuser(database, "DELETE FROM rmos.events WHERE position > 8")
    assert "the log ends at 8" in await failure_at_start(database, public_store, bus_server)


async def test_it_stops_when_the_database_is_older_than_what_was_published(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    as_superuser(database, "DELETE FROM rmos.checkpoints")
    assert "older than what was signed" in await failure_at_start(database, public_store, bus_server)


async def test_it_stops_at_a_public_checkpoint_of_a_fork(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    with public_objects(public_store) as objects:
        await objects.put("checkpoint", Checkpoint(KEY.name, 10, bytes(32)).signed(KEY), "text/plain")
    assert "the root of the public checkpoint of 10" in await failure_at_start(database, public_store, bus_server)


async def test_it_stops_when_the_key_is_another_one(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    assert "no signature of a known key" in await failure_at_start(
        database, public_store, bus_server, SigningKey(KEY.name, bytes(32))
    )


async def test_a_rotated_key_goes_on_where_the_old_one_ended(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 10)
    new = SigningKey(KEY.name, bytes(32))
    with public_objects(public_store) as objects:
        async with (
            leading(database.writer_dsn) as log,
            checkpointing(database, objects, bus_server, log, key=new, retired=(KEY,)) as checkpointer,
        ):
            await append(log, 2, "later")
            await until(lambda: checkpointer.covered.position == 12)
    assert read_back(public_store, str(new.verifier))[0] == 12


async def test_an_older_public_checkpoint_is_replaced_by_the_newest_one_while_idle(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.rmos.audit.checkpointer.LOOK_AGAIN_S", 0.05)
    with public_objects(public_store) as objects:
        async with (
            leading(database.writer_dsn) as log,
            checkpointing(database, objects, bus_server, log) as checkpointer,
        ):
            await append(log, 3)
            await until(lambda: checkpointer.covered.position == 3)
            newest = objects.read("checkpoint")
            older = Checkpoint(KEY.name, 2, tlog.mth(leaves(database)[:2])).signed(KEY)
            await objects.put("checkpoint", older, "text/plain")
            await until(lambda: objects.read("checkpoint") == newest)


class Dying(ObjectStore):
    """A store whose process dies at the n-th write: before it (lost), or right after it (stored)."""

    def __init__(self, settings: S3Settings, at: int, stored: bool) -> None:
        super().__init__(settings, PREFIX)
        self.left, self.stored = at, stored

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        self.left -= 1
        if self.left < 0 or (self.left == 0 and not self.stored):
            raise RmosError(ErrorCode.UNAVAILABLE, "dead")
        await super().put(name, data, content_type)
        if self.left == 0:
            raise RmosError(ErrorCode.UNAVAILABLE, "dead, but stored")

    async def put_all(self, objects: Iterable[tuple[str, bytes]], content_type: str) -> None:
        for name, data in objects:
            await self.put(name, data, content_type)


WRITES = 6
"""To the object store, for a checkpoint that completes a tile: bundle and tile, twice (full, partial), the new level,
and the note."""


@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored"])
@pytest.mark.parametrize("at", range(1, WRITES + 2))
async def test_death_at_any_write_leaves_a_log_that_the_next_one_finishes(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess, at: int, stored: bool
) -> None:
    """The public log grows with the last write, the note, and not before. The last case has no death in it."""
    await published(database, public_store, bus_server, 250)
    dying = Dying(public_store, at, stored)
    async with leading(database.writer_dsn) as log:
        await append(log, 10, "more")
        async with checkpointing(database, dying, bus_server, log) as checkpointer:
            await until(lambda: dying.left < 0 or checkpointer.covered.position == 260)
        seen, _, _ = read_back(public_store)
        noted = at > WRITES or (at == WRITES and stored)
        assert seen == (260 if noted else 250)
        with public_objects(public_store) as objects:
            async with checkpointing(database, objects, bus_server, log) as checkpointer:
                await until(lambda: checkpointer.covered.position == 260)
    dying.close()
    assert read_back(public_store)[:2] == (260, tlog.mth(leaves(database)))
    assert sizes(database)[-1] == 260


async def test_a_database_that_dies_after_it_stored_the_row_is_signed_for_once(
    database: DatabaseAccess, public_store: S3Settings, bus_server: NatsAccess
) -> None:
    await published(database, public_store, bus_server, 5)
    with public_objects(public_store) as objects:
        await objects.remove("checkpoint")
        before = sizes(database)
        async with (
            leading(database.writer_dsn) as log,
            checkpointing(database, objects, bus_server, log) as checkpointer,
        ):
            await until(lambda: objects.read("checkpoint") is not None)
            assert checkpointer.failure is None
    assert sizes(database) == before
    assert read_back(public_store)[0] == 5
