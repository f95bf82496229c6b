"""The loop of a constraint search: rounds of candidates that are generated side by side, judged, and learnt from.

All candidates of a round see the same feedback and count in the order of their numbers, whichever was ready first: with
a provider that answers alike, the same search and seed give the same attempts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.ai import GeneratedContent
from contracts.canonical import digest_of
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import Feasibility
from contracts.params import RosetteParamSpec, spec_of
from contracts.search import AttemptOutcome, ConstraintSearch, SearchAttempt
from contracts.spec import RosetteSpec
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.search import MAX_REASON, Judged, Searched, candidate_of, duplicate, refused, scored
from services.rmos.domain.search_prompt import model_call
from services.rmos.ports import Designer, Engine

FEW_ATTEMPTS, FEW_SIDE_BY_SIDE = 10, 2
"""With few attempts in all, learning from one another is worth more than time."""
SIDE_BY_SIDE, MANY_TRIED, MANY_SIDE_BY_SIDE = 4, 12, 8
"""Candidates of one round: more of them once the first rounds have found nothing that ends the search."""
LEAST_ROUND_S = 0.03
"""A round is not begun with less time: no answer comes in less."""
RESERVED_S = 0.3
"""The AI gateway keeps this of every deadline to itself, so a call's deadline lies this far beyond the search's end.
The search does not wait for it: what comes late is abandoned."""
RECORDING_S = 0.05
"""Kept of the time limit for putting the outcome on record."""
HOPELESS = frozenset({ErrorCode.AI_NOT_CONFIGURED, ErrorCode.INVALID_REQUEST, ErrorCode.AI_BLOCKED})
"""What comes again however often it is asked: a round of nothing else ends the search with this error."""


@dataclass
class Search:
    """One search under way. `searched` grows with every round; `time_is_up` once the limit ended it."""

    asked: ConstraintSearch
    seed: int
    request: RequestContext
    began: float
    """`time.perf_counter()` when the request came: the budget runs from there."""
    searched: Searched = field(init=False)
    time_is_up: bool = False

    def __post_init__(self) -> None:
        self.searched = Searched(self.asked.search_budget)

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self.began

    @property
    def left_s(self) -> float:
        return float(self.asked.search_budget.time_limit_seconds) - RECORDING_S - self.elapsed_s


@dataclass(frozen=True, slots=True)
class _Candidate:
    number: int
    call_id: str
    design: RosetteParamSpec
    spec: RosetteSpec
    sha256: str


@dataclass(slots=True)
class _Try:
    """One attempt as far as it came: an answer or an error, then a candidate or what it was refused for, a verdict."""

    number: int
    error: RmosError | None = None
    found: _Candidate | SearchAttempt | None = None
    verdict: Feasibility | RmosError | None = None


class SearchLoop:
    def __init__(
        self, designer: Designer, engine: Engine, catalog: Callable[[], Catalog], unix_ms: Callable[[], int]
    ) -> None:
        self._designer = designer
        self._engine = engine
        self._catalog = catalog
        self._unix_ms = unix_ms

    async def run(self, search: Search, report: Callable[[Search], Awaitable[None]]) -> None:
        """Returns when target, attempts or time end it; `report` is awaited after each round.

        Raises the RmosError of a round in which nothing but a hopeless request was answered.
        """
        while search.searched.left > 0 and not search.searched.done:
            if search.left_s < LEAST_ROUND_S:
                search.time_is_up = True
                return
            first = len(search.searched.attempts) + 1
            await self._round(search, range(first, first + min(_ahead(search), search.searched.left)))
            await report(search)
            search.time_is_up = search.left_s <= 0

    async def _round(self, search: Search, numbers: range) -> None:
        """Every candidate is judged as soon as it came; all attempts of the round are counted in order, also of one
        that somebody stops or an error ends."""
        tries = [_Try(number) for number in numbers]
        verdicts: dict[str, asyncio.Future[Feasibility]] = {}
        seen = search.searched.seen()
        try:
            await _within(search.left_s, [self._tried(search, one, seen, verdicts) for one in tries])
        finally:
            for verdict in verdicts.values():
                verdict.cancel()
            for one in tries:
                attempt, judged = _counted(one, search.searched.seen())
                search.searched = search.searched.after(attempt, judged)
        errors = [one.error for one in tries if one.error is not None]
        if len(errors) == len(tries) and all(error.code in HOPELESS for error in errors):
            raise errors[0]

    async def _tried(
        self,
        search: Search,
        one: _Try,
        seen: Mapping[str, SearchAttempt],
        verdicts: dict[str, asyncio.Future[Feasibility]],
    ) -> None:
        """Generate, check, judge. A design that is judged already, or is being judged, is not judged again."""
        try:
            answer = await self._generated(search, one.number)
        except RmosError as error:
            one.error, one.found = error, _failed(one.number, error, _call_of(error))
            return
        one.found = self._candidate(search, one.number, answer)
        if isinstance(one.found, SearchAttempt) or one.found.sha256 in seen:
            return
        sha256 = one.found.sha256
        if sha256 not in verdicts:
            context = search.asked.context.cutting()
            verdicts[sha256] = asyncio.ensure_future(self._engine.evaluate(one.found.spec, context, "router"))
        try:
            one.verdict = await asyncio.shield(verdicts[sha256])
        except RmosError as error:
            one.verdict = error

    async def _generated(self, search: Search, number: int) -> GeneratedContent:
        tool = self._catalog().tool(str(search.asked.context.tool_id))
        call = model_call(search.asked, search.seed, number, search.searched, tool)
        deadline_ms = self._unix_ms() + int(1000 * (max(0.0, search.left_s) + RESERVED_S))
        return await self._designer.generate(call, search.request.model_copy(update={"deadline_ms": deadline_ms}))

    def _candidate(self, search: Search, number: int, answer: GeneratedContent) -> _Candidate | SearchAttempt:
        """The design of an answer, or the attempt that was refused."""
        call_id = answer.provenance.call_id
        try:
            design = candidate_of(answer.text or "", search.asked.context, self._catalog())
        except RmosError as error:
            return refused(number, call_id, error)
        spec = spec_of(design)
        return _Candidate(number, call_id, design, spec, digest_of(spec))


def _ahead(search: Search) -> int:
    """Candidates of the next round: a function of the budget and of how many were tried, not of how fast they came."""
    if search.asked.search_budget.max_attempts <= FEW_ATTEMPTS:
        return FEW_SIDE_BY_SIDE
    return SIDE_BY_SIDE if len(search.searched.attempts) < MANY_TRIED else MANY_SIDE_BY_SIDE


def _counted(one: _Try, seen: Mapping[str, SearchAttempt]) -> tuple[SearchAttempt, Judged | None]:
    """The attempt as it goes on record, with its verdict when it is the first of its design."""
    match one.found:
        case None:
            reason = "the search ended before a design came"
            return SearchAttempt(number=one.number, outcome=AttemptOutcome.ABANDONED, reason=reason), None
        case SearchAttempt():
            return one.found, None
        case _Candidate(number=number, call_id=call_id, sha256=sha256):
            first = seen.get(sha256)
            return (duplicate(number, call_id, first), None) if first is not None else _attempt(one.found, one.verdict)


def _attempt(one: _Candidate, verdict: Feasibility | RmosError | None) -> tuple[SearchAttempt, Judged | None]:
    if isinstance(verdict, Feasibility):
        judged = Judged(one.number, one.design, verdict)
        return scored(judged, one.call_id), judged
    if isinstance(verdict, RmosError):
        return _failed(one.number, verdict, one.call_id, one.sha256), None
    return SearchAttempt(
        number=one.number,
        outcome=AttemptOutcome.ABANDONED,
        call_id=one.call_id,
        candidate_sha256=one.sha256,
        reason="the search ended before the design was judged",
    ), None


def _failed(number: int, error: RmosError, call_id: str | None, sha256: str | None = None) -> SearchAttempt:
    return SearchAttempt(
        number=number,
        outcome=AttemptOutcome.FAILED,
        call_id=call_id,
        candidate_sha256=sha256,
        error=error.code,
        reason=error.message[:MAX_REASON],
    )


def _call_of(error: RmosError) -> str | None:
    """The id of the model call that failed, where one was made."""
    provenance = error.details.get("provenance")
    return str(provenance["call_id"]) if isinstance(provenance, dict) and "call_id" in provenance else None


async def _within(timeout_s: float, work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Returns when all is done or the time is up; what is unfinished then is abandoned. Raises what none foresaw."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, timeout=max(0.0, timeout_s))
    finally:
        for task in tasks:
            task.cancel()
    for task in done:
        task.result()
