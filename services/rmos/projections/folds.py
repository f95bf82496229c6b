"""The fold: one event of the log -> the row changes it means. Pure; the same events always give the same rows.

It works on the event's JSON and not on the contracts' models: the log holds only what those models have checked, and
a rebuild reads every event ever written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import orjson

from contracts import log
from contracts.log import StoredEvent
from contracts.upcasting import UPCASTERS, upcast
from services.rmos.projections.changes import Change, FoldBroken, Insert, Update
from services.rmos.projections.tables import ai_explanations, artifacts, attachments, run_events, runs, sessions

FOLD_VERSION = 2
"""Raised with every change of what a fold gives: the tables must then be rebuilt from the log."""

Data = dict[str, Any]
Fold = Callable[[StoredEvent, Data], Iterator[Change]]


def changes_of(event: StoredEvent) -> list[Change]:
    """What the event changes; nothing for the facts of other services, which only the log itself shows.

    Raises FoldBroken for an event of rmos of a type that this version does not know: skipping it would be a lie.
    """
    fold, data = FOLDS.get(event.type), None
    if fold is None and event.type in UPCASTERS:
        newest, data = upcast(event.type, orjson.loads(event.data_json), event.recorded_at_utc)
        fold = FOLDS.get(newest)
    if fold is None:
        if event.type.startswith("rmos."):
            raise FoldBroken(f"position {event.position} is a {event.type}, which this version of rmos cannot fold")
        return []
    return list(fold(event, orjson.loads(event.data_json) if data is None else data))


def _run_opened(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield Insert(
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
    )
    yield _mention(data["run_id"], event)


def _attachment_added(event: StoredEvent, data: Data) -> Iterator[Change]:
    attachment = data["attachment"]
    yield Insert(
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
    )
    yield _touch(data["run_id"], event, add={"attachment_count": 1})
    yield _mention(data["run_id"], event)


def _artifact_recorded(event: StoredEvent, data: Data) -> Iterator[Change]:
    artifact = data["artifact"]
    decision = artifact["decision"]
    latest = {
        "status": artifact["status"],
        "risk_level": decision["risk_level"],
        "score": _number(decision["score"]),
        "block_reason": decision["block_reason"],
    }
    yield Insert(
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
    )
    values = {**latest, "last_artifact_id": artifact["artifact_id"], "last_kind": artifact["kind"]}
    if artifact["tool_id"] is not None:
        values["tool_id"] = artifact["tool_id"]
    yield _touch(artifact["run_id"], event, values, {"artifact_count": 1})
    yield _mention(artifact["run_id"], event)


def _run_spoken_of(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _touch(data["run_id"], event)
    yield _mention(data["run_id"], event)


def _run_deleted(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _touch(data["run_id"], event, {"deleted_at_utc": event.recorded_at_utc})
    yield _mention(data["run_id"], event)


def _blobs_purged(event: StoredEvent, data: Data) -> Iterator[Change]:
    for run_id in data["run_ids"]:
        yield Update(runs, {"run_id": run_id}, {"purged_at_utc": event.recorded_at_utc})
        yield _mention(run_id, event)


def _session_opened(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield Insert(
        sessions,
        {
            "session_id": data["session_id"],
            "position": event.position,
            "state": data["state"],
            "mode": data["mode"],
            "label": data["label"],
            "context": data["context"],
            "created_at_utc": event.recorded_at_utc,
            "updated_at_utc": event.recorded_at_utc,
            "opened_by": event.actor.id,
            "version": event.version,
        },
    )


_UNAPPROVED: Data = {"approval_artifact_id": None, "approved_by": None, "toolpaths_artifact_id": None}
_UNJUDGED: Data = {"feasibility_sha256": None, "risk_level": None, "score": None, **_UNAPPROVED}


def _session_run_opened(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data)
    yield _mention(data["run_id"], event)


def _session_context_set(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data, context=data["context"], **_UNJUDGED)


def _session_design_set(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data, run_id=data["run_id"], design_sha256=data["design_sha256"], **_UNJUDGED)
    yield _mention(data["run_id"], event)


def _session_run_deleted(event: StoredEvent, data: Data) -> Iterator[Change]:
    gone = {"run_id": None, "design_sha256": None, **_UNJUDGED} if data["was_current"] else {}
    yield _step(event, data, **gone)
    yield _mention(data["run_id"], event)


def _session_feasibility_requested(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data, **_UNJUDGED)
    yield _mention(data["run_id"], event)


def _session_feasibility_stored(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(
        event,
        data,
        feasibility_sha256=data["digests"]["feasibility_sha256"],
        risk_level=data["risk_level"],
        score=_number(data["score"]),
    )
    yield _mention(data["run_id"], event)


def _session_approved(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data, approval_artifact_id=data["artifact_id"], approved_by=data["actor"]["id"])
    yield _mention(data["run_id"], event)


def _session_unapproved(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data, **_UNAPPROVED)
    yield _mention(data["run_id"], event)


def _session_toolpaths_pending(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data, toolpaths_artifact_id=None)
    yield _mention(data["run_id"], event)


def _session_toolpaths_stored(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data, toolpaths_artifact_id=data["artifact_id"])
    yield _mention(data["run_id"], event)


def _session_archived(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data)


def _session_deleted(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _step(event, data, deleted_at_utc=event.recorded_at_utc)


def _search_event(event: StoredEvent, data: Data) -> Iterator[Change]:
    yield _mention(data["run_id"], event)


def _ai_explanation_requested(event: StoredEvent, data: Data) -> Iterator[Change]:
    asked = {name: data[name] for name in ("explanation_id", "provider", "model", "asked_at_utc", "asked_by")}
    row = {"run_id": data["run_id"], "position": event.position, "status": "PENDING", **asked}
    if event.version == 1:
        yield Insert(ai_explanations, {"artifact_id": data["artifact_id"], **row})
    else:
        yield Update(ai_explanations, {"artifact_id": data["artifact_id"]}, {**_UNANSWERED, **row})
    yield _touch(data["run_id"], event)
    yield _mention(data["run_id"], event)


_UNANSWERED: Data = dict.fromkeys(("ai_call_id", "error_code", "error_message", "answered_at_utc"))


def _ai_explanation_ready(event: StoredEvent, data: Data) -> Iterator[Change]:
    text = data["text"]
    written = {"text_sha256": text["sha256"], "text_size": text["size"], "text_content_type": text["content_type"]}
    yield from _ai_explanation_ended(event, data, status="READY", summary=data["summary"], **written)


def _ai_explanation_failed(event: StoredEvent, data: Data) -> Iterator[Change]:
    error = data["error"]
    failed = {"error_code": error["code"], "error_message": error["message"]}
    yield from _ai_explanation_ended(event, data, status="ERROR", **failed)


def _ai_explanation_ended(event: StoredEvent, data: Data, **values: Any) -> Iterator[Change]:
    """Where no call was made, provider and model stay those that were asked for."""
    known = ("answered_at_utc", *(("ai_call_id", "provider", "model") if data["ai_call_id"] is not None else ()))
    row = {"position": event.position, **{name: data[name] for name in known}, **values}
    yield Update(ai_explanations, {"artifact_id": data["artifact_id"]}, row)
    yield _touch(data["run_id"], event)
    yield _mention(data["run_id"], event)


def _no_row(_: StoredEvent, __: Data) -> Iterator[Change]:
    """The catalog has no table: it is folded from its own stream. What had no effect changes none."""
    return iter(())


def _touch(run_id: str, event: StoredEvent, values: Data | None = None, add: dict[str, int] | None = None) -> Update:
    return Update(runs, {"run_id": run_id}, {"updated_at_utc": event.recorded_at_utc, **(values or {})}, add or {})


def _mention(run_id: str, event: StoredEvent) -> Insert:
    return Insert(run_events, {"run_id": run_id, "position": event.position})


def _step(event: StoredEvent, data: Data, **values: Any) -> Update:
    moved = {"state": data["state"], "version": event.version, "updated_at_utc": event.recorded_at_utc}
    return Update(sessions, {"session_id": data["session_id"]}, {**moved, **values})


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


FOLDS: dict[str, Fold] = {
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
    log.SessionOpened.type: _session_opened,
    log.SessionRunOpened.type: _session_run_opened,
    log.SessionContextSet.type: _session_context_set,
    log.SessionDesignSet.type: _session_design_set,
    log.SessionRunDeleted.type: _session_run_deleted,
    log.SessionFeasibilityRequested.type: _session_feasibility_requested,
    log.SessionFeasibilityStored.type: _session_feasibility_stored,
    log.SessionApproved.type: _session_approved,
    log.SessionRejected.type: _session_unapproved,
    log.SessionRevisionRequired.type: _session_unapproved,
    log.SessionToolpathsRequested.type: _session_toolpaths_pending,
    log.SessionToolpathsStored.type: _session_toolpaths_stored,
    log.SessionToolpathsFailed.type: _session_toolpaths_pending,
    log.SessionArchived.type: _session_archived,
    log.SessionDeleted.type: _session_deleted,
    log.BlobsPurged.type: _blobs_purged,
    log.ArtifactImported.type: _artifact_recorded,
    log.SearchConcluded.type: _artifact_recorded,
    log.SearchStarted.type: _search_event,
    log.SearchProgressed.type: _search_event,
    log.SearchEnded.type: _search_event,
    log.AiExplanationRequested.type: _ai_explanation_requested,
    log.AiExplanationReady.type: _ai_explanation_ready,
    log.AiExplanationFailed.type: _ai_explanation_failed,
    log.CatalogEntryAdded.type: _no_row,
    log.CommandHadNoEffect.type: _no_row,
}
