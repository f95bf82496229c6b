"""A command that its caller named is done once: its answer is kept, and given again when it is repeated.

What fails is not kept: it may be asked again. A process killed between the work and the keeping does the work again
when it is asked again; seeds come from the command then, so that it is the same work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from contracts.canonical import canonical_bytes
from contracts.commands import command_digest
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.model import Message
from services.art_studio.ports import KeptAnswer, KeptAnswers

C = TypeVar("C", bound=Message)
R = TypeVar("R", bound=Message)


def once(
    answers: KeptAnswers, reply: type[R], handler: Callable[[C, RequestContext], Awaitable[R]]
) -> Callable[[C, RequestContext], Awaitable[R]]:
    """The handler, for commands that may come again. Raises IDEMPOTENCY_MISMATCH when another command had the name."""

    async def handle(command: C, request: RequestContext) -> R:
        if not request.idempotent:
            return await handler(command, request)
        digest = command_digest(command)
        kept = await answers.get(request.command_id)
        if kept is None:
            made = canonical_bytes(await handler(command, request))
            kept = await answers.keep(request.command_id, KeptAnswer(digest, made))
        if kept.command_sha256 != digest:
            raise RmosError(
                ErrorCode.IDEMPOTENCY_MISMATCH,
                f"command {request.command_id} was answered before with other content: a new command needs a new id",
                command_id=request.command_id,
            )
        return reply.model_validate_json(kept.reply)

    return handle
