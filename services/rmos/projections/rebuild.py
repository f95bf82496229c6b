"""Folding the whole log afresh into tables beside the live ones, putting them in their place, and comparing folds.

The steps are begin, write (batch by batch), index (one after the other), swap, drop (migrations/versions/0004 to 0006).
Each is one transaction, and each state that dying between two of them leaves is one that the next rebuild begins from:
what is not live is dropped and made anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
import psycopg
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import RmosError
from runtime.logs import Logger
from services.rmos.event_log.duties import ended, heed_cancellation, to_its_end
from services.rmos.event_log.head import Head
from services.rmos.event_log.statements import statement
from services.rmos.migrations.scripts import layout
from services.rmos.projections.changes import Coalesced, FoldBroken
from services.rmos.projections.copying import copy_rows, encoded_changes_of
from services.rmos.projections.database import driver_of
from services.rmos.projections.folds import FOLD_VERSION
from services.rmos.projections.projector import Projector, cursor_of, net_of
from services.rmos.projections.recorded import Tail, recorded
from services.rmos.projections.tables import FOLDED, SCHEMA, projection_cursor
from services.rmos.projections.writing import CURSOR, Cursor, write

NEXT = "projections_next"
BATCH = 4_000
REBUILD_LOCK = 7_266_811_004
"""Advisory lock of the database: who holds it rebuilds."""
PAUSED_AFTER_S = 10.0
"""A rebuild whose session has been idle for so long is paused or cut off: its steps follow each other at once."""
WAIT_S = 0.2
RETRY_S = 1.0
Progress = Callable[[int], None]
"""The position that is folded by now."""


class RebuildUnderWay(Exception):
    """Another process rebuilds the projections at the moment."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the next events change, and where the tables stand before and after; no net changes at the log's end."""

    before: Cursor
    after: Cursor
    net: Coalesced | None


