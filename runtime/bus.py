"""The bus as every service uses it: requests and answers, facts with an acknowledgement.

Requests are answered on plain nats-py subscriptions of the FastStream broker's connection: measured on this path,
FastStream's own request handling costs half of the throughput and sends no reply when a handler raises
(docs/decisions/0003). Consumers of JetStream use the broker itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
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

from contracts.canonical import canonical_bytes
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
from runtime.clock import Clock, elapsed_ms, unix_ms, utc_text
from runtime.logs import Logger
from runtime.settings import NatsSettings

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)
Handler = Callable[[Any, RequestContext], Awaitable[Message]]
NO_ANSWERER_PATIENCE_S = 4.0
"""How long a request waits for a service that is being restarted; nothing was delivered, so asking again is safe."""
MAX_IN_FLIGHT = 64
FACT_TIMEOUT_S = 5.0
ASK_AGAIN_S = 1.5
"""After each such silence a repeatable request is sent once more: the process that has it may be killed or paused.
One that is merely slow takes the same request for what it is and does not begin it twice."""
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

    @classmethod
    async def connect(cls, settings: NatsSettings, service: str, clock: Clock, log: Logger) -> Bus:
        """Connect and keep connecting for ever; an error of the server (a refused subject, say) is logged."""

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
        """Answer this conversation, `max_in_flight` requests at a time. Unsubscribe the result to stop."""
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
        await self.client.flush()  # a request right after "ready" must find the subscription
        return subscription

    async def request(self, conversation: Conversation, body: Message, context: RequestContext) -> Any:
        """The typed answer. Raises the RmosError that was answered, UNAVAILABLE when nobody answers this subject,
        DEADLINE_EXCEEDED when the answer did not come in time."""
        headers = request_headers(context, conversation.subject, self.service, utc_text(self._clock.now()))
        payload = canonical_bytes(body)
        ask = partial(self._ask, conversation, payload, headers, context.deadline_ms)
        reply = await (_first_answer(ask) if conversation.repeatable else ask())
        return conversation.reply.model_validate(result_of_reply(reply.data))

    async def publish_fact(self, fact: Message, fact_id: str, request_id: str, subject: str | None = None) -> None:
        """Store a fact in the FACTS stream; returns once the server has it. The same id is stored once.

        Raises UNAVAILABLE (retryable) when the acknowledgement does not come.
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
        try:
            await self.jetstream.publish(
                fact_subject(fact_type), canonical_bytes(fact), timeout=FACT_TIMEOUT_S, headers=headers
            )
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            raise RmosError(
                ErrorCode.UNAVAILABLE, f"the fact {fact_type} could not be stored ({type(error).__name__}); ask again"
            ) from error

    async def close(self) -> None:
        """Finish what was begun, then leave."""
        if self._running:
            await asyncio.wait(self._running, timeout=10)
        try:
            await self.broker.stop()
        except nats.errors.Error:  # draining needs a connection; without one there is nothing left to drain
            # nats-py's reconnecting task can miss its cancellation and would keep the event loop from ending
            self.client.options["max_reconnect_attempts"] = 1
            await self.client.close()

    async def _ask(self, conversation: Conversation, payload: bytes, headers: dict[str, str], deadline_ms: int) -> Msg:
        patience = time.monotonic() + NO_ANSWERER_PATIENCE_S
        while True:
            left = (deadline_ms - unix_ms()) / 1000
            if left <= 0:
                raise _too_late(conversation)
            try:
                return await self.client.request(conversation.subject, payload, timeout=left, headers=headers)
            except nats.errors.NoRespondersError:
                if time.monotonic() > patience:
                    raise RmosError(
                        ErrorCode.UNAVAILABLE, f"{conversation.service} does not answer at the moment; ask again"
                    ) from None
                await asyncio.sleep(0.05)
            except (TimeoutError, nats.errors.TimeoutError):
                raise _too_late(conversation) from None
            except (nats.errors.Error, OSError) as error:
                raise RmosError(
                    ErrorCode.UNAVAILABLE, f"the bus is not reachable ({type(error).__name__}); ask again"
                ) from error

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
                raise _too_late(conversation)
            reply = result_bytes(await handler(_parsed(conversation.request, message.data), context))
        except RmosError as error:
            outcome = error.code.value
            reply = error_bytes(error.body)
        except Exception:  # noqa: BLE001 - the process edge: recorded here, answered as INTERNAL without detail
            outcome = ErrorCode.INTERNAL.value
            self._log.exception("handler_failed", subject=conversation.subject, request_id=request_id)
            reply = error_bytes(RmosError(ErrorCode.INTERNAL, "an unexpected error; the service's log names it").body)
        try:
            for asking in senders():
                await asking.respond(reply)
        except (nats.errors.Error, OSError) as error:
            outcome = f"reply_lost:{type(error).__name__}"
        self._log.info(
            "handled",
            subject=conversation.subject,
            request_id=request_id,
            outcome=outcome,
            duration_ms=elapsed_ms(started),
        )


async def _first_answer(ask: Callable[[], Awaitable[Msg]]) -> Msg:
    """The answer to the first of the requests that gets one; another is sent after each silence."""
    asked: list[asyncio.Future[Msg]] = []
    try:
        while True:
            asked.append(asyncio.ensure_future(ask()))
            answered, _ = await asyncio.wait(asked, timeout=ASK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
            for one in answered:
                return one.result()
    finally:
        for one in asked:
            if not one.cancel() and not one.cancelled():
                one.exception()  # of two that failed together one is raised: the other is not news


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


def _too_late(conversation: Conversation) -> RmosError:
    return RmosError(
        ErrorCode.DEADLINE_EXCEEDED, f"{conversation.service} gave no answer within the deadline; ask again"
    )
