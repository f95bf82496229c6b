"""Objects by name on a real S3 endpoint."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from contracts.errors import ErrorCode, RmosError
from runtime.objects import ObjectStore
from runtime.pool import WorkerPool
from runtime.s3 import FAILURES, content_of, make_bucket, s3_client
from runtime.settings import S3Settings
from runtime.testing import S3Access, running_s3


@pytest.fixture
def settings(s3_server: S3Access) -> S3Settings:
    return s3_server.settings(s3_server.create_bucket())


@pytest.fixture(params=["in threads", "by a worker"])
def pool(request: pytest.FixtureRequest) -> Iterator[WorkerPool | None]:
    """Objects are put in the same way by both."""
    if request.param == "in threads":
        yield None
        return
    made = WorkerPool(1)
    yield made
    made.close()


@pytest.fixture
def objects(settings: S3Settings, pool: WorkerPool | None) -> Iterator[ObjectStore]:
    store = ObjectStore(settings, "public/", pool=pool)
    yield store
    store.close()


async def test_an_object_is_stored_over_another_with_its_content_type(
    objects: ObjectStore, settings: S3Settings
) -> None:
    await objects.put("checkpoint", b"first", "text/plain; charset=utf-8")
    await objects.put("checkpoint", b"second", "text/plain; charset=utf-8")
    assert (await objects.get("checkpoint"), objects.read("checkpoint")) == (b"second", b"second")
    stored = s3_client(settings).stat_object(settings.bucket, "public/checkpoint")
    assert stored.content_type == "text/plain; charset=utf-8"


async def test_what_is_not_there_is_none_and_may_be_removed(objects: ObjectStore) -> None:
    assert (await objects.get("tile/0/000"), objects.read("tile/0/000")) == (None, None)
    await objects.remove("tile/0/000")
    assert await objects.names("") == []


async def test_a_folder_lists_what_is_below_it_without_the_prefix(objects: ObjectStore, settings: S3Settings) -> None:
    names = [f"tile/0/000.p/{number}" for number in range(1, 24)]
    await objects.put_all(((name, name.encode()) for name in [*names, "tile/0/000", "checkpoint"]), "text/plain")
    assert sorted(await objects.names("tile/0/000.p/")) == sorted(names)
    assert sorted(objects.listed("tile/0/000.p/")) == sorted((name, len(name)) for name in names)
    assert [(name, size) for name, size, _ in objects.aged("tile/0/000.p/")] == objects.listed("tile/0/000.p/")
    await objects.remove(names[0])
    assert sorted(await objects.names("")) == sorted(["checkpoint", "tile/0/000", *names[1:]])
    assert len(ObjectStore(settings).listed("")) == len(names) + 1


async def test_more_names_than_one_answer_of_the_server_holds_are_all_listed(objects: ObjectStore) -> None:
    await objects.put_all(((f"many/{number:04}", b"x") for number in range(1001)), "text/plain")
    assert await objects.names("many/") == [f"many/{number:04}" for number in range(1001)]


async def test_a_bucket_that_is_not_there_is_no_missing_object(s3_server: S3Access, pool: WorkerPool | None) -> None:
    objects = ObjectStore(s3_server.settings("never-made"), pool=pool)
    for asked in (objects.get("name"), objects.put("name", b"", "text/plain"), objects.names("")):
        with pytest.raises(RmosError, match="does not answer as it should") as refused:
            await asked
        assert refused.value.code is ErrorCode.UNAVAILABLE
    for ask in (objects.read, objects.listed, objects.aged):
        with pytest.raises(FAILURES, match="NoSuchBucket"):
            ask("name")


async def test_a_server_that_is_away_is_unavailable_until_it_is_back(pool: WorkerPool | None) -> None:
    with running_s3() as access:
        objects = ObjectStore(access.settings(), pool=pool)
        await objects.put("name", b"kept", "text/plain")
        access.server.stop()
        for asked in (objects.get("name"), objects.put("name", b"", "text/plain"), objects.remove("name")):
            with pytest.raises(RmosError) as refused:
                await asked
            assert refused.value.code is ErrorCode.UNAVAILABLE
        with pytest.raises(FAILURES):
            objects.read("name")
        access.server.start()
        assert await objects.get("name") == b"kept"


def test_a_bucket_is_made_once(s3_server: S3Access) -> None:
    settings = s3_server.settings("made-once")
    client = s3_client(settings)
    make_bucket(settings)
    client.put_object(settings.bucket, "name", io.BytesIO(b"kept"), 4)
    make_bucket(settings)
    assert content_of(client, settings.bucket, "name") == b"kept"


def test_a_bucket_that_may_not_be_made_is_unavailable(s3_server: S3Access) -> None:
    settings = s3_server.settings("not-mine").model_copy(update={"secret_key": "wrong-wrong"})
    with pytest.raises(RmosError) as refused:
        make_bucket(settings)
    assert refused.value.code is ErrorCode.UNAVAILABLE
