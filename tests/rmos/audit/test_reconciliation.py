"""At the start of its lead the authority names what disagrees in its store, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from contracts.blobs import blob_key
from runtime.logs import logger
from runtime.objects import ObjectStore
from runtime.pool import WorkerPool
from services.rmos.audit.reconciliation import NothingJudged, Reconciliation, looked_at
from services.rmos.audit.verify import Audited
from tests.rmos.audit.given import KEY
from tests.rmos.audit.test_detection import Store
from tests.rmos.audit.test_detection import own_store as store  # noqa: F401 - a fixture


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(1)
    yield made
    made.close()


def audited(made: Store) -> Audited:
    return Audited(made.database.reader_dsn, made.s3, (KEY.verifier,))


async def test_a_store_that_agrees_gives_nothing_to_say(store: Store, pool: WorkerPool) -> None:  # noqa: F811
    looking = Reconciliation(pool, audited(store), logger())
    await looking.run()
    assert (looking.findings, looking.details()) == ((), {})


async def test_every_disagreement_is_named_once_in_health(store: Store, pool: WorkerPool) -> None:  # noqa: F811
    lost = store.blobs[0]
    objects = ObjectStore(store.s3)
    await objects.remove(blob_key(lost.sha256, lost.content_type))
    objects.close()
    store.run("UPDATE projections.projection_cursor SET position = 9999")
    store.run("UPDATE rmos.events SET data = '{}' WHERE position = 14")
    looking = Reconciliation(pool, audited(store), logger())
    await looking.run()
    assert {finding.kind.value for finding in looking.findings} == {
        *("blob_missing", "event_changed", "projection_ahead")
    }
    said = looking.details()["store_disagrees"]
    assert "1 event_changed" in said
    assert "first: event 14" in said


def test_a_store_that_is_away_says_nothing_about_the_record(store: Store) -> None:  # noqa: F811
    with pytest.raises(NothingJudged, match="OperationalError"):
        looked_at(replace(audited(store), dsn="postgresql://nobody@127.0.0.1:1/none"))
