"""Explanations by a model, as advice: asked for in the background, on record from the request to its one end.

They live in the leader, as searches do. A request that nobody works on any more, because its process died or could not
record the end, is ended as failed by whoever leads then; asking again is always possible.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from contracts.ai import GenerateContent, GeneratedContent, Provenance
from contracts.ai_explanations import AiExplanation, AskAiExplanation, ExplainArtifact
from contracts.canonical import digest_of
from contracts.envelope import SYSTEM_ACTOR, RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import AiExplanationRequested
from runtime.logs import Logger
from services.rmos.domain import ai_explanation
from services.rmos.domain.ai_explanation import Fail, Finish, Request, stream_of
from services.rmos.domain.explanation_prompt import model_call, prompt_sha256
from services.rmos.handlers.desk import DESIGNERS, Desk, nothing, require_person
from services.rmos.handlers.insisting import insisting
from services.rmos.handlers.queries import refuse_tombstone
from services.rmos.ports import AppendRequest, Designer, Explanations, NewEvent

T = TypeVar("T")
ANSWER_WITHIN_S = 60.0
MAX_LIVE = 8
"""Requests under way at a time: a person reads one explanation after the other."""
LOOK_S = 30.0
"""Between two looks for requests that nobody works on."""
OWN_DEADLINE_MS = 30_000
TEXT_TYPE = "text/plain"
ABANDONED = "nobody works on this request any more: the process that asked the model ended; ask again"
_TRANSIENT = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.VERSION_CONFLICT})
_ENDED_ALREADY = frozenset({ErrorCode.ILLEGAL_TRANSITION, ErrorCode.IDEMPOTENCY_MISMATCH})


@dataclass
class Live:
    """A request that this process works on."""

    asked: AiExplanationRequested
    call: GenerateContent
    request: RequestContext
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class ExplanationHandlers:
    def __init__(
        self,
        desk: Desk,
        model: Designer,
        explanations: Explanations,
        log: Logger,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._desk = desk
        self._model = model
        self._explanations = explanations
        self._log = log
        self._answer_within_s = answer_within_s
        self._live: dict[str, Live] = {}

    async def explain(self, command: ExplainArtifact, request: RequestContext) -> AiExplanation:
        """The explanation as it stands: pending where a model is being asked now. A repeated command asks nothing.

        Raises NOT_FOUND, INVALID_REQUEST for a decision without calculators' results, RATE_LIMITED when too many are
        under way.
        """
        require_person(request, DESIGNERS, "having a decision explained")
        asked = await self._desk.once(command, request, lambda: self._asked(command, request), nothing)
        if asked is not None:
            return ai_explanation.shown(asked)
        return await self.explanation(AskAiExplanation(artifact_id=command.artifact_id), request)

    async def explanation(self, query: AskAiExplanation, request: RequestContext) -> AiExplanation:
        """What was asked and said last. Raises NOT_FOUND, also for a deleted run, to whoever does not audit; and
        BLOB_CORRUPT for a text that changed."""
        found = await self._explanations.of(query.artifact_id)
        refuse_tombstone(f"run {found.shown.run_id}", found.deleted_at_utc, request)
        if not query.with_text or found.text is None:
            return found.shown
        try:
            text = (await self._desk.blobs.get(found.text)).decode()
        except RmosError as error:
            if error.code is not ErrorCode.BLOB_MISSING:
                raise
            return found.shown.model_copy(update={"text_missing": True})
        return found.shown.model_copy(update={"text": text})

    async def end_abandoned(self) -> None:
        """Ends what nobody works on any more, for as long as this process leads."""
        while True:
            try:
                for left in await self._explanations.open():
                    if left.explanation_id not in self._live:
                        fail = Fail(left.explanation_id, ErrorCode.UNAVAILABLE, ABANDONED, self._desk.now())
                        await self._record(left.artifact_id, fail, self._own_request(left.explanation_id))
                        self._log.info("ai_explanation_abandoned", explanation_id=left.explanation_id)
            except RmosError as error:
                self._log.warning("ai_explanations_not_looked_through", reason=error.message)
            await asyncio.sleep(LOOK_S)

    async def interrupt(self) -> None:
        """Ends what is under way here; for a leader that goes while it may still append."""
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for live in self._live.values():
            live.stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- asking

    async def _asked(self, command: ExplainArtifact, request: RequestContext) -> AiExplanationRequested | None:
        """The request on record and under way; None when none is needed."""
        desk, stream = self._desk, stream_of(command.artifact_id)
        found = await self._explanations.of(command.artifact_id)
        run, _ = await desk.run(found.shown.run_id)
        artifact = run.artifact(command.artifact_id)
        call = model_call(artifact, command.provider, command.model)
        before = await desk.log.read_stream(stream)
        asking = Request(command, artifact, desk.new_id("explanation"), prompt_sha256(call), request.actor, desk.now())
        events = ai_explanation.decide(asking, ai_explanation.fold(before))
        asked = next((event for event in events if isinstance(event, AiExplanationRequested)), None)
        if asked is None:
            await desk.record(command, request, {stream: len(before)}, [])
            return None
        if len(self._live) >= MAX_LIVE:
            raise RmosError(ErrorCode.RATE_LIMITED, f"{MAX_LIVE} explanations are under way: ask again in a while")
        live = Live(asked, call, request)
        self._live[asked.explanation_id] = live  # before it is on record: nobody may take it for an abandoned one
        try:
            await desk.record(command, request, {stream: len(before)}, [(stream, asked)])
        except BaseException:
            del self._live[asked.explanation_id]
            raise
        live.task = asyncio.create_task(self._carried_out(live), name=asked.explanation_id)
        live.task.add_done_callback(self._let_go)
        return asked

    def _let_go(self, task: asyncio.Task[None]) -> None:
        """Forgets a request that is over. One whose end could not be recorded is ended by the next look."""
        del self._live[task.get_name()]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.warning("ai_explanation_end_not_recorded", explanation_id=task.get_name(), reason=str(error))

    # --- carrying out

    async def _carried_out(self, live: Live) -> None:
        """From the question to its end on record; raises RmosError only for an end that cannot be written."""
        end = await self._end_of(live)
        await self._insisting(live, lambda: self._record(live.asked.artifact_id, end, live.request))

    async def _end_of(self, live: Live) -> Finish | Fail:
        provenance: Provenance | None = None
        try:
            answer = await self._answer(live)
            provenance = answer.provenance
            text = ai_explanation.text_in(answer.text)
            blob = await self._insisting(live, lambda: self._desk.blobs.put(text.encode(), TEXT_TYPE))
        except RmosError as error:
            return self._failure(live, error, provenance or _provenance_in(error))
        except Exception:  # noqa: BLE001 - the edge of a task: recorded as the end of the request
            self._log.exception("ai_explanation_failed", explanation_id=live.asked.explanation_id)
            unexpected = RmosError(ErrorCode.INTERNAL, "an unexpected error; the service's log names it")
            return self._failure(live, unexpected, provenance)
        return Finish(
            live.asked.explanation_id,
            blob,
            ai_explanation.summary_of(text),
            provenance.provider,
            _model_of(provenance),
            provenance.call_id,
            self._desk.now(),
        )

    async def _answer(self, live: Live) -> GeneratedContent:
        """The model's answer. Raises the AI gateway's errors, and UNAVAILABLE when this process goes."""
        within = {"deadline_ms": self._now_ms() + int(self._answer_within_s * 1000)}
        request = live.request.caused(f"{live.asked.explanation_id}.ask").model_copy(update=within)
        asking = asyncio.create_task(self._model.generate(live.call, request))
        stopping = asyncio.create_task(live.stop.wait())
        try:
            await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise RmosError(ErrorCode.UNAVAILABLE, ABANDONED)
        finally:
            for task in (asking, stopping):
                task.cancel()
            await asyncio.gather(asking, stopping, return_exceptions=True)

    def _failure(self, live: Live, error: RmosError, provenance: Provenance | None) -> Fail:
        known = (provenance.call_id, provenance.provider, _model_of(provenance)) if provenance is not None else ()
        return Fail(live.asked.explanation_id, error.code, error.message, self._desk.now(), *known)

    async def _insisting(self, live: Live, step: Callable[[], Awaitable[T]]) -> T:
        return await insisting(step, live.stop.is_set, _TRANSIENT)

    async def _record(self, artifact_id: str, end: Finish | Fail, request: RequestContext) -> None:
        """The end of a request; the first one stays."""
        desk, stream = self._desk, stream_of(artifact_id)
        before = await desk.log.read_stream(stream)
        try:
            (event,) = ai_explanation.decide(end, ai_explanation.fold(before))
            own = {"deadline_ms": self._now_ms() + OWN_DEADLINE_MS}
            context = request.caused(f"{end.explanation_id}.end").model_copy(update=own)
            digest = digest_of(event)
            new = NewEvent(stream, desk.new_id("event"), event)
            await desk.log.append(AppendRequest(context, {stream: len(before)}, (new,), digest))
        except RmosError as error:
            if error.code not in _ENDED_ALREADY:
                raise

    def _own_request(self, explanation_id: str) -> RequestContext:
        """For what the authority does without being asked."""
        return RequestContext(
            command_id=f"{explanation_id}.abandoned",
            request_id=explanation_id,
            actor=SYSTEM_ACTOR,
            deadline_ms=self._now_ms() + OWN_DEADLINE_MS,
        )

    def _now_ms(self) -> int:
        return int(self._desk.clock.now().timestamp() * 1000)


def _model_of(provenance: Provenance) -> str | None:
    model = provenance.model_answered or provenance.model_requested
    return None if model is None else ai_explanation.one_line(model)[:100]


def _provenance_in(error: RmosError) -> Provenance | None:
    """Of the model call that failed, where one was made."""
    try:
        return Provenance.model_validate(error.details.get("provenance"))
    except ValidationError:
        return None
