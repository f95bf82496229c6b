"""Clients as the gateway is one: mixed commands over NATS, asked again under the same id until they are answered."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts import subjects
from contracts.artifacts import AttachmentKind
from contracts.blobs import BlobRef
from contracts.envelope import Actor, RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.examples import PARAMETERS
from contracts.feasibility import CuttingContext
from contracts.model import Message
from contracts.rmos import AddAttachments, AskRun, DecideSession, MakeToolpaths, NewAttachment, OpenRun, OpenSession
from contracts.subjects import Conversation
from runtime.bus import Bus
from runtime.clock import unix_ms

OPERATOR = Actor(id="operator", role=Role.OPERATOR)
TRY_S = 20.0
GIVE_UP_S = 60.0
"""A command that is refused for so long would mean that the authority is away, not that it changes hands."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A command that was answered with success, and with what."""

    command_id: str
    conversation: Conversation
    body: Message
    answer: Any
    asked_at: float
    answered_at: float


@dataclass
class Traffic:
    """What all clients did so far."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Commands that were definitely refused: they must not have changed anything."""
    asked_again: int = 0
    repeated: int = 0
    longest_s: float = 0.0

    @property
    def answered(self) -> int:
        return len(self.acknowledged) + len(self.refused)

    def first_after(self, moment: float) -> float | None:
        """Seconds from this moment (time.monotonic) to the first acknowledgement of a command that began after it."""
        after = [done.answered_at for done in self.acknowledged if done.asked_at >= moment]
        return min(after) - moment if after else None


class Client:
    """One client with commands of its own; the same seed sends the same commands."""

    def __init__(self, name: str, bus: Bus, blobs: Sequence[BlobRef], traffic: Traffic) -> None:
        self._name = name
        self._bus = bus
        self._blobs = blobs
        self._traffic = traffic
        self._dice = random.Random(name)
        self._runs: list[str] = []
        self._sessions: list[str] = []
        self._own: list[Acknowledged] = []

    async def send(self, commands: int) -> None:
        for number in range(commands):
            conversation, body = self._next()
            await self._do(f"{self._name}-{number}", conversation, body)
            if self._own and self._dice.random() < 0.05:
                await self._repeat(self._dice.choice(self._own))

    def _next(self) -> tuple[Conversation, Message]:
        roll = self._dice.random()
        if roll < 0.40 or not self._runs:
            return subjects.OPEN_RUN, OpenRun(label=self._name)
        if roll < 0.75:
            return subjects.ADD_ATTACHMENTS, AddAttachments(
                run_id=self._dice.choice(self._runs),
                attachments=tuple(
                    NewAttachment(kind=AttachmentKind.SPEC, filename="some.json", blob=blob)
                    for blob in self._dice.sample(self._blobs, self._dice.randint(1, 3))
                ),
            )
        if roll < 0.90 or not self._sessions:
            return subjects.OPEN_SESSION, OpenSession(label=self._name)
        if roll < 0.95:
            return subjects.APPROVE, DecideSession(session_id=self._dice.choice(self._sessions))
        run = self._dice.choice(self._runs) if roll < 0.975 else None
        return subjects.MAKE_TOOLPATHS, MakeToolpaths(run_id=run, design=PARAMETERS, context=CuttingContext())

    async def _do(self, command_id: str, conversation: Conversation, body: Message) -> None:
        asked_at = time.monotonic()
        try:
            answer = await self._answer(command_id, conversation, body)
        except RmosError as error:
            if (conversation, error.code) != (subjects.APPROVE, ErrorCode.ILLEGAL_TRANSITION):
                raise
            self._traffic.refused.add(command_id)
            return
        now = time.monotonic()
        self._traffic.longest_s = max(self._traffic.longest_s, now - asked_at)
        done = Acknowledged(command_id, conversation, body, answer, asked_at, now)
        self._traffic.acknowledged.append(done)
        self._own.append(done)
        match conversation.subject:
            case subjects.OPEN_RUN.subject:
                self._runs.append(answer.run_id)
                seen = await self._answer(f"query-{command_id}", subjects.RUN, AskRun(run_id=answer.run_id))
                assert seen == answer, "a run is not seen as it was opened"
            case subjects.OPEN_SESSION.subject:
                self._sessions.append(answer.session.session_id)
            case _:
                pass

    async def _repeat(self, done: Acknowledged) -> None:
        """An answered command once more: the same answer, and nothing is done again."""
        answer = await self._answer(done.command_id, done.conversation, done.body)
        assert answer == done.answer, f"{done.command_id} was answered differently when it was repeated"
        self._traffic.repeated += 1

    async def _answer(self, command_id: str, conversation: Conversation, body: Message) -> Any:
        give_up = time.monotonic() + GIVE_UP_S
        while True:
            context = RequestContext(
                command_id=command_id,
                request_id=f"request-{command_id}",
                actor=OPERATOR,
                deadline_ms=unix_ms() + int(TRY_S * 1000),
                idempotent=conversation.is_command,
            )
            try:
                return await self._bus.request(conversation, body, context)
            except RmosError as error:
                if not error.body.retryable or time.monotonic() > give_up:
                    raise
            self._traffic.asked_again += 1
            await asyncio.sleep(0.02)
