from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from runtime.pool import WorkerPool
from runtime.testing import DatabaseAccess, S3Access
from tests.rmos.handlers.shop import Shop, a_shop


@pytest.fixture(scope="session")
def workers() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, preload=("services.rmos.engine",))
    yield pool
    pool.close()


@pytest.fixture
async def shop(database: DatabaseAccess, s3_server: S3Access, workers: WorkerPool) -> AsyncIterator[Shop]:
    async with a_shop(database, s3_server, workers) as made:
        yield made
