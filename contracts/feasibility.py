"""Feasibility: what is asked about a design, and the answer with what limits it and what to change."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contracts.canonical import Canonical, canonical_bytes
from contracts.errors import ErrorBody
from contracts.model import (
    CatalogId,
    Message,
    NonNegative,
    Number,
    Positive,
    Score,
    Sha256,
    decimal_of,
    decimal_text,
)
from contracts.params import RosetteParamSpec
from contracts.spec import Depth, RosetteSpec

Mode = Literal["router", "saw"]


class RiskLevel(StrEnum):
    """GREEN and YELLOW may be cut (YELLOW with warnings); RED and UNKNOWN block; ERROR is a failed attempt."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"
    UNKNOWN = "UNKNOWN"
    ERROR = "ERROR"


class CuttingContext(Message):
    """With what and in what a design would be cut. What is left out and needed makes the verdict UNKNOWN.

    In mode saw the tool is a blade, the machine a saw, and the stock what is sawn through.
    """

    material_id: CatalogId | None = None
    tool_id: CatalogId | None = None
    machine_id: CatalogId | None = None
    stock_thickness_mm: Annotated[Number, Field(gt=0, le=200)] | None = None
    stock_width_mm: Annotated[Number, Field(gt=0, le=5000)] | None = None
    stock_length_mm: Annotated[Number, Field(gt=0, le=5000)] | None = None
    channel_depth_mm: Depth | None = None
    """Depth for area shapes that state none themselves."""
    stickout_mm: Annotated[Number, Field(gt=0, le=200)] | None = None
    rpm: Annotated[Number, Field(gt=0, le=200000)] | None = None
    feed_mm_per_min: Annotated[Number, Field(gt=0, le=100000)] | None = None
    stepdown_mm: Annotated[Number, Field(gt=0, le=50)] | None = None
    stepover_ratio: Annotated[Number, Field(gt=0, le=1)] | None = None
    blade_projection_mm: Annotated[Number, Field(gt=0, le=200)] | None = None
    """How far a saw blade stands beyond the stock."""
    flange_diameter_mm: Annotated[Number, Field(gt=0, le=500)] | None = None
    """Of the flanges that clamp a saw blade; replaces the catalog's figure."""


class Feeds(Message):
    """Speeds and feeds as they will be cut: proposed by the engine or the client's own after they were checked.

    For a saw `stepdown_mm` is the depth of a pass, the ramp's feed is the feed and the stepover the whole kerf.
    """

    spindle_rev_per_min: Positive
    feed_mm_per_min: Positive
    ramp_feed_mm_per_min: Positive
    stepdown_mm: Positive
    stepover_ratio: Annotated[Number, Field(gt=0, le=1)]
    proposed: bool


class Quantity(Message):
    """One named figure with its unit, e.g. name "smallest_gap", value 0.8, unit "mm"."""

    name: str
    value: Number
    unit: str


class CalculatorResult(Message):
    """One calculator's answer. `score` is absent exactly when `risk` is UNKNOWN."""

    calculator: str
    risk: RiskLevel
    score: Score | None = None
    hard: bool = False
    """True when a hard rule was broken: RED whatever the scores say."""
    summary: str
    inputs: tuple[Quantity, ...] = ()
    results: tuple[Quantity, ...] = ()
    limiting: Quantity | None = None
    suggestion: str | None = None
    missing: tuple[str, ...] = ()
    """Inputs that were needed and not given."""
    assumptions: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _score_or_unknown(self) -> Self:
        if (self.score is None) != (self.risk is RiskLevel.UNKNOWN):
            raise ValueError("a calculator gives a score unless its risk is UNKNOWN")
        return self


class Feasibility(Message):
    """The verdict. `feasibility_sha256` covers inputs, catalog, engine and results: no clock, no ids, no request."""

    risk_level: RiskLevel
    score: Score | None = None
    results: tuple[CalculatorResult, ...]
    suggestions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    block_reason: str | None = None
    feeds: Feeds | None = None
    design_sha256: Sha256
    catalog_sha256: Sha256
    engine_version: str
    feasibility_sha256: Sha256


class EvaluateFeasibility(Message):
    """Exactly one of design, spec and attachment_ids says what is to be judged."""

    design: RosetteParamSpec | None = None
    spec: RosetteSpec | None = None
    attachment_ids: tuple[str, ...] = ()
    context: CuttingContext = CuttingContext()
    mode: Mode = "router"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [self.design is not None, self.spec is not None, bool(self.attachment_ids)]
        if sum(given) != 1:
            raise ValueError("give exactly one of design, spec or attachment_ids")
        return self


MAX_BATCH = 1000
BATCH_PART = 20
"""Items in one message of the bus: a batch travels in parts, so that one answer stays far below its limit."""


class BatchItem(Message):
    """Exactly one of design and spec. A given `context` field replaces the batch's."""

    design: RosetteParamSpec | None = None
    spec: RosetteSpec | None = None
    context: CuttingContext = CuttingContext()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.design is None) == (self.spec is None):
            raise ValueError("give exactly one of design and spec")
        return self


class EvaluateBatch(Message):
    """A part of a batch. `items_json` is a JSON array of BatchItem as the client wrote them, numbers and all: one that
    is wrong is that item's error, not the batch's."""

    items_json: str
    context: CuttingContext = CuttingContext()
    mode: Mode = "router"
    with_results: bool = True
    """False: leave the calculators' results out of the answer."""


class BatchVerdict(Message):
    """Of one item: a verdict or an error."""

    feasibility: Feasibility | None = None
    error: ErrorBody | None = None


class BatchReply(Message):
    """In the order of the request."""

    items: tuple[BatchVerdict, ...]
    compute_ms: NonNegative


class FeasibilityReply(Message):
    feasibility: Feasibility
    compute_ms: NonNegative


def feasibility_reply(verdict: Canonical, compute_ms: Decimal) -> Canonical:
    """The FeasibilityReply of a verdict that is written already."""
    return Canonical(b'{"compute_ms":"%b","feasibility":%b}' % (_text(compute_ms), verdict.data))


def batch_reply(items: Iterable[Canonical | ErrorBody], compute_ms: Decimal) -> Canonical:
    """The BatchReply of verdicts that are written already, and of errors."""
    written = b",".join(
        b'{"error":null,"feasibility":%b}' % item.data
        if isinstance(item, Canonical)
        else b'{"error":%b,"feasibility":null}' % canonical_bytes(item)
        for item in items
    )
    return Canonical(b'{"compute_ms":"%b","items":[%b]}' % (_text(compute_ms), written))


def _text(number: Decimal) -> bytes:
    return decimal_text(decimal_of(number)).encode()
