"""One term of the writer: takes what waits, commits it as one transaction, answers everybody."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import errors

from contracts.errors import ErrorCode, RmosError
from runtime.logs import Logger
from services.rmos.event_log.batch import Known, Place, Plan, planned
from services.rmos.event_log.heads import HeadCache
from services.rmos.event_log.pending import Pending
from services.rmos.event_log.recent import RecentRows
from services.rmos.event_log.refusals import not_appended
from services.rmos.event_log.session import LeaderSession, definitely_refused

_FENCED = "23000"
"""integrity_constraint_violation: what the trigger on `events` raises for a gap or an old epoch."""


class TermOver(Exception):
    """This session writes no more. `in_doubt`: requests of a commit whose outcome is not known."""

    def __init__(self, reason: str, in_doubt: list[Pending]) -> None:
        super().__init__(reason)
        self.in_doubt = in_doubt


class Committer:
    """Appends in one term. Not safe for two tasks at once: there is one writer."""

    def __init__(
        self,
        session: LeaderSession,
        epoch: int,
        last_position: int,
        recent: RecentRows,
        now: Callable[[], str],
        log: Logger,
    ) -> None:
        self._session = session
        self._epoch = epoch
        self._now = now
        self._log = log
        self._heads = HeadCache()
        self._recent = recent
        self.last_position = last_position

    async def commit(self, batch: list[Pending]) -> list[Pending]:
        """Answers each request of the batch, but for those it returns: they are to be committed next.

        Raises TermOver; then the requests in its `in_doubt` are not answered, all others are.
        """
        try:
            return await self._commit(batch)
        except psycopg.Error as error:
            if not definitely_refused(error, self._session):
                raise TermOver(_reason(error), [request for request in batch if not request.answer.done()]) from error
            if isinstance(error, errors.UniqueViolation) or error.sqlstate == _FENCED:  # another writer: the fence held
                self._fail(batch, not_appended("another process writes the log now"))
                raise TermOver(_reason(error), []) from error
            return await self._after_refusal(batch, error)

    async def _commit(self, batch: list[Pending]) -> list[Pending]:
        known, missing = self._heads.known(batch)
        if any(request.in_doubt for request in batch):
            plan = await self._fully_planned(batch)
        else:
            if missing:
                known.heads.update(await self._session.heads(missing))
            plan = self._planned(batch, known)
            if plan.refused:  # a repeated command looks like a conflict until the log is asked
                plan = await self._fully_planned(batch)
        try:
            await self._insert(plan)
        except errors.UniqueViolation:
            plan = await self._fully_planned(batch)
            await self._insert(plan)
        return self._answer(plan)

    async def _fully_planned(self, batch: list[Pending]) -> Plan:
        return self._planned(batch, await self._session.known(batch))

    def _planned(self, batch: list[Pending], known: Known) -> Plan:
        return planned(batch, known, Place(self.last_position, self._epoch, self._now()))

    async def _insert(self, plan: Plan) -> None:
        if plan.rows:
            await self._session.insert(plan)

    def _answer(self, plan: Plan) -> list[Pending]:
        self.last_position = plan.last_position
        self._recent.extend(plan.rows, plan.prefixed)
        self._heads.remember(plan.heads)
        for request, result in (*plan.accepted, *plan.repeated):
            request.succeed(result)
        for request, error in plan.refused:
            request.fail(error)
        return plan.postponed

    async def _after_refusal(self, batch: list[Pending], error: psycopg.Error) -> list[Pending]:
        """The database refused the whole batch and nothing of it was stored: who is to blame must be found alone."""
        self._log.warning("append_refused", requests=len(batch), reason=_reason(error))
        self._heads.forget()
        if isinstance(error, errors.OperationalError):  # no space, statement timeout, shutting down: nobody's fault
            self._fail(batch, not_appended(type(error).__name__))
        elif len(batch) == 1:
            self._fail(
                batch, RmosError(ErrorCode.INTERNAL, "the database refused the event; the service's log has why")
            )
        else:
            for position, request in enumerate(batch):
                try:
                    await self.commit([request])
                except TermOver as over:
                    self._fail(batch[position + 1 :], not_appended("the term ended"))
                    raise over
        return []

    def _fail(self, batch: list[Pending], error: RmosError) -> None:
        for request in batch:
            request.fail(error)


def _reason(error: psycopg.Error) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
