"""Each event is folded exactly once, a rebuild equals the live tables, and nothing is guessed."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.artifacts import AttachmentKind
from contracts.errors import ErrorCode, RmosError
from contracts.log import RunDeleted
from contracts.rmos import AskRun
from runtime.logs import logger
from runtime.testing import DatabaseAccess
from services.rmos.event_log.duties import ended
from services.rmos.projections import projector as projector_module
from services.rmos.projections.changes import Coalesced, FoldBroken, key_of
from services.rmos.projections.database import CONNECTIONS, folding_connection, projection_engine
from services.rmos.projections.folds import FOLD_VERSION, changes_of
from services.rmos.projections.projector import Projector, apply
from services.rmos.projections.rebuild import fingerprints, fold_beside
from services.rmos.projections.tables import FOLDED, SCHEMA, metadata
from services.rmos.projections.writing import Cursor, CursorMoved
from tests.rmos.projections.given import attached, bound, run_opened, some_history, world


async def prints(engine: AsyncEngine, schema: str = SCHEMA) -> dict[str, str]:
    async with engine.connect() as connection:
        return await fingerprints(connection, schema)


def _kind(difference: Any) -> Any:
    return difference[0][0] if isinstance(difference, list) else difference[0]


def test_the_tables_of_the_code_are_those_of_the_migrations(database: DatabaseAccess) -> None:
    engine = create_engine(make_url(database.owner_dsn).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        options = {
            "include_schemas": True,
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
        }
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        # comments are for people who look into the database; everything else must be the same
        assert [item for item in differences if "comment" not in str(_kind(item))] == []
    engine.dispose()


async def test_a_rebuild_beside_the_live_tables_equals_them(
    database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(database.writer_dsn) as live:
        await some_history(live)
        await live.queries.run(AskRun(run_id="run_0"))  # waits for the projector
        monkeypatch.setattr(projector_module, "BATCH", 7)  # other batches than the live ones
        owner = projection_engine(database.owner_dsn)
        position = await fold_beside(owner, "projections_next", live.log, logger())
        assert position == live.log.head.position
        assert await prints(owner, "projections_next") == await prints(live.engine)
        await live.append(run_opened("another"))
        await live.queries.run(AskRun(run_id="another"))
        assert await prints(owner, "projections_next") != await prints(live.engine)
        await owner.dispose()


@pytest.mark.parametrize("batch", [1, 7, 500])
async def test_the_tables_hold_what_the_folds_say_however_the_batches_fall(
    database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(projector_module, "BATCH", batch)
    async with world(database.writer_dsn, projecting=False) as live:
        await some_history(live)
        await live.append(("run-run_3", RunDeleted(run_id="run_3", reason="a mistake")))
        await live.projector.catch_up()
        events = await live.log.read_after(0, 1000)
        folded = Coalesced(change for event in events for change in changes_of(event))
        assert folded.updates == {}  # everything that changes was made
        async with live.engine.connect() as connection:
            for table in FOLDED:
                rows = [dict(row._mapping) for row in await connection.execute(select(table))]
                expected = folded.inserts.get(table, {})
                assert {key_of(table, row): row for row in rows} == {
                    key: {column.name: row.get(column.name) for column in table.columns}
                    for key, row in expected.items()
                }


async def test_folding_the_same_events_again_is_refused_and_changes_nothing(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        await some_history(live)
        events = await live.log.read_after(0, 1000)
        async with await folding_connection(live.engine) as connection:
            await apply(connection, SCHEMA, Cursor(0, FOLD_VERSION), events)
        once = await prints(live.engine)
        with pytest.raises(CursorMoved):
            async with await folding_connection(live.engine) as connection:
                await apply(connection, SCHEMA, Cursor(0, FOLD_VERSION), events)
        assert await prints(live.engine) == once


async def test_a_gap_between_events_is_refused(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        await live.append(run_opened("1"), run_opened("2"), run_opened("3"))
        events = await live.log.read_after(0, 1000)
        for missing in ([events[0], events[2]], events[1:]):
            with pytest.raises(FoldBroken, match="not contiguous"):
                async with await folding_connection(live.engine) as connection:
                    await apply(connection, SCHEMA, Cursor(0, FOLD_VERSION), missing)
        assert await live.projector.catch_up() == 3


async def test_two_projectors_at_once_fold_each_event_once(
    database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector_module, "BATCH", 3)
    async with world(database.writer_dsn) as live:
        second = Projector(live.engine, live.log, live.log.head, logger())
        running = asyncio.create_task(second.run())
        await some_history(live)
        for number in range(40):
            await live.append(run_opened(f"more_{number}"), attached(f"more_{number}", AttachmentKind.SVG, "c"))
        await live.reader.wait_for(live.log.head.position)
        await ended(running)
        owner = projection_engine(database.owner_dsn)
        await fold_beside(owner, "fresh", live.log, logger())
        assert await prints(live.engine) == await prints(owner, "fresh")
        await owner.dispose()


async def test_an_event_about_a_run_that_does_not_exist_stops_the_fold_and_says_so(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        await live.append(run_opened("1"))
        await live.append(bound("unknown", "artifact_1"))
        with pytest.raises(FoldBroken, match="1 rows of runs"):
            await live.projector.catch_up()
        async with live.engine.connect() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM projections.runs"))).scalar_one() == 0


async def test_tables_of_another_fold_version_are_not_continued(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        await live.append(run_opened("1"))
        await live.projector.catch_up()
        async with live.engine.begin() as connection:
            await connection.execute(text("UPDATE projections.projection_cursor SET fold_version = 0"))
        with pytest.raises(FoldBroken, match="rebuild the projections"):
            await live.projector.catch_up()


async def test_a_query_does_not_answer_from_before_an_append(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        await live.append(run_opened("1"))
        asked = asyncio.create_task(live.queries.run(AskRun(run_id="1")))
        await live.projector.projected.pause(60)  # ends once the question waits for the projector
        assert not asked.done()
        await live.projector.catch_up()
        assert (await asked).run_id == "1"


async def test_many_queries_that_wait_leave_the_projector_a_connection(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        await live.append(run_opened("1"))
        waiting = [asyncio.create_task(live.queries.run(AskRun(run_id="1"))) for _ in range(4 * CONNECTIONS)]
        await live.projector.projected.pause(60)  # ends once the first of them waits for the projector
        await live.projector.catch_up()
        assert {run.run_id for run in await asyncio.gather(*waiting)} == {"1"}


async def test_a_query_that_waited_too_long_says_that_the_projections_are_behind(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn, projecting=False) as live:
        (position,) = await live.append(run_opened("1"))
        with pytest.raises(RmosError) as caught:
            await live.reader.wait_for(position, patience_s=0.1)
        assert (caught.value.code, caught.value.body.retryable) == (ErrorCode.UNAVAILABLE, True)


async def test_a_projector_that_is_cancelled_in_the_middle_ends_and_another_goes_on(database: DatabaseAccess) -> None:
    # at any moment of a transaction: a driver interrupted there may raise its own error instead of the cancellation
    async with world(database.writer_dsn, projecting=False) as live:
        pauses = random.Random(1)
        for number in range(40):
            running = asyncio.create_task(Projector(live.engine, live.log, live.log.head, logger()).run())
            await live.append(run_opened(f"run_{number}"), bound(f"run_{number}", f"artifact_{number}"))
            await asyncio.sleep(pauses.random() * 0.02)
            running.cancel()
            done, _ = await asyncio.wait([running], timeout=10)
            assert done
        assert await live.projector.catch_up() == 80
        assert live.projector.failure is None
