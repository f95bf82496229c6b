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


class OnDrift(StrEnum):
    """What becomes of an approved design whose verdict, computed again for its toolpaths, is another one by now.

    A verdict that cannot be computed again blocks whatever is said here.
    """

    BLOCK = "block"
    """No toolpaths, until it is approved anew or a person accepts the drift by an override."""
    ALLOW = "allow"
    """Toolpaths, with a warning on the record."""


@dataclass(frozen=True, slots=True)
class SafetyPolicy:
    """UNKNOWN always blocks; `treat_unknown_as_red` decides whether an override of scope RED may accept it."""

    block_on_red: bool = True
    treat_unknown_as_red: bool = True
    allow_red_override: bool = False
    require_approval: RequireApproval = RequireApproval.SESSION
    minimum_approval_score: Decimal = Decimal(70)
    on_drift: OnDrift = OnDrift.BLOCK

    def blocks(self, risk: RiskLevel) -> bool:
        if risk is RiskLevel.RED:
            return self.block_on_red
        return risk not in {RiskLevel.GREEN, RiskLevel.YELLOW}


def decision_on(
    feasibility: Feasibility, policy: SafetyPolicy, override: str | None = None
) -> tuple[ArtifactStatus, Decision]:
    """ALLOW (OK) or BLOCK (BLOCKED) for this verdict, with what a person needs to act on it.

    `override` is the artifact id of an override of exactly this verdict, which lets it pass.
    """
    risk = feasibility.risk_level
    would_block = policy.blocks(risk)
    blocked = would_block and override is None
    details: dict[str, object] = {"suggestions": list(feasibility.suggestions)}
    warnings = feasibility.warnings
    if blocked:
        details["error"] = ErrorCode.SAFETY_BLOCKED.value
    elif would_block:
        details["override"] = override
        warnings = (f"{risk.value} was overridden: {feasibility.block_reason or 'no reason was stated'}", *warnings)
    elif risk is RiskLevel.RED:
        warnings = (f"this shop lets RED pass: {feasibility.block_reason or 'no reason was stated'}", *warnings)
    reason = (feasibility.block_reason or f"the verdict is {risk.value}") if blocked else None
    decision = Decision(
        risk_level=risk, score=feasibility.score, block_reason=reason, warnings=warnings, details=details
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


def why_not_approvable(
    risk: RiskLevel, score: Decimal | None, policy: SafetyPolicy, overridden: bool = False
) -> str | None:
    """None when a design with this verdict may be approved, else the reason.

    `overridden`: an override of exactly this verdict stands.
    """
    if overridden or risk is RiskLevel.GREEN:
        return None
    if risk is not RiskLevel.YELLOW:
        return (
            f"the current design's verdict is {risk.value}: change the design, tool, material or machine, "
            "or have it overridden"
        )
    if score is None or score < policy.minimum_approval_score:
        return (
            f"the score is {score}, at least {policy.minimum_approval_score} is needed while the verdict is "
            f"{risk.value}: follow the suggestions of the feasibility, or have it overridden"
        )
    return None