class Rebuild:
    """Makes the projections anew and puts them in the place of the live ones, while those go on serving.

    `engine` connects as the writer's role. `run()` is a background task of the leader: it rebuilds tables that an older
    version of the folds made, and clears away what a killed rebuild left.
    """

    def __init__(self, engine: AsyncEngine, tail: Tail, fold_version: int, log: Logger) -> None:
        self._engine = engine
        self._tail = tail
        self._fold_version = fold_version
        self._log = log
        self.folded: int | None = None
        """The position that a rebuild under way has reached; None while there is none."""
        self.failure: str | None = None
        """Why a rebuild that is due cannot be done; None while all is well."""

    async def run(self) -> None:
        """Returns when the live tables are of this version of the folds and nothing else lies about."""
        while True:
            try:
                if await self._is_due():
                    await self.rebuilt()
                else:
                    await self.cleared()
                self.failure = None
                return
            except RebuildUnderWay:
                await asyncio.sleep(RETRY_S)
            except (psycopg.Error, SQLAlchemyError, RmosError, FoldBroken, OSError) as error:
                heed_cancellation()
                self.failure = (
                    f"the projections cannot be rebuilt: {(str(error) or type(error).__name__).splitlines()[0]}"
                )
                transient = isinstance(error, psycopg.OperationalError | DBAPIError | RmosError | OSError)
                (self._log.warning if transient else self._log.error)("rebuild_waits", reason=self.failure)
                await asyncio.sleep(RETRY_S)

    async def rebuilt(self, progress: Progress = lambda _: None) -> int:
        """The position at which the new tables went live; they hold exactly what the log gives.

        Raises RebuildUnderWay, FoldBroken when the log cannot be folded, or the database's error; the live tables are
        untouched then.
        """
        async with self._session() as connection:
            self._log.info("rebuild_begins", fold_version=self._fold_version)
            try:
                await to_its_end(self._begin(connection))
                await self._write_all(connection, progress)
                while await to_its_end(self._index(connection)):
                    pass
                await to_its_end(self._refresh_statistics(connection))
                position = await self._swapped(connection)
                progress(position)
            finally:
                self.folded = None
            self._log.info("rebuild_live", position=position, fold_version=self._fold_version)
            await self._drop(connection)
            return position

    async def cleared(self) -> list[str]:
        """The schemas that an interrupted rebuild left and that were dropped now. Raises RebuildUnderWay."""
        async with self._session() as connection:
            return await self._drop(connection)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection]:
        """A connection that holds the lock; closed in the end, and the lock with it."""
        async with self._engine.connect() as connection:
            await connection.execution_options(schema_translate_map={SCHEMA: NEXT})
            try:
                async with connection.begin():
                    raw = await driver_of(connection)
                    found = {"lock": REBUILD_LOCK, "paused_after_s": PAUSED_AFTER_S}
                    await raw.execute(statement("evict_paused_leader"), found)
                    if not await connection.scalar(select(func.pg_try_advisory_lock(REBUILD_LOCK))):
                        raise RebuildUnderWay("another process rebuilds the projections at the moment")
                yield connection
            finally:
                await connection.invalidate()

    async def _is_due(self) -> bool:
        async with self._engine.connect() as connection:
            query = select(projection_cursor.c.position, projection_cursor.c.fold_version)
            row = (await connection.execute(query.where(projection_cursor.c.name == CURSOR))).one_or_none()
        return row is None or (row.position > 0 and row.fold_version < self._fold_version)

    async def _begin(self, connection: AsyncConnection) -> None:
        async with connection.begin():
            await connection.execute(select(func.rmos.begin_projection_rebuild(self._fold_version)))
            await connection.execute(select(func.rmos.put_off_projection_indexes()))

    async def _write_all(self, connection: AsyncConnection, progress: Progress) -> None:
        """Reads and folds a batch while Postgres takes the rows of the one before."""
        ahead = asyncio.create_task(self._batch_after(Cursor(0, FOLD_VERSION)))
        try:
            while (batch := await ahead).net is not None:
                ahead = asyncio.create_task(self._batch_after(batch.after))
                await to_its_end(self._write(connection, batch))
                self.folded = batch.after.position
                progress(batch.after.position)
        finally:
            await ended(ahead)

    async def _batch_after(self, cursor: Cursor) -> Batch:
        events = [recorded(row) for row in await self._tail.rows_after(cursor.position, BATCH)]
        if not events:
            return Batch(cursor, cursor, None)
        return Batch(cursor, cursor.at(events[-1].position), await net_of(cursor, events, encoded_changes_of))

    async def _write(self, connection: AsyncConnection, batch: Batch) -> None:
        async with connection.begin():
            await self._put(connection, batch)

    async def _put(self, connection: AsyncConnection, batch: Batch) -> None:
        assert batch.net is not None  # whoever reaches the log's end writes nothing
        driver = await driver_of(connection)
        await write(driver, NEXT, batch.before, batch.after, {}, batch.net.updates)
        for table, rows in batch.net.inserts.items():
            await copy_rows(driver, NEXT, table, rows.values())

    async def _index(self, connection: AsyncConnection) -> bool:
        """Makes one index; whether there may be another to make."""
        async with connection.begin():
            return bool(await connection.scalar(select(func.rmos.make_projection_index())))

    async def _refresh_statistics(self, connection: AsyncConnection) -> None:
        async with connection.begin():
            await connection.execute(select(func.projections_next.refresh_statistics()))

    async def _swapped(self, connection: AsyncConnection) -> int:
        """The position of the swap, once nothing stands in its way."""
        while True:
            position = await to_its_end(self._swap(connection))
            if position is not None:
                return position
            await asyncio.sleep(WAIT_S)

    async def _swap(self, connection: AsyncConnection) -> int | None:
        """The position of the swap; None when it has to wait. The live projector stands still while this lasts."""
        async with connection.begin():
            live = await self._hold_live(connection)
            cursor = await cursor_of(await driver_of(connection), NEXT)
            while (batch := await self._batch_after(cursor)).net is not None:
                await self._put(connection, batch)
                cursor = batch.after
                if cursor.position >= live:
                    break
            swapped = await connection.scalar(select(func.rmos.swap_projections()))
        return cursor.position if swapped else None

    async def _hold_live(self, connection: AsyncConnection) -> int:
        """The position of the live tables, which stays until the transaction ends; 0 when there are none."""
        if await connection.scalar(select(func.to_regclass(f"{SCHEMA}.projection_cursor"))) is None:
            return 0
        held = text(f"SELECT position FROM {SCHEMA}.projection_cursor WHERE name = :name FOR UPDATE")  # noqa: S608 - a constant
        return int(await connection.scalar(held, {"name": CURSOR}) or 0)

    async def _drop(self, connection: AsyncConnection) -> list[str]:
        """A reader that is still on the old tables delays this: then the next start, or the next rebuild, does it."""
        try:
            async with connection.begin():
                dropped = list(await connection.scalar(select(func.rmos.drop_unused_projections())) or ())
        except DBAPIError as error:
            self._log.warning("unused_projections_stay", reason=str(error).splitlines()[0])
            return []
        if dropped:
            self._log.info("unused_projections_dropped", schemas=dropped)
        return dropped


async def fold_beside(owner: AsyncEngine, schema: str, tail: Tail, log: Logger) -> int:
    """Makes the schema with empty tables and folds the log into it; the position reached.

    `owner` connects as the role that owns the schema of the projections. Raises the database's error when the schema
    exists already.
    """
    name = owner.dialect.identifier_preparer.quote(schema)
    async with owner.begin() as connection:
        await connection.execute(text(f"CREATE SCHEMA {name}"))
        await connection.execute(text(f"SET LOCAL search_path = {name}"))
        await (await driver_of(connection)).execute(layout())
    return await Projector(owner, tail, Head(), log, schema).catch_up()


async def fingerprints(connection: AsyncConnection, schema: str = SCHEMA) -> dict[str, str]:
    """Table -> SHA-256 over all its rows in key order: equal exactly when the folds are."""
    await connection.execution_options(schema_translate_map={SCHEMA: schema})
    found: dict[str, str] = {}
    for table in FOLDED:
        digest = hashlib.sha256()
        rows = await connection.stream(select(table).order_by(*table.primary_key.columns))
        async for row in rows:
            digest.update(orjson.dumps(list(row), default=str, option=orjson.OPT_SORT_KEYS) + b"\n")
        found[table.name] = digest.hexdigest()
    return found
