"""A shop's history of any length, appended through the log's own API in large commands and folded by the projector."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from contracts.artifacts import ArtifactStatus, AttachmentKind, RunArtifact
from contracts.envelope import Actor, RequestContext, Role
from contracts.examples import ATTACHMENT, CANDIDATE
from contracts.feasibility import CuttingContext, Mode, RiskLevel
from contracts.log import AttachmentAdded, CandidateBound, LogEvent, RunOpened
from runtime.logs import Logger
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.writer import Term
from services.rmos.ports import AppendRequest, NewEvent
from services.rmos.projections.database import projection_engine
from services.rmos.projections.projector import Projector

EVENTS_A_COMMAND = 400
COMMANDS_AT_ONCE = 4
RUNS_A_SESSION = 20
TOOLS = ("flat_1_0", "flat_1_5", "flat_2_0", "flat_3_175", "vbit_30", "vbit_60", "ball_1_0", "ball_2_0")
ADA = Actor(id="ada", role=Role.DESIGNER)


class Calendar:
    """A clock that moves on by some minutes each time somebody looks: the history spans days, not seconds."""

    def __init__(self, minutes: float) -> None:
        self._moment = datetime(2026, 1, 1, tzinfo=UTC)
        self._step = timedelta(minutes=minutes)

    def now(self) -> datetime:
        self._moment += self._step
        return self._moment


def run_id(number: int) -> str:
    return f"run_{number:026d}"


def session_id(number: int) -> str:
    return f"session_{number // RUNS_A_SESSION:026d}"


def events_of(number: int, dice: random.Random) -> Iterator[LogEvent]:
    """One run: opened, in half of all cases with an attachment and a decision. One in ten is for the saw; a tenth of
    the decisions is RED, a hundredth UNKNOWN."""
    mode: Mode = "saw" if dice.random() < 0.1 else "router"
    context = CuttingContext(tool_id=dice.choice(TOOLS), material_id="spruce_sitka", machine_id="shapeoko_4_xxl")
    yield RunOpened(
        run_id=run_id(number),
        mode=mode,
        label=None,
        workflow_session_id=session_id(number),
        context=context,
        opened_at_utc=ATTACHMENT.created_at_utc,
    )
    if dice.random() < 0.5:
        digest = f"{number:064x}"
        attachment = ATTACHMENT.model_copy(update={"attachment_id": digest, "kind": AttachmentKind.SPEC})
        yield AttachmentAdded(run_id=run_id(number), attachment=attachment)
        yield CandidateBound(artifact=_decision(number, context, mode, dice.random()))


def _decision(number: int, context: CuttingContext, mode: Mode, roll: float) -> RunArtifact:
    risk = RiskLevel.RED if roll < 0.1 else RiskLevel.UNKNOWN if roll < 0.11 else RiskLevel.GREEN
    blocked = risk is not RiskLevel.GREEN
    decision = CANDIDATE.decision.model_copy(
        update={
            "risk_level": risk,
            "score": None if risk is RiskLevel.UNKNOWN else Decimal(80),
            "block_reason": "too thin" if blocked else None,
        }
    )
    return CANDIDATE.model_copy(
        update={
            "artifact_id": f"artifact_{number:026d}",
            "run_id": run_id(number),
            "status": ArtifactStatus.BLOCKED if blocked else ArtifactStatus.OK,
            "mode": mode,
            "context": context,
            "tool_id": context.tool_id,
            "decision": decision,
        }
    )


async def written(dsn: str, runs: int, log: Logger, project: bool = True) -> int:
    """The log of so many runs, and (project) the tables folded from it; the number of events."""
    dice = random.Random(runs)
    minutes = 60 * 24 * 30 * EVENTS_A_COMMAND / (2 * runs)  # a month, however long the history is
    async with _leading(dsn, Calendar(minutes), log) as events:
        limit = asyncio.Semaphore(COMMANDS_AT_ONCE)
        async with asyncio.TaskGroup() as appending:
            for number, chunk in enumerate(_chunks(runs, dice)):
                await limit.acquire()
                appending.create_task(_append(events, number, chunk, limit))
        if project:
            engine = projection_engine(dsn)
            try:
                await Projector(engine, events, events.head, log).catch_up()
            finally:
                await engine.dispose()
        return await events.last_position()


async def _append(
    log: PostgresEventLog, number: int, chunk: Sequence[tuple[int, LogEvent]], limit: asyncio.Semaphore
) -> None:
    try:
        context = RequestContext(command_id=f"seed-{number}", request_id=f"seed-{number}", actor=ADA, deadline_ms=0)
        new = tuple(
            NewEvent(f"run-{run_id(run)}", f"seed-{number}-{index}", event) for index, (run, event) in enumerate(chunk)
        )
        await log.append(AppendRequest(context, {}, new))
    finally:
        limit.release()


def _chunks(runs: int, dice: random.Random) -> Iterator[list[tuple[int, LogEvent]]]:
    """Runs stay whole, so that commands may be appended in any order."""
    chunk: list[tuple[int, LogEvent]] = []
    for number in range(runs):
        chunk += [(number, event) for event in events_of(number, dice)]
        if len(chunk) >= EVENTS_A_COMMAND:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@asynccontextmanager
async def _leading(dsn: str, clock: Calendar, log: Logger) -> AsyncIterator[PostgresEventLog]:
    elected = asyncio.Event()

    @asynccontextmanager
    async def lead(_: Term) -> AsyncIterator[None]:
        elected.set()
        yield

    events = PostgresEventLog(dsn, "benchmark", clock, log)
    async with events.opened(), events.standing(lead):
        await elected.wait()
        yield events
