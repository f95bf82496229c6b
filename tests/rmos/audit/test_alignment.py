"""Damage to a log, named: what was done and where, and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rmos.audit.alignment import aligned
from services.rmos.audit.findings import Report

Row = tuple[int, bytes, str]
"""Position, stored leaf hash, content."""


def leaf(position: int, content: str) -> bytes:
    return hashlib.sha256(f"{position} {content}".encode()).digest()


def log_of(size: int) -> list[Row]:
    return [(position, leaf(position, f"c{position}"), f"c{position}") for position in range(1, size + 1)]


def found(rows: list[Row], signed: int) -> tuple[list[str], list[int | None], set[int]]:
    report = Report()
    leaves = [stored for _, stored, _ in log_of(signed)]
    result = aligned(
        [(position, stored) for position, stored, _ in rows],
        leaves,
        lambda number, position: leaf(position, rows[number][2]),
        report,
    )
    named = [f"{finding.kind.value}: {finding.where}" for finding in report.findings]
    return named, result.original, result.damaged


def test_an_untouched_log_and_new_events_behind_it_give_nothing() -> None:
    assert found(log_of(9), 6) == ([], list(range(1, 10)), set())


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 30), st.data())
def test_one_damage_is_one_finding(size: int, data: st.DataObject) -> None:
    rows = log_of(size)
    at = data.draw(st.integers(1, size))
    i = at - 1
    position, stored, content = rows[i]
    kind = data.draw(st.sampled_from(["content", "leaf", "both", "gone", "cut", "put"]))
    if kind == "content":
        rows[i] = (position, stored, "x")
        assert found(rows, size) == ([f"event_changed: event {at}"], list(range(1, size + 1)), {at})
    elif kind == "leaf":
        rows[i] = (position, bytes(32), content)
        assert found(rows, size) == ([f"leaf_changed: event {at}"], list(range(1, size + 1)), set())
    elif kind == "both":
        rows[i] = (position, leaf(at, "x"), "x")
        assert found(rows, size) == ([f"event_replaced: event {at}"], list(range(1, size + 1)), {at})
    elif kind == "gone":
        del rows[i]
        left = [number for number in range(1, size + 1) if number != at]
        assert found(rows, size) == ([f"event_missing: event {at}"], left, {at})
    elif kind == "cut":
        rows = [(number, kept, text) for number, (_, kept, text) in enumerate(rows[:i] + rows[at:], 1)]
        left = [number for number in range(1, size + 1) if number != at]
        assert found(rows, size) == ([f"event_missing: event {at}"], left, {at})
    else:
        moved = [(number + 1, kept, text) for number, kept, text in rows[i:]]
        rows = [*rows[:i], (at, leaf(at, "put"), "put"), *moved]
        original = [*range(1, at), None, *range(at, size + 1)]
        assert found(rows, size) == ([f"event_inserted: event {at}"], original, set())


@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 7), (1, 8)])
def test_two_swapped_rows_are_one_finding(first: int, second: int) -> None:
    rows = log_of(8)
    a, b = rows[first - 1], rows[second - 1]
    rows[first - 1], rows[second - 1] = (first, b[1], b[2]), (second, a[1], a[2])
    assert found(rows, 8) == ([f"events_swapped: events {first} and {second}"], list(range(1, 9)), {first, second})


def test_a_row_far_behind_the_end_does_not_continue_the_log() -> None:
    rows = [*log_of(4), (900, leaf(900, "x"), "x")]
    assert found(rows, 4) == (["event_inserted: event 900"], [1, 2, 3, 4, None], set())


def test_a_change_behind_the_last_checkpoint_is_found_by_the_rows_own_hash() -> None:
    rows = log_of(6)
    rows[5] = (6, rows[5][1], "x")
    assert found(rows, 4) == (["event_changed: event 6"], [1, 2, 3, 4, 5, 6], {6})


def test_two_damages_are_two_findings() -> None:
    rows = log_of(12)
    rows[9] = (10, rows[9][1], "x")
    del rows[3]
    assert found(rows, 12)[0] == ["event_missing: event 4", "event_changed: event 10"]
