"""Drift: a verdict that is no longer the one that was approved. What changed, and what becomes of it. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from contracts.artifacts import Decision
from contracts.errors import ErrorCode
from contracts.feasibility import CalculatorResult, Feasibility, RiskLevel

_FIELDS = (
    "engine_version",
    "catalog_sha256",
    "risk_level",
    "score",
    "feeds",
    "block_reason",
    "suggestions",
    "warnings",
)


@dataclass(frozen=True, slots=True)
class Drift:
    """As an artifact keeps it under `drift`. No `feasibility_sha256`: the verdict could not be computed again."""

    approval_artifact_id: str
    approved_feasibility_sha256: str
    feasibility_sha256: str | None
    changed: tuple[str, ...]
    override_artifact_id: str | None = None
    """The override that accepted it."""

    @property
    def stated(self) -> dict[str, object]:
        return {**asdict(self), "changed": list(self.changed)}


def blocked_by(drift: Drift, decision: Decision) -> Decision:
    """The refusal of toolpaths whose approved verdict is another one by now."""
    reason = (
        f"the verdict is no longer the approved one ({', '.join(drift.changed)} changed): have it judged and approved "
        f"again, or have the drift accepted by an override of scope DRIFT"
    )
    details = {**decision.details, "error": ErrorCode.VERDICT_DRIFTED.value, "drift": drift.stated}
    return decision.model_copy(update={"block_reason": reason, "details": details})


def passed_with(drift: Drift, decision: Decision) -> Decision:
    """The decision to go on although it drifted: with a warning, and who accepted it."""
    by = drift.override_artifact_id
    accepted = "this shop lets it pass" if by is None else f"accepted by {by}"
    warning = f"the verdict is no longer the approved one ({', '.join(drift.changed)} changed): {accepted}"
    details = {**decision.details, "drift": drift.stated}
    return decision.model_copy(update={"warnings": (warning, *decision.warnings), "details": details})


def unknown_because(drift: Drift, reason: str) -> Decision:
    """The refusal where nobody knows whether it drifted. It cannot be overridden: there is no verdict to accept."""
    return Decision(
        risk_level=RiskLevel.UNKNOWN,
        block_reason=f"the approved verdict could not be computed again: {reason}",
        details={"error": ErrorCode.VERDICT_DRIFTED.value, "drift": drift.stated},
    )


def changed_between(then: Feasibility, now: Feasibility) -> tuple[str, ...]:
    """What differs, from the causes to the effects: versions, catalog, verdict, then `results.<calculator>`. Empty
    exactly when the verdicts have the same digest."""
    if then.feasibility_sha256 == now.feasibility_sha256:
        return ()
    fields = [name for name in _FIELDS if getattr(then, name) != getattr(now, name)]
    left, right = _by_name(then), _by_name(now)
    results = [f"results.{name}" for name in {**left, **right} if left.get(name) != right.get(name)]
    return (*fields, *results) or ("feasibility_sha256",)


def _by_name(verdict: Feasibility) -> dict[str, CalculatorResult]:
    return {result.calculator: result for result in verdict.results}
