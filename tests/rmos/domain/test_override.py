from __future__ import annotations

from typing import Any

import pytest

from contracts.artifacts import ArtifactKind
from contracts.envelope import Actor, ActorKind, Role
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import RiskLevel
from contracts.log import EVENT_TYPES
from services.rmos.domain.override import check, covering, digests_of, hashes_of, permitted
from services.rmos.domain.policy import SafetyPolicy
from services.rmos.domain.run import RunState, fold
from tests.rmos.domain import given

ADMIN = Actor(id="ada", role=Role.ADMIN)
ALLOWING = SafetyPolicy(allow_red_override=True)
CASES: list[tuple[RiskLevel, Any, Actor, SafetyPolicy, ErrorCode | None]] = [
    (RiskLevel.YELLOW, "YELLOW", given.OPERATOR, SafetyPolicy(), None),
    (RiskLevel.YELLOW, "YELLOW", ADMIN, SafetyPolicy(), None),
    (RiskLevel.RED, "RED", ADMIN, ALLOWING, None),
    (RiskLevel.UNKNOWN, "RED", ADMIN, ALLOWING, None),
    (RiskLevel.RED, "RED", ADMIN, SafetyPolicy(), ErrorCode.FORBIDDEN),
    (RiskLevel.RED, "RED", given.OPERATOR, ALLOWING, ErrorCode.FORBIDDEN),
    (RiskLevel.RED, "RED", Actor(id="bot", role=Role.ADMIN, kind=ActorKind.AI), ALLOWING, ErrorCode.FORBIDDEN),
    (RiskLevel.RED, "RED", Actor(id="rmos", role=Role.SYSTEM, kind=ActorKind.SYSTEM), ALLOWING, ErrorCode.FORBIDDEN),
    (
        RiskLevel.UNKNOWN,
        "RED",
        ADMIN,
        SafetyPolicy(allow_red_override=True, treat_unknown_as_red=False),
        ErrorCode.FORBIDDEN,
    ),
    (RiskLevel.YELLOW, "YELLOW", Actor(id="dora", role=Role.DESIGNER), SafetyPolicy(), ErrorCode.FORBIDDEN),
    (RiskLevel.YELLOW, "RED", ADMIN, ALLOWING, ErrorCode.INVALID_REQUEST),
    (RiskLevel.RED, "YELLOW", ADMIN, ALLOWING, ErrorCode.INVALID_REQUEST),
    (RiskLevel.GREEN, "YELLOW", ADMIN, ALLOWING, ErrorCode.INVALID_REQUEST),
]


@pytest.mark.parametrize(("risk", "scope", "actor", "policy", "code"), CASES)
def test_who_may_override_what(
    risk: RiskLevel, scope: Any, actor: Actor, policy: SafetyPolicy, code: ErrorCode | None
) -> None:
    if code is None:
        check(given.feasibility(risk), scope, policy, actor)
        return
    with pytest.raises(RmosError) as caught:
        check(given.feasibility(risk), scope, policy, actor)
    assert caught.value.code is code


def overridden(scope: str = "RED", **hashes: str) -> RunState:
    """A run whose red verdict was overridden, its override with these hashes instead of the right ones."""
    digests = hashes_of(digests_of(given.feasibility(RiskLevel.RED), given.FULL_CONTEXT))
    artifact = given.artifact(
        RiskLevel.YELLOW, ArtifactKind.OVERRIDE, artifact_id="artifact_9", hashes={**digests, **hashes}
    )
    decision = artifact.decision.model_copy(update={"details": {"scope": scope}})
    artifact = artifact.model_copy(update={"decision": decision})
    event = EVENT_TYPES["rmos.verdict_overridden.v1"].model_validate({"artifact": artifact})
    run = fold([given.run_opened(), given.candidate_bound(RiskLevel.RED), event])
    assert isinstance(run, RunState)
    return run


DIGESTS = digests_of(given.feasibility(RiskLevel.RED), given.FULL_CONTEXT)


def test_an_override_covers_exactly_what_it_was_given_for() -> None:
    assert covering(overridden(), DIGESTS, RiskLevel.RED, ALLOWING) == "artifact_9"


@pytest.mark.parametrize("name", ["design", "feasibility", "context"])
def test_an_override_covers_nothing_that_differs_in_one_digest(name: str) -> None:
    run = overridden(**{name: given.digest("0")})
    assert covering(run, DIGESTS, RiskLevel.RED, ALLOWING) is None


@pytest.mark.parametrize("scope", ["YELLOW", "DRIFT"])
def test_an_override_of_another_scope_covers_no_red(scope: str) -> None:
    assert covering(overridden(scope), DIGESTS, RiskLevel.RED, ALLOWING) is None


def test_an_override_ends_with_the_policy_that_allowed_it() -> None:
    assert covering(overridden(), DIGESTS, RiskLevel.RED, SafetyPolicy()) is None


def test_no_policy_permits_to_override_an_error() -> None:
    assert not permitted(RiskLevel.ERROR, ALLOWING)
