"""The recorder: every fact of the other services enters the log exactly once; those about one subject (the facts of
one AI call, say) in the order of the stream FACTS, as long as none of them has to be put off.

At least once comes from JetStream (acknowledged after the commit), at most once from the log (a fact's id is its
command id). A fact that can never be recorded goes to the stream DEAD with the reason and is then given up.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from contracts.errors import ErrorCode, RmosError
from contracts.subjects import FACTS_STREAM, RECORDER
from runtime.logs import Logger
from runtime.message_size import message_bytes
from services.rmos.event_log.duties import heed_cancellation
from services.rmos.event_log.fact import MalformedFact, append_request
from services.rmos.ports import AppendRequest, AppendResult

BATCH = 200
FETCH_S = 2.0
RETRY_S = 0.5
ANSWER_S = 5.0
BACK_OFF_S = (0.5, 2.0, 5.0, 15.0, 30.0)
"""Pauses before a fact that failed for no known reason is tried again; after the last one it is given up."""
_NEVER = frozenset({ErrorCode.IDEMPOTENCY_MISMATCH, ErrorCode.INVALID_REQUEST, ErrorCode.PAYLOAD_TOO_LARGE})
_BUS_ERRORS = (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError)


class Appends(Protocol):
    """What the recorder needs of the log."""

    async def append(self, request: AppendRequest) -> AppendResult: ...


class FactRecorder:
    """`run()` is a background task of the leader."""

    def __init__(self, client: Client, log_of_events: Appends, log: Logger) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=ANSWER_S)
        self._events = log_of_events
        self._log = log
        self.failure: str | None = None
        """Why no fact is being recorded at the moment; None while all is well."""

    async def run(self) -> None:
        """Records until it is cancelled; survives restarts of the bus, and the consumer being made anew."""
        while True:
            try:
                await self._consume()
            except nats.js.errors.NotFoundError:
                self._fails(f"the consumer {RECORDER} on {FACTS_STREAM} is missing: run the migration")
            except _BUS_ERRORS as error:
                self._fails(str(error) or type(error).__name__)
            heed_cancellation()
            await asyncio.sleep(RETRY_S)

    def _fails(self, reason: str) -> None:
        if self.failure != reason:
            self._log.warning("recorder_waits", reason=reason)
        self.failure = reason

    async def _consume(self) -> None:
        """Raises when the bus or the consumer is away."""
        await self._outwait_predecessor()
        subscription = await self._jetstream.pull_subscribe_bind(consumer=RECORDER, stream=FACTS_STREAM)
        try:
            while True:
                messages = await self._fetch(subscription)
                self.failure = None
                if messages:
                    await self._record_all(messages)
        finally:
            with suppress(*_BUS_ERRORS):
                await subscription.unsubscribe()

    async def _outwait_predecessor(self) -> None:
        """Facts that a dead leader had fetched come again only after their wait; newer ones must not overtake them."""
        info = await self._jetstream.consumer_info(FACTS_STREAM, RECORDER)
        if info.num_ack_pending:
            await asyncio.sleep(info.config.ack_wait or 0)

    async def _fetch(self, subscription: JetStreamContext.PullSubscription) -> list[Msg]:
        """What there is, in order; empty after a quiet time. Raises when the consumer is gone.

        A pull on a deleted consumer just stays silent, so silence is followed by a look at the consumer.
        """
        try:
            messages = await subscription.fetch(BATCH, timeout=FETCH_S)
        except (nats.errors.TimeoutError, TimeoutError):
            messages = []
        if not messages:
            await self._jetstream.consumer_info(FACTS_STREAM, RECORDER)
        return messages

    async def _record_all(self, messages: list[Msg]) -> None:
        """All of them are settled when this returns; on a cancellation the rest is handed back at once."""
        waiting = messages
        try:
            while waiting:
                subjects: dict[tuple[str, str], list[Msg]] = {}
                for message in waiting:
                    subjects.setdefault(_subject_of(message), []).append(message)
                left = await asyncio.gather(*map(self._settle_in_order, subjects.values()))
                waiting = [message for of_one in left for message in of_one]
                if waiting:
                    await asyncio.sleep(RETRY_S)
                    for message in waiting:
                        await message.in_progress()
        finally:
            for message in messages:
                if not message.is_acked:
                    with suppress(*_BUS_ERRORS):
                        await message.nak()

    async def _settle_in_order(self, messages: list[Msg]) -> list[Msg]:
        """One after the other, up to the first that could not be settled; it and the rest are returned."""
        for number, message in enumerate(messages):
            if not await self._settle(message):
                return messages[number:]
        return []

    async def _settle(self, message: Msg) -> bool:
        """Whether the fact is recorded, put off or given up; False when log or bus could not say."""
        try:
            return await self._settled(message)
        except _BUS_ERRORS:
            return False

    async def _settled(self, message: Msg) -> bool:
        try:
            request = append_request(message.subject, message.headers or {}, message.data)
            await self._events.append(request)
        except MalformedFact as error:
            await self._give_up(message, str(error))
        except RmosError as error:
            if error.code is ErrorCode.UNAVAILABLE:
                return False
            tries = message.metadata.num_delivered
            if error.code in _NEVER or tries > len(BACK_OFF_S):
                await self._give_up(message, f"{error.code.value}: {error.message}")
            else:
                await message.nak(delay=BACK_OFF_S[tries - 1])
        else:
            await message.ack()
        return True

    async def _give_up(self, message: Msg, reason: str) -> None:
        """First into DEAD, then off the consumer: between the two the fact is in both, never in neither.

        A fact so large that it has no room for the reason is left in FACTS, where its letter says to find it.
        """
        sequence = str(message.metadata.sequence.stream)
        kept = {name: value for name, value in (message.headers or {}).items() if not name.startswith("Nats-")}
        added = {
            "x-dead-reason": " ".join(reason.split())[:1000],
            "x-dead-subject": message.subject,
            "x-dead-stream": FACTS_STREAM,
            "x-dead-sequence": sequence,
            "Nats-Msg-Id": f"{FACTS_STREAM}-{sequence}",
        }
        headers, body = kept | added, message.data
        if message_bytes(body, headers) > self._client.max_payload:
            where = f"{len(body)} bytes, not in this letter but in {FACTS_STREAM} under {sequence}"
            headers, body = added | {"x-dead-reason": f"{added['x-dead-reason']} ({where})"}, b""
        await self._jetstream.publish(f"dead.{message.subject}", body, headers=headers)
        await message.term()
        self._log.error("fact_given_up", subject=message.subject, sequence=sequence, reason=reason)


def _subject_of(message: Msg) -> tuple[str, str]:
    """What the fact is about; as services.rmos.event_log.fact makes a stream of it."""
    headers = message.headers or {}
    return headers.get("ce-source", ""), headers.get("ce-subject") or headers.get("ce-id", "")
