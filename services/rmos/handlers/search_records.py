"""What stands on record of a search, and how it gets there."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from contracts.canonical import digest_of
from contracts.envelope import SYSTEM_ACTOR, RequestContext
from contracts.errors import ErrorBody, ErrorCode, RmosError
from contracts.log import ArtifactRecorded, LogEvent, SearchEnded, SearchStarted
from contracts.search import SearchAttempt, SearchOutcome, SearchReply, SearchResult
from services.rmos.domain import run as run_domain
from services.rmos.domain import search_record
from services.rmos.domain.search_record import SearchState, stream_of
from services.rmos.handlers.desk import Desk
from services.rmos.ports import AppendRequest, NewEvent

GRACE_S = 30.0
"""After its time limit and this, a search without an end was interrupted, whether or not a leader said so yet."""
OWN_DEADLINE_MS = 30_000
"""For what the authority does by itself: whoever asked for a search may have stopped waiting long ago."""


class SearchRecords:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def state(self, search_id: str) -> SearchState:
        """The fold of the search's stream. Raises NOT_FOUND."""
        events = await self._desk.log.read_stream(stream_of(search_id))
        state = search_record.fold(events)
        if state is None:
            raise RmosError(ErrorCode.NOT_FOUND, f"there is no search {search_id}", search_id=search_id)
        return state

    async def reply(self, state: SearchState, live: bool, of_deleted_run: bool) -> SearchReply:
        """The search as people see it; `live` while it is carried out in this process. Raises NOT_FOUND for the result
        of a deleted run, unless that is wanted too."""
        result: SearchResult | None = None
        if state.ended is not None and state.ended.artifact_id is not None:
            result = await self._result(state.started.run_id, state.ended.artifact_id, of_deleted_run)
        reply = search_record.shown(state, result)
        if reply.state == "running" and not live and self._overdue(state.started):
            return reply.model_copy(update={"state": "ended", "outcome": SearchOutcome.INTERRUPTED})
        return reply

    async def append(self, step: str, started: SearchStarted, event: LogEvent, request: RequestContext) -> None:
        """One event for the search's stream. The step makes the command id: of two ends only the first is recorded."""
        new = NewEvent(stream_of(started.search_id), self._desk.new_id("event"), event)
        digest = digest_of({"step": step, "event": event.model_dump(mode="json")})
        await self._desk.log.append(AppendRequest(self.caused(step, started, request), {}, (new,), digest))

    async def ended(
        self,
        started: SearchStarted,
        outcome: SearchOutcome,
        request: RequestContext,
        attempts: tuple[SearchAttempt, ...],
        error: ErrorBody | None = None,
        time_ms: Decimal | None = None,
    ) -> None:
        """An end without an artifact; one that somebody else recorded meanwhile stays."""
        event = SearchEnded(
            search_id=started.search_id,
            run_id=started.run_id,
            workflow_session_id=started.workflow_session_id,
            outcome=outcome,
            attempts=attempts,
            error=error,
            time_ms=time_ms,
        )
        try:
            await self.append("end", started, event, request)
        except RmosError as conflict:
            if conflict.code is not ErrorCode.IDEMPOTENCY_MISMATCH:
                raise

    async def ended_as_abandoned(self, search_id: str, request: RequestContext) -> None:
        """The end of a search that nobody carries on, with the attempts that are on record. Raises NOT_FOUND."""
        state = await self.state(search_id)
        if state.ended is None:
            await self.ended(state.started, SearchOutcome.INTERRUPTED, request, state.attempts)

    def caused(self, step: str, started: SearchStarted, request: RequestContext) -> RequestContext:
        """For a step that this request has led to, with a deadline of its own."""
        caused = request.caused(f"{started.search_id}.{step}")
        return caused.model_copy(update={"deadline_ms": self.now_ms() + OWN_DEADLINE_MS})

    def own_request(self, search_id: str) -> RequestContext:
        """For what the authority does without being asked."""
        return RequestContext(
            command_id=f"{search_id}.abandoned",
            request_id=search_id,
            actor=SYSTEM_ACTOR,
            deadline_ms=self.now_ms() + OWN_DEADLINE_MS,
        )

    def now_ms(self) -> int:
        return int(self._desk.clock.now().timestamp() * 1000)

    async def _result(self, run_id: str, artifact_id: str, of_deleted_run: bool) -> SearchResult:
        try:
            run, _ = await self._desk.run(run_id)
            return search_record.result_in(run.artifact(artifact_id))
        except RmosError as error:
            if error.code is not ErrorCode.NOT_FOUND or not of_deleted_run:
                raise
        # a tombstone ends the run, not what is on its record
        for event in await self._desk.log.read_stream(run_domain.stream_of(run_id)):
            if isinstance(event, ArtifactRecorded) and event.artifact.artifact_id == artifact_id:
                return search_record.result_in(event.artifact)
        raise RmosError(ErrorCode.INTERNAL, f"a search ended in artifact {artifact_id}, which run {run_id} lacks")

    def _overdue(self, started: SearchStarted) -> bool:
        since = self._desk.clock.now() - datetime.fromisoformat(started.started_at_utc)
        return since.total_seconds() > float(started.search.search_budget.time_limit_seconds) + GRACE_S
