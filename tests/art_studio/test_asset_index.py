"""The asset index on a real Postgres, under the service's own role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from contracts.art import Asset, ListAssets
from contracts.blobs import BlobRef
from contracts.canonical import sha256_hex
from contracts.errors import ErrorCode, RmosError
from runtime.testing import DatabaseAccess, PostgresAccess
from services.art_studio import migrate
from services.art_studio.asset_index import PostgresAssetIndex
from services.art_studio.database import open_pool
from services.art_studio.domain.seeds import asset_digest, asset_ids
from services.art_studio.migrate import MigrationDrift, migrate_index
from services.art_studio.ports import NewAsset


@pytest.fixture(scope="module")
def migrated_index(postgres_server: PostgresAccess) -> DatabaseAccess:
    """Never touched: each test works on a copy."""
    access = postgres_server.create_database()
    migrate_index(access.owner_dsn)
    return access


@pytest.fixture
def database(postgres_server: PostgresAccess, migrated_index: DatabaseAccess) -> DatabaseAccess:
    return postgres_server.create_database(like=migrated_index.name)


@pytest.fixture
async def index(database: DatabaseAccess) -> AsyncIterator[PostgresAssetIndex]:
    async with open_pool(database.art_studio_dsn) as pool:
        yield PostgresAssetIndex(pool)


def blob(text: str, content_type: str = "application/json") -> BlobRef:
    return BlobRef(sha256=sha256_hex(text.encode()), size=len(text), content_type=content_type)


def design(name: str, request_id: str = "req-1", variant_seed: int = 1, request_seed: int = 1000) -> NewAsset:
    """The design of this name; the same name is the same design."""
    svg, spec = blob(f"{name} svg", "image/svg+xml"), blob(f"{name} spec")
    digest = asset_digest(svg.sha256, spec.sha256)
    asset = Asset(
        asset_id=asset_ids(digest)[0],
        created_at_utc="2026-11-21T12:00:00.000000Z",
        request_id=request_id,
        variant_seed=variant_seed,
        svg=svg,
        spec=spec,
        provenance=blob(f"{name} {request_id} {variant_seed}"),
        preview=blob(f"{name} png", "image/png"),
        prompt_sha256="a" * 64,
        meta={"provider": "offline", "model": None, "request_seed": request_seed},
    )
    return NewAsset(digest=digest, asset=asset, request_seed=request_seed)


async def test_an_asset_is_what_was_added(index: PostgresAssetIndex) -> None:
    new = design("one")
    assert await index.add(new) == new.asset.asset_id
    assert await index.get(new.asset.asset_id) == new.asset


async def test_an_unknown_asset_is_not_found(index: PostgresAssetIndex) -> None:
    with pytest.raises(RmosError) as caught:
        await index.get("asset_000000000000")
    assert caught.value.code is ErrorCode.NOT_FOUND


async def test_adding_again_changes_nothing(index: PostgresAssetIndex) -> None:
    new = design("one")
    assert await index.add(new) == await index.add(new)
    assert (await index.page(ListAssets())).items == (new.asset,)


async def test_many_adding_the_same_asset_at_once_get_one_id(index: PostgresAssetIndex) -> None:
    added = await asyncio.gather(*(index.add(design("one", f"req-{n}")) for n in range(20)))
    assert set(added) == {design("one").asset.asset_id}
    assert len((await index.page(ListAssets())).items) == 1


async def test_an_asset_of_two_requests_is_found_by_each_as_that_request_made_it(index: PostgresAssetIndex) -> None:
    first, second = design("one", "req-1", 11), design("one", "req-2", 22)
    assert await index.add(first) == await index.add(second)
    assert (await index.page(ListAssets(request_id="req-1"))).items == (first.asset,)
    assert (await index.page(ListAssets(request_id="req-2"))).items == (second.asset,)
    assert await index.get(first.asset.asset_id) == first.asset


async def test_an_id_that_another_asset_has_is_made_longer(index: PostgresAssetIndex, database: DatabaseAccess) -> None:
    new = design("one")
    short, longer = asset_ids(new.digest)[:2]
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute(
            "INSERT INTO art.assets (asset_id, digest, svg, spec, preview) VALUES (%s, %s, '{}', '{}', '{}')",
            (short, "f" * 64),
        )
    assert await index.add(new) == longer
    assert await index.add(new) == longer
    assert (await index.get(longer)).svg == new.asset.svg


async def test_seeds_match_the_variants_and_the_requests(index: PostgresAssetIndex) -> None:
    one, two = design("one", "req-1", 11, 1000), design("two", "req-1", 12, 1000)
    other = design("three", "req-2", 13, 2000)
    for new in (one, two, other):
        await index.add(new)
    assert (await index.page(ListAssets(variant_seed=1000))).items == (two.asset, one.asset)
    assert (await index.page(ListAssets(variant_seed=12))).items == (two.asset,)
    assert (await index.page(ListAssets(variant_seed=13, request_id="req-1"))).items == ()


async def test_pages_visit_everything_once_newest_first_while_more_is_added(index: PostgresAssetIndex) -> None:
    before = [design(f"design {n}") for n in range(7)]
    for new in before:
        await index.add(new)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await index.page(ListAssets(limit=3, cursor=cursor))
        seen.extend(item.asset_id for item in page.items)
        await index.add(design(f"later {len(seen)}"))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [new.asset.asset_id for new in reversed(before)]


async def test_a_full_last_page_has_no_next(index: PostgresAssetIndex) -> None:
    for name in ("one", "two"):
        await index.add(design(name))
    page = await index.page(ListAssets(limit=2))
    assert (len(page.items), page.next_cursor) == (2, None)


@pytest.mark.parametrize("cursor", ["", "7", "a", "axyz", "a1'; --", "a" * 40])
async def test_a_foreign_cursor_is_an_invalid_request(index: PostgresAssetIndex, cursor: str) -> None:
    with pytest.raises(RmosError) as caught:
        await index.page(ListAssets(cursor=cursor))
    assert caught.value.code is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    "statement",
    ["UPDATE art.assets SET digest = ''", "DELETE FROM art.asset_origins", "TRUNCATE art.assets, art.asset_origins"],
)
def test_the_service_cannot_change_or_remove_an_asset(database: DatabaseAccess, statement: str) -> None:
    with psycopg.connect(database.art_studio_dsn) as service, pytest.raises(InsufficientPrivilege):
        service.execute(statement)


def test_auditors_read_the_index(database: DatabaseAccess) -> None:
    with psycopg.connect(database.reader_dsn) as reader:
        assert reader.execute("SELECT count(*) FROM art.assets JOIN art.asset_origins USING (asset_id)").fetchone() == (
            0,
        )


def test_migrating_again_applies_nothing(database: DatabaseAccess) -> None:
    assert migrate_index(database.owner_dsn) == []


def test_a_fresh_database_gets_every_migration_in_order(postgres_server: PostgresAccess) -> None:
    applied = migrate_index(postgres_server.create_database().owner_dsn)
    assert applied == sorted(name for name, _ in migrate.migrations())
    assert applied[0] == "0001_assets.sql"


def test_a_changed_migration_is_refused(database: DatabaseAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "migrations", lambda: [("0001_assets.sql", b"SELECT 1")])
    with pytest.raises(MigrationDrift, match=r"0001_assets\.sql"):
        migrate_index(database.owner_dsn)


async def test_a_database_that_is_away_is_a_retryable_error(database: DatabaseAccess) -> None:
    gone = database.art_studio_dsn.replace("@127.0.0.1:", "@127.0.0.1:1")
    assert gone != database.art_studio_dsn
    pool = open_pool(gone)
    await pool.open()
    try:
        with pytest.raises(RmosError) as caught:
            await PostgresAssetIndex(pool).get("asset_000000000000")
    finally:
        await pool.close()
    assert caught.value.code is ErrorCode.UNAVAILABLE
