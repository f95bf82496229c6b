"""The high-water mark of what was signed, where neither the database's owner nor the object store's keys reach.

Stream MARKS on the bus holds the signed notes of the newest checkpoints; its last message is the mark. Only rmos may
add one, and each names the sequence that it follows. The migration writes the first message, and only while the log is
empty: a log with events and no mark has lost it, or was put in the place of another.
"""

from __future__ import annotations

from dataclasses import dataclass

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from contracts.errors import ErrorCode, RmosError
from contracts.subjects import MARK_BEGUN, MARK_SIGNED, MARKS_STREAM

_NO_MESSAGE = 10037
_WRONG_LAST_SEQUENCE = 10071
_SUBJECTS = "mark.>"
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Mark:
    """`note` is the newest signed checkpoint; None at the beginning of a log, when nothing is signed."""

    sequence: int
    note: bytes | None


class Marks:
    """`client` is the bus as the user rmos (the dashboard may read)."""

    def __init__(self, client: Client) -> None:
        self._jetstream = client.jetstream(timeout=_TIMEOUT_S)

    async def newest(self) -> Mark | None:
        """None when the stream is empty. Raises RmosError(UNAVAILABLE) when bus or stream are away."""
        try:
            return await newest_mark(self._jetstream)
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            raise _away(error) from error

    async def put(self, note: bytes, after: int) -> int:
        """The sequence of the new mark, which is durable then. `after` is the one that it follows, 0 for none.

        Raises RmosError(UNAVAILABLE) when the bus is away (the mark may be stored) or another mark was faster.
        """
        headers = {"Nats-Expected-Last-Sequence": str(after)}
        try:
            return (await self._jetstream.publish(MARK_SIGNED, note, stream=MARKS_STREAM, headers=headers)).seq
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            raise _away(error) from error


async def newest_mark(jetstream: JetStreamContext) -> Mark | None:
    """Raises nats' errors, OSError or TimeoutError when bus or stream are away."""
    try:
        found = await jetstream.get_last_msg(MARKS_STREAM, _SUBJECTS)
    except nats.js.errors.NotFoundError as error:
        if error.err_code == _NO_MESSAGE:
            return None
        raise  # the stream itself is missing: that says nothing about what was signed
    assert found.seq is not None  # a stored message has one
    return Mark(found.seq, None if found.subject == MARK_BEGUN else found.data)


async def begin_marks(jetstream: JetStreamContext) -> bool:
    """Says that this log begins now; whether that was still to say. Only for an empty log. Raises nats' errors."""
    headers = {"Nats-Expected-Last-Sequence": "0"}
    try:
        await jetstream.publish(MARK_BEGUN, b"", stream=MARKS_STREAM, headers=headers)
    except nats.js.errors.APIError as error:
        if error.err_code == _WRONG_LAST_SEQUENCE:
            return False
        raise
    return True


def _away(error: Exception) -> RmosError:
    return RmosError(ErrorCode.UNAVAILABLE, f"the mark of the newest checkpoint: {error or type(error).__name__}")
