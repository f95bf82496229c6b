"""The client of any S3 endpoint: obstore, whose requests run beside Python and do not hold its lock.

What it would read from the environment (AWS_…, HTTP_PROXY) is set here, so that only the settings decide where the
objects are, who asks for them, and that no proxy stands between.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore import sign
from obstore.exceptions import BaseError
from obstore.store import S3Store

from contracts.errors import ErrorCode, RmosError
from runtime.settings import S3Settings

if TYPE_CHECKING:  # obstore's typed dictionaries are in its stubs only
    from obstore.store import S3Credential

FAILURES = (BaseError, OSError)
"""What obstore raises for an endpoint that does not answer as it should; FileNotFoundError is one of the latter."""
PART_BYTES = 16 << 20
"""Files beyond this are uploaded in parts of this size."""
_HOME_REGION = "us-east-1"
_NO_BUCKET = "<Code>NoSuchBucket</Code>"
_CONNECT_S, _STALLED_S, _REQUEST_S = 2, 20, 60
_RETRIES, _FIRST_RETRY_S, _ALL_TRIES_S = 4, 0.1, 100


def s3_store(settings: S3Settings) -> S3Store:
    """The bucket. Connects at the first request; a failed one is tried again four times."""
    return _store(settings, f"{_scheme(settings)}://{settings.endpoint}", within_host=False)


@contextmanager
def answering() -> Iterator[None]:
    """Within it every failure of the store is RmosError(UNAVAILABLE)."""
    try:
        yield
    except FAILURES as error:
        raise _unavailable(type(error).__name__) from error


def missing(error: FileNotFoundError) -> None:
    """Returns when it was the object that is not there. Raises the error when the whole bucket is not."""
    if _NO_BUCKET in str(error):
        raise error


def bucket_exists(settings: S3Settings) -> bool:
    """Raises obstore's errors."""
    try:
        s3_store(settings).list_with_delimiter("ready/")
    except BaseError as error:
        if _NO_BUCKET in str(error):
            return False
        raise
    return True


def make_bucket(settings: S3Settings) -> None:
    """Make the bucket unless it exists. Raises RmosError(UNAVAILABLE).

    obstore knows objects only, so S3's CreateBucket is sent as it is, under a signature of obstore's.
    """
    with answering():
        if bucket_exists(settings):
            return
        host = f"{_scheme(settings)}://{settings.endpoint}"
        url = sign(_store(settings, host, within_host=True), "PUT", settings.bucket, timedelta(minutes=1))
        status = _sent("PUT", settings, url.removeprefix(host), _location(settings.region))
    if status != http.HTTPStatus.OK:
        raise _unavailable(f"status {status} to making the bucket {settings.bucket}")


def _store(settings: S3Settings, endpoint: str, *, within_host: bool) -> S3Store:
    def key() -> S3Credential:
        return {
            "access_key_id": settings.access_key,
            "secret_access_key": settings.secret_key,
            "token": None,
            "expires_at": None,
        }

    return S3Store(
        settings.bucket,
        aws_endpoint_url_s3=endpoint,  # of all the endpoints it knows, the one that wins
        region=settings.region,
        virtual_hosted_style_request=within_host,
        s3_express=False,
        skip_signature=False,
        # a key of its own may be joined by AWS_SESSION_TOKEN, one that is provided is taken as it is
        credential_provider=key,
        client_options={
            "allow_http": not settings.secure,
            "connect_timeout": timedelta(seconds=_CONNECT_S),
            "read_timeout": timedelta(seconds=_STALLED_S),
            "timeout": timedelta(seconds=_REQUEST_S),
            # a proxy that is named and not used, because otherwise the environment's is
            "proxy_url": endpoint,
            "proxy_excludes": _host(settings.endpoint),
        },
        retry_config={
            "max_retries": _RETRIES,
            "retry_timeout": timedelta(seconds=_ALL_TRIES_S),
            "backoff": {"init_backoff": timedelta(seconds=_FIRST_RETRY_S), "base": 2},
        },
    )


def _sent(method: str, settings: S3Settings, path: str, body: bytes) -> int:
    kind = http.client.HTTPSConnection if settings.secure else http.client.HTTPConnection
    connection = kind(settings.endpoint, timeout=_STALLED_S)
    try:
        connection.request(method, path, body)
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise _unavailable(type(error).__name__) from error
    finally:
        connection.close()


def _location(region: str) -> bytes:
    """Amazon's own S3 wants the region named in the body, unless it is the first one."""
    if region == _HOME_REGION:
        return b""
    return (
        '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    ).encode()


def _scheme(settings: S3Settings) -> str:
    return "https" if settings.secure else "http"


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0] or endpoint


def _unavailable(reason: str) -> RmosError:
    return RmosError(ErrorCode.UNAVAILABLE, f"the object store does not answer as it should: {reason}")
