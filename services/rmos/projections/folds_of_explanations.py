"""What was asked of a model about an artifact, and what it said."""

from __future__ import annotations

from typing import Any

from contracts import log
from services.rmos.projections.changes import Insert, Update
from services.rmos.projections.folds_of_runs import Changes, Data, mention, touch
from services.rmos.projections.recorded import Event
from services.rmos.projections.tables import ai_explanations


def _ai_explanation_requested(event: Event, data: Data) -> Changes:
    asked = {name: data[name] for name in ("explanation_id", "provider", "model", "asked_at_utc", "asked_by")}
    row = {"run_id": data["run_id"], "position": event.position, "status": "PENDING", **asked}
    key = {"artifact_id": data["artifact_id"]}
    change = (
        Insert(ai_explanations, {**key, **row})
        if event.version == 1
        else Update(ai_explanations, key, {**_UNANSWERED, **row})
    )
    return (change, touch(data["run_id"], event), mention(data["run_id"], event))


_UNANSWERED: Data = dict.fromkeys(("ai_call_id", "error_code", "error_message", "answered_at_utc"))


def _ai_explanation_ready(event: Event, data: Data) -> Changes:
    text = data["text"]
    written = {"text_sha256": text["sha256"], "text_size": text["size"], "text_content_type": text["content_type"]}
    return _ai_explanation_ended(event, data, status="READY", summary=data["summary"], **written)


def _ai_explanation_failed(event: Event, data: Data) -> Changes:
    error = data["error"]
    failed = {"error_code": error["code"], "error_message": error["message"]}
    return _ai_explanation_ended(event, data, status="ERROR", **failed)


def _ai_explanation_ended(event: Event, data: Data, **values: Any) -> Changes:
    """Where no call was made, provider and model stay those that were asked for."""
    known = ("answered_at_utc", *(("ai_call_id", "provider", "model") if data["ai_call_id"] is not None else ()))
    row = {"position": event.position, **{name: data[name] for name in known}, **values}
    return (
        Update(ai_explanations, {"artifact_id": data["artifact_id"]}, row),
        touch(data["run_id"], event),
        mention(data["run_id"], event),
    )


FOLDS_OF_EXPLANATIONS = {
    log.AiExplanationRequested.type: _ai_explanation_requested,
    log.AiExplanationReady.type: _ai_explanation_ready,
    log.AiExplanationFailed.type: _ai_explanation_failed,
}
