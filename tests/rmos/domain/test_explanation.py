from __future__ import annotations

from contracts.artifacts import SUMMARY_LENGTH, ArtifactKind, ArtifactStatus, Decision
from contracts.feasibility import CalculatorResult, Quantity, RiskLevel
from services.rmos.domain.explanation import summary_of, text_of
from tests.rmos.domain import given

TOO_WIDE = CalculatorResult(
    calculator="feature_size",
    risk=RiskLevel.RED,
    score=0,
    hard=True,
    summary="the cutter is wider than the pocket",
    limiting=Quantity(name="smallest_feature", value="0.6", unit="mm"),
    suggestion="widen it to 1.2 mm",
)
FINE = CalculatorResult(calculator="chip_load", risk=RiskLevel.GREEN, score=95, summary="fine")
UNASKED = CalculatorResult(
    calculator="depth", risk=RiskLevel.UNKNOWN, summary="no stock thickness", missing=("stock_thickness_mm",)
)


def test_the_gravest_come_first_each_with_its_limit_and_what_to_change() -> None:
    verdict = given.feasibility(RiskLevel.RED).model_copy(update={"results": (FINE, TOO_WIDE, UNASKED)})
    text = text_of(given.artifact(RiskLevel.RED, feasibility=verdict))
    assert "- **feature_size** (RED, a hard rule): the cutter is wider than the pocket" in text
    assert "  - limited by smallest feature = 0.6 mm" in text
    assert "  - change: widen it to 1.2 mm" in text
    assert "  - missing: stock_thickness_mm" in text
    table = text.split("## Every calculator")[1]
    assert table.index("| depth |") < table.index("| feature_size |") < table.index("| chip_load |")
    assert "| depth | UNKNOWN | none |" in table


def test_a_summary_is_one_line_that_fits() -> None:
    decision = Decision(risk_level=RiskLevel.RED, score=3, block_reason="x" * 500)
    summary = summary_of(given.artifact(RiskLevel.RED, decision=decision))
    assert summary.startswith("BLOCK (art_studio_candidate): RED, score 3; x")
    assert len(summary) == SUMMARY_LENGTH
    assert summary.endswith("…")


def test_each_status_has_its_word() -> None:
    words = {
        ArtifactStatus.OK: "ALLOW",
        ArtifactStatus.BLOCKED: "BLOCK",
        ArtifactStatus.ERROR: "ERROR",
    }
    for status, word in words.items():
        assert summary_of(given.artifact(status=status)).startswith(f"{word} ")


def test_an_override_says_who_let_it_pass_and_why() -> None:
    decision = Decision(risk_level=RiskLevel.RED, details={"reason": "the test cut was clean"})
    override = given.artifact(RiskLevel.RED, ArtifactKind.OVERRIDE, status=ArtifactStatus.OK, decision=decision)
    assert "The person who decided wrote: the test cut was clean" in text_of(override)
    passed = given.artifact(RiskLevel.RED, status=ArtifactStatus.OK, override_artifact_id="artifact_9")
    assert "the override artifact_9 covers exactly this evaluation" in text_of(passed)


def test_the_same_artifact_is_explained_in_the_same_words() -> None:
    assert text_of(given.artifact()) == text_of(given.artifact())
