"""The bus stream LOG against the log: its length, and each of its messages against the event at its position."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import pairwise

import nats
import nats.js.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from contracts.envelope import ACTOR
from contracts.subjects import LOG_STREAM, log_subject
from services.rmos.audit.findings import Kind, Report
from services.rmos.audit.marks import Mark, newest_mark
from services.rmos.audit.rows import LogRow

RANGE = 20_000
"""Messages that are read by one process at a time: the client reads about 15 thousand a second on one core."""
_FETCHED = 500
_DIGEST_BYTES = 32
_NONE = bytes(_DIGEST_BYTES)


@dataclass(frozen=True, slots=True)
class StreamAccess:
    """A bus user that may read LOG and MARKS."""

    url: str
    user: str
    password: str
    inbox_prefix: str


@dataclass(frozen=True, slots=True)
class StreamHead:
    """How far LOG had come, and what was marked as signed (None: MARKS is empty)."""

    messages: int
    last_sequence: int
    mark: Mark | None


async def read_head(access: StreamAccess) -> StreamHead:
    """Raises nats' errors, OSError or TimeoutError when the bus or a stream is away."""
    async with _jetstream(access) as jetstream:
        state = (await jetstream.stream_info(LOG_STREAM)).state
        return StreamHead(state.messages, state.last_seq, await newest_mark(jetstream))


@contextmanager
def published(
    access: StreamAccess | None, head: StreamHead | None, *, last_only: bool
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The first sequence that is looked at, and the digests from there to the head, some at a time: 32 bytes for each
    sequence, zeros where there is no message. Other processes read them as soon as there is more than one RANGE.

    Raises as `read_head`.
    """
    if access is None or head is None or not head.last_sequence:
        yield 1, iter(())
        return
    first, last = head.last_sequence if last_only else 1, head.last_sequence
    starts = range(first, last + 1, RANGE)
    with _executor(len(starts)) as executor:
        yield first, executor.map(digests, [access] * len(starts), starts, [min(at + RANGE - 1, last) for at in starts])


def digests(access: StreamAccess, first: int, last: int) -> bytes:
    """Of one range; see `published`."""
    return asyncio.run(_digests(access, first, last))


def digest_of_row(row: LogRow) -> bytes:
    """What the message at this event's position must have."""
    return _digest(row.data, log_subject(row.type), row.event_id, row.recorded_at_utc, row.actor)


def check_stream(head: StreamHead, end: int, differing: list[int], report: Report) -> None:
    """`end` is the log's end as far as anybody knows it; `differing`: sequences that are not the event there."""
    where = f"stream {LOG_STREAM}"
    if head.messages != head.last_sequence:
        what = f"it holds {head.messages} messages and ends at {head.last_sequence}: some were removed"
        report.add(Kind.STREAM_INCOMPLETE, where, what)
    if head.last_sequence > end:
        report.add(Kind.STREAM_AHEAD, where, f"it ends at {head.last_sequence}, the log at {end}")
    for first, last in _runs(sorted(differing)):
        which = f"message {first} is" if first == last else f"messages {first} to {last} are"
        report.add(Kind.STREAM_DIFFERS, where, f"{which} not the log's at these positions", first=first, last=last)


def _executor(ranges: int) -> Executor:
    if ranges <= 1:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(min(2, ranges), mp_context=multiprocessing.get_context("spawn"))


async def _digests(access: StreamAccess, first: int, last: int) -> bytes:
    found = bytearray(_NONE * (last - first + 1))
    async with _jetstream(access) as jetstream:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=first,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=30,
        )
        made = await jetstream.add_consumer(LOG_STREAM, config)
        subscription = await jetstream.pull_subscribe_bind(made.name, stream=LOG_STREAM)
        waiting = made.num_pending or 0
        while waiting:
            messages = await subscription.fetch(_FETCHED, timeout=5)
            for message in messages:
                sequence = message.metadata.sequence.stream
                if sequence > last:
                    return bytes(found)
                at = (sequence - first) * _DIGEST_BYTES
                found[at : at + _DIGEST_BYTES] = _digest_of_message(message)
            waiting = messages[-1].metadata.num_pending
    return bytes(found)


def _digest_of_message(message: Msg) -> bytes:
    headers = message.headers or {}
    names = ("ce-id", "ce-time", ACTOR)
    return _digest(message.data, message.subject, *(headers.get(name, "") for name in names))


def _digest(data: bytes, *attributes: str) -> bytes:
    return hashlib.sha256("\n".join((*attributes, "")).encode() + data).digest()


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of each unbroken run."""
    if not numbers:
        return
    first = numbers[0]
    for before, number in pairwise(numbers):
        if number != before + 1:
            yield first, before
            first = number
    yield first, numbers[-1]


@asynccontextmanager
async def _jetstream(access: StreamAccess) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(
        access.url,
        user=access.user,
        password=access.password,
        inbox_prefix=access.inbox_prefix.encode(),
        allow_reconnect=False,
        connect_timeout=5,
        name="rmos-audit-verify",
    )
    try:
        yield client.jetstream(timeout=5)
    finally:
        await client.close()
