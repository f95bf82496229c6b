"""Real servers, started once per test session by the first test that asks; see runtime.testing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime import testing
from tests.e2e.stack import Stack, running_stack


@pytest.fixture(scope="session")
def nats_server() -> Iterator[testing.NatsAccess]:
    with testing.running_nats() as access:
        yield access


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[testing.PostgresAccess]:
    with testing.running_postgres() as access:
        yield access


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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `-n`: a file stays together, for its fixtures; and so does everything that shares the one running stack.

    pytest-xdist reads the groups after this and writes them into the node ids, which pytest keeps at their first use:
    none may be used here.
    """

    def file_of(item: pytest.Item) -> str:
        return item.path.relative_to(config.rootpath).as_posix()

    items.sort(key=lambda item: not file_of(item).startswith(LONGEST_FIRST))
    for item in items:
        shared = "the stack" if "stack" in getattr(item, "fixturenames", ()) else file_of(item)
        item.add_marker(pytest.mark.xdist_group(shared))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One running system for every test that needs the whole of it."""
    with running_stack() as running:
        yield running
