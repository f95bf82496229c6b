"""The far side of the gateway's conversations: answers on a real bus with the contracts' own examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contracts import subjects
from contracts.canonical import canonical_bytes
from contracts.envelope import ACTOR, SYSTEM_ACTOR, RequestContext, event_headers
from contracts.examples import NOW, examples
from contracts.health import Health
from contracts.log import LogEvent
from contracts.model import Message
from contracts.subjects import Conversation, log_subject
from runtime.bus import Bus

Answer = Message | Exception | Callable[[Any], Message]


@dataclass
class Asked:
    conversation: Conversation
    body: Any
    context: RequestContext


@dataclass
class Partner:
    """All services but the gateway. `says` sets what a conversation is answered with."""

    buses: dict[str, Bus]
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    published: int = 0

    async def serve(self) -> None:
        health = {conversation.subject for conversation in subjects.HEALTH.values()}
        for conversation in subjects.CONVERSATIONS:
            if "gateway" in conversation.callers:
                if conversation.subject in health:
                    service = conversation.service
                    self.answers[conversation.subject] = Health(service=service, version="1", pid=1, ready=True)
                await self._serve(conversation)

    def says(self, conversation: Conversation, answer: Answer) -> None:
        self.answers[conversation.subject] = answer

    def asked_of(self, conversation: Conversation) -> list[Asked]:
        return [asked for asked in self.asked if asked.conversation is conversation]

    def last(self, conversation: Conversation) -> Asked:
        return self.asked_of(conversation)[-1]

    async def _serve(self, conversation: Conversation) -> None:
        async def answer(body: Any, context: RequestContext) -> Message:
            self.asked.append(Asked(conversation, body, context))
            chosen = self.answers.get(conversation.subject, examples().get(conversation.reply))
            if isinstance(chosen, Exception):
                raise chosen
            assert chosen is not None
            return chosen if isinstance(chosen, Message) else chosen(body)

        await self.buses[conversation.service].serve(conversation, answer)

    async def record(self, event: LogEvent, request_id: str = "req_1") -> int:
        """Publish an event as rmos' relay does; its position."""
        kind = event.type
        headers = event_headers(
            event_id=f"event_{self.published}", event_type=kind, source="rmos", time=NOW, request_id=request_id
        )
        headers[ACTOR] = canonical_bytes(SYSTEM_ACTOR).decode()
        acknowledged = await self.buses["rmos"].jetstream.publish(
            log_subject(kind), canonical_bytes(event), headers=headers
        )
        self.published += 1
        return acknowledged.seq
