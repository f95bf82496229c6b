from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.settings import S3Settings
from runtime.testing import DatabaseAccess, PostgresAccess, S3Access
from tests.rmos.audit.evidence import Evidence, evidence
from tests.rmos.audit.given import s3_settings


@pytest.fixture(scope="session")
def store(postgres_server: PostgresAccess, migrated: DatabaseAccess, s3_server: S3Access) -> Iterator[Evidence]:
    """Released programs on record. Shared: a test that damages it works on a copy."""
    with evidence(postgres_server.create_database(like=migrated.name), s3_server) as made:
        yield made


@pytest.fixture
def public_store(s3_server: S3Access) -> S3Settings:
    """A bucket of this test's own, for the public checkpoints and tiles."""
    return s3_settings(s3_server, s3_server.create_bucket())
