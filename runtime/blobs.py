"""Content-addressed blobs on any S3 endpoint.

A key is made from the digest, so writing twice is a no-op, and every read hashes what it got. Content that does not
match its address is moved to `quarantine/<expected>/<actual>` and reported with both digests until good content is
stored again.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import BinaryIO

from contracts.blobs import BlobRef, blob_key
from contracts.canonical import sha256_hex
from contracts.errors import ErrorCode, RmosError
from runtime.s3 import PART_BYTES, answering, bucket_exists, make_bucket, missing, s3_store
from runtime.settings import S3Settings

_UNKNOWN_TYPE = "application/octet-stream"


class BlobStore:
    """Put and get by digest. Every failure is an RmosError: BLOB_MISSING, BLOB_CORRUPT or UNAVAILABLE (retryable)."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._store = s3_store(settings)

    async def put(self, data: bytes, content_type: str) -> BlobRef:
        """Store the bytes; nothing is written when they are there already."""
        reference = BlobRef(sha256=sha256_hex(data), size=len(data), content_type=content_type)
        await self._put(reference, data)
        return reference

    async def put_file(self, file: BinaryIO, reference: BlobRef) -> None:
        """Store an open file whose digest the caller has computed; read from its beginning."""
        file.seek(0)
        await self._put(reference, file)

    async def get(self, reference: BlobRef) -> bytes:
        """The content, hashed after reading."""
        key = blob_key(reference.sha256, reference.content_type)
        with answering():
            try:
                found = await self._store.get_async(key)
                data = (await found.bytes_async()).to_bytes()
            except FileNotFoundError as error:
                missing(error)
                raise await self._absent(reference) from error
            actual = sha256_hex(data)
            if actual != reference.sha256:
                await self._quarantine(key, reference.sha256, actual, data)
                raise _corrupt(reference.sha256, actual)
        return data

    async def delete(self, reference: BlobRef) -> None:
        """Remove the content; nothing happens when it is not there."""
        with answering():
            await self._store.delete_async(blob_key(reference.sha256, reference.content_type))

    async def ready(self) -> bool:
        """Whether the bucket is there."""
        with answering():
            return await asyncio.to_thread(bucket_exists, self._settings)

    async def make_bucket(self) -> None:
        await asyncio.to_thread(make_bucket, self._settings)

    def close(self) -> None:
        """Ends the connections."""
        del self._store

    async def _put(self, reference: BlobRef, content: bytes | BinaryIO) -> None:
        key = blob_key(reference.sha256, reference.content_type)
        with answering():
            if await self._size_of(key) != reference.size:
                attributes = {"Content-Type": reference.content_type}
                await self._store.put_async(key, content, attributes=attributes, chunk_size=PART_BYTES)

    async def _size_of(self, key: str) -> int | None:
        """None when it is not there, and when the bucket is not: a put says which."""
        try:
            return (await self._store.head_async(key))["size"]
        except FileNotFoundError:
            return None

    async def _quarantine(self, key: str, expected: str, actual: str, data: bytes) -> None:
        place, attributes = f"quarantine/{expected}/{actual}", {"Content-Type": _UNKNOWN_TYPE}
        await self._store.put_async(place, data, attributes=attributes, chunk_size=PART_BYTES)
        await self._store.delete_async(key)

    async def _absent(self, reference: BlobRef) -> RmosError:
        prefix = f"quarantine/{reference.sha256}/"
        for entry in await self._store.list(prefix).collect_async():
            return _corrupt(reference.sha256, entry["path"].removeprefix(prefix))
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
