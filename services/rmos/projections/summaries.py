"""A run in short: its row, a few fields of its latest decision's record, and what a model was asked about that."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func

from contracts.artifacts import ExplanationStatus, Run
from contracts.log import RunOpened
from contracts.rmos import AdvisedRunSummary
from services.rmos.minting import recorded_type
from services.rmos.projections.tables import ai_explanations, artifacts

_FIELDS = ("explanation_status", "explanation_summary", "request_id", "compute_ms", "meta")
SHOWN = [
    *(artifacts.c.document[name].label(name) for name in _FIELDS),
    artifacts.c.document["decision"]["warnings"].label("warnings"),
    func.coalesce(ai_explanations.c.status, ExplanationStatus.NONE.value).label("ai_explanation_status"),
    ai_explanations.c.summary.label("ai_explanation_summary"),
]
"""What is read of a record: not its verdicts and summaries, which are most of it."""


def summarised(run: Run, latest: Row[Any] | None) -> AdvisedRunSummary:
    """`latest` is the row of the run's latest decision; None while there is none."""
    shown: dict[str, Any] = {
        "run_id": run.run_id,
        "created_at_utc": run.created_at_utc,
        "status": run.status,
        "event_type": RunOpened.type if run.last_kind is None else recorded_type(run.last_kind),
        "risk_level": run.risk_level,
        "score": run.score,
        "block_reason": run.block_reason,
        "request_id": run.request_id,
        "last_artifact_id": run.last_artifact_id,
    }
    if latest is not None:
        shown |= {name: value for name, value in latest._mapping.items() if name != "artifact_id"}
    return AdvisedRunSummary.model_validate(shown)
