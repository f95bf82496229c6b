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
_DRIFTED = ErrorCode.VERDICT_DRIFTED.value


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
    _require_role(actor, scope)
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
    scope = SCOPE_OF.get(risk)
    if scope is None or not permitted(risk, policy):
        return None
    return next((item.artifact_id for item in reversed(run.artifacts) if _covers(item, digests, scope)), None)


def check_drift(artifact: RunArtifact, actor: Actor) -> None:
    """Raises INVALID_REQUEST unless these toolpaths were refused because of a known drift, FORBIDDEN when this actor
    may not accept it."""
    if artifact.kind is not ArtifactKind.TOOLPATHS or artifact.decision.details.get("error") != _DRIFTED:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            "the scope DRIFT is for toolpaths that were refused because the approved verdict drifted",
        )
    _require_role(actor, "DRIFT")


def accepting_drift(run: RunState, now: ApprovedDigests, approved: ApprovedDigests) -> str | None:
    """The newest override that accepts exactly this verdict in the place of the approved one."""
    for item in reversed(run.artifacts):
        stated = item.decision.details.get("drift")
        if (
            _covers(item, now, "DRIFT")
            and isinstance(stated, dict)
            and stated.get("approved_feasibility_sha256") == approved.feasibility_sha256
        ):
            return item.artifact_id
    return None


def _covers(artifact: RunArtifact, digests: ApprovedDigests, scope: Scope) -> bool:
    return (
        artifact.kind is ArtifactKind.OVERRIDE
        and artifact.decision.details.get("scope") == scope
        and hashes_of(digests).items() == artifact.hashes.items()
    )


def _require_role(actor: Actor, scope: Scope) -> None:
    if actor.kind is not ActorKind.PERSON or actor.role not in MAY[scope]:
        roles = sorted(role.value for role in MAY[scope])
        raise RmosError(
            ErrorCode.FORBIDDEN,
            f"an override of scope {scope} needs a person with the role {' or '.join(roles)}",
            allowed_roles=roles,
        )
