"""Folds are pure: an event always means the same row changes, and many changes the same net effect as one by one."""

from __future__ import annotations

from typing import Any, cast

import pytest

from contracts.canonical import canonical_bytes
from contracts.envelope import SYSTEM_ACTOR
from contracts.log import RMOS_EVENTS, LogEvent, StoredEvent
from services.rmos.projections.changes import Change, Coalesced, FoldBroken, Insert, Touched, Update
from services.rmos.projections.folds import FOLDS, changes_of
from services.rmos.projections.tables import run_events, runs, sessions
from services.rmos.projections.writing import Cursor, write
from tests.rmos.projections.given import approved, bound, judged, run_opened, session_opened


def stored(position: int, event: LogEvent, stream: str = "run-1", version: int = 1, type_name: str = "") -> StoredEvent:
    return StoredEvent(
        position=position,
        stream=stream,
        version=version,
        event_id=f"event_{position}",
        type=type_name or event.type,
        recorded_at_utc=f"2026-01-01T00:00:00.{position:06}Z",
        actor=SYSTEM_ACTOR,
        request_id="request_1",
        command_id="command_1",
        command_sha256="0" * 64,
        writer_epoch=1,
        data_json=canonical_bytes(event).decode(),
        leaf_sha256="0" * 64,
    )


def test_every_event_of_rmos_has_a_fold() -> None:
    assert set(FOLDS) == {event.type for event in RMOS_EVENTS}


def test_an_opened_run_is_a_row_and_a_mention() -> None:
    _, event = run_opened("1")
    row, mention = changes_of(stored(7, event))
    assert isinstance(row, Insert)
    assert (row.table, row.row["run_id"], row.row["position"], row.row["status"]) == (runs, "1", 7, "OPEN")
    assert mention == Insert(run_events, {"run_id": "1", "position": 7})


def test_an_approval_changes_only_its_session_and_is_mentioned_with_the_run() -> None:
    _, event = approved("1", "2", "artifact_9")
    step, mention = changes_of(stored(9, event, "session-1", version=4))
    assert isinstance(step, Update)
    assert (step.table, step.key) == (sessions, {"session_id": "1"})
    assert step.values == {
        "state": "approved",
        "version": 4,
        "updated_at_utc": "2026-01-01T00:00:00.000009Z",
        "approval_artifact_id": "artifact_9",
        "approved_by": "operator",
    }
    assert mention == Insert(run_events, {"run_id": "2", "position": 9})


def test_a_new_design_ends_the_approval_of_the_former_one() -> None:
    _, design = judged("1", "2", "artifact_1")[0]
    step, _ = changes_of(stored(1, design))
    assert isinstance(step, Update)
    cleared = {name for name, value in step.values.items() if value is None}
    assert cleared == {
        "feasibility_sha256",
        "risk_level",
        "score",
        "approval_artifact_id",
        "approved_by",
        "toolpaths_artifact_id",
    }


def test_facts_of_others_change_nothing() -> None:
    assert changes_of(stored(1, run_opened("1")[1], type_name="ai.call_completed.v1")) == ()


def test_an_event_of_rmos_from_the_future_stops_the_fold() -> None:
    with pytest.raises(FoldBroken, match=r"rmos\.run_opened\.v3"):
        changes_of(stored(1, run_opened("1")[1], type_name="rmos.run_opened.v3"))


def test_changes_of_many_events_become_one_insert_or_one_update_a_row() -> None:
    history = [run_opened("1")[1], bound("1", "a")[1], bound("1", "b")[1], bound("2", "c")[1], bound("2", "d")[1]]
    changes: list[Change] = [
        change for position, event in enumerate(history, 1) for change in changes_of(stored(position, event))
    ]
    net = Coalesced(changes)
    new = net.inserts[runs][("1",)]
    assert (new["artifact_count"], new["last_artifact_id"], new["status"]) == (2, "b", "OK")
    touched = net.updates[runs][("2",)]
    assert (touched.add, touched.values["last_artifact_id"]) == ({"artifact_count": 2}, "d")
    assert ("1",) not in net.updates[runs]


def test_a_row_that_is_made_twice_stops_the_fold() -> None:
    changes = [change for _ in range(2) for change in changes_of(stored(1, session_opened("1")[1]))]
    with pytest.raises(FoldBroken, match=r"sessions .* is made twice"):
        Coalesced(changes)


@pytest.mark.parametrize(
    ("inserts", "updates", "error", "named"),
    [
        ({runs: {("1",): {"run_id": "1", "score": {1}}}}, {}, TypeError, "set"),
        ({}, {run_events: {("1", 1): Touched({"position": 2})}}, FoldBroken, "run_events"),
        ({}, {runs: {("1",): Touched({}, {"views": 1})}}, FoldBroken, "views of runs"),
    ],
)
async def test_what_the_statement_has_no_place_for_is_named_and_not_left_out(
    inserts: Any, updates: Any, error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        await write(cast("Any", None), "projections", Cursor(0, 1), Cursor(1, 1), inserts, updates)
