"""The rules that turn a verdict into ALLOW or BLOCK, as data. Everything that is not clearly allowed is blocked."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from contracts.artifacts import ArtifactStatus, Decision
from contracts.errors import ErrorCode
from contracts.feasibility import Feasibility, RiskLevel


class RequireApproval(StrEnum):
    """When toolpaths need an approval: in workflow sessions, always, or never."""

    SESSION = "session"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SafetyPolicy:
    """UNKNOWN always blocks; `treat_unknown_as_red` decides whether an override of scope RED may accept it."""

    block_on_red: bool = True
    treat_unknown_as_red: bool = True
    require_approval: RequireApproval = RequireApproval.SESSION
    minimum_approval_score: Decimal = Decimal(70)

    def blocks(self, risk: RiskLevel) -> bool:
        if risk is RiskLevel.RED:
            return self.block_on_red
        return risk not in {RiskLevel.GREEN, RiskLevel.YELLOW}


def decision_on(feasibility: Feasibility, policy: SafetyPolicy) -> tuple[ArtifactStatus, Decision]:
    """ALLOW (OK) or BLOCK (BLOCKED) for this verdict, with what a person needs to act on it."""
    blocked = policy.blocks(feasibility.risk_level)
    details: dict[str, object] = {"suggestions": list(feasibility.suggestions)}
    if blocked:
        details["error"] = ErrorCode.SAFETY_BLOCKED.value
    reason = (feasibility.block_reason or f"the verdict is {feasibility.risk_level.value}") if blocked else None
    decision = Decision(
        risk_level=feasibility.risk_level,
        score=feasibility.score,
        block_reason=reason,
        warnings=feasibility.warnings,
        details=details,
    )
    return (ArtifactStatus.BLOCKED if blocked else ArtifactStatus.OK), decision


def approval_needed(policy: SafetyPolicy, in_session: bool) -> bool:
    match policy.require_approval:
        case RequireApproval.ALWAYS:
            return True
        case RequireApproval.NEVER:
            return False
        case RequireApproval.SESSION:
            return in_session


def why_not_approvable(risk: RiskLevel | None, score: Decimal | None, policy: SafetyPolicy) -> str | None:
    """None when a design with this verdict may be approved, else the reason."""
    if risk is None:
        return "there is no feasibility of the current design yet: bind a candidate first"
    if risk not in {RiskLevel.GREEN, RiskLevel.YELLOW}:
        return f"the current design's verdict is {risk.value}: change the design, tool, material or machine"
    if risk is RiskLevel.GREEN:
        return None
    if score is None or score < policy.minimum_approval_score:
        return (
            f"the score is {score}, at least {policy.minimum_approval_score} is needed while the verdict is "
            f"{risk.value}: follow the suggestions of the feasibility"
        )
    return None
