"""The gate between an approval and its toolpaths when the verdict is no longer the one that was approved."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.artifacts import ArtifactKind, ArtifactStatus, RunArtifact
from contracts.canonical import digest_of
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import Feasibility, RiskLevel
from contracts.rmos import OverrideVerdict
from contracts.sessions import SessionState
from services.rmos.domain.policy import OnDrift, RequireApproval
from tests.rmos.handlers.shop import ADA, AUDREY, DORA, GOOD, OTHER, OTTO, ROBOT, SHOP, Shop, by, refused

REASON = "the new engine only words its advice otherwise"
GONE = RmosError(ErrorCode.INVALID_REQUEST, "material_id 'spruce_sitka' is not in the catalog")


def another_engine(verdict: Feasibility) -> Feasibility:
    """The same verdict by another version."""
    new = verdict.model_copy(update={"engine_version": "feasibility/99.0.0"})
    return new.model_copy(update={"feasibility_sha256": digest_of(new.model_dump(mode="json"))})


def another_catalog(verdict: Feasibility) -> Feasibility:
    new = verdict.model_copy(update={"catalog_sha256": "c" * 64})
    return new.model_copy(update={"feasibility_sha256": digest_of(new.model_dump(mode="json"))})


def now_red(verdict: Feasibility) -> Feasibility:
    update = {"risk_level": RiskLevel.RED, "block_reason": "a rule was added", "score": 10}
    new = verdict.model_copy(update=update)
    return new.model_copy(update={"feasibility_sha256": digest_of(new.model_dump(mode="json"))})


def only_the_digest(verdict: Feasibility) -> Feasibility:
    return verdict.model_copy(update={"feasibility_sha256": "e" * 64})


async def drifted(shop: Shop, today: Any = another_engine) -> tuple[str, RunArtifact, RunArtifact]:
    """Session, candidate and the refusal of its toolpaths, after the engine has changed."""
    session, candidate = await shop.approved_session()
    shop.engine.today = today
    return session.session_id, candidate, await shop.made(artifact_id=candidate.artifact_id)


async def accepted(shop: Shop, blocked: RunArtifact, actor: Any = OTTO) -> RunArtifact:
    command = OverrideVerdict(run_id=blocked.run_id, artifact_id=blocked.artifact_id, scope="DRIFT", reason=REASON)
    return (await shop.decisions.override(command, by(actor))).artifact


@pytest.mark.parametrize(
    ("today", "changed"),
    [
        (another_engine, ["engine_version"]),
        (another_catalog, ["catalog_sha256"]),
        (only_the_digest, ["feasibility_sha256"]),
    ],
)
async def test_toolpaths_of_a_drifted_approval_are_refused_and_told_why(
    shop: Shop, today: Any, changed: list[str]
) -> None:
    session_id, candidate, blocked = await drifted(shop, today)
    assert (blocked.status, blocked.decision.details["error"]) == (ArtifactStatus.BLOCKED, "VERDICT_DRIFTED")
    drift = blocked.decision.details["drift"]
    session = await shop.session(session_id)
    assert drift == {
        "approval_artifact_id": session.approval_artifact_id,
        "approved_feasibility_sha256": candidate.hashes["feasibility"],
        "feasibility_sha256": blocked.hashes["feasibility"],
        "changed": changed,
        "override_artifact_id": None,
    }
    assert changed[0] in str(blocked.decision.block_reason)
    assert (session.state, shop.cam.jobs) == (SessionState.APPROVED, 0)


async def test_the_same_verdict_is_no_drift(shop: Shop) -> None:
    _, _, made = await drifted(shop, lambda verdict: verdict)
    assert (made.status, "drift" in made.decision.details) == (ArtifactStatus.OK, False)


async def test_an_override_accepts_the_drift_and_stays_on_the_record(shop: Shop) -> None:
    session_id, candidate, blocked = await drifted(shop)
    override = await accepted(shop, blocked)
    assert (override.kind, override.actor, override.parent_artifact_id) == (
        ArtifactKind.OVERRIDE,
        OTTO,
        blocked.artifact_id,
    )
    assert override.decision.details["reason"] == REASON
    made = await shop.made(artifact_id=candidate.artifact_id)
    assert made.status is ArtifactStatus.OK, made.decision
    drift = made.decision.details["drift"]
    assert isinstance(drift, dict)
    assert (drift["override_artifact_id"], drift["changed"]) == (override.artifact_id, ["engine_version"])
    assert override.artifact_id in made.decision.warnings[0]
    session = await shop.session(session_id)
    assert (session.state, session.toolpaths_artifact_id) == (SessionState.TOOLPATHS_READY, made.artifact_id)
    text = (await shop.blobs.get(made.outputs["gcode"])).decode()
    assert f"(RESTS ON {session.approval_artifact_id})" in text


async def test_an_accepted_drift_is_of_one_verdict_and_of_nothing_further(shop: Shop) -> None:
    _, candidate, blocked = await drifted(shop)
    await accepted(shop, blocked)
    shop.engine.today = another_catalog
    again = await shop.made(artifact_id=candidate.artifact_id)
    assert (again.status, again.decision.details["error"]) == (ArtifactStatus.BLOCKED, "VERDICT_DRIFTED")
    other = await shop.made(run_id=candidate.run_id, spec=OTHER)
    assert other.decision.details["error"] == "APPROVAL_REQUIRED"


async def test_accepting_a_drift_overrides_no_red(shop: Shop) -> None:
    shop = shop.under(allow_red_override=True)
    _, candidate, blocked = await drifted(shop, now_red)
    assert blocked.decision.details["error"] == "SAFETY_BLOCKED"
    command = OverrideVerdict(run_id=blocked.run_id, artifact_id=blocked.artifact_id, scope="DRIFT", reason=REASON)
    await refused(shop.decisions.override(command, by(ADA)), ErrorCode.INVALID_REQUEST)
    red = command.model_copy(update={"scope": "RED"})
    await shop.decisions.override(red, by(ADA))
    still = await shop.made(artifact_id=candidate.artifact_id)  # RED is accepted, the drift is not
    assert (still.status, still.decision.details["error"]) == (ArtifactStatus.BLOCKED, "VERDICT_DRIFTED")
    await accepted(shop, still)
    made = await shop.made(artifact_id=candidate.artifact_id)
    assert (made.status, made.decision.risk_level) == (ArtifactStatus.OK, RiskLevel.RED)


@pytest.mark.parametrize("actor", [DORA, AUDREY, ROBOT], ids=["designer", "auditor", "ai"])
async def test_only_persons_with_the_role_accept_a_drift(shop: Shop, actor: Any) -> None:
    _, _, blocked = await drifted(shop)
    command = OverrideVerdict(run_id=blocked.run_id, artifact_id=blocked.artifact_id, scope="DRIFT", reason=REASON)
    await refused(shop.decisions.override(command, by(actor)), ErrorCode.FORBIDDEN)


async def test_a_verdict_that_cannot_be_computed_again_blocks_and_cannot_be_accepted(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    shop.engine.failing = GONE
    blocked = await shop.under(on_drift=OnDrift.ALLOW).made(artifact_id=candidate.artifact_id)
    assert (blocked.status, blocked.decision.risk_level) == (ArtifactStatus.BLOCKED, RiskLevel.UNKNOWN)
    assert blocked.decision.details["error"] == "VERDICT_DRIFTED"
    assert "not in the catalog" in str(blocked.decision.block_reason)
    command = OverrideVerdict(run_id=blocked.run_id, artifact_id=blocked.artifact_id, scope="DRIFT", reason=REASON)
    await refused(shop.decisions.override(command, by(ADA)), ErrorCode.INVALID_REQUEST)
    assert (await shop.session(session.session_id)).state is SessionState.APPROVED
    assert shop.cam.jobs == 0


async def test_an_engine_that_is_away_is_asked_again_and_nothing_is_recorded(shop: Shop) -> None:
    _, candidate = await shop.approved_session()
    before = await shop.position()
    shop.engine.failing = RmosError(ErrorCode.UNAVAILABLE, "a worker died; ask again")
    await refused(shop.made(artifact_id=candidate.artifact_id), ErrorCode.UNAVAILABLE)
    assert await shop.position() == before


async def test_a_shop_may_let_drift_pass_with_a_warning_on_the_record(shop: Shop) -> None:
    _, candidate, _ = await drifted(shop)
    made = await shop.under(on_drift=OnDrift.ALLOW).made(artifact_id=candidate.artifact_id)
    assert made.status is ArtifactStatus.OK
    assert "this shop lets it pass" in made.decision.warnings[0]
    drift = made.decision.details["drift"]
    assert isinstance(drift, dict)
    assert drift["override_artifact_id"] is None


async def test_where_no_approval_is_needed_the_verdict_of_today_decides(shop: Shop) -> None:
    _, candidate, _ = await drifted(shop)
    made = await shop.under(require_approval=RequireApproval.NEVER).made(artifact_id=candidate.artifact_id)
    assert (made.status, "drift" in made.decision.details) == (ArtifactStatus.OK, False)
    alone = await shop.made(spec=GOOD, context=SHOP)
    assert alone.status is ArtifactStatus.OK
