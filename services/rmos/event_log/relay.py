"""The relay: copies the log to the bus stream LOG, in order, so that sequence and log position are the same number.

The log is the outbox and the stream's own last sequence is the relay's only state, so a crash between commit and
publish loses nothing. Each publication names the sequence it follows (`Nats-Expected-Last-Sequence`): a second relay,
or a late repetition, is refused by the server and cannot double or reorder anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import nats.errors
import nats.js.errors
import orjson
from nats.aio.client import Client

from contracts.envelope import ACTOR, POSITION, actor_header, event_headers
from contracts.errors import RmosError
from contracts.log import StoredEvent
from contracts.subjects import FACT_DOMAINS, LOG_STREAM, log_subject
from runtime.logs import Logger
from services.rmos.event_log.duties import heed_cancellation
from services.rmos.event_log.head import Head

READ_EVENTS = 200
BATCH_BYTES = 2_000_000
ACK_TIMEOUT_S = 5.0
LOOK_AGAIN_S = 5.0
"""How often an idle relay compares log and stream: a stream that was lost and made anew is filled again."""
RETRY_S = 0.3
GATHER_S = 0.01
"""How long events gather before they are published together: a batch costs one write to disk, as one event does."""
_SOURCES = {domain: service for service, domain in FACT_DOMAINS.items()}


class LogDisagrees(Exception):
    """The stream holds something that the log does not: which of the two is wrong must be decided by a person."""


class Tail(Protocol):
    """What the relay needs of the log."""

    async def read_after(self, position: int, limit: int) -> Sequence[StoredEvent]: ...

    async def last_position(self) -> int: ...


class LogRelay:
    """`run()` is a background task of the leader."""

    def __init__(self, client: Client, tail: Tail, head: Head, log: Logger) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=ACK_TIMEOUT_S)
        self._tail = tail
        self._head = head
        self._log = log
        self.published = 0
        """The newest position known to be in the stream."""
        self.failure: str | None = None
        """Why nothing is published, when log and stream disagree; None while they do not."""

    async def keep_on(self) -> None:
        """`run`, and again as long as log and stream disagree: once somebody has mended the stream it goes on."""
        while True:
            await self.run()
            await asyncio.sleep(LOOK_AGAIN_S)

    async def run(self) -> None:
        """Publishes until it is cancelled; survives restarts of bus and database. Returns only on a disagreement."""
        while True:
            try:
                self.published = await self._resume_point()
                self.failure = None
                await self._follow()
            except LogDisagrees as disagreement:
                if self.failure != str(disagreement):
                    self._log.error("relay_stopped", reason=str(disagreement))
                self.failure = str(disagreement)
                return
            except (nats.errors.Error, nats.js.errors.Error, RmosError, OSError, TimeoutError) as error:
                heed_cancellation()
                self._log.warning("relay_waits", reason=str(error) or type(error).__name__, published=self.published)
                await asyncio.sleep(RETRY_S)

    async def _resume_point(self) -> int:
        """The position up to which stream and log agree: the stream's last sequence. Raises LogDisagrees."""
        state = (await self._jetstream.stream_info(LOG_STREAM)).state
        last_position = await self._tail.last_position()
        if state.messages != state.last_seq:
            raise LogDisagrees(
                f"stream {LOG_STREAM} holds {state.messages} messages but its last sequence is {state.last_seq}: some "
                f"were removed. Delete the stream and run the migration; the relay then fills it from the log"
            )
        if state.last_seq > last_position:
            raise LogDisagrees(
                f"stream {LOG_STREAM} is at {state.last_seq} but the log ends at {last_position}: the database is "
                f"older than what was published. Restore the newer database, or delete the stream and run the migration"
            )
        if state.last_seq > 0:
            await self._compare(state.last_seq)
        return state.last_seq

    async def _compare(self, sequence: int) -> None:
        (event,) = await self._tail.read_after(sequence - 1, 1)
        message = await self._jetstream.get_msg(LOG_STREAM, sequence)
        found = (message.headers or {}).get("ce-id"), message.data
        if found != (event.event_id, event.data_json.encode()):
            raise LogDisagrees(
                f"sequence {sequence} of stream {LOG_STREAM} is {found[0]}, position {sequence} of the log is "
                f"{event.event_id}: this stream belongs to another log. Delete the stream and run the migration"
            )

    async def _follow(self) -> None:
        """Publishes what comes; returns after a quiet time, so that log and stream are compared again."""
        while True:
            events = await self._tail.read_after(self.published, READ_EVENTS)
            for batch in _batches(events):
                await self._publish(batch)
                self.published = batch[-1].position
            if len(events) == READ_EVENTS:
                continue
            if not await self._head.wait_beyond(self.published, LOOK_AGAIN_S):
                return
            await asyncio.sleep(GATHER_S)

    async def _publish(self, batch: Sequence[StoredEvent]) -> None:
        """All of the batch, or nothing (an atomic batch of JetStream). The last message is answered for all."""
        batch_id = f"log-{batch[0].position}-{self._client.new_inbox()[-12:]}"
        for number, event in enumerate(batch, 1):
            headers = _headers(event)
            if number == 1:
                headers["Nats-Expected-Last-Sequence"] = str(event.position - 1)
            if len(batch) > 1:
                headers |= {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
            subject, data = log_subject(event.type), event.data_json.encode()
            if number < len(batch):
                await self._client.publish(subject, data, headers=headers)
                continue
            if len(batch) > 1:
                headers["Nats-Batch-Commit"] = "1"
            answer = await self._client.request(subject, data, timeout=ACK_TIMEOUT_S, headers=headers)
            _check(orjson.loads(answer.data), event.position)


def _check(answer: dict[str, Any], position: int) -> None:
    if "error" in answer:
        raise nats.js.errors.APIError.from_error(answer["error"])
    if answer["seq"] != position:
        raise LogDisagrees(f"position {position} of the log became sequence {answer['seq']} of stream {LOG_STREAM}")


def _headers(event: StoredEvent) -> dict[str, str]:
    headers = event_headers(
        event_id=event.event_id,
        event_type=event.type,
        source=_SOURCES.get(event.type.split(".")[0], "rmos"),
        time=event.recorded_at_utc,
        request_id=event.request_id,
        subject=event.stream,
    )
    headers |= {POSITION: str(event.position), ACTOR: actor_header(event.actor)}
    headers["Nats-Msg-Id"] = str(event.position)
    if event.causation_id is not None:
        headers["ce-causationid"] = event.causation_id
    return headers


def _batches(events: Sequence[StoredEvent]) -> Iterator[list[StoredEvent]]:
    """In order, each below the size that a connection takes at once."""
    batch: list[StoredEvent] = []
    size = 0
    for event in events:
        if batch and size + len(event.data_json) > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event.data_json)
    if batch:
        yield batch
