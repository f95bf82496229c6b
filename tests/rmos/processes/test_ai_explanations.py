"""Explanations by a model with several real rmos processes: the one that asks dies, and the record knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contracts import subjects
from contracts.ai import GenerateContent, GeneratedContent
from contracts.ai_explanations import AiExplanation, AskAiExplanation, ExplainArtifact
from contracts.artifacts import ExplanationStatus
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode
from contracts.examples import PARAMETERS, PROVENANCE
from contracts.feasibility import CuttingContext
from contracts.rmos import EvaluateSession, ListRunEvents, OpenSession, SetSessionDesign
from runtime.bus import Bus
from runtime.clock import SystemClock, unix_ms
from runtime.ids import new_id
from runtime.logs import logger
from runtime.testing import DatabaseAccess, NatsAccess, S3Access
from tests.rmos.event_log.given import until
from tests.rmos.processes.authority import Servers, authority
from tests.rmos.processes.traffic import OPERATOR

CONTEXT = CuttingContext(
    material_id="spruce_sitka", tool_id="flat_1_0", machine_id="shapeoko_4_xxl", stock_thickness_mm="2.8"
)


@dataclass
class Model:
    """An ai_gateway on the bus: it answers when it is told to, and counts what it is asked."""

    answering: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[GenerateContent] = field(default_factory=list)

    async def generate(self, call: GenerateContent, _: RequestContext) -> GeneratedContent:
        self.asked.append(call)
        await self.answering.wait()
        return GeneratedContent(text="It may be cut with care.", provenance=PROVENANCE)


def asking() -> RequestContext:
    name = new_id("command")
    return RequestContext(command_id=name, request_id=name, actor=OPERATOR, deadline_ms=unix_ms() + 30_000)


@asynccontextmanager
async def on_bus(servers: Servers, user: str) -> AsyncIterator[Bus]:
    bus = await Bus.connect(servers.bus(user), user, SystemClock(), logger())
    try:
        yield bus
    finally:
        await bus.close()


async def judged(gateway: Bus) -> tuple[str, str]:
    """Run and artifact of a verdict on a session's design."""
    opened = await gateway.request(subjects.OPEN_SESSION, OpenSession(context=CONTEXT), asking())
    session_id = opened.session.session_id
    design = SetSessionDesign(session_id=session_id, design=PARAMETERS)
    await gateway.request(subjects.SET_DESIGN, design, asking())
    judged = await gateway.request(subjects.EVALUATE_SESSION, EvaluateSession(session_id=session_id), asking())
    return judged.artifact.run_id, judged.artifact.artifact_id


async def shown(gateway: Bus, artifact_id: str) -> AiExplanation:
    explanation: AiExplanation = await gateway.request(
        subjects.AI_EXPLANATION, AskAiExplanation(artifact_id=artifact_id), asking()
    )
    return explanation


@pytest.fixture
def servers(bus_server: NatsAccess, database: DatabaseAccess, s3_server: S3Access) -> Servers:
    return Servers(bus_server, database, s3_server)


async def test_a_request_whose_process_was_killed_fails_on_record_and_the_next_one_is_answered(
    servers: Servers, tmp_path: Path
) -> None:
    model = Model()
    with authority(servers, tmp_path, processes=2) as running:
        async with on_bus(servers, "gateway") as gateway, on_bus(servers, "ai_gateway") as ai:
            await ai.serve(subjects.GENERATE_CONTENT, model.generate)
            await until(lambda: running.leader()[0] > 0, 60)
            run_id, artifact_id = await judged(gateway)
            explain = ExplainArtifact(artifact_id=artifact_id)
            pending = await gateway.request(subjects.EXPLAIN_ARTIFACT, explain, asking())
            assert pending.status is ExplanationStatus.PENDING
            await until(lambda: len(model.asked) == 1)
            running.kill(running.leader()[1])

            async def failed() -> bool:
                return (await shown(gateway, artifact_id)).status is ExplanationStatus.ERROR

            await until(failed, 30)
            error = (await shown(gateway, artifact_id)).error
            assert error is not None
            assert error.code is ErrorCode.UNAVAILABLE
            model.answering.set()
            again = await gateway.request(subjects.EXPLAIN_ARTIFACT, explain, asking())
            assert again.explanation_id != pending.explanation_id

            async def ready() -> bool:
                return (await shown(gateway, artifact_id)).status is ExplanationStatus.READY

            await until(ready, 30)
            assert (await shown(gateway, artifact_id)).text == "It may be cut with care."
            page = await gateway.request(subjects.RUN_EVENTS, ListRunEvents(run_id=run_id, limit=200), asking())
    assert [item.type for item in page.items if "ai_explanation" in item.type] == [
        "rmos.ai_explanation_requested.v1",
        "rmos.ai_explanation_failed.v1",
        "rmos.ai_explanation_requested.v1",
        "rmos.ai_explanation_ready.v1",
    ]
    assert len(model.asked) == 2
