"""Several catalog entries in one command: all of them on record, or none."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from contracts.catalog import Entry
from contracts.errors import ErrorCode
from contracts.examples import BONE
from contracts.log import CatalogEntryAdded
from contracts.rmos import AddCatalogEntries, AddCatalogEntry
from runtime.logs import logger
from services.rmos.catalog import load_catalog
from services.rmos.domain.catalog import Catalog
from services.rmos.handlers.catalog import STREAM, CatalogHandlers
from tests.rmos.handlers.shop import ADA, OTTO, Shop, by, refused


@dataclass
class Judge:
    """What judges by the catalog, as far as this is about it."""

    packaged: Catalog
    catalog: Catalog

    def use(self, own: tuple[Entry, ...], catalog: Catalog) -> None:
        self.catalog = catalog


@pytest.fixture
def judge() -> Judge:
    return Judge(load_catalog(), load_catalog())


def bones(*ids: str) -> AddCatalogEntries:
    return AddCatalogEntries(
        entries=tuple(AddCatalogEntry(material=BONE.model_copy(update={"id": name})) for name in ids)
    )


async def on_record(shop: Shop) -> list[CatalogEntryAdded]:
    return [event for event in await shop.desk.log.read_stream(STREAM) if isinstance(event, CatalogEntryAdded)]


async def test_all_entries_of_a_command_are_added_and_each_names_the_catalog_with_it(shop: Shop, judge: Judge) -> None:
    handlers = CatalogHandlers(shop.desk, judge, logger())
    done = await handlers.add_entries(bones("bone_a", "bone_b"), by(ADA, "both"))
    events = await on_record(shop)
    assert [event.material.id for event in events if event.material] == ["bone_a", "bone_b"]
    assert (done.added, done.catalog_sha256) == (2, events[1].catalog_sha256)
    assert judge.catalog.sha256 == done.catalog_sha256 != events[0].catalog_sha256
    assert await handlers.add_entries(bones("bone_a", "bone_b"), by(ADA, "both")) == done
    assert await on_record(shop) == events


@pytest.mark.parametrize("clashing", ["spruce_sitka", "bone_a"], ids=["with the catalog", "with each other"])
async def test_where_one_entry_is_refused_none_is_recorded(shop: Shop, judge: Judge, clashing: str) -> None:
    handlers = CatalogHandlers(shop.desk, judge, logger())
    error = await refused(handlers.add_entries(bones("bone_a", clashing), by(ADA)), ErrorCode.INVALID_REQUEST)
    assert clashing in error.message
    assert await on_record(shop) == []
    assert judge.catalog.sha256 == judge.packaged.sha256


async def test_only_an_admin_adds_entries(shop: Shop, judge: Judge) -> None:
    handlers = CatalogHandlers(shop.desk, judge, logger())
    await refused(handlers.add_entries(bones("bone_a"), by(OTTO)), ErrorCode.FORBIDDEN)
    assert await on_record(shop) == []
