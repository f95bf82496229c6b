"""Constraint searches as commands: start, look at, cancel; each on record from its first moment to its end.

A search has a stream of its own (started, progressed, ended); its artifact goes to its run, in the same transaction as
the end. Searches live in the leader. What a process that died left open is ended as interrupted by the next leader.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from contracts.canonical import digest_of
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import SearchStarted
from contracts.search import (
    AskSearch,
    CancelSearch,
    ConstraintSearch,
    SearchOutcome,
    SearchReply,
)
from runtime.logs import Logger
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.search import PLAIN, check_asked, check_judged, concluded
from services.rmos.domain.search_prompt import MAX_SEED
from services.rmos.domain.search_record import progressed, stream_of
from services.rmos.handlers.desk import Desk, milliseconds
from services.rmos.handlers.insisting import insisting
from services.rmos.handlers.search_minting import minted
from services.rmos.handlers.search_placing import Place, placed
from services.rmos.handlers.search_records import SearchRecords
from services.rmos.handlers.searching import Search, SearchLoop
from services.rmos.ports import Designer, OpenSearches

MAX_LIVE = 16
"""Searches at a time: more would only wait for the same worker processes until their time is up."""


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
    """Attempts that are on record."""
    task: asyncio.Task[SearchReply] | None = None


class SearchHandlers:
    def __init__(
        self, desk: Desk, designer: Designer, catalog: Callable[[], Catalog], open_searches: OpenSearches, log: Logger
    ) -> None:
        self._desk = desk
        self._catalog = catalog
        self._open = open_searches
        self._log = log
        self._records = SearchRecords(desk)
        self._loop = SearchLoop(designer, desk.engine, catalog, self._records.now_ms)
        self._live: dict[str, Live] = {}

    async def search(self, command: ConstraintSearch, request: RequestContext) -> SearchReply:
        """The concluded search; with `respond_async`, the search as it was put on record. A repeated command is
        answered with the search that it started first, whatever has become of its run or session since.

        Raises INVALID_REQUEST for what no design could meet, RATE_LIMITED when too many are running, the AI gateway's
        error when a request of this kind can never be answered, and the error that kept its outcome from the record.
        """
        began = time.perf_counter()
        started = await self._desk.decided(request, lambda: self._started(command, request, began))
        live = self._live.get(started.search_id)
        if command.respond_async or live is None or live.task is None:
            reply = await self._shown(started.search_id, of_deleted_run=True)
        else:
            reply = await asyncio.shield(live.task)
        if reply.error is not None and not command.respond_async:
            raise RmosError.from_body(reply.error)
        return reply

    async def status(self, query: AskSearch, _: RequestContext) -> SearchReply:
        """The search as its record says. Raises NOT_FOUND, also for the result of a deleted run."""
        return await self._shown(query.search_id)

    async def cancel(self, command: CancelSearch, request: RequestContext) -> SearchReply:
        """The search after its end; one that has ended already stays as it ended. Raises NOT_FOUND."""
        live = self._live.get(command.search_id)
        if live is not None and live.task is not None:
            live.stop.set()
            await asyncio.shield(live.task)
        else:
            await self._records.ended_as_abandoned(command.search_id, request)
        return await self.status(AskSearch(search_id=command.search_id), request)

    async def end_abandoned(self) -> None:
        """Ends as interrupted what a former leader left open: a duty of a new leader, done once."""
        for started in await self._open.open_searches():
            if started.search_id not in self._live:
                await self._records.ended_as_abandoned(started.search_id, self._records.own_request(started.search_id))
                self._log.info("search_interrupted", search_id=started.search_id)

    async def interrupt(self) -> None:
        """Ends what is running here as interrupted; for a leader that goes while it may still append."""
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for live in self._live.values():
            live.outcome = SearchOutcome.INTERRUPTED
            live.stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _shown(self, search_id: str, of_deleted_run: bool = False) -> SearchReply:
        state = await self._records.state(search_id)
        return await self._records.reply(state, search_id in self._live, of_deleted_run)

    # --- starting

    async def _started(self, command: ConstraintSearch, request: RequestContext, began: float) -> SearchStarted:
        """The search on record and running, or the one that this very command started before."""
        try:
            place = await self._admitted(command)
        except RmosError:
            first = await self._desk.recorded(command, request, SearchStarted)
            if first is None:
                raise
            return first
        search_id = self._desk.new_id("search")
        given = command.variant_seed
        started = SearchStarted(
            search_id=search_id,
            run_id=place.run_id,
            workflow_session_id=place.session_id,
            search=place.asked,
            variant_seed=given if given is not None else int(digest_of(search_id)[:16], 16) % MAX_SEED,
            started_at_utc=self._desk.now(),
        )
        live = Live(started, command, Search(place.asked, started.variant_seed, request, began))
        self._live[search_id] = live  # before it is on record: nobody may take it for an abandoned one
        try:
            expected = {**place.expected, stream_of(search_id): 0}
            events = (*place.opening, (stream_of(search_id), started))
            result = await self._desk.append(command, request, expected, events)
        except BaseException:
            del self._live[search_id]
            raise
        if result.repeated:
            del self._live[search_id]
            return await self._desk.first(command, request, SearchStarted)
        live.task = asyncio.create_task(self._carried_out(live), name=search_id)
        live.task.add_done_callback(self._let_go)
        return started

    async def _admitted(self, command: ConstraintSearch) -> Place:
        """Where the search goes, when it may begin now."""
        self._require_room()
        place = await placed(self._desk, command)
        context = place.asked.context
        check_asked(context, self._catalog())
        check_judged(await self._desk.engine.evaluate(PLAIN, context.cutting(), "router"))
        self._require_room()  # others may have begun meanwhile
        return place

    def _require_room(self) -> None:
        if len(self._live) >= MAX_LIVE:
            raise RmosError(ErrorCode.RATE_LIMITED, f"{MAX_LIVE} searches are running: try again when one has ended")

    def _let_go(self, task: asyncio.Task[SearchReply]) -> None:
        """Forgets a search that is over. One of which not even the end could be recorded stays open in the log: the
        next leader, a cancellation, or its own passed time makes it interrupted."""
        del self._live[task.get_name()]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.warning("search_end_not_recorded", search_id=task.get_name(), reason=str(error))

    # --- carrying out

    async def _carried_out(self, live: Live) -> SearchReply:
        """The search from its first attempt to its end on record. Every end is one, also that its outcome could not be
        recorded; this never raises RmosError for the search itself, only for an end that cannot be written."""
        stopped, failure = False, None
        try:
            stopped = await self._stopped(live)
            if not stopped:
                await self._insisting(live, lambda: self._conclude(live))
        except RmosError as error:
            failure = error
        except Exception:  # noqa: BLE001 - the edge of a task: recorded as the end of the search
            self._log.exception("search_failed", search_id=live.started.search_id)
            failure = RmosError(ErrorCode.INTERNAL, "an unexpected error; the service's log names it")
        if stopped or failure is not None:
            await self._insisting(live, lambda: self._end_live(live, failure))
        return await self._shown(live.started.search_id, of_deleted_run=True)

    async def _insisting(self, live: Live, record: Callable[[], Awaitable[None]]) -> None:
        await insisting(record, lambda: live.outcome is SearchOutcome.INTERRUPTED)

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
        """Puts the attempts of the round on record: whatever happens next, they were made. What cannot be recorded now
        comes with the next round's, or with the end."""
        searched = live.search.searched
        progress = searched.progress(milliseconds(live.search.elapsed_s))
        event = progressed(live.started, progress, searched.attempts[live.shown :])
        try:
            await self._records.append(f"progress-{progress.attempts}", live.started, event, live.search.request)
        except RmosError as error:
            if error.code is not ErrorCode.UNAVAILABLE:
                raise
            self._log.warning("search_progress_late", search_id=live.started.search_id, reason=error.message)
        else:
            live.shown = progress.attempts

    async def _conclude(self, live: Live) -> None:
        search = live.search
        result = concluded(search.searched, search.time_is_up, milliseconds(search.elapsed_s), search.seed)
        ending = self._records.caused("end", live.started, search.request)
        await self._desk.decided(
            ending, lambda: minted(self._desk, live.started, live.command, search.searched.best, result, ending)
        )

    async def _end_live(self, live: Live, failure: RmosError | None) -> None:
        outcome = live.outcome if failure is None else SearchOutcome.FAILED
        search, error = live.search, failure.body if failure is not None else None
        attempts, time_ms = search.searched.attempts, milliseconds(search.elapsed_s)
        await self._records.ended(live.started, outcome, search.request, attempts, error, time_ms)
