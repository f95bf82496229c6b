"""Projections are made anew beside the live ones and take their place; readers and writers notice nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url

from contracts.artifacts import AttachmentKind
from contracts.rmos import AskRun, ListRunAttachments, ListRuns
from runtime.logs import logger
from runtime.testing import DatabaseAccess
from services.rmos.audit.snapshot import snapshot
from services.rmos.event_log.duties import ended
from services.rmos.projections import rebuild as rebuild_module
from services.rmos.projections.database import projection_engine, rebuild_engine
from services.rmos.projections.folds import FOLD_VERSION
from services.rmos.projections.projector import Projector
from services.rmos.projections.rebuild import Rebuild, RebuildUnderWay, fingerprints, fold_beside
from services.rmos.projections.tables import FOLDED, SCHEMA, metadata
from tests.rmos.event_log.given import until
from tests.rmos.projections.given import World, attached, bound, run_opened, some_history, world

CLIENTS = 8


@asynccontextmanager
async def rebuilder(database: DatabaseAccess, live: World, fold_version: int = FOLD_VERSION) -> AsyncIterator[Rebuild]:
    engine = rebuild_engine(database.writer_dsn)
    try:
        yield Rebuild(engine, live.log, fold_version, logger())
    finally:
        await engine.dispose()


def schemas(database: DatabaseAccess) -> list[str]:
    with psycopg.connect(database.reader_dsn) as auditor:
        names = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'projections%' ORDER BY 1"
        return [row[0] for row in auditor.execute(names)]


def stands(database: DatabaseAccess) -> tuple[int, int]:
    """Position and fold version of the live tables."""
    with psycopg.connect(database.reader_dsn) as auditor:
        row = auditor.execute("SELECT position, fold_version FROM projections.projection_cursor").fetchone()
    assert row is not None
    return row


def spoiled(database: DatabaseAccess, statement: str = "UPDATE projections.runs SET label = 'spoiled'") -> None:
    with psycopg.connect(database.writer_dsn) as writer:
        writer.execute(statement)  # type: ignore[arg-type]  # a literal of this module


async def equals_a_fresh_fold(database: DatabaseAccess, live: World) -> None:
    await live.reader.wait_for(live.log.head.position)
    owner = projection_engine(database.owner_dsn)
    try:
        assert await fold_beside(owner, "fresh", live.log, logger()) == stands(database)[0]
        async with live.engine.connect() as connection, owner.connect() as other:
            assert await fingerprints(connection) == await fingerprints(other, "fresh")
    finally:
        await owner.dispose()


async def test_rebuilt_tables_take_the_place_of_the_live_ones(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live, rebuilder(database, live) as rebuild:
        await some_history(live)
        await live.reader.wait_for(live.log.head.position)
        spoiled(database)
        assert await rebuild.rebuilt() == live.log.head.position
        assert (await live.queries.run(AskRun(run_id="run_0"))).label == "label of run_0"
        assert schemas(database) == [SCHEMA]
        await live.append(run_opened("after"))
        assert (await live.queries.run(AskRun(run_id="after"))).run_id == "after"
        await equals_a_fresh_fold(database, live)


async def test_rebuilt_tables_have_the_layout_and_the_rights_of_the_first_ones(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live, rebuilder(database, live) as rebuild:
        await live.append(run_opened("1"))
        await rebuild.rebuilt()
        await rebuild.rebuilt()
        await live.append(*(run_opened(f"more_{number}") for number in range(30)))
        await live.reader.wait_for(live.log.head.position)
        async with live.engine.begin() as connection:
            await connection.exec_driver_sql("SELECT projections.refresh_statistics()")
    engine = create_engine(make_url(database.owner_dsn).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        only_ours = {"include_schemas": True, "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA}
        differences = compare_metadata(MigrationContext.configure(connection, opts=only_ours), metadata)
        assert [item for item in differences if "comment" not in str(item[0])] == []
    engine.dispose()
    with psycopg.connect(database.reader_dsn) as auditor:
        assert auditor.execute("SELECT count(*) FROM projections.runs").fetchone() == (31,)


async def test_clients_that_write_and_read_during_rebuilds_are_never_refused_and_see_what_they_wrote(
    database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_module, "BATCH", 50)
    done = asyncio.Event()
    answered = 0

    async def client(live: World, name: str) -> None:
        nonlocal answered
        number = 0
        while not done.is_set():
            run_id = f"{name}_{number}"
            await live.append(run_opened(run_id), attached(run_id, AttachmentKind.SVG, "a"))
            assert (await live.queries.run(AskRun(run_id=run_id))).attachment_count == 1
            await live.append(bound(run_id, f"artifact_{run_id}"))
            assert (await live.queries.run(AskRun(run_id=run_id))).artifact_count == 1
            assert len((await live.queries.attachments(ListRunAttachments(run_id=run_id))).items) == 1
            assert run_id in {run.run_id for run in (await live.queries.runs(ListRuns(limit=200))).items}
            number, answered = number + 1, answered + 1

    async with world(database.writer_dsn) as live, rebuilder(database, live) as rebuild:
        await some_history(live)
        async with asyncio.TaskGroup() as group:
            for index in range(CLIENTS):
                group.create_task(client(live, f"client_{index}"))
            for _ in range(4):
                before = answered
                await until(lambda before=before: answered >= before + 2 * CLIENTS)  # type: ignore[misc]
                await rebuild.rebuilt()
            before = answered
            await until(lambda: answered >= before + CLIENTS)
            done.set()
        await equals_a_fresh_fold(database, live)


def test_tables_that_lack_an_index_do_not_go_live(database: DatabaseAccess) -> None:
    with psycopg.connect(database.writer_dsn, autocommit=True) as writer:
        writer.execute("SELECT rmos.begin_projection_rebuild(%s)", [FOLD_VERSION])
        writer.execute("SELECT rmos.put_off_projection_indexes()")
        made = 0
        while writer.execute("SELECT rmos.make_projection_index()").fetchone() == (True,):
            with pytest.raises(psycopg.errors.RaiseException, match="lack indexes"):
                writer.execute("SELECT rmos.swap_projections()")
            made += 1
        assert made == sum(len(table.indexes) for table in FOLDED) + 5  # and each has unique positions but run_events
        assert writer.execute("SELECT rmos.swap_projections()").fetchone() == (True,)


def test_what_is_put_off_is_for_the_owner_alone(database: DatabaseAccess) -> None:
    with psycopg.connect(database.writer_dsn, autocommit=True) as writer:
        writer.execute("SELECT rmos.begin_projection_rebuild(%s)", [FOLD_VERSION])
        writer.execute("SELECT rmos.put_off_projection_indexes()")
        for statement in (
            "INSERT INTO projections_next.indexes_to_make (statement) VALUES ('DROP TABLE rmos.events')",
            "UPDATE projections_next.indexes_to_make SET statement = 'DROP TABLE rmos.events'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                writer.execute(statement)


def test_an_older_version_rebuilds_without_putting_anything_off(database: DatabaseAccess) -> None:
    with psycopg.connect(database.writer_dsn, autocommit=True) as writer:
        writer.execute("SELECT rmos.begin_projection_rebuild(%s)", [FOLD_VERSION])
        assert writer.execute("SELECT rmos.swap_projections()").fetchone() == (True,)


async def test_a_second_rebuild_at_the_same_time_is_refused(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live, rebuilder(database, live) as one, rebuilder(database, live) as other:
        await live.append(run_opened("1"))
        with snapshot(database.reader_dsn):  # an audit makes the first one wait before its swap
            first = asyncio.create_task(one.rebuilt())
            await until(lambda: "projections_next" in schemas(database))
            with pytest.raises(RebuildUnderWay):
                await other.rebuilt()
        await first


async def test_nothing_is_swapped_under_the_eyes_of_an_audit(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live, rebuilder(database, live) as rebuild:
        await some_history(live)
        await live.reader.wait_for(live.log.head.position)
        with snapshot(database.reader_dsn) as view:
            rebuilding = asyncio.create_task(rebuild.rebuilt())
            await until(lambda: rebuild.folded == live.log.head.position)
            seen = await asyncio.to_thread(lambda: list(view.table(SCHEMA, "runs")))
            assert (len(seen), rebuilding.done()) == (6, False)
            await live.append(run_opened("meanwhile"))  # nobody waits for the audit but the swap
            await live.queries.run(AskRun(run_id="meanwhile"))
        assert await rebuilding == live.log.head.position


async def test_tables_of_an_older_fold_serve_until_those_of_this_one_are_there(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        await some_history(live)
        await live.projector.catch_up()
        spoiled(database)
        spoiled(database, "UPDATE projections.projection_cursor SET fold_version = 0")
        serving = Projector(live.engine, live.log, live.log.head, logger(), continue_older=True)
        running = asyncio.create_task(serving.run())
        async with rebuilder(database, live) as rebuild:
            await live.append(run_opened("new"))
            assert (await live.queries.run(AskRun(run_id="new"))).run_id == "new"
            assert stands(database)[1] == 0
            await rebuild.run()
        assert stands(database)[1] == FOLD_VERSION
        assert (await live.queries.run(AskRun(run_id="run_1"))).label == "label of run_1"
        await ended(running)


async def test_tables_of_a_newer_fold_are_left_alone(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live, rebuilder(database, live) as rebuild:
        await live.append(run_opened("1"))
        await live.projector.catch_up()
        spoiled(database, f"UPDATE projections.projection_cursor SET fold_version = {FOLD_VERSION + 1}")
        await rebuild.run()
        assert stands(database) == (1, FOLD_VERSION + 1)
        with pytest.raises(Exception, match="start the newer version"):
            await live.projector.catch_up()


async def test_an_empty_database_is_of_every_fold_version(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live, rebuilder(database, live) as rebuild:
        spoiled(database, "UPDATE projections.projection_cursor SET fold_version = 0")
        await rebuild.run()
        await live.append(run_opened("1"))
        await live.projector.catch_up()
        assert stands(database) == (1, FOLD_VERSION)


class Dead(BaseException):
    """The process died here; nothing that catches errors may go on."""


STEPS = ("_begin", "_write", "_index", "_refresh_statistics", "_swap", "_drop")


@pytest.mark.parametrize("stored", [False, True], ids=["lost", "stored"])
@pytest.mark.parametrize("step", STEPS)
async def test_death_at_any_step_leaves_what_the_next_start_clears_away(
    database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch, step: str, stored: bool
) -> None:
    async with world(database.writer_dsn) as live:
        await some_history(live)
        await live.reader.wait_for(live.log.head.position)
        spoiled(database, "UPDATE projections.projection_cursor SET fold_version = 0")

        async with rebuilder(database, live) as dying:
            act: Any = getattr(dying, step)

            async def die(*arguments: Any) -> None:
                if stored:
                    await act(*arguments)
                raise Dead

            monkeypatch.setattr(dying, step, die)
            with pytest.raises(Dead):
                await dying.rebuilt()
        swapped = step == "_drop" or (step == "_swap" and stored)
        assert stands(database)[1] == (FOLD_VERSION if swapped else 0)
        async with rebuilder(database, live) as next_start:
            await next_start.run()
        assert (schemas(database), stands(database)[1]) == ([SCHEMA], FOLD_VERSION)
        await equals_a_fresh_fold(database, live)
