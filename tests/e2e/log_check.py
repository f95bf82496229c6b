"""What must hold of the log after anything: no gap, nothing twice, no artifact without its event."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from tests.e2e.stack import Stack


def check_log(stack: Stack) -> dict[str, Any]:
    """Assert the log's invariants over the auditor's read-only connection; returns a few counts."""
    with psycopg.connect(stack.state["postgres_dsn"]) as connection:
        rows = connection.execute(
            "SELECT position, stream, version, event_id, type, command_id, data FROM events ORDER BY position"
        ).fetchall()
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1)), "positions have a gap"
        assert len({row[3] for row in rows}) == len(rows), "an event id stands twice"
        versions: dict[str, int] = {}
        recorded: list[str] = []
        for _, stream, version, _, kind, _, data in rows:
            assert version == versions.get(stream, 0) + 1, f"{stream} jumps to version {version}"
            versions[stream] = version
            body = json.loads(bytes(data))
            if kind.startswith("rmos.") and "artifact" in body:
                recorded.append(body["artifact"]["artifact_id"])
        assert len(set(recorded)) == len(recorded), "an artifact stands twice"
        return {"events": len(rows), "artifacts": set(recorded)}
