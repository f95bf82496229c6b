"""A released program as the record shows it: what was cut, on which verdict, by whom it was approved. Pure.

Plain JSON data (decimals as strings), because the same stands in the answer of `who-made` and, signed, in evidence.
"""

from __future__ import annotations

from typing import Any

from contracts.artifacts import RunArtifact
from contracts.envelope import Actor
from services.rmos.audit.run_record import Recorded, RunRecord
from services.rmos.domain.session import Covered

_VERDICT = ("design", "feasibility", "context")


def release_of(record: RunRecord, program: Recorded) -> dict[str, Any]:
    """Everything the program rests on."""
    artifact = program.artifact
    return {
        "run_id": record.run_id,
        "session_id": record.opened.workflow_session_id,
        "artifact_id": artifact.artifact_id,
        "position": program.row.position,
        "released_at_utc": artifact.created_at_utc,
        "asked_by": _person(artifact.actor),
        "gcode_sha256": artifact.hashes["gcode"],
        "opplan_sha256": artifact.hashes["opplan"],
        "toolpaths_sha256": artifact.hashes["toolpaths"],
        "design": {"design_sha256": artifact.hashes["design"], "spec_sha256": artifact.hashes["spec"]},
        "cutting": artifact.context.model_dump(mode="json", exclude_none=True),
        "feasibility": _feasibility(record, program),
        "approval": _approval(record, program),
        "override": _override(record, artifact.override_artifact_id),
        "drift": artifact.decision.details.get("drift"),
        "engine_versions": _engines(artifact),
    }


def _feasibility(record: RunRecord, program: Recorded) -> dict[str, Any]:
    """The verdict, and the artifact in which the run had it first: often a candidate's, else the program's own."""
    verdict = program.artifact.feasibility
    assert verdict is not None  # minting lets no program pass without one
    first = next(item for item in record.artifacts if item.artifact.feasibility and _same_verdict(item, program))
    return {
        "artifact_id": first.artifact.artifact_id,
        "position": first.row.position,
        "risk_level": verdict.risk_level.value,
        "score": str(verdict.score) if verdict.score is not None else None,
        "feasibility_sha256": verdict.feasibility_sha256,
        "catalog_sha256": verdict.catalog_sha256,
        "engine_version": verdict.engine_version,
    }


def _same_verdict(item: Recorded, program: Recorded) -> bool:
    return all(item.artifact.hashes.get(name) == program.artifact.hashes[name] for name in _VERDICT)


def _approval(record: RunRecord, program: Recorded) -> dict[str, Any] | None:
    """Of the session as it stood when the program was released; None where none covered it."""
    session = record.session_before(program.row.position)
    if session is None or not _covers(session, program.artifact):
        return None
    row = record.approval_event(session.approval.artifact_id)
    assert row is not None  # the fold found it among these rows
    return {
        "artifact_id": session.approval.artifact_id,
        "position": row.position,
        "approved_at_utc": row.recorded_at_utc,
        "approved_by": _person(Actor.model_validate_json(row.actor)),
        "feasibility_sha256": session.approval.digests.feasibility_sha256,
    }


def _covers(session: Covered, artifact: RunArtifact) -> bool:
    """The design and the context that were approved; the verdict on them may have drifted since."""
    digests = session.approval.digests
    return (digests.design_sha256, digests.context_sha256) == (artifact.hashes["design"], artifact.hashes["context"])


def _override(record: RunRecord, artifact_id: str | None) -> dict[str, Any] | None:
    found = next((item for item in record.artifacts if item.artifact.artifact_id == artifact_id), None)
    if found is None:
        return None
    details = found.artifact.decision.details
    return {
        "artifact_id": found.artifact.artifact_id,
        "position": found.row.position,
        "overridden_by": _person(found.artifact.actor),
        "scope": details.get("scope"),
        "reason": details.get("reason"),
    }


def _engines(artifact: RunArtifact) -> dict[str, str]:
    """As rmos' toolpath handler joins them."""
    names = ("feasibility", "cam", "post")
    return dict(zip(names, artifact.engine_version.split(" "), strict=True))


def _person(actor: Actor) -> dict[str, str]:
    return {"id": actor.id, "role": actor.role.value, "kind": actor.kind.value}
