"""The stream DEAD: what lies there and why, one letter whole, another try at one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg

from contracts.canonical import canonical_bytes
from contracts.dead_letters import RedriveDeadLetter, RedrivenDeadLetter
from contracts.envelope import Actor, RequestContext, Role, request_headers, result_of
from contracts.errors import RETRYABLE, ErrorCode, RmosError
from contracts.subjects import DEAD_STREAM, OPERATOR, REDRIVE_DEAD_LETTER, inbox_prefix
from runtime.clock import SystemClock, unix_ms, utc_text
from runtime.ids import new_id

ANSWER_S = 5.0
REDRIVE_S = 15.0
_NO_STREAM = 10059
"""JetStream's error code for a stream that does not exist; a missing message has another."""
_NO_MESSAGE = 10043


class BusAway(Exception):
    """The bus does not answer, does not let this user in, or has no such stream; the text says which."""


class NoSuchLetter(Exception):
    """There is no dead letter under this number (any more)."""


class StillRefused(Exception):
    """rmos cannot record the fact; the text says why. The letter stays."""


@dataclass(frozen=True, slots=True)
class BusLogin:
    url: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up. `number` is its sequence in DEAD; `headers` are those it was first sent with."""

    number: int
    reason: str
    subject: str
    """Where it was first sent to."""
    given_up_at: str
    """RFC 3339, UTC, as the bus recorded it."""
    stream: str
    sequence: int
    """The stream that it stood in, and its place there."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def type(self) -> str:
        return self.headers.get("ce-type", "")

    @property
    def id(self) -> str:
        return self.headers.get("ce-id", "")


class DeadLetters:
    """Over one connection of a user with the rights for it: the operator reads and asks for another try, rmos reads
    and takes out. All raise BusAway."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jetstream: JetStreamContext = client.jetstream(timeout=ANSWER_S)

    async def all(self, limit: int) -> list[DeadLetter]:
        """The oldest letters, at most `limit`, in the order in which they were given up."""
        letters: list[DeadLetter] = []
        number = 1
        while len(letters) < limit:
            try:
                letters.append(await self._get(number, or_next=True))
            except NoSuchLetter:
                break
            number = letters[-1].number + 1
        return letters

    async def count(self) -> int:
        with _reporting():
            return (await self._jetstream.stream_info(DEAD_STREAM)).state.messages

    async def one(self, number: int) -> DeadLetter:
        """Raises NoSuchLetter."""
        return await self._get(number, or_next=False)

    async def take_out(self, number: int) -> None:
        """The letter is gone for good. Raises NoSuchLetter."""
        with _reporting():
            try:
                await self._jetstream.delete_msg(DEAD_STREAM, number)
            except nats.js.errors.APIError as error:
                if error.err_code != _NO_MESSAGE:
                    raise
                raise NoSuchLetter(f"there is no dead letter {number}") from error

    async def redrive(self, number: int) -> RedrivenDeadLetter:
        """Asks rmos to record the fact and to take the letter out; to ask twice records it once.

        Raises NoSuchLetter, and StillRefused for what cannot be recorded: the letter then stays.
        """
        body = canonical_bytes(RedriveDeadLetter(number=number))
        subject = REDRIVE_DEAD_LETTER.subject
        headers = request_headers(_by_operator(), subject, OPERATOR, utc_text(SystemClock().now()))
        with _reporting():
            try:
                reply = await self._client.request(subject, body, timeout=REDRIVE_S, headers=headers)
            except nats.errors.NoRespondersError as error:
                raise BusAway("no rmos takes commands at the moment: start it, or ask again") from error
        try:
            return RedrivenDeadLetter.model_validate(result_of(reply.data))
        except RmosError as error:
            raise _refusal(error) from error

    async def _get(self, number: int, or_next: bool) -> DeadLetter:
        with _reporting():
            try:
                if or_next:
                    message = await self._jetstream.get_msg(DEAD_STREAM, number, subject="dead.>", next=True)
                else:
                    message = await self._jetstream.get_msg(DEAD_STREAM, number)
            except nats.js.errors.NotFoundError as error:
                if error.err_code == _NO_STREAM:
                    raise
                raise NoSuchLetter(f"there is no dead letter {number}") from error
        return _letter(message)


@asynccontextmanager
async def dead_letters(login: BusLogin) -> AsyncIterator[DeadLetters]:
    """Connected as this user. Raises BusAway."""
    with _reporting():
        client = await nats.connect(
            login.url,
            user=login.user,
            password=login.password,
            inbox_prefix=inbox_prefix(login.user).encode(),
            connect_timeout=3,
            # nats-py tries a server 60 times before it says that nobody is there
            max_reconnect_attempts=2,
            reconnect_time_wait=0.3,
            error_cb=_ignore,
            name="rmos-bus",
        )
    try:
        yield DeadLetters(client)
    finally:
        await client.close()


def _by_operator() -> RequestContext:
    return RequestContext(
        command_id=new_id("cmd"),
        request_id=new_id("req"),
        actor=Actor(id=OPERATOR, role=Role.OPERATOR),
        deadline_ms=unix_ms() + int(REDRIVE_S * 1000),
    )


def _refusal(error: RmosError) -> Exception:
    if error.code is ErrorCode.NOT_FOUND:
        return NoSuchLetter(error.message)
    if error.code in RETRYABLE:
        return BusAway(error.message)
    return StillRefused(error.message)


async def _ignore(_: Exception) -> None:
    """What the server says in passing shows as the failure of a request."""


@contextmanager
def _reporting() -> Iterator[None]:
    """Errors of the bus as BusAway, which says what a person can do."""
    try:
        yield
    except nats.js.errors.NotFoundError as error:
        raise BusAway(f"the stream {DEAD_STREAM} is missing: run the migration") from error
    except (nats.errors.TimeoutError, TimeoutError) as error:
        raise BusAway("the bus gives no answer: it is away, or this user may not ask") from error
    except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
        raise BusAway(f"the bus is not reachable as this user: {str(error) or type(error).__name__}") from error


def _letter(message: RawStreamMsg) -> DeadLetter:
    headers = dict(message.headers or {})
    subject = headers.get("x-dead-subject") or (message.subject or "").removeprefix("dead.")
    return DeadLetter(
        number=message.seq or 0,
        reason=headers.get("x-dead-reason", "no reason was given"),
        subject=subject,
        given_up_at=utc_text(message.time) if message.time else "",
        stream=headers.get("x-dead-stream", ""),
        sequence=int(headers.get("x-dead-sequence", "0")),
        headers={name: value for name, value in headers.items() if not name.startswith(("x-dead-", "Nats-"))},
        body=message.data or b"",
    )
