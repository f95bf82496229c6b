"""A run in short: its row, and a few fields of its latest decision's record."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from contracts.artifacts import Run
from contracts.log import RunOpened
from contracts.rmos import RunSummary
from services.rmos.minting import recorded_type
from services.rmos.projections.tables import artifacts

_FIELDS = ("explanation_status", "explanation_summary", "request_id", "compute_ms", "meta")
SHOWN = [
    *(artifacts.c.document[name].label(name) for name in _FIELDS),
    artifacts.c.document["decision"]["warnings"].label("warnings"),
]
"""What is read of a record: not its verdicts and summaries, which are most of it."""


def summarised(run: Run, latest: Row[Any] | None) -> RunSummary:
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
    }
    if latest is not None:
        shown |= {name: value for name, value in latest._mapping.items() if name != "artifact_id"}
    return RunSummary.model_validate(shown)
