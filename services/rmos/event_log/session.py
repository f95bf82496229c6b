"""The one database session that leads: it holds the leadership lock *and* writes, so losing one is losing both.

A paused or cut-off leader therefore cannot write a byte after its successor began: its session has ended. That the
lock and the writes share a session is the fence; the epoch in every row and the trigger on `events` check it again.
"""

from __future__ import annotations

from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from contracts.log import StoredEvent
from services.rmos.event_log.batch import Known, Plan
from services.rmos.event_log.pending import Pending
from services.rmos.event_log.prepared import PreparedWrite
from services.rmos.event_log.statements import statement
from services.rmos.event_log.stored import stored_event

LEADER_LOCK = 7_266_811_000
"""Advisory lock of the database: who holds it writes the log."""
PAUSED_AFTER_S = 1.2
"""A leader whose session has been idle for so long is not alive; its heartbeat comes every 0.3 s."""
_APPEND, _APPEND_ONE = statement("append"), statement("append_one")
_LAST_POSITION, _HEADS = statement("last_position"), statement("heads")
_COMMANDS, _EVENT_IDS = statement("commands"), statement("event_ids")
_TRY_LEAD, _BEGIN_TERM, _NEWEST_TERM = statement("try_lead"), statement("begin_term"), statement("newest_term")
_EVICT, _END_FOLDS = statement("evict_paused_leader"), statement("end_unfinished_folds")
# Plans of prepared statements are kept for the session's life: made on an empty table they would scan it for ever.
# The statement timeout bounds a statement that waits for somebody's lock; it ends it definitely (rolled back).
_OPTIONS = "-c synchronous_commit=on -c enable_seqscan=off -c search_path=rmos -c statement_timeout=10000"


class LeaderSession:
    """A connection that wants to lead, or leads. Every method raises psycopg.Error."""

    def __init__(self, connection: AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self._append = PreparedWrite(connection, _APPEND)
        self._append_one = PreparedWrite(connection, _APPEND_ONE)

    @classmethod
    async def connect(cls, dsn: str, holder: str) -> Self:
        connection = await AsyncConnection.connect(
            dsn,
            autocommit=True,
            row_factory=tuple_row,
            client_encoding="utf-8",
            options=_OPTIONS,
            application_name=f"rmos-writer {holder}"[:63],
            connect_timeout=3,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=8000,
        )
        return cls(connection)

    @property
    def broken(self) -> bool:
        return self._connection.closed

    async def close(self) -> None:
        await self._connection.close()

    async def try_lead(self) -> bool:
        """Whether this session holds the lock now."""
        return bool(await self._value(_TRY_LEAD, {"lock": LEADER_LOCK}))

    async def evict_paused_leader(self) -> list[int]:
        """Ends the session of a leader that shows no sign of life; the backend pids that were ended."""
        cursor = await self._connection.execute(_EVICT, {"lock": LEADER_LOCK, "paused_after_s": PAUSED_AFTER_S})
        return [row[0] for row in await cursor.fetchall()]

    async def begin_term(self, holder: str) -> int:
        """The epoch of a new term. Only for the holder of the lock."""
        return int(await self._value(_BEGIN_TERM, {"holder": holder}))

    async def end_unfinished_folds(self) -> list[int]:
        """Ends what a paused predecessor has open in the projections; the backend pids that were ended."""
        return [row[0] for row in await (await self._connection.execute(_END_FOLDS)).fetchall()]

    async def newest_term(self) -> int:
        return int(await self._value(_NEWEST_TERM, {}))

    async def beat(self) -> None:
        """A sign of life."""
        await self._connection.execute("SELECT 1", prepare=True)

    async def last_position(self) -> int:
        return int(await self._value(_LAST_POSITION, {}))

    async def heads(self, streams: list[str]) -> dict[str, int]:
        cursor = await self._connection.execute(_HEADS, {"streams": streams}, prepare=True)
        return dict(await cursor.fetchall())

    async def commands(self, command_ids: list[str]) -> dict[str, tuple[StoredEvent, ...]]:
        """What these commands have recorded; those that recorded nothing are left out."""
        cursor = await self._connection.execute(_COMMANDS, {"command_ids": command_ids}, prepare=True, binary=True)
        found: dict[str, list[StoredEvent]] = {}
        for event in map(stored_event, await cursor.fetchall()):
            found.setdefault(event.command_id, []).append(event)
        return {command_id: tuple(events) for command_id, events in found.items()}

    async def known(self, batch: list[Pending]) -> Known:
        """Everything the log holds of the batch."""
        streams = {entry.stream for request in batch for entry in request.entries}
        streams.update(*(request.expected for request in batch))
        event_ids = [entry.event_id for request in batch for entry in request.entries]
        heads = await self.heads(list(streams))
        commands = await self.commands([request.command_id for request in batch])
        cursor = await self._connection.execute(_EVENT_IDS, {"event_ids": event_ids}, prepare=True)
        return Known(heads, commands, frozenset(row[0] for row in await cursor.fetchall()))

    async def insert(self, plan: Plan) -> None:
        """Commits the plan's rows: one statement, one transaction, one round trip."""
        if len(plan.rows) == 1:
            await self._append_one.run(plan.parameters_of_one())
        else:
            await self._append.run(plan.parameters())

    async def _value(self, query: Any, parameters: dict[str, Any]) -> Any:
        row = await (await self._connection.execute(query, parameters)).fetchone()
        assert row is not None  # each of these statements gives one row
        return row[0]


def definitely_refused(error: psycopg.Error, session: LeaderSession) -> bool:
    """Whether the statement was rolled back for certain: the server said so on a session that lives on."""
    return error.sqlstate is not None and not session.broken
