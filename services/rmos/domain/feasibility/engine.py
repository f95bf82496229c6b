"""The engine: every calculator on one situation, then the verdict with its digest. Pure and versioned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from contracts.canonical import Canonical, canonical_bytes, digest_of
from contracts.errors import RmosError
from contracts.feasibility import (
    CalculatorResult,
    CuttingContext,
    Feasibility,
    Feeds,
    Mode,
    RiskLevel,
)
from contracts.model import decimal_of
from contracts.spec import RosetteSpec
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.feasibility.composition import ROUTER, SAW, SEVERITY, Row, S, overall
from services.rmos.domain.feasibility.grading import not_judged
from services.rmos.domain.feasibility.saw_situation import saw_situation_of
from services.rmos.domain.feasibility.situation import NotJudged, situation_of

ENGINE_VERSION = "feasibility/1.3.0"
"""Changes whenever a verdict can change for the same inputs and catalog."""

_DIGEST, _UNSIGNED = "feasibility_sha256", "0" * 64


def evaluate(spec: RosetteSpec, context: CuttingContext, catalog: Catalog, mode: Mode = "router") -> Feasibility:
    """The verdict on cutting `spec` as `context` says.

    What is missing, or cannot be judged, is UNKNOWN and names what to give. Raises RmosError(INVALID_REQUEST) for a
    material, tool or machine id the catalog does not have.
    """
    verdict, signed = _evaluated(spec, context, catalog, mode)
    return verdict.model_copy(update={_DIGEST: signed[_DIGEST]})


def written_verdict(
    spec: RosetteSpec, context: CuttingContext, catalog: Catalog, mode: Mode, *, with_results: bool = True
) -> Canonical:
    """The same verdict as canonical JSON. Its digest covers the results, also where they are left out."""
    _, signed = _evaluated(spec, context, catalog, mode)
    return Canonical(canonical_bytes(signed if with_results else {**signed, "results": []}))


def _evaluated(
    spec: RosetteSpec, context: CuttingContext, catalog: Catalog, mode: Mode
) -> tuple[Feasibility, dict[str, Any]]:
    """The verdict without its digest, and as JSON with it."""
    match mode:
        case "router":
            results, feeds = _judged_by(ROUTER, situation_of, spec, context, catalog)
            risk, score = overall(results, ROUTER)
        case "saw":
            results, feeds = _judged_by(SAW, saw_situation_of, spec, context, catalog)
            risk, score = overall(results, SAW)
        case _:
            assert_never(mode)
    unsigned = _verdict(spec, catalog, results, risk, score, feeds)
    hashed = unsigned.model_dump(mode="json", exclude={_DIGEST})
    digest = digest_of({"context": context.model_dump(mode="json"), "mode": mode, "verdict": hashed})
    return unsigned, {**hashed, _DIGEST: digest}


def _judged_by(
    rows: tuple[Row[S], ...],
    situate: Callable[[RosetteSpec, CuttingContext, Catalog], S],
    spec: RosetteSpec,
    context: CuttingContext,
    catalog: Catalog,
) -> tuple[tuple[CalculatorResult, ...], Feeds | None]:
    try:
        situation = situate(spec, context, catalog)
    except RmosError:
        raise
    except Exception as error:  # noqa: BLE001 - a question that cannot even be laid out must block, never crash or pass
        return tuple(_failed(row, error) for row in rows), None
    return tuple(_result(row, situation) for row in rows), situation.given_feeds


def _result(row: Row[S], situation: S) -> CalculatorResult:
    try:
        return row.calculate(situation)
    except NotJudged as refusal:
        return not_judged(row.name, refusal.summary, refusal.suggestion, refusal.missing)
    except Exception as error:  # noqa: BLE001 - whatever fails in a calculator must block as UNKNOWN, never crash or pass
        return _failed(row, error)


def _failed(row: Row[S], error: Exception) -> CalculatorResult:
    summary = f"the calculation failed ({type(error).__name__})"
    return not_judged(row.name, summary, "report this design: the calculator does not handle it")


def _verdict(
    spec: RosetteSpec,
    catalog: Catalog,
    results: tuple[CalculatorResult, ...],
    risk: RiskLevel,
    score: float | None,
    feeds: Feeds | None,
) -> Feasibility:
    by_severity = sorted(results, key=lambda r: (-SEVERITY[r.risk], -int(r.hard), float(r.score or 0)))
    return Feasibility(
        risk_level=risk,
        score=None if score is None else decimal_of(round(score, 2)),
        results=results,
        suggestions=tuple(dict.fromkeys(r.suggestion for r in by_severity if r.suggestion)),
        warnings=tuple(f"{r.calculator}: {r.summary}" for r in by_severity if r.risk is RiskLevel.YELLOW),
        block_reason=_block_reason(risk, by_severity),
        feeds=feeds,
        design_sha256=digest_of(spec),
        catalog_sha256=catalog.sha256,
        engine_version=ENGINE_VERSION,
        feasibility_sha256=_UNSIGNED,
    )


def _block_reason(risk: RiskLevel, by_severity: list[CalculatorResult]) -> str | None:
    if risk not in {RiskLevel.RED, RiskLevel.UNKNOWN}:
        return None
    causes = [r for r in by_severity if r.risk in {RiskLevel.RED, RiskLevel.UNKNOWN}]
    if not causes:
        return "many findings together: the overall score is below 50"
    by_summary: dict[str, list[str]] = {}
    for cause in causes:
        by_summary.setdefault(cause.summary, []).append(cause.calculator)
    reasons = [
        f"{names[0]}: {summary}" if len(names) == 1 else f"{summary} ({len(names)} calculators)"
        for summary, names in by_summary.items()
    ]
    return "; ".join(reasons[:4]) + (f"; and {len(reasons) - 4} more" if len(reasons) > 4 else "")
