"""The writer of the log: elects itself when nobody leads, commits in groups while it leads, hands over cleanly."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from math import inf
from time import monotonic

import psycopg

from contracts.errors import RmosError
from runtime.clock import Clock, utc_text
from runtime.logs import Logger
from services.rmos.event_log.batch import first_result
from services.rmos.event_log.committer import Committer, TermOver
from services.rmos.event_log.head import Head
from services.rmos.event_log.pending import Pending, pending
from services.rmos.event_log.recent import RecentRows
from services.rmos.event_log.refusals import not_appended, not_leading, other_command, outcome_unknown
from services.rmos.event_log.session import LeaderSession
from services.rmos.ports import AppendRequest, AppendResult

MAX_BATCH_EVENTS = 1000
MAX_BATCH_BYTES = 4_000_000
MAX_WAITING = 10_000
"""Requests in the queue, beyond which callers are sent away instead of waiting for seconds."""
PREPARED_S = 100e-6
"""What a request costs this process between two appends of its caller, at least; a whole command costs more."""
HEARTBEAT_S = 0.3
RETRY_S = 0.2
EVICTED_S = 0.02
"""What the database takes to end a session and free its lock."""
IN_DOUBT_S = 8.0
"""How long a caller waits to learn what became of a commit whose connection broke."""


@dataclass(frozen=True, slots=True)
class Term:
    """A time of leadership; epochs grow from term to term, over all processes."""

    epoch: int
    first_free_position: int


Lead = Callable[[Term], AbstractAsyncContextManager[None]]
"""What this process does while it leads: entered when it may append, left when it may no longer."""


class LogWriter:
    """`run()` is one background task; `append` may be called by any number of others."""

    def __init__(self, dsn: str, holder: str, recent: RecentRows, clock: Clock, log: Logger) -> None:
        """`recent` is told of every row that this process commits."""
        self._dsn = dsn
        self._holder = holder
        self._recent = recent
        self._clock = clock
        self._log = log
        self._queue: deque[Pending] = deque()
        self._wake = asyncio.Event()
        self._beat_is_due = False
        self._in_doubt: list[Pending] = []
        self._answered = 0
        """Requests in the last commit: their callers may be about to come again."""
        self._commit_s = inf
        self._last_epoch = 0
        self._stopping = asyncio.Event()
        self.head = Head()
        self.term: Term | None = None
        """The term in which this process leads; None while it follows."""

    async def append(self, request: AppendRequest) -> AppendResult:
        """services.rmos.ports.EventLog.append."""
        item = pending(request, asyncio.get_running_loop().create_future())
        if self.term is None:
            raise not_leading()
        if len(self._queue) >= MAX_WAITING:
            raise not_appended("too many commands wait")
        self._queue.append(item)
        self._wake.set()
        return await item.answer

    async def run(self, lead: Lead) -> None:
        """Wants to lead until `stop()`. A term that ends for any reason is followed by the wish for another."""
        while not self._stopping.is_set():
            try:
                session = await LeaderSession.connect(self._dsn, self._holder)
            except psycopg.Error as error:
                self._log.warning("log_unreachable", reason=type(error).__name__)
                await self._pause(RETRY_S)
                continue
            try:
                await self._stand(session, lead)
            except psycopg.Error as error:
                self._log.warning("log_session_lost", reason=type(error).__name__)
                await self._pause(RETRY_S)
            finally:
                await session.close()
        self._settle(not_leading())
        for request in self._in_doubt:
            request.fail(outcome_unknown())

    def stop(self) -> None:
        """Makes `run` leave its lead in order (what it began may still append) and return."""
        self._stopping.set()

    async def _stand(self, session: LeaderSession, lead: Lead) -> None:
        """Waits for the lock, then leads until the term is over."""
        while not await session.try_lead():
            if self._stopping.is_set():
                return
            evicted = await session.evict_paused_leader()
            for pid in evicted:
                self._log.warning("paused_leader_evicted", backend_pid=pid)
            await self._resolve_as_follower(session)
            await self._pause(EVICTED_S if evicted else RETRY_S)
        if self._stopping.is_set():
            return
        last_position = await session.last_position()
        epoch = await session.begin_term(self._holder)
        for pid in await session.end_unfinished_folds():
            self._log.warning("unfinished_fold_ended", backend_pid=pid)
        self._log.info("leading", epoch=epoch, position=last_position)
        await self._lead(session, Term(epoch, last_position + 1), lead)

    async def _lead(self, session: LeaderSession, term: Term, lead: Lead) -> None:
        committer = Committer(session, term.epoch, term.first_free_position - 1, self._recent, self._now, self._log)
        over = asyncio.Event()
        self.head.advance(committer.last_position)
        self._queue.extendleft(reversed(self._in_doubt))  # what may have been stored is settled before anything new
        self._in_doubt, self._last_epoch, self.term = [], term.epoch, term
        writing = asyncio.create_task(self._write(committer, session, over), name="log-writer")
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            async with lead(term):
                await asyncio.wait([writing, stopping], return_when=asyncio.FIRST_COMPLETED)
        except Exception:  # noqa: BLE001 - whatever starting or ending the lead threw: it must not end the election
            self._log.exception("leading_failed", epoch=term.epoch)
            await self._pause(RETRY_S)
        finally:
            over.set()
            self._wake.set()
            stopping.cancel()
            await asyncio.wait([writing])
            self._log.info("following", epoch=term.epoch)

    async def _write(self, committer: Committer, session: LeaderSession, over: asyncio.Event) -> None:
        batch: list[Pending] = []
        heart = asyncio.create_task(self._beat())
        try:
            while not over.is_set():
                batch = self._next_batch()
                if batch:
                    began = monotonic()
                    postponed = await committer.commit(batch)
                    self._answered, self._commit_s = len(batch), monotonic() - began
                    self._queue.extendleft(reversed(postponed))
                    self.head.advance(committer.last_position)
                elif self._beat_is_due:
                    await session.beat()
                else:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                self._beat_is_due = False  # a commit is a sign of life too
        except TermOver as end:
            self._log.warning("term_over", reason=str(end), in_doubt=len(end.in_doubt))
            self._doubt(end.in_doubt)
        except psycopg.Error as error:
            self._log.warning("term_over", reason=type(error).__name__, in_doubt=0)
        except Exception:  # noqa: BLE001 - a defect must neither end the election nor leave callers without an answer
            self._log.exception("term_over", reason="a defect of the writer")
            self._doubt([request for request in batch if not request.answer.done()])
        finally:
            heart.cancel()
            self.term = None
            self._settle(not_appended("the leadership ended"))

    async def _beat(self) -> None:
        """Wakes the writer for a sign of life; one timer for all of a term costs less than one for each wait."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self._beat_is_due = True
            self._wake.set()

    def _next_batch(self) -> list[Pending]:
        """What waits, as far as it fits into one transaction; callers that went away are dropped."""
        batch: list[Pending] = []
        events = size = 0
        most = self._share()
        while self._queue and len(batch) < most:
            request = self._queue[0]
            if not request.answer.done():
                events += len(request.entries)
                size += request.size
                if batch and (events > MAX_BATCH_EVENTS or size > MAX_BATCH_BYTES):
                    break
                batch.append(request)
            self._queue.popleft()
        return batch

    def _share(self) -> int:
        """How many requests to commit at once: all, or half of those under way when committing is quicker than
        preparing them. Then one half is prepared while the database has the other, and neither waits idle."""
        under_way = len(self._queue) + self._answered
        return under_way if self._commit_s > under_way * PREPARED_S else (under_way + 1) // 2

    def _doubt(self, requests: list[Pending]) -> None:
        loop = asyncio.get_running_loop()
        for request in requests:
            if not request.in_doubt:
                request.in_doubt = True
                loop.call_later(IN_DOUBT_S, request.fail, outcome_unknown())
        self._in_doubt += requests

    async def _resolve_as_follower(self, session: LeaderSession) -> None:
        """A newer term began only after our session had ended: what our last commit became is in the log now."""
        if not self._in_doubt or await session.newest_term() <= self._last_epoch:
            return
        undecided, self._in_doubt = self._in_doubt, []
        recorded = await session.commands([request.command_id for request in undecided])
        for request in undecided:
            events = recorded.get(request.command_id)
            if events is None:
                request.fail(not_appended("the leadership ended"))
            elif bytes.fromhex(events[0].command_sha256) != request.command_sha256:
                request.fail(other_command(request.command_id))
            else:
                request.succeed(first_result(request, events))

    def _settle(self, error: RmosError) -> None:
        """Sends away what waits and was never sent to the database; what is in doubt waits for the next term."""
        while self._queue:
            request = self._queue.popleft()
            if request.in_doubt:
                self._in_doubt.append(request)
            else:
                request.fail(error)

    def _now(self) -> str:
        return utc_text(self._clock.now())

    async def _pause(self, seconds: float) -> None:
        if not self._stopping.is_set():
            await asyncio.sleep(seconds)
