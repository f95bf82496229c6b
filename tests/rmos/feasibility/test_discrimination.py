"""The engine tells designs apart: every risk occurs among random designs, scores spread, nonsense never passes."""

from __future__ import annotations

import pytest

from benchmarks.discrimination import report_on
from benchmarks.setup.designs import Question, questions
from contracts.feasibility import Feasibility

Answered = list[tuple[Question, Feasibility | None]]


@pytest.fixture(scope="module")
def answered() -> Answered:
    return [(question, question.answer()) for question in questions(120, seed=8)]


def test_random_designs_get_every_risk_and_many_scores_and_no_calculator_fails(answered: Answered) -> None:
    report = report_on(answered)
    assert set(report["risks"]) == {"GREEN", "YELLOW", "RED", "UNKNOWN", "REFUSED"}
    assert max(report["risks"].values()) < 0.8 * len(answered)
    assert report["distinct_scores"] >= 55
    assert report["failed_calculators"] == 0


def test_nonsense_is_refused_or_red(answered: Answered) -> None:
    asked = [(question.nonsense, verdict) for question, verdict in answered if question.nonsense is not None]
    asked += [(q.nonsense, q.answer()) for q in questions(250, seed=9) if q.nonsense is not None]
    assert {what for what, _ in asked} >= {
        "ring: inner > outer",
        "parameters: inner > outer",
        "ring wider than band",
        "rings wider than band",
        "through the stock",
        "two depths in one place",
        "beyond the canvas",
        "no number",
    }
    assert [(what, verdict) for what, verdict in asked if verdict is not None and verdict.risk_level != "RED"] == []


def test_red_and_unknown_say_why_and_what_to_change(answered: Answered) -> None:
    blocked = [v for _, v in answered if v is not None and v.risk_level in {"RED", "UNKNOWN"}]
    assert blocked
    for verdict in blocked:
        assert verdict.block_reason
        assert verdict.suggestions
