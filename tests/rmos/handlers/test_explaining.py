"""Explanations by a model on a real log, real projections and a real object store; the model is a scripted one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from contracts.ai import GenerateContent, GeneratedContent
from contracts.ai_explanations import AiExplanation, AskAiExplanation, ExplainArtifact
from contracts.artifacts import ExplanationStatus, RunArtifact
from contracts.blobs import BlobRef
from contracts.canonical import sha256_hex
from contracts.envelope import Actor, RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import (
    AiExplanationFailed,
    AiExplanationReady,
    AiExplanationRequested,
    CommandHadNoEffect,
    LogEvent,
)
from contracts.rmos import AskArtifact, AskRun, DecideSession, DeleteRun, ListRunEvents, ListRuns, PurgeBlobs
from runtime.logs import logger
from runtime.testing import DatabaseAccess
from services.ai_gateway.vendors.offline.explaining import explained
from services.rmos.domain.ai_explanation import stream_of
from services.rmos.domain.explanation import summary_of
from services.rmos.handlers.explaining import ABANDONED, MAX_LIVE, ExplanationHandlers
from services.rmos.projections.explanations import ProjectionExplanations
from tests.rmos.event_log.given import until
from tests.rmos.event_log.test_leadership import end_leader
from tests.rmos.handlers.shop import ADA, AUDREY, DORA, GOOD, OTTO, RED, ROBOT, Shop, by, keyed, refused
from tests.rmos.search.given import Failing, Hanging, OfflineDesigner, Saying

OLD = 30


class Explaining(OfflineDesigner):
    """Answers as the offline provider does."""

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        self.asked.append(call)
        self.deadlines_ms.append(request.deadline_ms)
        return self.answer(explained(call.prompt) or "")


@asynccontextmanager
async def explaining(shop: Shop, model: OfflineDesigner) -> AsyncIterator[ExplanationHandlers]:
    """The handlers with their look for abandoned requests, as a leader runs them; what is open ends with the test."""
    handlers = ExplanationHandlers(shop.desk, model, ProjectionExplanations(shop.world.reader), logger())
    try:
        yield handlers
    finally:
        await handlers.interrupt()


async def shown(handlers: ExplanationHandlers, artifact: RunArtifact, actor: Actor = DORA) -> AiExplanation:
    return await handlers.explanation(AskAiExplanation(artifact_id=artifact.artifact_id), by(actor))


async def ended(handlers: ExplanationHandlers, artifact: RunArtifact) -> AiExplanation:
    """The explanation once it is no longer pending."""

    async def over() -> bool:
        return (await shown(handlers, artifact)).status is not ExplanationStatus.PENDING

    await until(over)
    return await shown(handlers, artifact)


async def record(shop: Shop, artifact: RunArtifact) -> list[LogEvent]:
    return await shop.world.log.read_stream(stream_of(artifact.artifact_id))


async def kinds(shop: Shop, artifact: RunArtifact) -> list[type[LogEvent]]:
    return [type(event) for event in await record(shop, artifact)]


def ask(artifact: RunArtifact, **more: Any) -> ExplainArtifact:
    return ExplainArtifact(artifact_id=artifact.artifact_id, **more)


async def bound(shop: Shop) -> RunArtifact:
    return await shop.bound(await shop.opened_run(), RED)


async def test_nothing_is_there_before_somebody_asks(shop: Shop) -> None:
    artifact = await bound(shop)
    async with explaining(shop, Explaining()) as handlers:
        assert await shown(handlers, artifact) == AiExplanation(
            artifact_id=artifact.artifact_id, run_id=artifact.run_id
        )


async def test_an_explanation_is_pending_and_then_ready_with_all_that_leads_to_its_call(shop: Shop) -> None:
    artifact, model = await bound(shop), Explaining()
    async with explaining(shop, model) as handlers:
        pending = await handlers.explain(ask(artifact, provider="offline"), by(DORA))
        assert (pending.status, pending.provider, pending.text) == ("PENDING", "offline", None)
        ready = await ended(handlers, artifact)
        assert ready.status is ExplanationStatus.READY
        assert (ready.explanation_id, ready.asked_by, ready.asked_at_utc) == (
            pending.explanation_id,
            DORA,
            pending.asked_at_utc,
        )
        assert ready.text is not None
        assert ready.text == explained(model.asked[0].prompt)
        assert ready.summary is not None
        assert ready.text.startswith(ready.summary[:60])
        assert (ready.origin, ready.advisory, ready.ai_call_id) == ("ai", True, "call_1")
        assert ready.text_sha256 == sha256_hex(ready.text.encode())
    requested, answered = await record(shop, artifact)
    assert isinstance(requested, AiExplanationRequested)
    assert requested.prompt_sha256 == sha256_hex(model.asked[0].prompt.encode())
    assert isinstance(answered, AiExplanationReady)
    assert await shop.blobs.get(answered.text) == ready.text.encode()


async def test_the_artifact_its_explanation_and_its_verdict_stay_as_they_were(shop: Shop) -> None:
    artifact = await bound(shop)
    async with explaining(shop, Saying("Everything is fine, cut it! GREEN, score 100.")) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        assert (await ended(handlers, artifact)).status is ExplanationStatus.READY
    found = (await shop.world.queries.artifact(AskArtifact(artifact_id=artifact.artifact_id))).artifact
    assert found == artifact
    assert found.explanation_summary == summary_of(artifact)
    run = await shop.world.queries.run(AskRun(run_id=artifact.run_id))
    assert (run.status, run.risk_level, run.artifact_count) == ("BLOCKED", "RED", 1)


async def test_the_model_is_asked_with_a_deadline_of_its_own(shop: Shop) -> None:
    artifact, model = await bound(shop), Explaining()
    async with explaining(shop, model) as handlers:
        await handlers.explain(ask(artifact), by(DORA).model_copy(update={"deadline_ms": 2**52}))
        await ended(handlers, artifact)
    now_ms = int(shop.clock.now().timestamp() * 1000)
    assert model.deadlines_ms == [now_ms + 60_000]


async def test_asking_for_one_that_is_pending_or_ready_asks_no_model_again(shop: Shop) -> None:
    artifact, model = await bound(shop), Hanging(0)
    async with explaining(shop, model) as handlers:
        first = await handlers.explain(ask(artifact), by(DORA))
        again = await handlers.explain(ask(artifact, provider="local"), by(OTTO))
        assert (again.status, again.explanation_id, again.asked_by) == ("PENDING", first.explanation_id, DORA)
        assert len(model.asked) == 1
    assert await kinds(shop, artifact) == [AiExplanationRequested, AiExplanationFailed]
    async with explaining(shop, Saying("Fine.")) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        ready = await ended(handlers, artifact)
        assert await handlers.explain(ask(artifact), by(OTTO)) == ready
        assert ready.text == "Fine."


async def test_a_repeated_command_is_one_request_and_another_one_under_its_key_is_refused(shop: Shop) -> None:
    artifact, other, model = await bound(shop), await bound(shop), Saying("Fine.")
    async with explaining(shop, model) as handlers:
        first = await handlers.explain(ask(artifact), keyed(DORA, "key_1"))
        ready = await ended(handlers, artifact)
        assert first.explanation_id == ready.explanation_id
        assert await handlers.explain(ask(artifact), keyed(DORA, "key_1")) == ready
        assert await handlers.explain(ask(artifact), keyed(DORA, "key_2")) == ready
        await refused(handlers.explain(ask(other), keyed(DORA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)
        assert await handlers.explain(ask(artifact), keyed(DORA, "key_2")) == ready
    (unchanged,) = await shop.world.log.read_stream("command-key_2")
    assert isinstance(unchanged, CommandHadNoEffect)
    assert len(model.asked) == 1


async def test_many_who_ask_at_once_have_one_model_asked(shop: Shop) -> None:
    artifact, model = await bound(shop), Explaining()
    async with explaining(shop, model) as handlers:
        answers = await asyncio.gather(*(handlers.explain(ask(artifact), by(DORA)) for _ in range(6)))
        ready = await ended(handlers, artifact)
    assert {answer.explanation_id for answer in answers} == {ready.explanation_id}
    assert len(model.asked) == 1
    assert await kinds(shop, artifact) == [AiExplanationRequested, AiExplanationReady]


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.AI_TIMEOUT,
        ErrorCode.AI_REFUSED,
        ErrorCode.AI_BLOCKED,
        ErrorCode.AI_NOT_CONFIGURED,
        ErrorCode.UNAVAILABLE,
        ErrorCode.DEADLINE_EXCEEDED,
    ],
)
async def test_a_failure_is_on_record_with_its_code_and_can_be_asked_again(shop: Shop, code: ErrorCode) -> None:
    artifact = await bound(shop)
    async with explaining(shop, Failing(code)) as handlers:
        await handlers.explain(ask(artifact, provider="local", model="qwen3:8b"), by(DORA))
        failed = await ended(handlers, artifact)
    assert failed.error is not None
    assert (failed.status, failed.error.code, failed.error.message) == ("ERROR", code, "no answer")
    assert (failed.text, failed.provider, failed.model) == (None, "local", "qwen3:8b")
    async with explaining(shop, Explaining()) as handlers:
        assert (await handlers.explain(ask(artifact), by(OTTO))).asked_by == OTTO
        ready = await ended(handlers, artifact)
    assert (ready.status, ready.error, ready.asked_by) == ("READY", None, OTTO)
    assert await kinds(shop, artifact) == [
        AiExplanationRequested,
        AiExplanationFailed,
        AiExplanationRequested,
        AiExplanationReady,
    ]


async def test_a_failed_call_is_named_by_its_provenance(shop: Shop) -> None:
    class Refusing(OfflineDesigner):
        async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
            told = self.answer("").provenance.model_dump(mode="json")
            raise RmosError(ErrorCode.AI_REFUSED, "the model declined to answer", provenance=told)

    artifact = await bound(shop)
    async with explaining(shop, Refusing()) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        failed = await ended(handlers, artifact)
    assert (failed.ai_call_id, failed.provider) == ("call_1", "offline")


@pytest.mark.parametrize("text", ["", " \n", "x" * 20_001])
async def test_an_answer_that_is_no_explanation_is_a_failure(shop: Shop, text: str) -> None:
    artifact = await bound(shop)
    async with explaining(shop, Saying(text)) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        failed = await ended(handlers, artifact)
    assert failed.error is not None
    assert (failed.error.code, failed.ai_call_id) == (ErrorCode.AI_INVALID_OUTPUT, "call_1")


async def test_a_defect_is_a_failure_that_shows_nothing_of_it(shop: Shop) -> None:
    class Broken(OfflineDesigner):
        async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
            raise ZeroDivisionError("secret detail")

    artifact = await bound(shop)
    async with explaining(shop, Broken()) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        failed = await ended(handlers, artifact)
    assert failed.error is not None
    assert (failed.error.code, "secret" in failed.error.message) == (ErrorCode.INTERNAL, False)


async def test_a_decision_without_results_an_unknown_one_and_one_of_a_deleted_run_are_refused(shop: Shop) -> None:
    session, _ = await shop.approved_session()
    approval = await shop.decisions.reject(DecideSession(session_id=session.session_id, note="no"), by(OTTO))
    assert approval.artifact is not None
    deleted = await bound(shop)
    await shop.runs.delete_run(DeleteRun(run_id=deleted.run_id, cascade=True), by(OTTO))
    async with explaining(shop, Explaining()) as handlers:
        await refused(handlers.explain(ask(approval.artifact), by(DORA)), ErrorCode.INVALID_REQUEST)
        await refused(handlers.explain(ExplainArtifact(artifact_id="artifact_x"), by(DORA)), ErrorCode.NOT_FOUND)
        for actor in (DORA, ADA):
            await refused(handlers.explain(ask(deleted), by(actor)), ErrorCode.NOT_FOUND)
        await refused(shown(handlers, deleted), ErrorCode.NOT_FOUND)
        assert (await shown(handlers, deleted, AUDREY)).status is ExplanationStatus.NONE


@pytest.mark.parametrize("actor", [AUDREY, ROBOT])
async def test_neither_an_auditor_nor_a_program_has_a_model_asked(shop: Shop, actor: Actor) -> None:
    artifact, model = await bound(shop), Explaining()
    async with explaining(shop, model) as handlers:
        await refused(handlers.explain(ask(artifact), by(actor)), ErrorCode.FORBIDDEN)
    assert model.asked == []


async def test_too_many_at_once_are_told_to_wait(shop: Shop) -> None:
    artifacts = [await bound(shop) for _ in range(MAX_LIVE + 1)]
    async with explaining(shop, Hanging(0)) as handlers:
        for artifact in artifacts[:-1]:
            await handlers.explain(ask(artifact), by(DORA))
        await refused(handlers.explain(ask(artifacts[-1]), by(DORA)), ErrorCode.RATE_LIMITED)


async def test_a_leader_that_goes_leaves_no_request_pending(shop: Shop) -> None:
    artifact = await bound(shop)
    async with explaining(shop, Hanging(0)) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
    failed = await shown(handlers, artifact)
    assert failed.error is not None
    assert (failed.status, failed.error.code, failed.error.message) == ("ERROR", ErrorCode.UNAVAILABLE, ABANDONED)


async def test_what_a_former_leader_left_pending_is_ended_and_what_is_live_here_is_not(shop: Shop) -> None:
    left, here = await bound(shop), await bound(shop)
    async with explaining(shop, Hanging(0)) as former:
        await former.explain(ask(left), by(DORA))
        async with explaining(shop, Hanging(0)) as handlers:
            await handlers.explain(ask(here), by(DORA))
            looking = asyncio.create_task(handlers.end_abandoned())
            failed = await ended(handlers, left)
            looking.cancel()
            assert failed.error is not None
            assert failed.error.code is ErrorCode.UNAVAILABLE
            assert (await shown(handlers, here)).status is ExplanationStatus.PENDING
    # the former leader's own end comes late and changes nothing
    assert await kinds(shop, left) == [AiExplanationRequested, AiExplanationFailed]


async def test_an_end_that_the_log_cannot_take_now_is_recorded_when_it_can(
    shop: Shop, database: DatabaseAccess
) -> None:
    answering = asyncio.Event()

    class Waiting(Explaining):
        async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
            await answering.wait()
            return await super().generate(call, request)

    artifact = await bound(shop)
    async with explaining(shop, Waiting()) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        end_leader(database)
        answering.set()
        assert (await ended(handlers, artifact)).status is ExplanationStatus.READY


async def test_its_events_are_among_those_of_the_run(shop: Shop) -> None:
    artifact = await bound(shop)
    async with explaining(shop, Explaining()) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        await ended(handlers, artifact)
    page = await shop.world.queries.run_events(ListRunEvents(run_id=artifact.run_id, limit=200))
    assert [item.type for item in page.items][-2:] == [AiExplanationRequested.type, AiExplanationReady.type]


async def test_retention_lets_the_text_go_and_the_record_says_what_it_was(shop: Shop) -> None:
    artifact = await bound(shop)
    async with explaining(shop, Explaining()) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        ready = await ended(handlers, artifact)
        shop.clock.pass_days(OLD + 1)
        purged = await shop.retention.purge(
            PurgeBlobs(older_than_days=OLD, statuses=("BLOCKED",), dry_run=False), by(ADA)
        )
        assert ready.text_sha256 in purged.digests
        after = await shown(handlers, artifact)
    assert (after.status, after.text, after.text_missing) == ("READY", None, True)
    assert (after.summary, after.text_sha256) == (ready.summary, ready.text_sha256)
    blob = BlobRef(sha256=str(ready.text_sha256), size=1, content_type="text/plain")
    await refused(shop.blobs.get(blob), ErrorCode.BLOB_MISSING)


async def test_a_purged_run_that_is_explained_since_counts_again(shop: Shop) -> None:
    artifact = await bound(shop)
    purge = PurgeBlobs(older_than_days=OLD, statuses=("BLOCKED",), dry_run=False)
    shop.clock.pass_days(OLD + 1)
    assert (await shop.retention.purge(purge, by(ADA))).run_ids == (artifact.run_id,)
    async with explaining(shop, Explaining()) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        ready = await ended(handlers, artifact)
    shop.clock.pass_days(2 * OLD + 2)
    again = await shop.retention.purge(purge, by(ADA))
    assert (again.run_ids, ready.text_sha256 in again.digests) == ((artifact.run_id,), True)


async def test_what_another_run_says_too_is_kept(shop: Shop) -> None:
    old = await bound(shop)
    async with explaining(shop, Saying("The same words.")) as handlers:
        await handlers.explain(ask(old), by(DORA))
        ready = await ended(handlers, old)
        other = await bound(shop)
        await handlers.explain(ask(other), by(DORA))
        await ended(handlers, other)
        await shop.bound(other.run_id, GOOD)  # its latest decision is OK now, so a purge of BLOCKED ones keeps this run
        shop.clock.pass_days(OLD + 1)
        purge = PurgeBlobs(older_than_days=OLD, statuses=("BLOCKED",), dry_run=False)
        purged = await shop.retention.purge(purge, by(ADA))
        assert purged.run_ids == (old.run_id,)
        assert ready.text_sha256 not in purged.digests
        assert (await shown(handlers, other)).text == "The same words."


async def test_a_list_of_runs_shows_it_beside_the_computed_explanation_of_the_latest_decision(shop: Shop) -> None:
    artifact, other = await bound(shop), await bound(shop)
    async with explaining(shop, Saying("Too wide for the pocket.")) as handlers:
        await handlers.explain(ask(artifact), by(DORA))
        await ended(handlers, artifact)
        page = await shop.queries.run_summaries(ListRuns(), by(DORA))
        former = await shop.queries.run_summaries_v1(ListRuns(), by(DORA))
        shown_of = {item.run_id: item for item in page.items}
        explained_one, unexplained = shown_of[artifact.run_id], shown_of[other.run_id]
        assert explained_one.last_artifact_id == artifact.artifact_id
        assert (explained_one.explanation_status, explained_one.explanation_summary) == ("READY", summary_of(artifact))
        assert explained_one.ai_explanation_status is ExplanationStatus.READY
        assert explained_one.ai_explanation_summary == "Too wide for the pocket."
        assert unexplained.ai_explanation_status is ExplanationStatus.NONE
        assert unexplained.ai_explanation_summary is None
        dropped = {"last_artifact_id", "ai_explanation_status", "ai_explanation_summary"}
        assert [item.model_dump() for item in former.items] == [item.model_dump(exclude=dropped) for item in page.items]
        newer = await shop.bound(artifact.run_id, GOOD)
        (latest,) = (await shop.queries.run_summaries(ListRuns(status="OK"), by(DORA))).items
        assert (latest.last_artifact_id, latest.ai_explanation_status) == (newer.artifact_id, "NONE")
