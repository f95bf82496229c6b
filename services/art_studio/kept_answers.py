"""Answers kept in Postgres."""

from __future__ import annotations

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from services.art_studio.database import Pool, transaction
from services.art_studio.ports import KeptAnswer


class PostgresKeptAnswers:
    """services.art_studio.ports.KeptAnswers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, command_id: str) -> KeptAnswer | None:
        async with transaction(self._pool) as connection:
            return await _kept(connection, command_id)

    async def keep(self, command_id: str, answer: KeptAnswer) -> KeptAnswer:
        async with transaction(self._pool) as connection:
            await connection.execute(
                "INSERT INTO art.answers (command_id, command_sha256, reply) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                (command_id, answer.command_sha256, answer.reply),
            )
            kept = await _kept(connection, command_id)
        assert kept is not None  # ours, or the one that was there: nothing in the table is ever removed
        return kept


async def _kept(connection: AsyncConnection[DictRow], command_id: str) -> KeptAnswer | None:
    found = await connection.execute(
        "SELECT command_sha256, reply FROM art.answers WHERE command_id = %s", (command_id,)
    )
    row = await found.fetchone()
    return KeptAnswer(**row) if row is not None else None
