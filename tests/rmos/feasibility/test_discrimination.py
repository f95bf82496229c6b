"""The engine tells designs apart: every risk occurs among random designs, and scores spread."""

from __future__ import annotations

from collections import Counter

from benchmarks.feasibility import verdicts


def test_random_designs_get_every_risk_and_many_scores_and_no_calculator_fails() -> None:
    found = [verdict for verdict in verdicts(250, seed=7) if verdict is not None]

    risks = Counter(str(verdict.risk_level) for verdict in found)
    assert set(risks) == {"GREEN", "YELLOW", "RED", "UNKNOWN"}
    assert max(risks.values()) < 0.8 * len(found)
    assert len({verdict.score for verdict in found if verdict.score is not None}) >= 150
    assert not [r.summary for verdict in found for r in verdict.results if "calculation failed" in r.summary]


def test_red_and_unknown_say_why_and_what_to_change() -> None:
    for verdict in verdicts(60, seed=8):
        if verdict is not None and verdict.risk_level in {"RED", "UNKNOWN"}:
            assert verdict.block_reason
            assert verdict.suggestions
