"""What an event speaks of that cannot be folded: left out because the event says so, never because a live row does."""

from __future__ import annotations

from typing import Any

from services.rmos.audit.content_check import FreshFold, check_cursor, check_projections
from services.rmos.audit.findings import Report
from services.rmos.audit.rows import LogRow
from services.rmos.projections.folds import FOLD_VERSION


def event(position: int, run_id: str, event_type: str = "rmos.from_the_future.v9") -> LogRow:
    actor, data = '{"id":"ada","kind":"person","role":"designer"}', f'{{"run_id":"{run_id}"}}'.encode()
    moment = "2026-01-02T03:04:05.000006Z"
    name = f"x{position}"
    return LogRow(
        position,
        f"run-{run_id}",
        1,
        name,
        event_type,
        moment,
        actor,
        name,
        name,
        0,
        bytes(32),
        None,
        1,
        data,
        bytes(32),
    )


def judged(row: dict[str, Any], damaged: set[int]) -> tuple[list[tuple[str, str]], list[str]]:
    """Findings and notes about one live row of `run_events`, with an event of run_1 that nothing can fold."""
    fresh, report = FreshFold(), Report()
    fresh.add(event(1, "run_1"), 1)
    check_projections(fresh, lambda _, table: [row] if table == "run_events" else [], damaged, report)
    return [(found.kind.value, found.where) for found in report.findings], report.notes


def test_an_event_that_cannot_be_folded_is_found_and_only_its_own_run_is_left_out() -> None:
    unreadable = ("event_unreadable", "event 1")
    found, notes = judged({"run_id": "run_1", "position": 1}, set())
    assert found == [unreadable]
    assert notes == ["projections of run run_1 rest on a damaged event: not judged"]


def test_a_live_row_does_not_excuse_itself_with_the_position_of_such_an_event() -> None:
    found, _ = judged({"run_id": "run_2", "position": 1}, set())
    assert found == [("event_unreadable", "event 1"), ("projection_row_extra", "projections.run_events run_2 1")]


def test_events_behind_a_damaged_one_are_no_findings_of_their_own() -> None:
    found, _ = judged({"run_id": "run_1", "position": 1}, {7})
    assert found == []


def test_tables_that_were_never_folded_are_of_no_version() -> None:
    report = Report()
    assert check_cursor((0, FOLD_VERSION - 1), 0, report) == 0
    assert report.sound
    assert check_cursor((1, FOLD_VERSION - 1), 1, report) is None
    assert [found.kind.value for found in report.findings] == ["projection_version"]
