"""The asset index in Postgres."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from contracts.art import Asset, Assets, ListAssets
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from services.art_studio.database import Pool, transaction
from services.art_studio.domain.seeds import asset_ids
from services.art_studio.ports import NewAsset

_CURSOR = re.compile(r"a[0-9a-f]{1,15}")

_COLUMNS = sql.SQL(
    "a.position, a.asset_id, a.svg, a.spec, a.preview,"
    " o.request_id, o.variant_seed, o.created_at_utc, o.provenance, o.prompt_sha256, o.meta"
)
_FIRST_ORIGIN = sql.SQL("a.position DESC, o.created_at_utc, o.request_id, o.variant_seed")


class PostgresAssetIndex:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, new: NewAsset) -> str:
        async with transaction(self._pool) as connection:
            asset_id = await self._id_of(connection, new)
            await self._add_origin(connection, asset_id, new)
            return asset_id

    async def get(self, asset_id: str) -> Asset:
        items = await self._select(sql.SQL("a.asset_id = %s"), [asset_id], 1)
        if not items:
            raise RmosError(ErrorCode.NOT_FOUND, f"there is no asset {asset_id}")
        return _asset(items[0])

    async def page(self, query: ListAssets) -> Assets:
        conditions, values = _conditions(query)
        rows = await self._select(sql.SQL(" AND ").join(conditions), values, query.limit + 1)
        page = rows[: query.limit]
        more = len(rows) > query.limit
        return Assets(
            items=tuple(_asset(row) for row in page), next_cursor=f"a{page[-1]['position']:x}" if more else None
        )

    async def ready(self) -> bool:
        try:
            async with transaction(self._pool) as connection:
                await connection.execute(
                    "SELECT FROM art.assets JOIN art.asset_origins USING (asset_id), art.answers LIMIT 1"
                )
        except psycopg.errors.UndefinedTable:
            return False
        return True

    async def _id_of(self, connection: AsyncConnection[DictRow], new: NewAsset) -> str:
        """The id under which the asset stands, adding it when it is new.

        A concurrent insert of the same asset makes ours wait and then do nothing, after which its row is visible.
        """
        for asset_id in (None, *asset_ids(new.digest)):
            if asset_id is not None:
                await connection.execute(
                    "INSERT INTO art.assets (asset_id, digest, svg, spec, preview) VALUES (%s, %s, %s, %s, %s)"
                    " ON CONFLICT DO NOTHING",
                    (
                        asset_id,
                        new.digest,
                        *(_json(blob) for blob in (new.asset.svg, new.asset.spec, new.asset.preview)),
                    ),
                )
            found = await connection.execute("SELECT asset_id FROM art.assets WHERE digest = %s", (new.digest,))
            row = await found.fetchone()
            if row is not None:
                return str(row["asset_id"])
        raise RmosError(ErrorCode.INTERNAL, "no asset id is free: two digests with one SHA-256")

    async def _add_origin(self, connection: AsyncConnection[DictRow], asset_id: str, new: NewAsset) -> None:
        asset = new.asset
        await connection.execute(
            "INSERT INTO art.asset_origins (asset_id, request_id, variant_seed, request_seed, created_at_utc,"
            " provenance, prompt_sha256, meta) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                asset_id,
                asset.request_id,
                asset.variant_seed,
                new.request_seed,
                asset.created_at_utc,
                _json(asset.provenance),
                asset.prompt_sha256,
                Jsonb(asset.meta),
            ),
        )

    async def _select(self, condition: sql.Composable, values: list[Any], limit: int) -> list[DictRow]:
        query = sql.SQL(
            "SELECT DISTINCT ON (a.position) {columns} FROM art.assets a JOIN art.asset_origins o USING (asset_id)"
            " WHERE {condition} ORDER BY {order} LIMIT %s"
        ).format(columns=_COLUMNS, condition=condition, order=_FIRST_ORIGIN)
        async with transaction(self._pool) as connection:
            found = await connection.execute(query, [*values, limit])
            return await found.fetchall()


def _conditions(query: ListAssets) -> tuple[list[sql.Composable], list[Any]]:
    conditions: list[sql.Composable] = [sql.SQL("true")]
    values: list[Any] = []
    if query.cursor is not None:
        if _CURSOR.fullmatch(query.cursor) is None:
            raise RmosError(ErrorCode.INVALID_REQUEST, "cursor: give the next_cursor of an earlier page, unchanged")
        conditions.append(sql.SQL("a.position < %s"))
        values.append(int(query.cursor[1:], 16))
    if query.variant_seed is not None:
        conditions.append(sql.SQL("(o.variant_seed = %s OR o.request_seed = %s)"))
        values.extend([query.variant_seed, query.variant_seed])
    if query.request_id is not None:
        conditions.append(sql.SQL("o.request_id = %s"))
        values.append(query.request_id)
    return conditions, values


def _asset(row: DictRow) -> Asset:
    return Asset.model_validate({name: value for name, value in row.items() if name != "position"})


def _json(blob: BlobRef) -> Jsonb:
    return Jsonb(blob.model_dump(mode="json"))
