"""How far everything has come: for people who look, not for those who verify."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from runtime.objects import ObjectStore
from services.rmos.audit.publication import PREFIX
from services.rmos.audit.snapshot import snapshot
from services.rmos.audit.stream_check import read_head
from services.rmos.audit.verify import Audited, public_size
from services.rmos.lag import lags_of
from services.rmos.projections.writing import CURSOR


def status_of(what: Audited, now: datetime) -> dict[str, Any]:
    """Positions, lags and counts. Raises as services.rmos.audit.verify.audit."""
    objects = ObjectStore(what.s3)
    try:
        stored = objects.listed("")
        public = public_size(objects.read(f"{PREFIX}checkpoint"))
    finally:
        objects.close()
    with snapshot(what.dsn) as view:
        events, recorded = view.events(), view.checkpoints()
        cursor, followers = view.cursor_of_projections(CURSOR), view.followers()
    blobs = [size for name, size in stored if not name.startswith((PREFIX, "quarantine/"))]
    lags = lags_of(followers, now)
    return {
        "events": events,
        "checkpoints": len(recorded),
        "covered_by_checkpoint": recorded[-1].size if recorded else 0,
        "public_checkpoint": public,
        "projected_to": cursor[0] if cursor is not None else 0,
        "fold_version": cursor[1] if cursor is not None else 0,
        **{f"{lag.name}_behind_positions": lag.behind_positions for lag in lags},
        **{f"{lag.name}_behind_s": float(lag.behind_s) for lag in lags},
        "stream_to": asyncio.run(read_head(what.stream)).last_sequence if what.stream is not None else None,
        "blobs": len(blobs),
        "blob_bytes": sum(blobs),
        "quarantined": sum(name.startswith("quarantine/") for name, _ in stored),
    }
