"""The loop of a constraint search: rounds of candidates that are generated side by side, judged, and learnt from.

All candidates of a round see the same feedback and count in the order of their numbers, whichever was ready first: with
a provider that answers alike, the same search and seed give the same attempts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

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

SIDE_BY_SIDE, FEW_ATTEMPTS, FEW_SIDE_BY_SIDE = 4, 10, 2
"""Candidates of one round: with few attempts in all, learning from one another is worth more than time."""
LEAST_ROUND_S = 0.35
"""A round is not begun with less time: the AI gateway keeps 0.3 s of every deadline to itself."""
RECORDING_S = 0.05
"""Kept of the time limit for putting the outcome on record."""
HOPELESS = frozenset({ErrorCode.AI_NOT_CONFIGURED, ErrorCode.INVALID_REQUEST, ErrorCode.AI_BLOCKED})
"""What comes again however often it is asked: a round of nothing else ends the search with this error."""
T = TypeVar("T")


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
        budget = search.asked.search_budget
        ahead = FEW_SIDE_BY_SIDE if budget.max_attempts <= FEW_ATTEMPTS else SIDE_BY_SIDE
        while search.searched.left > 0 and not search.searched.done:
            if search.left_s < LEAST_ROUND_S:
                search.time_is_up = True
                return
            first = len(search.searched.attempts) + 1
            await self._round(search, range(first, first + min(ahead, search.searched.left)))
            await report(search)
            search.time_is_up = search.left_s <= 0

    async def _round(self, search: Search, numbers: range) -> None:
        """Generate, check, judge; then every attempt of the round is counted in order."""
        answers = await _within(search.left_s, [self._generated(search, number) for number in numbers])
        attempts: dict[int, SearchAttempt] = {}
        candidates: list[_Candidate] = []
        errors: list[RmosError] = []
        for number, answer in zip(numbers, answers, strict=True):
            found = self._candidate(search, number, answer)
            if isinstance(found, _Candidate):
                candidates.append(found)
            else:
                attempts[number] = found
                errors += [answer] if isinstance(answer, RmosError) else []
        if len(errors) == len(numbers) and all(error.code in HOPELESS for error in errors):
            raise errors[0]
        judged = await self._judged(search, candidates, attempts)
        for number in numbers:
            search.searched = search.searched.after(attempts[number], judged.get(number))

    async def _generated(self, search: Search, number: int) -> GeneratedContent:
        tool = self._catalog().tool(str(search.asked.context.tool_id))
        call = model_call(search.asked, search.seed, number, search.searched, tool)
        deadline_ms = self._unix_ms() + int(1000 * max(0.0, search.left_s))
        return await self._designer.generate(call, search.request.model_copy(update={"deadline_ms": deadline_ms}))

    def _candidate(
        self, search: Search, number: int, answer: GeneratedContent | RmosError | None
    ) -> _Candidate | SearchAttempt:
        """The design of an answer, or the attempt that has none."""
        if answer is None:
            reason = "the time was up before a design came"
            return SearchAttempt(number=number, outcome=AttemptOutcome.ABANDONED, reason=reason)
        if isinstance(answer, RmosError):
            return _failed(number, answer, _call_of(answer))
        call_id = answer.provenance.call_id
        try:
            design = candidate_of(answer.text or "", search.asked.context, self._catalog())
        except RmosError as error:
            return refused(number, call_id, error)
        spec = spec_of(design)
        return _Candidate(number, call_id, design, spec, digest_of(spec))

    async def _judged(
        self, search: Search, candidates: list[_Candidate], attempts: dict[int, SearchAttempt]
    ) -> dict[int, Judged]:
        """Verdicts of what was not seen before. Adds an attempt for every candidate."""
        seen = search.searched.seen()
        new = {candidate.sha256: candidate for candidate in reversed(candidates) if candidate.sha256 not in seen}
        context = search.asked.context.cutting()
        verdicts = await _within(
            search.left_s, [self._engine.evaluate(one.spec, context, "router") for one in new.values()]
        )
        found = dict(zip(new, verdicts, strict=True))
        judged: dict[int, Judged] = {}
        for one in candidates:
            first = seen.get(one.sha256)
            if first is not None:
                attempts[one.number] = duplicate(one.number, one.call_id, first)
                continue
            attempts[one.number], verdict = _attempt(one, found[one.sha256])
            if verdict is not None:
                judged[one.number] = verdict
                seen[one.sha256] = attempts[one.number]
        return judged


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
        reason="the time was up before the design was judged",
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


async def _within(timeout_s: float, work: Iterable[Awaitable[T]]) -> list[T | RmosError | None]:
    """Each result, its RmosError, or None where the time was up before; what is unfinished is abandoned."""
    tasks: list[asyncio.Future[T]] = [asyncio.ensure_future(one) for one in work]
    if not tasks:
        return []
    try:
        await asyncio.wait(tasks, timeout=max(0.0, timeout_s))
    finally:
        for task in tasks:
            task.cancel()
    return list(map(_outcome, tasks))


def _outcome(task: asyncio.Future[T]) -> T | RmosError | None:
    if not task.done() or task.cancelled():
        return None
    error = task.exception()
    if error is None or isinstance(error, RmosError):
        return error or task.result()
    raise error
