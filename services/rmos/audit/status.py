"""How far everything has come: for people who look, not for those who verify."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.objects import ObjectStore
from services.rmos.audit.publication import PREFIX
from services.rmos.audit.snapshot import snapshot
from services.rmos.audit.stream_check import read_head
from services.rmos.audit.verify import Audited, public_size
from services.rmos.projections.projector import CURSOR


def status_of(what: Audited) -> dict[str, Any]:
    """Positions and counts. Raises as services.rmos.audit.verify.audit."""
    objects = ObjectStore(what.s3)
    try:
        stored = objects.listed("")
        public = public_size(objects.read(f"{PREFIX}checkpoint"))
    finally:
        objects.close()
    with snapshot(what.dsn) as view:
        events, recorded = view.events(), view.checkpoints()
        cursor = view.cursor_of_projections(CURSOR)
    blobs = [size for name, size in stored if not name.startswith((PREFIX, "quarantine/"))]
    return {
        "events": events,
        "checkpoints": len(recorded),
        "covered_by_checkpoint": recorded[-1].size if recorded else 0,
        "public_checkpoint": public,
        "projected_to": cursor[0] if cursor is not None else 0,
        "stream_to": asyncio.run(read_head(what.stream)).last_sequence if what.stream is not None else None,
        "blobs": len(blobs),
        "blob_bytes": sum(blobs),
        "quarantined": sum(name.startswith("quarantine/") for name, _ in stored),
    }
