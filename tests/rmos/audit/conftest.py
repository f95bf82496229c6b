from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.testing import PostgresAccess, S3Access
from services.rmos.migrate import migrate_tables
from tests.rmos.audit.evidence import Evidence, evidence


@pytest.fixture(scope="session")
def store(postgres_server: PostgresAccess, s3_server: S3Access) -> Iterator[Evidence]:
    """Released programs on record. Shared: a test that damages it works on a copy."""
    access = postgres_server.create_database()
    migrate_tables(access.owner_dsn)
    with evidence(access, s3_server) as made:
        yield made
