"""Content-addressed blobs on a real S3 endpoint."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.blobs import BlobRef, blob_key
from contracts.errors import ErrorCode, RmosError
from runtime.blobs import PART_BYTES, BlobStore
from runtime.s3 import content_of, s3_client
from runtime.settings import S3Settings
from runtime.testing import S3Access

CONTENT = b"the bytes of a drawing"


@pytest.fixture
def settings(s3_server: S3Access) -> S3Settings:
    return s3_server.settings(s3_server.create_bucket())


@pytest.fixture
def blobs(settings: S3Settings) -> Iterator[BlobStore]:
    store = BlobStore(settings)
    yield store
    store.close()


def key_of(reference: BlobRef) -> str:
    return blob_key(reference.sha256, reference.content_type)


def put(settings: S3Settings, key: str, content: bytes) -> None:
    s3_client(settings).put_object(settings.bucket, key, io.BytesIO(content), len(content))


async def test_content_lies_under_its_digest_with_its_type_and_is_written_once(
    blobs: BlobStore, settings: S3Settings
) -> None:
    reference = await blobs.put(CONTENT, "image/svg+xml")
    assert reference == BlobRef(
        sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT), content_type="image/svg+xml"
    )
    assert await blobs.get(reference) == CONTENT
    assert s3_client(settings).stat_object(settings.bucket, key_of(reference)).content_type == "image/svg+xml"
    put(settings, key_of(reference), CONTENT[::-1])  # of the same size: not written again, as the next read tells
    assert await blobs.put(CONTENT, "image/svg+xml") == reference
    with pytest.raises(RmosError) as changed:
        await blobs.get(reference)
    assert changed.value.code is ErrorCode.BLOB_CORRUPT


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 7])
async def test_a_file_of_any_size_is_stored_from_its_beginning(
    blobs: BlobStore, settings: S3Settings, tmp_path: Path, size: int
) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    reference = BlobRef(sha256=hashlib.sha256(content).hexdigest(), size=size, content_type="application/pdf")
    path = tmp_path / "upload"
    path.write_bytes(content)
    with path.open("rb") as file:
        file.read(1)
        await blobs.put_file(file, reference)
    assert await blobs.get(reference) == content
    assert s3_client(settings).stat_object(settings.bucket, key_of(reference)).content_type == "application/pdf"


async def test_changed_content_is_moved_away_and_reported_until_the_original_is_back(
    blobs: BlobStore, settings: S3Settings
) -> None:
    reference = await blobs.put(CONTENT, "text/plain")
    client, forged = s3_client(settings), b"other bytes"
    put(settings, key_of(reference), forged)
    details = {"expected_sha256": reference.sha256, "actual_sha256": hashlib.sha256(forged).hexdigest()}
    for _ in range(2):
        with pytest.raises(RmosError) as changed:
            await blobs.get(reference)
        assert (changed.value.code, changed.value.details) == (ErrorCode.BLOB_CORRUPT, details)
    place = f"quarantine/{reference.sha256}/{details['actual_sha256']}"
    assert [entry.object_name for entry in client.list_objects(settings.bucket, recursive=True)] == [place]
    assert content_of(client, settings.bucket, place) == forged
    await blobs.put_file(io.BytesIO(CONTENT), reference)
    assert await blobs.get(reference) == CONTENT


async def test_what_was_never_stored_or_is_deleted_is_missing(blobs: BlobStore) -> None:
    reference = await blobs.put(CONTENT, "text/plain")
    await blobs.delete(reference)
    await blobs.delete(reference)
    with pytest.raises(RmosError) as missing:
        await blobs.get(reference)
    assert (missing.value.code, missing.value.details) == (ErrorCode.BLOB_MISSING, {"sha256": reference.sha256})


async def test_a_bucket_that_is_not_there_is_unavailable_and_not_ready(s3_server: S3Access) -> None:
    blobs = BlobStore(s3_server.settings("no-blobs-here"))
    reference = BlobRef(sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT), content_type="text/plain")
    assert not await blobs.ready()
    for asked in (
        blobs.get(reference),
        blobs.put(CONTENT, "text/plain"),
        blobs.put_file(io.BytesIO(CONTENT), reference),
    ):
        with pytest.raises(RmosError) as refused:
            await asked
        assert refused.value.code is ErrorCode.UNAVAILABLE
    await blobs.make_bucket()
    assert await blobs.ready()
    assert await blobs.put(CONTENT, "text/plain") == reference
