"""Requests on the bus, until there is an answer: sent again while nobody is there, or while the one asked is silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.errors import ErrorCode, RmosError
from contracts.subjects import Conversation
from runtime.clock import unix_ms

NO_ANSWERER_PATIENCE_S = 4.0
"""How long a request waits for a service that is being restarted; nothing was delivered, so asking again is safe."""
ASK_AGAIN_S = 1.5
"""After each such silence a repeatable request is sent once more: the process that has it may be killed or paused.
One that is merely slow takes the same request for what it is and does not begin it twice."""


async def answer_of(
    client: Client, conversation: Conversation, payload: bytes, headers: dict[str, str], deadline_ms: int
) -> Msg:
    """The answer to this request. Raises UNAVAILABLE when nobody answers the subject, or the bus is away, and
    DEADLINE_EXCEEDED."""
    patience = time.monotonic() + NO_ANSWERER_PATIENCE_S
    while True:
        left = (deadline_ms - unix_ms()) / 1000
        if left <= 0:
            raise too_late(conversation)
        try:
            return await client.request(conversation.subject, payload, timeout=left, headers=headers)
        except nats.errors.NoRespondersError:
            if time.monotonic() > patience:
                raise RmosError(
                    ErrorCode.UNAVAILABLE, f"{conversation.service} does not answer at the moment; ask again"
                ) from None
            await asyncio.sleep(0.05)
        except (TimeoutError, nats.errors.TimeoutError):
            raise too_late(conversation) from None
        except (nats.errors.Error, OSError) as error:
            raise RmosError(
                ErrorCode.UNAVAILABLE, f"the bus is not reachable ({type(error).__name__}); ask again"
            ) from error


async def first_answer(ask: Callable[[], Awaitable[Msg]]) -> Msg:
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


def too_late(conversation: Conversation) -> RmosError:
    return RmosError(
        ErrorCode.DEADLINE_EXCEEDED, f"{conversation.service} gave no answer within the deadline; ask again"
    )
