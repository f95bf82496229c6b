"""Constraint searches as commands: start, look at, cancel; each on record from its first moment to its end.

A search has a stream of its own (started, progressed, ended); its artifact goes to its run, in the same transaction as
the end. Searches live in the leader. What a process that died left open is ended as interrupted by the next leader.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from contracts.canonical import digest_of
from contracts.envelope import SYSTEM_ACTOR, RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext
from contracts.log import LogEvent, RunOpened, SearchEnded, SearchStarted
from contracts.search import (
    AskSearch,
    CancelSearch,
    ConstraintSearch,
    SearchContext,
    SearchOutcome,
    SearchReply,
    SearchResult,
)
from runtime.logs import Logger
from services.rmos.domain import run as run_domain
from services.rmos.domain import search_record
from services.rmos.domain import session as session_domain
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.search import check_asked, concluded
from services.rmos.domain.search_prompt import MAX_SEED
from services.rmos.domain.search_record import SearchState, progressed, stream_of
from services.rmos.domain.session_commands import OpenRunIn
from services.rmos.handlers.desk import Desk, command_digest, decided, milliseconds
from services.rmos.handlers.judging import SessionSteps
from services.rmos.handlers.search_minting import minted
from services.rmos.handlers.searching import Search, SearchLoop
from services.rmos.ports import AppendRequest, Designer, NewEvent, OpenSearches

MAX_LIVE = 16
"""Searches at a time: more would only wait for the same worker processes until their time is up."""
GRACE_S = 30.0
"""After its time limit and this, a search without an end was interrupted, whether or not a leader said so yet."""
OWN_DEADLINE_MS = 30_000
PROGRESS_EVERY = 10
"""Attempts after which a running search shows itself although its best did not get better."""


@dataclass
class Live:
    """A search in this process."""

    started: SearchStarted
    command: ConstraintSearch
    search: Search
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: SearchOutcome = SearchOutcome.CANCELLED
    """What a stop means."""
    shown: int = 0
    shown_best: int | None = None
    task: asyncio.Task[SearchReply] | None = None


class SearchHandlers:
    def __init__(
        self, desk: Desk, designer: Designer, catalog: Callable[[], Catalog], open_searches: OpenSearches, log: Logger
    ) -> None:
        self._desk = desk
        self._catalog = catalog
        self._open = open_searches
        self._log = log
        self._loop = SearchLoop(designer, desk.engine, catalog, self._now_ms)
        self._live: dict[str, Live] = {}

    async def search(self, command: ConstraintSearch, request: RequestContext) -> SearchReply:
        """The concluded search; with `respond_async`, the search as it was put on record.

        Raises INVALID_REQUEST for what no design could meet, RATE_LIMITED when too many are running, and the AI
        gateway's error when a request of this kind can never be answered.
        """
        began = time.perf_counter()
        started, repeated = await decided(lambda: self._started(command, request, began))
        if command.respond_async:
            return await self.status(AskSearch(search_id=started.search_id), request)
        live = self._live.get(started.search_id)
        if live is None or live.task is None:
            reply = await self.status(AskSearch(search_id=started.search_id), request)
        else:
            reply = await asyncio.shield(live.task)
        if reply.error is not None and not repeated:
            raise RmosError.from_body(reply.error)
        return reply

    async def status(self, query: AskSearch, _: RequestContext) -> SearchReply:
        """The search as its record says. Raises NOT_FOUND."""
        return await self._reply(await self._state(query.search_id))

    async def cancel(self, command: CancelSearch, request: RequestContext) -> SearchReply:
        """The search after its end; one that has ended already stays as it ended. Raises NOT_FOUND."""
        live = self._live.get(command.search_id)
        if live is not None and live.task is not None:
            live.stop.set()
            await asyncio.shield(live.task)
        else:
            state = await self._state(command.search_id)
            if state.ended is None:
                await self._end(state.started, SearchOutcome.INTERRUPTED, request)
        return await self.status(AskSearch(search_id=command.search_id), request)

    async def end_abandoned(self) -> None:
        """Ends as interrupted what a former leader left open: a duty of a new leader, done once."""
        for started in await self._open.open_searches():
            if started.search_id not in self._live:
                await self._end(started, SearchOutcome.INTERRUPTED, self._own_request(started.search_id))
                self._log.info("search_interrupted", search_id=started.search_id)

    async def interrupt(self) -> None:
        """Ends what is running here as interrupted; for a leader that goes while it may still append."""
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for live in self._live.values():
            live.outcome = SearchOutcome.INTERRUPTED
            live.stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- starting

    async def _started(
        self, command: ConstraintSearch, request: RequestContext, began: float
    ) -> tuple[SearchStarted, bool]:
        """The search on record and running; True when this very command started it before."""
        desk = self._desk
        if len(self._live) >= MAX_LIVE:
            raise RmosError(ErrorCode.RATE_LIMITED, f"{MAX_LIVE} searches are running: try again when one has ended")
        events, expected, run_id, session_id, base = await self._place(command)
        asked = command.model_copy(update={"context": _completed(command.context, base), "run_id": run_id})
        check_asked(asked.context, self._catalog())
        search_id = desk.new_id("search")
        given = command.variant_seed
        started = SearchStarted(
            search_id=search_id,
            run_id=run_id,
            workflow_session_id=session_id,
            search=asked,
            variant_seed=given if given is not None else int(digest_of(search_id)[:16], 16) % MAX_SEED,
            started_at_utc=desk.now(),
        )
        live = Live(started, command, Search(asked, started.variant_seed, request, began))
        self._live[search_id] = live  # before it is on record: nobody may take it for an abandoned one
        try:
            expected[stream_of(search_id)] = 0
            appended = tuple(
                NewEvent(stream, desk.new_id("event"), event)
                for stream, event in [*events, (stream_of(search_id), started)]
            )
            result = await desk.log.append(AppendRequest(request, expected, appended, command_digest(command)))
        except BaseException:
            del self._live[search_id]
            raise
        if result.repeated:
            del self._live[search_id]
            return await desk.first(command, request, SearchStarted), True
        live.task = asyncio.create_task(self._carried_out(live), name=search_id)
        live.task.add_done_callback(self._let_go)
        return started, False

    def _let_go(self, task: asyncio.Task[SearchReply]) -> None:
        """Forgets a search that is over. One whose end could not be recorded stays open in the log: the next leader, or
        its own passed time, makes it interrupted."""
        del self._live[task.get_name()]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.warning("search_end_not_recorded", search_id=task.get_name(), reason=str(error))

    async def _place(
        self, command: ConstraintSearch
    ) -> tuple[list[tuple[str, LogEvent]], dict[str, int], str, str | None, CuttingContext | None]:
        """What opens the run, if one is to be opened, on which versions; run and session; and the context that
        completes the search's."""
        desk, session_id = self._desk, command.session_id
        if command.run_id is not None:
            run, _ = await desk.run(command.run_id)
            if run.mode != "router":
                raise RmosError(ErrorCode.INVALID_REQUEST, f"run {run.run_id} is for the saw: searches are for routers")
            if session_id is not None and run.session_id != session_id:
                raise RmosError(ErrorCode.INVALID_REQUEST, f"run {run.run_id} is not of session {session_id}")
            if run.session_id is None:
                return [], {}, run.run_id, None, run.context
            session, _ = await self._taking_designs(run.session_id)
            return [], {}, run.run_id, run.session_id, session.about.in_run(run.run_id, run.context)
        run_id, joined, expected, base = desk.new_id("run"), list[tuple[str, LogEvent]](), dict[str, int](), None
        if session_id is not None:
            session, version = await self._taking_designs(session_id)
            base, expected[session_domain.stream_of(session_id)] = session.about.context, version
            joined = SessionSteps(session).then(OpenRunIn(run_id)).placed
        context = _completed(command.context, base).cutting()
        opening = RunOpened(
            run_id=run_id,
            mode="router",
            workflow_session_id=session_id,
            context=context,
            opened_at_utc=self._desk.now(),
        )
        expected[run_domain.stream_of(run_id)] = 0
        return [(run_domain.stream_of(run_id), opening), *joined], expected, run_id, session_id, base

    async def _taking_designs(self, session_id: str) -> tuple[session_domain.Living, int]:
        """The session and its version. Raises NOT_FOUND, or ILLEGAL_TRANSITION when it takes no new design."""
        session, version = await self._desk.session(session_id)
        session_domain.require(session, session_domain.Action.SET_DESIGN)
        return session, version

    # --- carrying out

    async def _carried_out(self, live: Live) -> SearchReply:
        """The search from its first attempt to its end on record. Every end is one; this never raises RmosError for
        the search itself, only for a record that cannot be written."""
        started, request = live.started, live.search.request
        try:
            stopped = await self._stopped(live)
        except RmosError as error:
            await self._end(started, SearchOutcome.FAILED, request, live, error)
        except Exception:  # noqa: BLE001 - the edge of a task: recorded as the end of the search
            self._log.exception("search_failed", search_id=started.search_id)
            unforeseen = RmosError(ErrorCode.INTERNAL, "an unexpected error; the service's log names it")
            await self._end(started, SearchOutcome.FAILED, request, live, unforeseen)
        else:
            if stopped:
                await self._end(started, live.outcome, request, live)
            else:
                await self._conclude(live)
        return await self._reply(await self._state(started.search_id))

    async def _stopped(self, live: Live) -> bool:
        """Runs the loop; True when somebody stopped it, False when it came to its own end."""
        running = asyncio.create_task(self._loop.run(live.search, lambda _: self._show(live)))
        stopping = asyncio.create_task(live.stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                return False
            return True
        finally:
            for task in (running, stopping):
                task.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)

    async def _show(self, live: Live) -> None:
        """Puts the progress on record when the best got better, and now and then."""
        searched, best = live.search.searched, live.search.searched.best
        better = best is not None and best.number != live.shown_best
        if not better and len(searched.attempts) < live.shown + PROGRESS_EVERY:
            return
        live.shown, live.shown_best = len(searched.attempts), best.number if best is not None else None
        event = progressed(live.started, searched.progress(milliseconds(live.search.elapsed_s)))
        await self._append(f"progress-{live.shown}", live.started, event, live.search.request)

    async def _conclude(self, live: Live) -> None:
        search = live.search
        result = concluded(search.searched, search.time_is_up, milliseconds(search.elapsed_s), search.seed)
        ending = search.request.caused(f"{live.started.search_id}.end")
        await decided(lambda: minted(self._desk, live.started, live.command, search.searched.best, result, ending))

    async def _end(
        self,
        started: SearchStarted,
        outcome: SearchOutcome,
        request: RequestContext,
        live: Live | None = None,
        error: RmosError | None = None,
    ) -> None:
        """An end without an artifact; one that somebody else recorded meanwhile stays."""
        ended = SearchEnded(
            search_id=started.search_id,
            run_id=started.run_id,
            workflow_session_id=started.workflow_session_id,
            outcome=outcome,
            attempts=live.search.searched.attempts if live is not None else (),
            error=error.body if error is not None else None,
            time_ms=milliseconds(live.search.elapsed_s) if live is not None else None,
        )
        try:
            await self._append("end", started, ended, request)
        except RmosError as conflict:
            if conflict.code is not ErrorCode.IDEMPOTENCY_MISMATCH:
                raise

    async def _append(self, step: str, started: SearchStarted, event: LogEvent, request: RequestContext) -> None:
        """One event for the search's stream. The step makes the command id: of two ends only the first is recorded."""
        context = request.caused(f"{started.search_id}.{step}")
        new = NewEvent(stream_of(started.search_id), self._desk.new_id("event"), event)
        digest = digest_of({"step": step, "event": event.model_dump(mode="json")})
        await self._desk.log.append(AppendRequest(context, {}, (new,), digest))

    # --- looking

    async def _state(self, search_id: str) -> SearchState:
        events = await self._desk.log.read_stream(stream_of(search_id))
        state = search_record.fold(events)
        if state is None:
            raise RmosError(ErrorCode.NOT_FOUND, f"there is no search {search_id}", search_id=search_id)
        return state

    async def _reply(self, state: SearchState) -> SearchReply:
        result: SearchResult | None = None
        if state.ended is not None and state.ended.artifact_id is not None:
            run, _ = await self._desk.run(state.started.run_id)
            result = search_record.result_in(run.artifact(state.ended.artifact_id))
        reply = search_record.shown(state, result)
        overdue = self._overdue(state.started) and state.started.search_id not in self._live
        if reply.state == "running" and overdue:
            return reply.model_copy(update={"state": "ended", "outcome": SearchOutcome.INTERRUPTED})
        return reply

    def _now_ms(self) -> int:
        return int(self._desk.clock.now().timestamp() * 1000)

    def _own_request(self, search_id: str) -> RequestContext:
        """Of what the authority does by itself."""
        return RequestContext(
            command_id=f"{search_id}.abandoned",
            request_id=search_id,
            actor=SYSTEM_ACTOR,
            deadline_ms=self._now_ms() + OWN_DEADLINE_MS,
        )

    def _overdue(self, started: SearchStarted) -> bool:
        since = self._desk.clock.now() - datetime.fromisoformat(started.started_at_utc)
        return since.total_seconds() > float(started.search.search_budget.time_limit_seconds) + GRACE_S


def _completed(asked: SearchContext, base: CuttingContext | None) -> SearchContext:
    """`asked` with what it leaves out and run or session state."""
    if base is None:
        return asked
    left_out = {name: getattr(base, name) for name in CuttingContext.model_fields if getattr(asked, name) is None}
    return asked.model_copy(update=left_out)
