"""A small world of runs, decisions and sessions, appended through a real log."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.artifacts import ArtifactKind, ArtifactStatus, Attachment, AttachmentKind, Decision, RunArtifact
from contracts.blobs import BlobRef
from contracts.envelope import Actor, Role
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import (
    ApprovedDigests,
    AttachmentAdded,
    CandidateBound,
    LogEvent,
    RunOpened,
    SessionApproved,
    SessionDesignSet,
    SessionFeasibilityRequested,
    SessionFeasibilityStored,
    SessionOpened,
    SessionRevisionRequired,
    SessionToolpathsRequested,
    SessionToolpathsStored,
    ToolpathsDecided,
)
from contracts.sessions import SessionState
from runtime.logs import logger
from services.rmos.domain.context import has_context
from services.rmos.event_log.duties import ended
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.ports import AppendRequest, NewEvent
from services.rmos.projections.database import projection_engine
from services.rmos.projections.projector import Projector
from services.rmos.projections.queries import ProjectionQueries
from services.rmos.projections.reading import CurrentReader
from tests.rmos.event_log.given import context, leading

OPERATOR = Actor(id="operator", role=Role.OPERATOR)
FULL = CuttingContext(tool_id="flat_1_0", material_id="spruce_sitka", machine_id="shapeoko_4_xxl")
NOW = "2026-01-02T03:04:05.000006Z"
_moments = itertools.count(1)
"""Microseconds at which runs are opened, one after the other."""


@dataclass
class World:
    log: PostgresEventLog
    engine: AsyncEngine
    projector: Projector
    queries: ProjectionQueries
    reader: CurrentReader
    commands: int = 0

    async def append(self, *events: tuple[str, LogEvent]) -> tuple[int, ...]:
        """One command that appends these events; their positions."""
        self.commands += 1
        name = f"command_{self.commands}"
        new = tuple(NewEvent(stream, f"{name}_{index}", event) for index, (stream, event) in enumerate(events))
        return (await self.log.append(AppendRequest(context(name), {}, new))).positions


@asynccontextmanager
async def world(dsn: str, projecting: bool = True) -> AsyncIterator[World]:
    """A leading log with its projector, running or (projecting=False) to be run by hand."""
    engine = projection_engine(dsn)
    try:
        async with leading(dsn) as log:
            projector = Projector(engine, log, log.head, logger())
            reader = CurrentReader(engine, projector.projected)
            running = asyncio.create_task(projector.run()) if projecting else None
            try:
                yield World(log, engine, projector, ProjectionQueries(reader), reader)
            finally:
                if running is not None:
                    await ended(running)
    finally:
        await engine.dispose()


def run_opened(
    run_id: str, session_id: str | None = None, cutting: CuttingContext = FULL, mode: str = "router"
) -> tuple[str, LogEvent]:
    event = RunOpened(
        run_id=run_id,
        mode=mode,  # type: ignore[arg-type]  # "router" or "saw"
        label=f"label of {run_id}",
        workflow_session_id=session_id,
        context=cutting,
        opened_at_utc=f"2026-01-02T03:04:06.{next(_moments):06}Z",
    )
    return f"run-{run_id}", event


def attached(run_id: str, kind: AttachmentKind, character: str) -> tuple[str, LogEvent]:
    attachment = Attachment(
        attachment_id=character * 64,
        kind=kind,
        filename=f"{kind.value}.bin",
        content_type="application/octet-stream",
        size=3,
        metadata={"by": "hand"},
        created_at_utc=NOW,
    )
    return f"run-{run_id}", AttachmentAdded(run_id=run_id, attachment=attachment)


def artifact(run_id: str, artifact_id: str, risk: RiskLevel, kind: ArtifactKind, tool_id: str | None) -> RunArtifact:
    blocked = risk in {RiskLevel.RED, RiskLevel.UNKNOWN}
    return RunArtifact(
        artifact_id=artifact_id,
        run_id=run_id,
        kind=kind,
        status=ArtifactStatus.BLOCKED if blocked else ArtifactStatus.OK,
        created_at_utc=NOW,
        request_id="request_1",
        actor=OPERATOR,
        mode="router",
        tool_id=tool_id,
        decision=Decision(
            risk_level=risk,
            score=None if risk is RiskLevel.UNKNOWN else Decimal("81.5"),
            block_reason="too thin" if blocked else None,
        ),
        hashes={"design": "d" * 64},
        engine_version="engine/1",
        compute_ms=Decimal("1.25"),
    )


def bound(
    run_id: str, artifact_id: str, risk: RiskLevel = RiskLevel.GREEN, tool_id: str | None = "flat_1_0"
) -> tuple[str, LogEvent]:
    made = artifact(run_id, artifact_id, risk, ArtifactKind.ART_STUDIO_CANDIDATE, tool_id)
    return f"run-{run_id}", CandidateBound(artifact=made)


def toolpaths(run_id: str, artifact_id: str) -> tuple[str, LogEvent]:
    made = artifact(run_id, artifact_id, RiskLevel.GREEN, ArtifactKind.TOOLPATHS, "vbit_60")
    return f"run-{run_id}", ToolpathsDecided(artifact=made)


def session_opened(session_id: str, cutting: CuttingContext = FULL) -> tuple[str, LogEvent]:
    opened = SessionOpened(
        session_id=session_id,
        state=SessionState.CONTEXT_READY if has_context(cutting) else SessionState.DRAFT,
        mode="design_first",
        label=None,
        context=cutting,
    )
    return f"session-{session_id}", opened


def judged(session_id: str, run_id: str, artifact_id: str) -> list[tuple[str, LogEvent]]:
    stream = f"session-{session_id}"
    design = SessionDesignSet(
        session_id=session_id,
        state=SessionState.CONTEXT_READY,
        run_id=run_id,
        design_sha256="d" * 64,
        spec=BlobRef(sha256="d" * 64, size=3, content_type="application/json"),
        context=FULL,
    )
    requested = SessionFeasibilityRequested(
        session_id=session_id, state=SessionState.FEASIBILITY_REQUESTED, run_id=run_id
    )
    stored = SessionFeasibilityStored(
        session_id=session_id,
        state=SessionState.FEASIBILITY_READY,
        run_id=run_id,
        artifact_id=artifact_id,
        digests=DIGESTS,
        risk_level=RiskLevel.GREEN,
        score=Decimal("81.5"),
    )
    return [(stream, design), (stream, requested), (stream, stored)]


DIGESTS = ApprovedDigests(design_sha256="d" * 64, feasibility_sha256="f" * 64, context_sha256="c" * 64)


def approved(session_id: str, run_id: str, artifact_id: str) -> tuple[str, LogEvent]:
    return f"session-{session_id}", SessionApproved(
        session_id=session_id,
        state=SessionState.APPROVED,
        run_id=run_id,
        artifact_id=artifact_id,
        actor=OPERATOR,
        digests=DIGESTS,
    )


def revision_required(session_id: str, run_id: str, artifact_id: str) -> tuple[str, LogEvent]:
    return f"session-{session_id}", SessionRevisionRequired(
        session_id=session_id,
        state=SessionState.DESIGN_REVISION_REQUIRED,
        run_id=run_id,
        artifact_id=artifact_id,
        actor=OPERATOR,
    )


def toolpaths_requested(session_id: str, run_id: str) -> tuple[str, LogEvent]:
    return f"session-{session_id}", SessionToolpathsRequested(
        session_id=session_id, state=SessionState.TOOLPATHS_REQUESTED, run_id=run_id
    )


def toolpaths_stored(session_id: str, run_id: str, artifact_id: str) -> tuple[str, LogEvent]:
    return f"session-{session_id}", SessionToolpathsStored(
        session_id=session_id,
        state=SessionState.TOOLPATHS_READY,
        run_id=run_id,
        artifact_id=artifact_id,
        gcode_sha256="e" * 64,
    )


async def some_history(world: World) -> None:
    """Runs with and without decisions, a session through to toolpaths and one sent back."""
    for number in range(6):
        run_id = f"run_{number}"
        await world.append(
            run_opened(run_id, "session_1" if number == 0 else None, mode="saw" if number % 2 else "router")
        )
        await world.append(attached(run_id, AttachmentKind.SVG, "a"), attached(run_id, AttachmentKind.SPEC, "b"))
    await world.append(session_opened("session_1"))
    await world.append(session_opened("session_2", CuttingContext()))
    await world.append(bound("run_0", "artifact_0"), *judged("session_1", "run_0", "artifact_0"))
    await world.append(bound("run_1", "artifact_1", RiskLevel.RED))
    await world.append(bound("run_2", "artifact_2", RiskLevel.UNKNOWN, None))
    await world.append(approved("session_1", "run_0", "artifact_0"))
    await world.append(toolpaths_requested("session_1", "run_0"))
    await world.append(toolpaths("run_0", "artifact_3"), toolpaths_stored("session_1", "run_0", "artifact_3"))
    await world.append(*judged("session_2", "run_1", "artifact_1"))
    await world.append(revision_required("session_2", "run_1", "artifact_1"))
