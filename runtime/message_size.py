"""What one message of the bus may hold, as its server counts it."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.errors import ErrorCode, RmosError

_EMPTY_HEADERS = len(b"NATS/1.0\r\n\r\n")
_EACH_HEADER = len(b": \r\n")


def message_bytes(body: bytes, headers: Mapping[str, str]) -> int:
    """Body and encoded headers together, which the server compares with its `max_payload`.

    nats-py compares the body alone. What passes there and not at the server ends the connection for good.
    """
    size = len(body)
    if headers:
        size += _EMPTY_HEADERS
        size += sum(len(name.encode()) + len(value.encode()) + _EACH_HEADER for name, value in headers.items())
    return size


def check_fits(what: str, size: int, limit: int) -> None:
    """Raises PAYLOAD_TOO_LARGE, which asking again does not help, when a message of this many bytes is too large."""
    if size > limit:
        raise RmosError(
            ErrorCode.PAYLOAD_TOO_LARGE,
            f"{what} has {size} bytes, the bus carries {limit}: send less at once, large content as a blob",
            size_bytes=size,
            limit_bytes=limit,
        )
