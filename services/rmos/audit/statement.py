"""What rmos attests about a run: an in-toto statement v1, made from the run's events alone. Pure.

The subjects are the released programs, by the SHA-256 of their files; of a run that released none, the event of its
latest decision. The predicate says what each program rests on, names every decision, and lists every event that it was
made from by position and leaf hash, so that none can be left out beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.canonical import canonical_bytes, sha256_hex
from services.rmos.audit.release import release_of
from services.rmos.audit.run_record import NoRecord, Recorded, RunRecord

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://rmos.dev/schemas/run-record/v1"
"""A name, not an address that anybody fetches."""


def statement_of(record: RunRecord, origin: str, absent: Sequence[str]) -> dict[str, Any]:
    """`absent`: digests of content that the events refer to and the store no longer had (retention lets content go).

    Raises NoRecord for a run in which nothing was decided: there is nothing to attest.
    """
    return {
        "_type": STATEMENT_TYPE,
        "subject": _subjects(record),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "log": origin,
            "run_id": record.run_id,
            "session_id": record.opened.workflow_session_id,
            "releases": [release_of(record, program) for program in record.programs],
            "decisions": [_decision(item) for item in record.artifacts],
            "events": [{"position": row.position, "leaf_sha256": row.leaf.hex()} for row in record.rows],
            "absent_blobs": sorted(absent),
        },
    }


def payload_of(record: RunRecord, origin: str, absent: Sequence[str]) -> bytes:
    """The statement in canonical JSON."""
    return canonical_bytes(statement_of(record, origin, absent))


def _subjects(record: RunRecord) -> list[dict[str, Any]]:
    programs = {item.artifact.hashes["gcode"]: f"{item.artifact.artifact_id}.nc" for item in reversed(record.programs)}
    if programs:
        found = [(name, sha256) for sha256, name in reversed(programs.items())]
    elif record.artifacts:
        latest = record.artifacts[-1]
        found = [(latest.artifact.artifact_id, sha256_hex(latest.row.data))]
    else:
        raise NoRecord(f"nothing was decided in run {record.run_id}: there is nothing to attest")
    return [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in found]


def _decision(item: Recorded) -> dict[str, Any]:
    artifact = item.artifact
    return {
        "artifact_id": artifact.artifact_id,
        "kind": artifact.kind.value,
        "status": artifact.status.value,
        "risk_level": artifact.decision.risk_level.value,
        "position": item.row.position,
        "decided_at_utc": artifact.created_at_utc,
        "by": {"id": artifact.actor.id, "role": artifact.actor.role.value, "kind": artifact.actor.kind.value},
        "feasibility_sha256": artifact.hashes.get("feasibility"),
        "engine_version": artifact.engine_version,
    }
