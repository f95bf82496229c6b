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

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error
from urllib3.exceptions import HTTPError

from contracts.blobs import BlobRef, blob_key
from contracts.canonical import sha256_hex
from contracts.errors import ErrorCode, RmosError
from runtime.settings import S3Settings

R = TypeVar("R")
_CHUNK = 1 << 20


class BlobStore:
    """Put and get by digest. Every failure is an RmosError: BLOB_MISSING, BLOB_CORRUPT or UNAVAILABLE (retryable)."""

    def __init__(self, settings: S3Settings, connections: int = 16) -> None:
        http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=2, read=20),
            maxsize=connections,
            retries=urllib3.Retry(total=4, backoff_factor=0.1, status_forcelist=[500, 502, 503, 504]),
        )
        self._bucket = settings.bucket
        self._client = Minio(
            settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key,
            secure=settings.secure,
            region=settings.region,
            http_client=http,
        )
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
        def make() -> None:
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket)

        await self._in_thread(make)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], R]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (MinioException, HTTPError, OSError) as error:
            raise RmosError(
                ErrorCode.UNAVAILABLE, f"the object store does not answer as it should: {_reason(error)}"
            ) from error

    def _put(self, reference: BlobRef, content: BinaryIO) -> None:
        key = blob_key(reference.sha256, reference.content_type)
        if self._size_of(key) == reference.size:
            return
        self._client.put_object(
            self._bucket, key, content, reference.size, content_type=reference.content_type, part_size=16 * _CHUNK
        )

    def _size_of(self, key: str) -> int | None:
        try:
            return self._client.stat_object(self._bucket, key).size
        except (S3Error, InvalidResponseError) as error:
            if _is_missing(error):
                return None
            raise

    def _get(self, reference: BlobRef) -> bytes:
        key = blob_key(reference.sha256, reference.content_type)
        try:
            response = self._client.get_object(self._bucket, key)
        except (S3Error, InvalidResponseError) as error:
            if _is_missing(error):
                raise self._missing(reference) from error
            raise
        try:
            data: bytes = response.read()
        finally:
            response.close()
            response.release_conn()
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


def _is_missing(error: S3Error | InvalidResponseError) -> bool:
    # some servers answer XML as text/xml, which minio-py reports as InvalidResponseError with the status in its text
    if isinstance(error, S3Error):
        return error.code in {"NoSuchKey", "NotFound"}
    return "404" in str(error)


def _reason(error: Exception) -> str:
    return type(error).__name__
