"""Reads the LOG stream in order from any position, through restarts of NATS.

An ephemeral pull consumer without acknowledgement, asked by hand: nats-py's ordered push consumer loses its heartbeat
task's failures in a callback, and a durable that disappears leaves its `fetch` polling without a word. Here a pull asks
for `BATCH` events at a time (that bounds memory), the server's heartbeats say that the consumer still lives, and
whatever goes wrong ends in the same place: a new consumer at the position that is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import nats.errors
import nats.js.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from contracts.subjects import LOG_STREAM
from runtime.logs import Logger
from services.gateway.feed.event import FeedEvent, feed_event

BATCH = 256
_MAX_BATCH_BYTES = 16 << 20  # twice NATS' largest message here, so that one event always fits
_EXPIRES_S = 10.0
_HEARTBEAT_S = 0.5
_SILENCE_S = 1.5
"""Three heartbeats: after this long without a word, the consumer is taken for lost."""
_PAUSE_S = 0.25
_HEARTBEAT = "100"
_EMPTY = frozenset({"404", "408"})
_DONE = frozenset({("409", "Batch Completed"), ("409", "Message Size Exceeds MaxBytes")})
"""Statuses that end a request and no more (nats-server, consumer.go); any other means that the consumer is gone."""
_FAILURES = (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError)


class ConsumerLost(Exception):
    """The server no longer has the consumer, or the connection to it is gone."""


class LogReader:
    def __init__(self, client: Client, log: Logger) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=2)
        self._log = log

    async def head(self) -> int:
        """The log's last position as NATS has it. Waits for NATS and for the stream, however long that takes."""
        while True:
            try:
                return (await self._jetstream.stream_info(LOG_STREAM)).state.last_seq
            except _FAILURES as error:
                self._log.warning("feed_waits", reason=str(error) or type(error).__name__)
                await asyncio.sleep(_PAUSE_S)

    async def batches(self, after: int) -> AsyncGenerator[list[FeedEvent], None]:
        """Every event after this position, each once, in order, without end; an empty list when nothing came."""
        position = after
        while True:
            try:
                async with aclosing(self._from_one_consumer(position)) as found:
                    async for batch in found:
                        if batch:
                            position = batch[-1].position
                        yield batch
            except (*_FAILURES, ConsumerLost) as error:
                self._log.warning("feed_interrupted", position=position, reason=str(error) or type(error).__name__)
                yield []
                await asyncio.sleep(_PAUSE_S)

    async def _from_one_consumer(self, position: int) -> AsyncGenerator[list[FeedEvent], None]:
        info = await self._jetstream.add_consumer(
            LOG_STREAM,
            ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=position + 1,
                ack_policy=AckPolicy.NONE,
                mem_storage=True,
                num_replicas=1,
                inactive_threshold=30,
            ),
        )
        pull = _Pull(self._client, info.name)
        await pull.open()
        try:
            while True:
                batch: list[FeedEvent] = []
                for message in await pull.next():
                    event = _event_of(message)
                    if event.position <= position:
                        continue
                    if event.position != position + 1:
                        # the stream never deletes: either messages were lost on the way, or the log's copy has a hole
                        if batch or not pull.fresh:
                            raise ConsumerLost(f"position {event.position} came after {position}")
                        self._log.error("feed_gap", after=position, next=event.position)
                    batch.append(event)
                    position = event.position
                    pull.fresh = False
                yield batch
        finally:
            with suppress(*_FAILURES):
                await pull.close()


class _Pull:
    """The requests for more to one consumer, and what came of them. One request is out at a time, each with a reply
    subject of its own, so that a late status of an earlier one is known for what it is."""

    def __init__(self, client: Client, consumer: str) -> None:
        self._client = client
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{LOG_STREAM}.{consumer}"
        self._delete = f"$JS.API.CONSUMER.DELETE.{LOG_STREAM}.{consumer}"
        self._inbox = client.new_inbox()
        self._asked = 0
        self._due = 0
        self._lost: str | None = None
        self._received: list[Msg] = []
        self._arrived = asyncio.Event()
        self.fresh = True

    async def open(self) -> None:
        self._subscription = await self._client.subscribe(f"{self._inbox}.*", cb=self._receive)

    async def close(self) -> None:
        await self._subscription.unsubscribe()
        await self._client.publish(self._delete)  # nobody waits for the answer: unused, it goes after 30 s anyway

    async def next(self) -> list[Msg]:
        """The events that have arrived, at most one request's worth; empty after a heartbeat. Raises ConsumerLost."""
        if self._lost is not None:
            raise ConsumerLost(self._lost)
        if self._due == 0 and not self._received:
            await self._ask()
        try:
            # not wait_for: in Python 3.11 it swallows a cancellation that comes together with the result
            async with asyncio.timeout(_SILENCE_S):
                await self._arrived.wait()
        except TimeoutError:
            raise ConsumerLost("no heartbeat") from None
        arrived, self._received = self._received, []
        self._arrived.clear()
        return arrived

    async def _ask(self) -> None:
        wanted = {
            "batch": BATCH,
            "max_bytes": _MAX_BATCH_BYTES,
            "expires": int(_EXPIRES_S * 1e9),
            "idle_heartbeat": int(_HEARTBEAT_S * 1e9),
        }
        self._asked += 1
        self._due = BATCH
        await self._client.publish(self._next, orjson.dumps(wanted), reply=f"{self._inbox}.{self._asked}")

    async def _receive(self, message: Msg) -> None:
        """Keep an event; take note of a status: the request is done (ask again), or the consumer is lost."""
        headers = message.headers or {}
        status, description = headers.get("Status"), headers.get("Description", "")
        if status is None:
            self._received.append(message)
            self._due = max(0, self._due - 1)
        elif status != _HEARTBEAT and message.subject == f"{self._inbox}.{self._asked}":
            if (status, description) in _DONE or status in _EMPTY:
                self._due = 0
            else:
                self._lost = f"{status} {description}"
        self._arrived.set()


def _event_of(message: Msg) -> FeedEvent:
    event_type = message.subject.removeprefix("log.")
    return feed_event(message.metadata.sequence.stream, event_type, message.headers or {}, message.data)
