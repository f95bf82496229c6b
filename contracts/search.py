"""Constraint search: what is looked for within which budget, every attempt, and how the search ended."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contracts.ai import ProviderName, Seed
from contracts.errors import ErrorBody, ErrorCode
from contracts.feasibility import CuttingContext, Quantity, RiskLevel
from contracts.model import CatalogId, Identifier, Message, NonNegative, Number, Score, Sha256, Timestamp
from contracts.params import RosetteParamSpec
from contracts.sessions import WorkflowMode

MAX_ATTEMPTS, MAX_TIME_S = 200, 60
QUICK_ATTEMPTS, QUICK_TIME_S = 5, 5
"""The budget of a quick-check."""

RingCount = Annotated[int, Field(ge=1, le=40)]
RingWidth = Annotated[Number, Field(gt=0, le=100)]
Diameter = Annotated[Number, Field(gt=0, le=1000)]


class SearchContext(CuttingContext):
    """With what is cut, and what every candidate must respect. The diameters and a stated depth are exact."""

    target_inner_diameter_mm: Diameter
    target_outer_diameter_mm: Diameter
    min_rings: RingCount = 1
    max_rings: RingCount = 12
    min_ring_width_mm: RingWidth | None = None
    max_ring_width_mm: RingWidth | None = None
    max_total_width_mm: RingWidth | None = None
    style: Annotated[str, Field(max_length=200)] | None = None
    inlay_materials: Annotated[tuple[CatalogId, ...], Field(max_length=20)] = ()
    """The only inlay materials that may be used; empty: any of the catalog."""

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.target_inner_diameter_mm >= self.target_outer_diameter_mm:
            raise ValueError("target_inner_diameter_mm must be smaller than target_outer_diameter_mm")
        if self.min_rings > self.max_rings:
            raise ValueError("min_rings must not exceed max_rings")
        narrowest, widest = self.min_ring_width_mm or Decimal(0), self.max_ring_width_mm
        if widest is not None and narrowest > widest:
            raise ValueError("min_ring_width_mm must not exceed max_ring_width_mm")
        if self.min_rings * narrowest > self.room_mm:
            raise ValueError(
                f"{self.min_rings} rings of at least {narrowest} mm need {self.min_rings * narrowest} mm, there are "
                f"{self.room_mm} mm: fewer or narrower rings, or a wider band"
            )
        return self

    @property
    def room_mm(self) -> Decimal:
        """The most that all rings together may take: the band between the diameters, or less where less was stated."""
        band = (self.target_outer_diameter_mm - self.target_inner_diameter_mm) / 2
        return band if self.max_total_width_mm is None else min(band, self.max_total_width_mm)

    def cutting(self) -> CuttingContext:
        """The part that the feasibility engine looks at."""
        return CuttingContext(**{name: getattr(self, name) for name in CuttingContext.model_fields})


class SearchBudget(Message):
    """Hard limits. The search ends at the first of them, or once a design reaches the score."""

    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] = 50
    time_limit_seconds: Annotated[Number, Field(ge=1, le=MAX_TIME_S)] = Decimal(30)
    min_feasibility_score: Score = Decimal(80)
    stop_on_first_green: bool = True
    """True: the first GREEN design with the score ends the search. False: the whole budget looks for a better one."""


class ConstraintSearch(Message):
    """Search a design that can be cut. In a session (given, or the run's) the best design becomes its current one.

    Context fields that are left out are taken from the run or session. Without `run_id` a run is opened.
    """

    workflow_mode: WorkflowMode = "constraint_first"
    session_id: Identifier | None = None
    run_id: Identifier | None = None
    context: SearchContext
    search_budget: SearchBudget = SearchBudget()
    variant_seed: Seed | None = None
    provider: ProviderName | None = None
    model: Annotated[str, Field(max_length=100)] | None = None
    respond_async: bool = False
    """True: the answer comes as soon as the search is on record; it goes on in the background."""


class LimitedBy(Message):
    """What kept a candidate from a better verdict: a calculator of the engine, or `limits` for what was asked."""

    calculator: str
    risk: RiskLevel
    summary: str
    limiting: Quantity | None = None
    suggestion: str | None = None


class AttemptOutcome(StrEnum):
    """SCORED: judged by the engine. DUPLICATE: the same design as an earlier attempt, not judged again. REFUSED: it
    breaks what was asked. FAILED: no design came. ABANDONED: the search ended before it was judged."""

    SCORED = "scored"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    FAILED = "failed"
    ABANDONED = "abandoned"


class SearchAttempt(Message):
    """One attempt. `call_id` leads to the model call's provenance; it is absent only where no answer ever came."""

    number: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)]
    outcome: AttemptOutcome
    call_id: Identifier | None = None
    candidate_sha256: Sha256 | None = None
    feasibility_sha256: Sha256 | None = None
    score: Score | None = None
    risk: RiskLevel | None = None
    limited_by: LimitedBy | None = None
    duplicate_of: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] | None = None
    error: ErrorCode | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None


class SearchStatus(StrEnum):
    """SUCCESS: the best design reaches the asked score. BEST_EFFORT: all attempts were made, the best may be cut but
    stays below it. EXHAUSTED: all attempts were made and none may be cut. TIMEOUT: the time was up before."""

    SUCCESS = "success"
    BEST_EFFORT = "best_effort"
    EXHAUSTED = "exhausted"
    TIMEOUT = "timeout"


class SearchResult(Message):
    """What a concluded search found. The best design may be one that must not be cut: its risk says so."""

    status: SearchStatus
    stopped_by: Literal["target", "attempts", "time"]
    best_attempt: int | None = None
    best_design: RosetteParamSpec | None = None
    best_design_sha256: Sha256 | None = None
    score: Score | None = None
    risk: RiskLevel | None = None
    attempts: tuple[SearchAttempt, ...]
    time_ms: NonNegative
    variant_seed: Seed


class SearchOutcome(StrEnum):
    """CONCLUDED has an artifact. The others have none: CANCELLED by a person, INTERRUPTED by the end of the process
    that searched, FAILED with an error."""

    CONCLUDED = "concluded"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class SearchProgress(Message):
    """How far a search is."""

    attempts: Annotated[int, Field(ge=0, le=MAX_ATTEMPTS)]
    best_attempt: int | None = None
    best_design_sha256: Sha256 | None = None
    score: Score | None = None
    risk: RiskLevel | None = None
    limited_by: LimitedBy | None = None
    time_ms: NonNegative


class SearchReply(Message):
    """A search as it stands. `outcome` when it has ended; `result` and `artifact_id` when it was concluded."""

    search_id: Identifier
    run_id: Identifier
    session_id: Identifier | None = None
    state: Literal["running", "ended"]
    outcome: SearchOutcome | None = None
    started_at_utc: Timestamp
    budget: SearchBudget
    progress: SearchProgress | None = None
    result: SearchResult | None = None
    artifact_id: Identifier | None = None
    error: ErrorBody | None = None


class AskSearch(Message):
    search_id: Identifier


class CancelSearch(Message):
    """End a search now. What was tried so far stays on the record; no artifact is made. One that has ended stays so."""

    search_id: Identifier
