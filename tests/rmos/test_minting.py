from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from contracts.artifacts import ArtifactKind, ArtifactStatus, Decision
from contracts.blobs import BlobRef
from contracts.envelope import Actor, ActorKind, RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import RiskLevel
from contracts.log import LogEvent
from services.rmos.minting import Draft, Placement, validate_and_persist
from services.rmos.ports import AppendRequest, AppendResult
from tests.rmos.domain import given


class UntouchableLog:
    """A log that must not be reached: what is refused leaves no trace."""

    async def append(self, request: AppendRequest) -> AppendResult:
        raise AssertionError(f"a contradictory artifact reached the log: {request}")

    async def read_stream(self, stream: str, after_version: int = 0) -> list[LogEvent]:
        raise AssertionError(stream)

    async def outcome_of(self, request: RequestContext, command_sha256: str) -> list[LogEvent]:
        raise AssertionError(request)


GREEN = given.feasibility(RiskLevel.GREEN)
SOUND = Draft(
    run_id="run_1",
    kind=ArtifactKind.ART_STUDIO_CANDIDATE,
    status=ArtifactStatus.OK,
    decision=Decision(risk_level=RiskLevel.GREEN, score=90),
    mode="router",
    context=given.FULL_CONTEXT,
    engine_version="engine/1",
    compute_ms=Decimal(1),
    feasibility=GREEN,
    hashes={"feasibility": GREEN.feasibility_sha256},
)


async def refused(draft: Draft, actor: Actor = given.OPERATOR) -> RmosError:
    placement = Placement({"run-run_1": 1})
    with pytest.raises(RmosError) as caught:
        await validate_and_persist(
            UntouchableLog(),
            draft,
            placement,
            given.request(actor=actor),
            given.digest("d"),
            given.NOW,
            lambda prefix: f"{prefix}_1",
        )
    return caught.value


@pytest.mark.parametrize("risk", [RiskLevel.RED, RiskLevel.UNKNOWN, RiskLevel.ERROR])
async def test_no_artifact_allows_what_is_not_green_or_yellow(risk: RiskLevel) -> None:
    draft = replace(SOUND, feasibility=None, hashes={}, decision=Decision(risk_level=risk))
    error = await refused(draft)
    assert error.code is ErrorCode.INTERNAL
    assert "status OK" in error.message


@pytest.mark.parametrize("risk", [RiskLevel.UNKNOWN, RiskLevel.ERROR])
async def test_a_shop_that_lets_red_pass_lets_nothing_else_pass(risk: RiskLevel) -> None:
    draft = replace(SOUND, feasibility=None, hashes={}, decision=Decision(risk_level=risk), red_is_allowed=True)
    assert "status OK" in (await refused(draft)).message


async def test_not_even_an_override_lets_a_failure_pass() -> None:
    failed = replace(SOUND, feasibility=None, hashes={}, decision=Decision(risk_level=RiskLevel.ERROR))
    for draft in (replace(failed, override_artifact_id="artifact_9"), replace(failed, kind=ArtifactKind.OVERRIDE)):
        assert "status OK" in (await refused(draft)).message


async def test_a_decision_must_carry_the_risk_of_its_feasibility() -> None:
    error = await refused(replace(SOUND, decision=Decision(risk_level=RiskLevel.YELLOW)))
    assert "risk is not the feasibility's" in error.message


async def test_the_feasibility_digest_must_be_among_the_hashes() -> None:
    error = await refused(replace(SOUND, hashes={"feasibility": given.digest("0")}))
    assert "hashes.feasibility" in error.message


async def test_a_refusal_needs_its_reason() -> None:
    error = await refused(replace(SOUND, status=ArtifactStatus.BLOCKED))
    assert "reason" in error.message


async def test_every_output_has_its_digest_among_the_hashes() -> None:
    blob = BlobRef(sha256=given.digest("1"), size=1, content_type="application/json")
    error = await refused(replace(SOUND, outputs={"spec": blob}))
    assert "hashes.spec" in error.message


async def test_released_toolpaths_need_a_passed_simulation_and_all_digests() -> None:
    error = await refused(replace(SOUND, kind=ArtifactKind.TOOLPATHS))
    assert "simulation" in error.message
    assert "program" in error.message


@pytest.mark.parametrize(
    "actor",
    [
        Actor(id="assistant", role=Role.OPERATOR, kind=ActorKind.AI),
        Actor(id="rmos", role=Role.SYSTEM, kind=ActorKind.SYSTEM),
        Actor(id="dora", role=Role.DESIGNER),
        Actor(id="audrey", role=Role.AUDITOR),
    ],
)
@pytest.mark.parametrize(
    "kind", [ArtifactKind.APPROVAL, ArtifactKind.REJECTION, ArtifactKind.REVISION, ArtifactKind.OVERRIDE]
)
async def test_only_persons_with_the_role_decide(actor: Actor, kind: ArtifactKind) -> None:
    error = await refused(replace(SOUND, kind=kind), actor)
    assert error.code is ErrorCode.FORBIDDEN
