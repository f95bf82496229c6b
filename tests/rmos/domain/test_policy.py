from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.artifacts import ArtifactStatus
from contracts.feasibility import RiskLevel
from services.rmos.domain.policy import (
    RequireApproval,
    SafetyPolicy,
    approval_needed,
    decision_on,
    why_not_approvable,
)
from tests.rmos.domain import given


@pytest.mark.parametrize(
    ("risk", "status"),
    [
        (RiskLevel.GREEN, ArtifactStatus.OK),
        (RiskLevel.YELLOW, ArtifactStatus.OK),
        (RiskLevel.RED, ArtifactStatus.BLOCKED),
        (RiskLevel.UNKNOWN, ArtifactStatus.BLOCKED),
        (RiskLevel.ERROR, ArtifactStatus.BLOCKED),
    ],
)
def test_only_green_and_yellow_are_allowed(risk: RiskLevel, status: ArtifactStatus) -> None:
    got, decision = decision_on(given.feasibility(risk), SafetyPolicy())
    assert got is status
    assert decision.risk_level is risk
    assert (decision.block_reason is None) == (status is ArtifactStatus.OK)


@pytest.mark.parametrize("treated_as_red", [True, False])
@pytest.mark.parametrize("block_on_red", [True, False])
def test_unknown_blocks_under_every_policy(block_on_red: bool, treated_as_red: bool) -> None:
    policy = SafetyPolicy(block_on_red=block_on_red, treat_unknown_as_red=treated_as_red)
    assert policy.blocks(RiskLevel.UNKNOWN)


def test_red_passes_only_where_the_shop_said_so() -> None:
    assert SafetyPolicy().blocks(RiskLevel.RED)
    assert not SafetyPolicy(block_on_red=False).blocks(RiskLevel.RED)


@pytest.mark.parametrize(
    ("rule", "in_session", "needed"),
    [
        (RequireApproval.SESSION, True, True),
        (RequireApproval.SESSION, False, False),
        (RequireApproval.ALWAYS, False, True),
        (RequireApproval.NEVER, True, False),
    ],
)
def test_when_toolpaths_need_an_approval(rule: RequireApproval, in_session: bool, needed: bool) -> None:
    assert approval_needed(SafetyPolicy(require_approval=rule), in_session) is needed


@pytest.mark.parametrize(
    ("risk", "score", "approvable"),
    [
        (RiskLevel.GREEN, Decimal(85), True),
        (RiskLevel.YELLOW, Decimal(70), True),
        (RiskLevel.YELLOW, Decimal("69.9"), False),
        (RiskLevel.YELLOW, None, False),
        (RiskLevel.RED, Decimal(99), False),
        (RiskLevel.UNKNOWN, None, False),
    ],
)
def test_what_may_be_approved(risk: RiskLevel, score: Decimal | None, approvable: bool) -> None:
    assert (why_not_approvable(risk, score, SafetyPolicy()) is None) is approvable


@pytest.mark.parametrize("risk", [RiskLevel.YELLOW, RiskLevel.RED, RiskLevel.UNKNOWN])
def test_an_override_of_exactly_this_verdict_lets_it_be_approved(risk: RiskLevel) -> None:
    assert why_not_approvable(risk, None, SafetyPolicy(), overridden=True) is None


@pytest.mark.parametrize("risk", [RiskLevel.RED, RiskLevel.UNKNOWN])
def test_an_overridden_verdict_passes_with_the_override_on_record_and_a_warning(risk: RiskLevel) -> None:
    status, decision = decision_on(given.feasibility(risk), SafetyPolicy(), "artifact_9")
    assert status is ArtifactStatus.OK
    assert decision.risk_level is risk
    assert decision.details["override"] == "artifact_9"
    assert "overridden" in decision.warnings[0]


def test_red_that_a_shop_lets_pass_carries_a_warning() -> None:
    status, decision = decision_on(given.feasibility(RiskLevel.RED), SafetyPolicy(block_on_red=False))
    assert status is ArtifactStatus.OK
    assert "lets RED pass" in decision.warnings[0]
