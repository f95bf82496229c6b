"""What the events of a run mean for its row, its decisions, its attachments, and the list of what speaks of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from contracts import log
from services.rmos.projections.changes import NOTHING, Change, Insert, Update
from services.rmos.projections.recorded import Event
from services.rmos.projections.tables import artifacts, attachments, run_events, runs

Data = dict[str, Any]
Changes = tuple[Change, ...]


def touch(run_id: str, event: Event, values: Data | None = None, add: Mapping[str, int] = NOTHING) -> Update:
    """Something happened to the run."""
    return Update(runs, {"run_id": run_id}, {"updated_at_utc": event.recorded_at_utc, **(values or {})}, add)


def mention(run_id: str, event: Event) -> Insert:
    """The event speaks of the run."""
    return Insert(run_events, {"run_id": run_id, "position": event.position})


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _run_opened(event: Event, data: Data) -> Changes:
    return (
        Insert(
            runs,
            {
                "run_id": data["run_id"],
                "position": event.position,
                "created_at_utc": data["opened_at_utc"],
                "updated_at_utc": event.recorded_at_utc,
                "mode": data["mode"],
                "label": data["label"],
                "workflow_session_id": data["workflow_session_id"],
                "context": data["context"],
                "tool_id": data["context"]["tool_id"],
                "request_id": event.request_id,
                "opened_by": event.actor.id,
                "status": "OPEN",
                "artifact_count": 0,
                "attachment_count": 0,
            },
        ),
        mention(data["run_id"], event),
    )


def _attachment_added(event: Event, data: Data) -> Changes:
    attachment = data["attachment"]
    return (
        Insert(
            attachments,
            {
                "run_id": data["run_id"],
                "attachment_id": attachment["attachment_id"],
                "kind": attachment["kind"],
                "position": event.position,
                "filename": attachment["filename"],
                "content_type": attachment["content_type"],
                "size": attachment["size"],
                "metadata": attachment["metadata"],
                "created_at_utc": attachment["created_at_utc"],
            },
        ),
        touch(data["run_id"], event, add={"attachment_count": 1}),
        mention(data["run_id"], event),
    )


def _artifact_recorded(event: Event, data: Data) -> Changes:
    artifact = data["artifact"]
    decision = artifact["decision"]
    latest = {
        "status": artifact["status"],
        "risk_level": decision["risk_level"],
        "score": number(decision["score"]),
        "block_reason": decision["block_reason"],
    }
    values = {**latest, "last_artifact_id": artifact["artifact_id"], "last_kind": artifact["kind"]}
    if artifact["tool_id"] is not None:
        values["tool_id"] = artifact["tool_id"]
    return (
        Insert(
            artifacts,
            {
                "artifact_id": artifact["artifact_id"],
                "run_id": artifact["run_id"],
                "position": event.position,
                "kind": artifact["kind"],
                "created_at_utc": artifact["created_at_utc"],
                "hashes": artifact["hashes"],
                "document": artifact,
                **latest,
            },
        ),
        touch(artifact["run_id"], event, values, {"artifact_count": 1}),
        mention(artifact["run_id"], event),
    )


def _run_spoken_of(event: Event, data: Data) -> Changes:
    return (touch(data["run_id"], event), mention(data["run_id"], event))


def _run_deleted(event: Event, data: Data) -> Changes:
    return (touch(data["run_id"], event, {"deleted_at_utc": event.recorded_at_utc}), mention(data["run_id"], event))


def _blobs_purged(event: Event, data: Data) -> Changes:
    purged = {"purged_at_utc": event.recorded_at_utc}
    return tuple(
        change
        for run_id in data["run_ids"]
        for change in (Update(runs, {"run_id": run_id}, purged), mention(run_id, event))
    )


def _search_event(event: Event, data: Data) -> Changes:
    return (mention(data["run_id"], event),)


FOLDS_OF_RUNS = {
    log.RunOpened.type: _run_opened,
    log.AttachmentAdded.type: _attachment_added,
    log.AssetsReferenced.type: _run_spoken_of,
    log.AdvisoryReviewed.type: _run_spoken_of,
    log.AdvisoryPromoted.type: _run_spoken_of,
    log.AdvisoryRejected.type: _run_spoken_of,
    log.RunDeleted.type: _run_deleted,
    log.FeasibilityRecorded.type: _artifact_recorded,
    log.CandidateBound.type: _artifact_recorded,
    log.DesignApproved.type: _artifact_recorded,
    log.DesignRejected.type: _artifact_recorded,
    log.RevisionRequired.type: _artifact_recorded,
    log.VerdictOverridden.type: _artifact_recorded,
    log.ToolpathsDecided.type: _artifact_recorded,
    log.BlobsPurged.type: _blobs_purged,
    log.ArtifactImported.type: _artifact_recorded,
    log.SearchConcluded.type: _artifact_recorded,
    log.SearchStarted.type: _search_event,
    log.SearchProgressed.type: _search_event,
    log.SearchEnded.type: _search_event,
}
