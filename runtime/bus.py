"""The bus as every service uses it: requests and answers, facts with an acknowledgement.

Requests are answered on plain nats-py subscriptions of the FastStream broker's connection: measured on this path,
FastStream's own request handling costs half of the throughput and sends no reply when a handler raises
(docs/decisions/0003). Consumers of JetStream use the broker itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import nats.errors
import nats.js.errors
import orjson
from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from pydantic import ValidationError

from contracts.canonical import Canonical, canonical_bytes
from contracts.envelope import (
    ACTOR,
    RequestContext,
    context_of,
    error_bytes,
    event_headers,
    request_headers,
    result_bytes,
)
from contracts.envelope import result_of as result_of_reply
from contracts.errors import ErrorCode, RmosError
from contracts.model import Message
from contracts.subjects import Conversation, fact_subject, inbox_prefix
from runtime.asking import answer_of, first_answer, too_late
from runtime.clock import Clock, elapsed_ms, unix_ms, utc_text
from runtime.logs import Logger
from runtime.message_size import check_fits, message_bytes
from runtime.process import end_with_failure
from runtime.settings import NatsSettings

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)
Handler = Callable[[Any, RequestContext], Awaitable[Message | Canonical]]
MAX_IN_FLIGHT = 64
FACT_TIMEOUT_S = 5.0
FACT_ROOM_BYTES = 8192
"""What a fact leaves free of a message: given up, it goes to the stream DEAD with the reason in further headers."""
CLOSED_LOOK_S = 0.25
Asked = tuple[str, str, bytes]
"""What makes two requests one: command id, actor, body."""


class Bus:
    """One connection of one service, with that service's rights."""

    def __init__(self, broker: NatsBroker, client: Client, service: str, clock: Clock, log: Logger) -> None:
        self.broker = broker
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream()
        self.service = service
        self._clock = clock
        self._log = log
        self._running: set[asyncio.Task[None]] = set()
        self._watching = asyncio.create_task(self._watch(), name="bus-watch")

    @classmethod
    async def connect(cls, settings: NatsSettings, service: str, clock: Clock, log: Logger) -> Bus:
        """Connect and keep connecting for ever; an error of the server (a refused subject, say) is logged.

        A connection that nats-py gives up all the same ends the process (docs/decisions/0014).
        """

        async def report(error: Exception) -> None:
            log.warning("bus_error", error=str(error) or type(error).__name__)

        broker = NatsBroker(
            settings.url,
            security=SASLPlaintext(settings.user, settings.password),
            inbox_prefix=inbox_prefix(settings.user),
            name=f"rmos-{service}",
            max_reconnect_attempts=-1,
            # 0 would be a busy loop with a log line a round while the server is away
            reconnect_time_wait=0.1,  # type: ignore[arg-type]  # FastStream says int, nats-py sleeps a float
            connect_timeout=2,
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=report,
            logger=None,
            graceful_timeout=15,
        )
        while True:
            try:
                await broker.connect()
                break
            except (OSError, nats.errors.Error) as error:
                log.warning("bus_unreachable", error=str(error) or type(error).__name__)
                await asyncio.sleep(0.25)
        return cls(broker, broker.connection, service, clock, log)

    @property
    def connected(self) -> bool:
        return self.client.is_connected

    async def serve(
        self, conversation: Conversation, handler: Handler, max_in_flight: int = MAX_IN_FLIGHT
    ) -> Subscription:
        """Answer this conversation, `max_in_flight` requests at a time. `let_go` of the result to stop.

        Raises nats.errors.Error when the bus does not answer; then nothing stays subscribed.
        """
        slots = asyncio.Semaphore(max_in_flight)
        asked: dict[Asked, list[Msg]] = {}

        async def receive(message: Msg) -> None:
            key = _asked(message)
            if key in asked:
                asked[key].append(message)
                return
            asked[key] = [message]
            await slots.acquire()
            task = asyncio.create_task(answer(key, message))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        async def answer(key: Asked, message: Msg) -> None:
            try:
                await self._answer(conversation, handler, message, lambda: asked.pop(key))
            finally:
                asked.pop(key, None)
                slots.release()

        subscription = await self.client.subscribe(conversation.subject, queue=self.service, cb=receive)
        try:
            await self.client.flush()  # a request right after "ready" must find the subscription
        except BaseException:
            await _unsubscribe(subscription)
            raise
        return subscription

    async def let_go(self, served: Iterable[Subscription], within_s: float) -> None:
        """Take no more of these requests; those that are here already are answered.

        A bus that does not say in time that it knows is not waited for: the subscriptions are gone all the same, and
        do not come again with the next connection.
        """

        async def drained(subscription: Subscription) -> str | None:
            try:
                async with asyncio.timeout(within_s):
                    await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py
            except (TimeoutError, nats.errors.Error, OSError) as error:
                await _unsubscribe(subscription)
                return str(error) or type(error).__name__
            return None

        reasons = {reason for reason in await asyncio.gather(*map(drained, served)) if reason is not None}
        if reasons:
            self._log.warning("requests_let_go_late", reasons=sorted(reasons))

    async def request(self, conversation: Conversation, body: Message, context: RequestContext) -> Any:
        """The typed answer. Raises the RmosError that was answered, UNAVAILABLE when nobody answers this subject,
        DEADLINE_EXCEEDED when the answer did not come in time, PAYLOAD_TOO_LARGE for what does not fit one message."""
        headers = request_headers(context, conversation.subject, self.service, utc_text(self._clock.now()))
        payload = canonical_bytes(body)
        check_fits("the request", message_bytes(payload, headers), self.client.max_payload)
        ask = partial(answer_of, self.client, conversation, payload, headers, context.deadline_ms)
        reply = await (first_answer(ask) if conversation.repeatable else ask())
        return conversation.reply.model_validate(result_of_reply(reply.data))

    async def publish_fact(self, fact: Message, fact_id: str, request_id: str, subject: str | None = None) -> None:
        """Store a fact in the FACTS stream; returns once the server has it. The same id is stored once.

        Raises UNAVAILABLE (retryable) when the acknowledgement does not come, PAYLOAD_TOO_LARGE for what does not fit.
        """
        fact_type: str = fact.type  # type: ignore[attr-defined]  # every fact class names its wire type
        headers = event_headers(
            event_id=fact_id,
            event_type=fact_type,
            source=self.service,
            time=utc_text(self._clock.now()),
            request_id=request_id,
            subject=subject,
        )
        headers["Nats-Msg-Id"] = fact_id
        payload = canonical_bytes(fact)
        limit = self.client.max_payload - FACT_ROOM_BYTES
        check_fits(f"the fact {fact_type}", message_bytes(payload, headers), limit)
        try:
            await self.jetstream.publish(fact_subject(fact_type), payload, timeout=FACT_TIMEOUT_S, headers=headers)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            raise RmosError(
                ErrorCode.UNAVAILABLE, f"the fact {fact_type} could not be stored ({type(error).__name__}); ask again"
            ) from error

    async def close(self) -> None:
        """Finish what was begun, then leave."""
        self._watching.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=10)
        try:
            await self.broker.stop()
        except nats.errors.Error:  # draining needs a connection; without one there is nothing left to drain
            # nats-py's reconnecting task can miss its cancellation and would keep the event loop from ending
            self.client.options["max_reconnect_attempts"] = 1
            await self.client.close()

    async def _watch(self) -> None:
        """Ends the process when the connection is closed and nobody here closed it.

        nats-py closes one for good on most errors of the server, whatever the number of reconnects. Its `closed_cb` is
        no help: with anything left to send, its closing fails before that is called.
        """
        while not self.client.is_closed:  # noqa: ASYNC110 - nats-py tells nobody
            await asyncio.sleep(CLOSED_LOOK_S)
        self._log.critical("bus_closed", error=str(self.client.last_error))
        end_with_failure()

    async def _answer(
        self, conversation: Conversation, handler: Handler, message: Msg, senders: Callable[[], list[Msg]]
    ) -> None:
        """`senders` gives, when the answer is there, every message that asked for it."""
        started = time.perf_counter()
        request_id, outcome = None, "ok"
        try:
            context = context_of(message.headers or {})
            request_id = context.request_id
            if context.deadline_ms <= unix_ms():
                raise too_late(conversation)
            reply = result_bytes(await handler(_parsed(conversation.request, message.data), context))
        except RmosError as error:
            outcome = error.code.value
            reply = error_bytes(error.body)
        except Exception:  # noqa: BLE001 - the process edge: recorded here, answered as INTERNAL without detail
            outcome = ErrorCode.INTERNAL.value
            self._log.exception("handler_failed", subject=conversation.subject, request_id=request_id)
            reply = error_bytes(RmosError(ErrorCode.INTERNAL, "an unexpected error; the service's log names it").body)
        try:
            check_fits("the answer", len(reply), self.client.max_payload)
        except RmosError as error:
            outcome = error.code.value
            reply = error_bytes(error.body)
        for asking in senders():
            try:
                await asking.respond(reply)
            except (nats.errors.Error, OSError) as lost:
                outcome = f"reply_lost:{type(lost).__name__}"
        await asyncio.sleep(0)  # the answer leaves before the line about it is written
        self._log.info(
            "handled",
            subject=conversation.subject,
            request_id=request_id,
            outcome=outcome,
            duration_ms=elapsed_ms(started),
        )


async def _unsubscribe(subscription: Subscription) -> None:
    """Also after a drain that failed: nats-py calls that one closed, refuses to unsubscribe it, and subscribes it anew
    with the next connection."""
    subscription._closed = False
    with suppress(nats.errors.Error, OSError):
        await subscription.unsubscribe()


def _asked(message: Msg) -> Asked:
    headers = message.headers or {}
    return headers.get("ce-id", ""), headers.get(ACTOR, ""), message.data


def _parsed(request: type[Q], data: bytes) -> Q:
    try:
        return request.model_validate(orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"the body is not JSON: {error}") from error
    except ValidationError as error:
        raise invalid_request(error) from error


def invalid_request(error: ValidationError, code: ErrorCode = ErrorCode.INVALID_REQUEST) -> RmosError:
    """The typed error of a body that does not fit: every field that is wrong, and why; never its value."""
    problems = [
        {"field": ".".join(str(part) for part in item["loc"]) or "(body)", "problem": item["msg"]}
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    first = problems[0]
    message = f"{first['field']}: {first['problem']}"
    if len(problems) > 1:
        message += f" (and {len(problems) - 1} more, see details)"
    return RmosError(code, message, errors=problems)
