"""What persons decide on a real log: approve, reject, require revision, override."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from contracts.artifacts import ArtifactKind, ArtifactStatus
from contracts.errors import ErrorCode
from contracts.feasibility import RiskLevel
from contracts.rmos import AskArtifact, DecideSession, EvaluateSession, OverrideVerdict
from contracts.sessions import SessionState
from tests.rmos.handlers.shop import (
    ADA,
    AUDREY,
    DORA,
    GOOD,
    OTHER,
    OTTO,
    RED,
    ROBOT,
    SHOP,
    Shop,
    by,
    refused,
    ring,
)

REASON = "the test cut in an offcut was clean"


async def judged(shop: Shop, spec: Any = GOOD) -> tuple[str, Any]:
    """A session whose design is judged; and the verdict's artifact."""
    session = await shop.designed_session(spec)
    reply = await shop.sessions.evaluate(EvaluateSession(session_id=session.session_id), by(DORA))
    return session.session_id, reply.artifact


async def test_an_approval_is_recorded_with_its_person_and_exactly_what_it_covers(shop: Shop) -> None:
    name, verdict = await judged(shop)
    command = DecideSession(session_id=name, note="good", expected_version=(await shop.session(name)).version)
    reply = await shop.decisions.approve(command, by(OTTO, "key_1"))
    assert reply.artifact is not None
    assert (reply.artifact.kind, reply.artifact.actor) == (ArtifactKind.APPROVAL, OTTO)
    assert reply.artifact.parent_artifact_id == verdict.artifact_id
    assert reply.artifact.hashes.items() <= verdict.hashes.items()
    assert reply.artifact.hashes.keys() == {"design", "feasibility", "context"}
    assert (reply.session.state, reply.session.approved_by) == (SessionState.APPROVED, "otto")
    again = await shop.decisions.approve(command, by(OTTO, "key_1"))
    assert again.artifact == reply.artifact
    assert await shop.kinds(verdict.run_id) == [ArtifactKind.FEASIBILITY, ArtifactKind.APPROVAL]
    other = command.model_copy(update={"note": "better"})
    await refused(shop.decisions.approve(other, by(OTTO, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)


@pytest.mark.parametrize(
    ("step", "kind", "state"),
    [
        ("reject", ArtifactKind.REJECTION, SessionState.REJECTED),
        ("require_revision", ArtifactKind.REVISION, SessionState.DESIGN_REVISION_REQUIRED),
    ],
)
async def test_a_refusal_is_recorded_with_its_reason(
    shop: Shop, step: str, kind: ArtifactKind, state: SessionState
) -> None:
    name, _ = await judged(shop)
    command = DecideSession(session_id=name, note="too plain")
    reply = await getattr(shop.decisions, step)(command, by(OTTO, "key_1"))
    assert (reply.artifact.kind, reply.artifact.status) == (kind, ArtifactStatus.BLOCKED)
    assert reply.artifact.decision.block_reason == "too plain"
    assert reply.session.state is state
    assert (await getattr(shop.decisions, step)(command, by(OTTO, "key_1"))).artifact == reply.artifact
    await refused(shop.decisions.approve(command, by(OTTO)), ErrorCode.ILLEGAL_TRANSITION)


@pytest.mark.parametrize("step", ["approve", "reject", "require_revision"])
async def test_a_decision_on_another_version_than_was_seen_is_refused(shop: Shop, step: str) -> None:
    name, verdict = await judged(shop)
    seen = DecideSession(session_id=name, expected_version=1)
    error = await refused(getattr(shop.decisions, step)(seen, by(OTTO)), ErrorCode.VERSION_CONFLICT)
    assert error.details["actual_version"] == (await shop.session(name)).version
    assert await shop.kinds(verdict.run_id) == [ArtifactKind.FEASIBILITY]


@pytest.mark.parametrize("step", ["approve", "reject", "require_revision"])
@pytest.mark.parametrize("actor", [DORA, AUDREY, ROBOT], ids=["designer", "auditor", "ai"])
async def test_only_persons_with_the_role_decide(shop: Shop, step: str, actor: Any) -> None:
    name, verdict = await judged(shop)
    command = DecideSession(session_id=name)
    await refused(getattr(shop.decisions, step)(command, by(actor)), ErrorCode.FORBIDDEN)
    assert await shop.kinds(verdict.run_id) == [ArtifactKind.FEASIBILITY]


@pytest.mark.parametrize("step", ["approve", "reject", "require_revision"])
async def test_nothing_is_decided_before_it_is_judged(shop: Shop, step: str) -> None:
    session = await shop.designed_session()
    command = DecideSession(session_id=session.session_id)
    error = await refused(getattr(shop.decisions, step)(command, by(OTTO)), ErrorCode.ILLEGAL_TRANSITION)
    assert "request_feasibility" in error.details["allowed"]


async def test_red_is_overridden_by_an_admin_where_the_shop_allows_it_and_then_cut(shop: Shop) -> None:
    shop = shop.under(allow_red_override=True)
    name, verdict = await judged(shop, ring(45, 48, "2.75"))  # leaves 0.05 mm of wood
    assert verdict.decision.risk_level is RiskLevel.RED
    await refused(shop.decisions.approve(DecideSession(session_id=name), by(ADA)), ErrorCode.SAFETY_BLOCKED)
    command = OverrideVerdict(run_id=verdict.run_id, artifact_id=verdict.artifact_id, scope="RED", reason=REASON)
    override = (await shop.decisions.override(command, by(ADA, "key_1"))).artifact
    assert (override.kind, override.status) == (ArtifactKind.OVERRIDE, ArtifactStatus.OK)
    assert (override.parent_artifact_id, override.decision.details["reason"]) == (verdict.artifact_id, REASON)
    assert (await shop.decisions.override(command, by(ADA, "key_1"))).artifact == override
    approval = (await shop.decisions.approve(DecideSession(session_id=name), by(OTTO))).artifact
    assert approval is not None
    assert approval.override_artifact_id == override.artifact_id
    made = await shop.made(artifact_id=verdict.artifact_id)
    assert made.status is ArtifactStatus.OK, made.decision
    assert made.override_artifact_id == override.artifact_id
    assert made.decision.risk_level is RiskLevel.RED
    assert (await shop.session(name)).state is SessionState.TOOLPATHS_READY
    recorded = await shop.world.queries.artifact(_asked(verdict.artifact_id))
    assert recorded.artifact == verdict  # the old decision stands as it was


async def test_an_override_covers_no_other_design_and_ends_with_the_policy(shop: Shop) -> None:
    allowing = shop.under(allow_red_override=True)
    name, verdict = await judged(allowing, RED)
    command = OverrideVerdict(run_id=verdict.run_id, artifact_id=verdict.artifact_id, scope="RED", reason=REASON)
    await allowing.decisions.override(command, by(ADA))
    await refused(shop.decisions.approve(DecideSession(session_id=name), by(ADA)), ErrorCode.SAFETY_BLOCKED)
    changed = ring("45.1", "45.7")
    blocked = await allowing.made(run_id=verdict.run_id, spec=changed)
    assert (blocked.status, blocked.override_artifact_id) == (ArtifactStatus.BLOCKED, None)


async def test_unknown_is_overridden_only_where_it_counts_as_red(shop: Shop) -> None:
    run_id = await shop.opened_run(SHOP.model_copy(update={"stock_thickness_mm": None}))
    verdict = await shop.bound(run_id)
    assert verdict.decision.risk_level is RiskLevel.UNKNOWN
    command = OverrideVerdict(run_id=run_id, artifact_id=verdict.artifact_id, scope="RED", reason=REASON)
    await refused(shop.decisions.override(command, by(ADA)), ErrorCode.FORBIDDEN)
    strict = shop.under(allow_red_override=True, treat_unknown_as_red=False)
    await refused(strict.decisions.override(command, by(ADA)), ErrorCode.FORBIDDEN)
    allowing = shop.under(allow_red_override=True)
    assert (await allowing.decisions.override(command, by(ADA))).artifact.status is ArtifactStatus.OK
    made = await allowing.made(artifact_id=verdict.artifact_id)
    assert made.status is ArtifactStatus.ERROR  # accepted, and still nobody knows how thick the stock is
    assert "stock thickness" in str(made.decision.block_reason)


@pytest.mark.parametrize("actor", [DORA, OTTO, AUDREY, ROBOT], ids=["designer", "operator", "auditor", "ai"])
async def test_red_is_overridden_by_nobody_but_an_admin(shop: Shop, actor: Any) -> None:
    shop = shop.under(allow_red_override=True)
    run_id = await shop.opened_run()
    verdict = await shop.bound(run_id, RED)
    command = OverrideVerdict(run_id=run_id, artifact_id=verdict.artifact_id, scope="RED", reason=REASON)
    await refused(shop.decisions.override(command, by(actor)), ErrorCode.FORBIDDEN)
    assert await shop.kinds(run_id) == [ArtifactKind.ART_STUDIO_CANDIDATE]


async def test_an_override_fits_the_verdict_it_overrides(shop: Shop) -> None:
    run_id = await shop.opened_run()
    red, yellow = await shop.bound(run_id, RED), await shop.bound(run_id, OTHER)
    for artifact_id, scope in [(red.artifact_id, "YELLOW"), (yellow.artifact_id, "RED")]:
        command = OverrideVerdict(run_id=run_id, artifact_id=artifact_id, scope=scope, reason=REASON)
        await refused(shop.decisions.override(command, by(ADA)), ErrorCode.INVALID_REQUEST)
    elsewhere = await shop.opened_run()
    command = OverrideVerdict(run_id=elsewhere, artifact_id=red.artifact_id, scope="RED", reason=REASON)
    await refused(shop.decisions.override(command, by(ADA)), ErrorCode.NOT_FOUND)


async def test_a_low_score_is_overridden_by_an_operator_and_then_approved(shop: Shop) -> None:
    strict = shop.under(minimum_approval_score=Decimal(90))
    name, verdict = await judged(strict)
    await refused(strict.decisions.approve(DecideSession(session_id=name), by(OTTO)), ErrorCode.SAFETY_BLOCKED)
    command = OverrideVerdict(run_id=verdict.run_id, artifact_id=verdict.artifact_id, scope="YELLOW", reason=REASON)
    await refused(strict.decisions.override(command, by(DORA)), ErrorCode.FORBIDDEN)
    override = (await strict.decisions.override(command, by(OTTO))).artifact
    approval = (await strict.decisions.approve(DecideSession(session_id=name), by(OTTO))).artifact
    assert approval is not None
    assert approval.override_artifact_id == override.artifact_id


def _asked(artifact_id: str) -> Any:
    return AskArtifact(artifact_id=artifact_id, with_outputs=False)
