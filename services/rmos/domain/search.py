"""Constraint search as pure decisions: is a candidate what was asked, which attempt is the best, how did it end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import orjson
from pydantic import ValidationError

from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CalculatorResult, Feasibility, RiskLevel
from contracts.params import RosetteParamSpec
from contracts.search import (
    AttemptOutcome,
    LimitedBy,
    SearchAttempt,
    SearchBudget,
    SearchContext,
    SearchProgress,
    SearchResult,
    SearchStatus,
)
from contracts.spec import Ring, RosetteSpec
from services.rmos.domain.catalog import Catalog, near_matches
from services.rmos.domain.feasibility.composition import SEVERITY

LIMITS = "limits"
"""Stands for a calculator where a candidate breaks what was asked."""
NEEDED = ("material_id", "tool_id", "machine_id", "stock_thickness_mm")
"""Without these every verdict is UNKNOWN, whatever the design: nothing to search for."""
PLAIN = RosetteSpec(canvas_mm=Decimal(120), shapes=(Ring(r_inner=Decimal(45), r_outer=Decimal(50), depth_mm=1),))
"""Nothing about this design can be UNKNOWN: what is, lies in the context."""
MAX_REASON = 500
_CUTTABLE = frozenset({RiskLevel.GREEN, RiskLevel.YELLOW})


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its verdict, and the attempt it came from."""

    number: int
    design: RosetteParamSpec
    feasibility: Feasibility

    @property
    def rank(self) -> tuple[int, Decimal]:
        """Greater is better: colour before score, so that nothing RED ever beats what may be cut."""
        return -SEVERITY[self.feasibility.risk_level], self.feasibility.score or Decimal(0)


@dataclass(frozen=True, slots=True)
class Searched:
    """A search as far as it came. `best` is the first of the best; attempts stand in the order of their numbers."""

    budget: SearchBudget
    attempts: tuple[SearchAttempt, ...] = ()
    best: Judged | None = None

    def seen(self) -> dict[str, SearchAttempt]:
        """Candidate digest -> the attempt that was judged with it."""
        return {
            attempt.candidate_sha256: attempt
            for attempt in self.attempts
            if attempt.candidate_sha256 is not None and attempt.outcome is AttemptOutcome.SCORED
        }

    def after(self, attempt: SearchAttempt, judged: Judged | None = None) -> Searched:
        """With one more attempt. Of two equally good designs the earlier one stays."""
        better = judged is not None and (self.best is None or judged.rank > self.best.rank)
        return replace(self, attempts=(*self.attempts, attempt), best=judged if better else self.best)

    @property
    def left(self) -> int:
        return self.budget.max_attempts - len(self.attempts)

    @property
    def reached(self) -> bool:
        """The best may be cut and has the asked score."""
        return self.best is not None and _reaches(self.best.feasibility, self.budget)

    @property
    def done(self) -> bool:
        """The first GREEN that was asked for is there: nothing more is to be tried."""
        green = self.best is not None and self.best.feasibility.risk_level is RiskLevel.GREEN
        return self.budget.stop_on_first_green and green and self.reached

    def last_problem(self) -> LimitedBy | None:
        """What the newest attempt was refused for, when there is no verdict to learn from yet."""
        problems = [attempt.limited_by for attempt in self.attempts if attempt.limited_by is not None]
        return problems[-1] if self.best is None and problems else None

    def progress(self, time_ms: Decimal) -> SearchProgress:
        best = self.best
        if best is None:
            return SearchProgress(attempts=len(self.attempts), time_ms=time_ms)
        return SearchProgress(
            attempts=len(self.attempts),
            best_attempt=best.number,
            best_design_sha256=best.feasibility.design_sha256,
            score=best.feasibility.score,
            risk=best.feasibility.risk_level,
            limited_by=limited_by(best.feasibility),
            time_ms=time_ms,
        )


def concluded(searched: Searched, time_is_up: bool, time_ms: Decimal, variant_seed: int) -> SearchResult:
    """How it ended. Reaching the score is success whatever ended the search; otherwise the time comes first."""
    best = searched.best
    cuttable = best is not None and best.feasibility.risk_level in _CUTTABLE
    if searched.reached:
        status = SearchStatus.SUCCESS
    elif time_is_up:
        status = SearchStatus.TIMEOUT
    else:
        status = SearchStatus.BEST_EFFORT if cuttable else SearchStatus.EXHAUSTED
    return SearchResult(
        status=status,
        stopped_by="target" if searched.done else "time" if time_is_up else "attempts",
        best_attempt=best.number if best else None,
        best_design=best.design if best else None,
        best_design_sha256=best.feasibility.design_sha256 if best else None,
        score=best.feasibility.score if best else None,
        risk=best.feasibility.risk_level if best else None,
        attempts=searched.attempts,
        time_ms=time_ms,
        variant_seed=variant_seed,
    )


def limited_by(feasibility: Feasibility) -> LimitedBy | None:
    """The result that holds the verdict back most; None when nothing is to be improved."""
    worst = max(feasibility.results, key=_badness)
    if worst.risk is RiskLevel.GREEN:
        return None
    return LimitedBy(
        calculator=worst.calculator,
        risk=worst.risk,
        summary=worst.summary,
        limiting=worst.limiting,
        suggestion=worst.suggestion,
    )


