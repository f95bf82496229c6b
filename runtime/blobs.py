"""Content-addressed blobs on any S3 endpoint, through minio-py in a thread pool.

A key is made from the digest, so writing twice is a no-op, and every read hashes what it got. Content that does not
match its address is moved to `quarantine/<expected>/<actual>` and reported with both digests until good content is
stored again.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

from minio.error import InvalidResponseError, S3Error

from contracts.blobs import BlobRef, blob_key
from contracts.canonical import sha256_hex
from contracts.errors import ErrorCode, RmosError
from runtime.s3 import answering, content_of, is_missing, make_bucket, s3_client
from runtime.settings import S3Settings

R = TypeVar("R")
PART_BYTES = 16 << 20
"""Files beyond this are uploaded in parts of this size."""


class BlobStore:
    """Put and get by digest. Every failure is an RmosError: BLOB_MISSING, BLOB_CORRUPT or UNAVAILABLE (retryable)."""

    def __init__(self, settings: S3Settings, connections: int = 16) -> None:
        self._settings, self._bucket = settings, settings.bucket
        self._client = s3_client(settings, connections)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="blobs")

    async def put(self, data: bytes, content_type: str) -> BlobRef:
        """Store the bytes; nothing is written when they are there already."""
        reference = BlobRef(sha256=sha256_hex(data), size=len(data), content_type=content_type)
        await self._in_thread(lambda: self._put(reference, io.BytesIO(data)))
        return reference

    async def put_file(self, file: BinaryIO, reference: BlobRef) -> None:
        """Store an open file whose digest the caller has computed; read from its beginning."""

        def upload() -> None:
            file.seek(0)
            self._put(reference, file)

        await self._in_thread(upload)

    async def get(self, reference: BlobRef) -> bytes:
        """The content, hashed after reading."""
        return await self._in_thread(lambda: self._get(reference))

    async def delete(self, reference: BlobRef) -> None:
        """Remove the content; nothing happens when it is not there."""
        key = blob_key(reference.sha256, reference.content_type)
        await self._in_thread(lambda: self._client.remove_object(self._bucket, key))

    async def ready(self) -> bool:
        """Whether the bucket answers."""
        return await self._in_thread(lambda: self._client.bucket_exists(self._bucket))

    async def make_bucket(self) -> None:
        await self._in_thread(lambda: make_bucket(self._settings))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], R]) -> R:
        with answering():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _put(self, reference: BlobRef, content: BinaryIO) -> None:
        key = blob_key(reference.sha256, reference.content_type)
        if self._size_of(key) == reference.size:
            return
        self._client.put_object(
            self._bucket, key, content, reference.size, content_type=reference.content_type, part_size=PART_BYTES
        )

    def _size_of(self, key: str) -> int | None:
        try:
            return self._client.stat_object(self._bucket, key).size
        except (S3Error, InvalidResponseError) as error:
            if is_missing(error):
                return None
            raise

    def _get(self, reference: BlobRef) -> bytes:
        key = blob_key(reference.sha256, reference.content_type)
        data = content_of(self._client, self._bucket, key)
        if data is None:
            raise self._missing(reference)
        actual = sha256_hex(data)
        if actual != reference.sha256:
            self._quarantine(key, reference.sha256, actual, data)
            raise _corrupt(reference.sha256, actual)
        return data

    def _quarantine(self, key: str, expected: str, actual: str, data: bytes) -> None:
        self._client.put_object(self._bucket, f"quarantine/{expected}/{actual}", io.BytesIO(data), len(data))
        self._client.remove_object(self._bucket, key)

    def _missing(self, reference: BlobRef) -> RmosError:
        prefix = f"quarantine/{reference.sha256}/"
        for entry in self._client.list_objects(self._bucket, prefix=prefix):
            return _corrupt(reference.sha256, (entry.object_name or "").removeprefix(prefix))
        return RmosError(
            ErrorCode.BLOB_MISSING,
            f"the object store has no content {reference.sha256}: upload it again",
            sha256=reference.sha256,
        )


def sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _corrupt(expected: str, actual: str) -> RmosError:
    return RmosError(
        ErrorCode.BLOB_CORRUPT,
        f"stored content changed: expected sha256 {expected}, found {actual}; "
        f"it was moved to quarantine, upload the original again",
        expected_sha256=expected,
        actual_sha256=actual,
    )
