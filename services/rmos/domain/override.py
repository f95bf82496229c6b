"""Overrides: a person accepts a verdict that stands in the way, of exactly one design in exactly one context."""

from __future__ import annotations

from typing import Literal

from contracts.artifacts import ArtifactKind, RunArtifact
from contracts.canonical import digest_of
from contracts.envelope import Actor, ActorKind, Role
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility, RiskLevel
from contracts.log import ApprovedDigests
from services.rmos.domain.policy import SafetyPolicy
from services.rmos.domain.run import RunState

Scope = Literal["YELLOW", "RED", "DRIFT"]
SCOPE_OF: dict[RiskLevel, Scope] = {
    RiskLevel.YELLOW: "YELLOW",
    RiskLevel.RED: "RED",
    # only where the policy treats it so; see `check`
    RiskLevel.UNKNOWN: "RED",
}
MAY: dict[Scope, frozenset[Role]] = {
    "YELLOW": frozenset({Role.OPERATOR, Role.ADMIN}),
    "RED": frozenset({Role.ADMIN}),
    "DRIFT": frozenset({Role.OPERATOR, Role.ADMIN}),
}


def digests_of(feasibility: Feasibility, context: CuttingContext) -> ApprovedDigests:
    """What an approval or an override of this evaluation covers."""
    return ApprovedDigests(
        design_sha256=feasibility.design_sha256,
        feasibility_sha256=feasibility.feasibility_sha256,
        context_sha256=digest_of(context),
    )


def check(feasibility: Feasibility, scope: Scope, policy: SafetyPolicy, actor: Actor) -> None:
    """Raises INVALID_REQUEST when there is nothing of this scope to override, FORBIDDEN when this actor may not."""
    risk = feasibility.risk_level
    needed = SCOPE_OF.get(risk)
    if needed is None:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"a verdict of {risk.value} needs no override", risk=risk.value)
    if needed != scope:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"the verdict is {risk.value}: it takes the scope {needed}, not {scope}",
            risk=risk.value,
            scope=needed,
        )
    if actor.kind is not ActorKind.PERSON or actor.role not in MAY[scope]:
        roles = sorted(role.value for role in MAY[scope])
        raise RmosError(
            ErrorCode.FORBIDDEN,
            f"an override of scope {scope} needs a person with the role {' or '.join(roles)}",
            allowed_roles=roles,
        )
    if not permitted(risk, policy):
        raise RmosError(
            ErrorCode.FORBIDDEN,
            f"this shop's policy allows no override of {risk.value}",
            risk=risk.value,
        )


def permitted(risk: RiskLevel, policy: SafetyPolicy) -> bool:
    """Whether the policy lets anybody override this."""
    match risk:
        case RiskLevel.YELLOW:
            return True
        case RiskLevel.RED:
            return policy.allow_red_override
        case RiskLevel.UNKNOWN:
            return policy.allow_red_override and policy.treat_unknown_as_red
        case RiskLevel.GREEN | RiskLevel.ERROR:
            return False


def hashes_of(digests: ApprovedDigests) -> dict[str, str]:
    """As an artifact carries them."""
    return {
        "design": digests.design_sha256,
        "feasibility": digests.feasibility_sha256,
        "context": digests.context_sha256,
    }


def covering(run: RunState, digests: ApprovedDigests, risk: RiskLevel, policy: SafetyPolicy) -> str | None:
    """The newest override of exactly these digests, by its artifact id; None when there is none, or when the policy
    has stopped to allow it since."""
    if not permitted(risk, policy):
        return None
    wanted = hashes_of(digests).items()
    return next((item.artifact_id for item in reversed(run.artifacts) if _covers(item, wanted)), None)


def _covers(artifact: RunArtifact, wanted: object) -> bool:
    return artifact.kind is ArtifactKind.OVERRIDE and wanted == artifact.hashes.items()