def candidate_of(text: str, asked: SearchContext, catalog: Catalog) -> RosetteParamSpec:
    """The design in a model's JSON, with the asked diameters and depth.

    Raises RmosError(AI_INVALID_OUTPUT) for what is no design, INVALID_DESIGN naming every limit that it breaks.
    """
    try:
        fields = orjson.loads(text)
        if not isinstance(fields, dict):
            raise RmosError(ErrorCode.AI_INVALID_OUTPUT, "the answer is no JSON object")
        exact = {
            "inner_diameter_mm": asked.target_inner_diameter_mm,
            "outer_diameter_mm": asked.target_outer_diameter_mm,
        }
        if asked.channel_depth_mm is not None:
            exact["channel_depth_mm"] = asked.channel_depth_mm
        design = RosetteParamSpec.model_validate({**fields, **exact})
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.AI_INVALID_OUTPUT, f"the answer is not JSON: {error.msg}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "design"
        raise RmosError(ErrorCode.INVALID_DESIGN, f"{place}: {first['msg']}") from error
    broken = broken_limits(design, asked, catalog)
    if broken:
        raise RmosError(ErrorCode.INVALID_DESIGN, "; ".join(broken), broken=broken)
    return design


def broken_limits(design: RosetteParamSpec, asked: SearchContext, catalog: Catalog) -> list[str]:
    """What of the asked limits the design does not keep; empty when it keeps all."""
    rings, broken = design.ring_params, []
    if not asked.min_rings <= len(rings) <= asked.max_rings:
        broken.append(f"{len(rings)} rings, asked are {asked.min_rings} to {asked.max_rings}")
    total = sum((ring.width_mm for ring in rings), Decimal(0))
    if total > asked.room_mm:
        broken.append(f"the rings take {total} mm together, allowed are {asked.room_mm} mm")
    for place, ring in enumerate(rings):
        if asked.min_ring_width_mm is not None and ring.width_mm < asked.min_ring_width_mm:
            broken.append(f"ring {place} is {ring.width_mm} mm wide, the least is {asked.min_ring_width_mm} mm")
        if asked.max_ring_width_mm is not None and ring.width_mm > asked.max_ring_width_mm:
            broken.append(f"ring {place} is {ring.width_mm} mm wide, the most is {asked.max_ring_width_mm} mm")
        for name in (ring.material_id, ring.alternate_material_id):
            if name is None:
                continue
            if asked.inlay_materials and name not in asked.inlay_materials:
                broken.append(f"ring {place} uses {name}, which is not among the allowed inlay materials")
            elif catalog.find_material(name) is None:
                broken.append(f"ring {place} uses {name}, which is not in the catalog")
    return broken


def check_asked(asked: SearchContext, catalog: Catalog) -> None:
    """Raises RmosError(INVALID_REQUEST) where every design would be UNKNOWN because inputs are missing or not known."""
    absent = [name for name in NEEDED if getattr(asked, name) is None]
    if absent:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"a search needs {', '.join(absent)} in its context: without, every verdict is UNKNOWN",
            missing=absent,
        )
    catalog.material(str(asked.material_id))
    catalog.tool(str(asked.tool_id))
    catalog.machine(str(asked.machine_id))
    for name in asked.inlay_materials:
        if catalog.find_material(name) is None:
            near = near_matches(name, catalog.materials)
            raise RmosError(
                ErrorCode.INVALID_REQUEST,
                f"inlay material {name!r} is not in the catalog",
                field="inlay_materials",
                near_matches=near,
            )


def check_judged(plain: Feasibility) -> None:
    """Takes the verdict on PLAIN in the context of a search. Raises RmosError(INVALID_REQUEST) where the engine judges
    nothing with these inputs (a blade, stock of which no chip load is published): every design would be UNKNOWN."""
    if plain.risk_level is RiskLevel.UNKNOWN:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"every design would be UNKNOWN in this context: {plain.block_reason}",
            suggestions=list(plain.suggestions),
        )


def refused(number: int, call_id: str | None, error: RmosError) -> SearchAttempt:
    """The attempt whose answer is not a design that was asked for."""
    reason = error.message[:MAX_REASON]
    problem = LimitedBy(calculator=LIMITS, risk=RiskLevel.UNKNOWN, summary=reason, suggestion="keep every limit")
    return SearchAttempt(
        number=number,
        outcome=AttemptOutcome.REFUSED,
        call_id=call_id,
        error=error.code,
        reason=reason,
        limited_by=problem,
    )


def scored(judged: Judged, call_id: str) -> SearchAttempt:
    verdict = judged.feasibility
    return SearchAttempt(
        number=judged.number,
        outcome=AttemptOutcome.SCORED,
        call_id=call_id,
        candidate_sha256=verdict.design_sha256,
        feasibility_sha256=verdict.feasibility_sha256,
        score=verdict.score,
        risk=verdict.risk_level,
        limited_by=limited_by(verdict),
    )


def duplicate(number: int, call_id: str, first: SearchAttempt) -> SearchAttempt:
    """The attempt that brought a design that was judged before: the same verdict, not judged again."""
    return first.model_copy(
        update={
            "number": number,
            "outcome": AttemptOutcome.DUPLICATE,
            "call_id": call_id,
            "duplicate_of": first.number,
        }
    )


def _reaches(feasibility: Feasibility, budget: SearchBudget) -> bool:
    score = feasibility.score
    return feasibility.risk_level in _CUTTABLE and score is not None and score >= budget.min_feasibility_score


def _badness(result: CalculatorResult) -> tuple[int, bool, Decimal]:
    return SEVERITY[result.risk], result.hard, -(result.score or Decimal(0))
