"""What the events of a session mean for its row. They speak of its runs too."""

from __future__ import annotations

from typing import Any

from contracts import log
from services.rmos.projections.changes import Insert, Update
from services.rmos.projections.folds_of_runs import Changes, Data, mention, number
from services.rmos.projections.recorded import Event
from services.rmos.projections.tables import sessions


def _session_opened(event: Event, data: Data) -> Changes:
    return (
        Insert(
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
        ),
    )


_UNAPPROVED: Data = {"approval_artifact_id": None, "approved_by": None, "toolpaths_artifact_id": None}
_UNJUDGED: Data = {"feasibility_sha256": None, "risk_level": None, "score": None, **_UNAPPROVED}


def _session_run_opened(event: Event, data: Data) -> Changes:
    return (_step(event, data), mention(data["run_id"], event))


def _session_context_set(event: Event, data: Data) -> Changes:
    return (_step(event, data, context=data["context"], **_UNJUDGED),)


def _session_design_set(event: Event, data: Data) -> Changes:
    return (
        _step(event, data, run_id=data["run_id"], design_sha256=data["design_sha256"], **_UNJUDGED),
        mention(data["run_id"], event),
    )


def _session_run_deleted(event: Event, data: Data) -> Changes:
    gone = {"run_id": None, "design_sha256": None, **_UNJUDGED} if data["was_current"] else {}
    return (_step(event, data, **gone), mention(data["run_id"], event))


def _session_feasibility_requested(event: Event, data: Data) -> Changes:
    return (_step(event, data, **_UNJUDGED), mention(data["run_id"], event))


def _session_feasibility_stored(event: Event, data: Data) -> Changes:
    return (
        _step(
            event,
            data,
            feasibility_sha256=data["digests"]["feasibility_sha256"],
            risk_level=data["risk_level"],
            score=number(data["score"]),
        ),
        mention(data["run_id"], event),
    )


def _session_approved(event: Event, data: Data) -> Changes:
    return (
        _step(event, data, approval_artifact_id=data["artifact_id"], approved_by=data["actor"]["id"]),
        mention(data["run_id"], event),
    )


def _session_unapproved(event: Event, data: Data) -> Changes:
    return (_step(event, data, **_UNAPPROVED), mention(data["run_id"], event))


def _session_toolpaths_pending(event: Event, data: Data) -> Changes:
    return (_step(event, data, toolpaths_artifact_id=None), mention(data["run_id"], event))


def _session_toolpaths_stored(event: Event, data: Data) -> Changes:
    return (_step(event, data, toolpaths_artifact_id=data["artifact_id"]), mention(data["run_id"], event))


def _session_archived(event: Event, data: Data) -> Changes:
    return (_step(event, data),)


def _session_deleted(event: Event, data: Data) -> Changes:
    return (_step(event, data, deleted_at_utc=event.recorded_at_utc),)


def _step(event: Event, data: Data, **values: Any) -> Update:
    moved = {"state": data["state"], "version": event.version, "updated_at_utc": event.recorded_at_utc}
    return Update(sessions, {"session_id": data["session_id"]}, {**moved, **values})


FOLDS_OF_SESSIONS = {
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
}
