"""The client of any S3 endpoint: minio-py, in the caller's thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error
from urllib3.exceptions import HTTPError

from contracts.errors import ErrorCode, RmosError
from runtime.settings import S3Settings

FAILURES = (MinioException, HTTPError, OSError)
"""What an endpoint that does not answer as it should makes minio-py raise."""
_CONNECT_S, _READ_S = 2, 20


def s3_client(settings: S3Settings, connections: int = 1) -> Minio:
    """Connects at the first request; a failed one is tried again four times. For so many threads at once."""
    http = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        maxsize=connections,
        retries=urllib3.Retry(total=4, backoff_factor=0.1, status_forcelist=[500, 502, 503, 504]),
    )
    return Minio(
        settings.endpoint,
        access_key=settings.access_key,
        secret_key=settings.secret_key,
        secure=settings.secure,
        region=settings.region,
        http_client=http,
    )


@contextmanager
def answering() -> Iterator[None]:
    """Within it every failure of the store is RmosError(UNAVAILABLE)."""
    try:
        yield
    except FAILURES as error:
        raise RmosError(
            ErrorCode.UNAVAILABLE, f"the object store does not answer as it should: {type(error).__name__}"
        ) from error


def content_of(client: Minio, bucket: str, name: str) -> bytes | None:
    """The object's content; None when there is no such object. Raises FAILURES, also when there is no such bucket."""
    try:
        response = client.get_object(bucket, name)
    except (S3Error, InvalidResponseError) as error:
        if is_missing(error):
            return None
        raise
    try:
        data: bytes = response.read()
        return data
    finally:
        response.close()
        response.release_conn()


def is_missing(error: S3Error | InvalidResponseError) -> bool:
    """Whether it was the object that is not there, and not the bucket."""
    # some servers answer XML as text/xml, which minio-py reports as InvalidResponseError with the answer in its text
    if isinstance(error, S3Error):
        return error.code in {"NoSuchKey", "NotFound"}
    return "404" in str(error) and "NoSuchBucket" not in str(error)


def make_bucket(settings: S3Settings) -> None:
    """Make the bucket unless it exists. Raises RmosError(UNAVAILABLE)."""
    client = s3_client(settings)
    with answering():
        if not client.bucket_exists(settings.bucket):
            client.make_bucket(settings.bucket)
