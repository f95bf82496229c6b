"""Real servers, started once per test session by the first test that asks; see runtime.testing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from runtime import testing
from services.rmos.migrate import migrate_tables
from tests.e2e.stack import Stack, running_stack


@pytest.fixture(scope="session")
def nats_server() -> Iterator[testing.NatsAccess]:
    with testing.running_nats() as access:
        yield access


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[testing.PostgresAccess]:
    with testing.running_postgres(survives_power_loss=False) as access:
        yield access


@pytest.fixture(scope="session")
def migrated(postgres_server: testing.PostgresAccess) -> testing.DatabaseAccess:
    """rmos' tables, never touched: a test's own database is a copy of this one, which takes half of a migration."""
    access = postgres_server.create_database()
    migrate_tables(access.owner_dsn)
    return access


@pytest.fixture
def database(postgres_server: testing.PostgresAccess, migrated: testing.DatabaseAccess) -> testing.DatabaseAccess:
    """A database of this test's own with rmos' tables."""
    return postgres_server.create_database(like=migrated.name)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[testing.S3Access]:
    with testing.running_s3() as access:
        yield access


@pytest.fixture(scope="session")
def servers(
    nats_server: testing.NatsAccess, postgres_server: testing.PostgresAccess, s3_server: testing.S3Access
) -> testing.ServersAccess:
    return testing.ServersAccess(nats_server, postgres_server, s3_server)


LONGEST_FIRST = ("tests/e2e", "tests/rmos/processes")
"""Begun first, so that no process of tests is left alone with them at the end."""
WITH_A_STACK_OF_THEIR_OWN = ("tests/e2e/test_evidence", "tests/e2e/test_kills")


class ByFile(LoadFileScheduling):
    """For `-n`: a file stays in one process, for its fixtures; so does everything that shares the one running stack."""

    def _split_scope(self, nodeid: str) -> str:
        shares = nodeid.startswith(("tests/e2e", "tests/docs")) and not nodeid.startswith(WITH_A_STACK_OF_THEIR_OWN)
        return "the stack" if shares else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.relative_to(config.rootpath).as_posix().startswith(LONGEST_FIRST))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One running system for every test that needs the whole of it."""
    with running_stack() as running:
        yield running
