"""Reads the LOG stream in order from any position, through restarts of NATS.

An ephemeral pull consumer without acknowledgement, asked by hand: nats-py's ordered push consumer loses its heartbeat
task's failures in a callback, and a durable that disappears leaves its `fetch` polling without a word. Here a pull asks
for `BATCH` events at a time (that bounds memory), the server's heartbeats say that the consumer still lives, and
whatever goes wrong ends in the same place: a new consumer at the position that is due.
"""

from __future__ import annotations

import asyncio
from collections import deque
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
    """The requests for more to one consumer, and what came of them."""

    def __init__(self, client: Client, consumer: str) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{LOG_STREAM}.{consumer}"
        self._delete = f"$JS.API.CONSUMER.DELETE.{LOG_STREAM}.{consumer}"
        self._inbox = client.new_inbox()
        self._received: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._due = 0
        self.fresh = True

    async def open(self) -> None:
        self._subscription = await self._client.subscribe(self._inbox, cb=self._receive)

    async def close(self) -> None:
        await self._subscription.unsubscribe()
        await self._client.publish(self._delete)  # nobody waits for the answer: unused, it goes after 30 s anyway

    async def next(self) -> list[Msg]:
        """What has arrived, at most one request's worth; empty after a heartbeat. Raises ConsumerLost."""
        if self._due == 0 and not self._received:
            await self._ask()
        if not self._received:
            try:
                await asyncio.wait_for(self._arrived.wait(), _SILENCE_S)
            except TimeoutError:
                raise ConsumerLost("no heartbeat") from None
        arrived = list(self._received)
        self._received.clear()
        self._arrived.clear()
        return [message for message in arrived if self._is_event(message)]

    async def _ask(self) -> None:
        wanted = {
            "batch": BATCH,
            "max_bytes": _MAX_BATCH_BYTES,
            "expires": int(_EXPIRES_S * 1e9),
            "idle_heartbeat": int(_HEARTBEAT_S * 1e9),
        }
        self._due = BATCH
        await self._client.publish(self._subject, orjson.dumps(wanted), reply=self._inbox)

    async def _receive(self, message: Msg) -> None:
        self._received.append(message)
        self._arrived.set()

    def _is_event(self, message: Msg) -> bool:
        """Events pass; a status is dealt with: heartbeat, request done (ask again), anything else is the end."""
        status = (message.headers or {}).get("Status")
        if status is None or message.data:
            self._due = max(0, self._due - 1)
            return True
        description = (message.headers or {}).get("Description", "")
        if status == "100":
            return False
        if status in {"404", "408"} or (status == "409" and "MaxBytes" in description):
            self._due = 0
            return False
        raise ConsumerLost(f"{status} {description}")


def _event_of(message: Msg) -> FeedEvent:
    event_type = message.subject.removeprefix("log.")
    return feed_event(message.metadata.sequence.stream, event_type, message.headers or {}, message.data)
