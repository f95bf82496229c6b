"""What is to be cut, and whether an approval covers it: the gate before any toolpath is made."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from contracts.artifacts import ArtifactKind, ArtifactStatus, Decision, RunArtifact
from contracts.blobs import BlobRef
from contracts.canonical import digest_of
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility, Mode
from contracts.log import ApprovedDigests, RunOpened
from contracts.rmos import MakeToolpaths
from contracts.spec import RosetteSpec
from services.rmos.domain import override
from services.rmos.domain.basis import first_verdict
from services.rmos.domain.drift import Drift, blocked_by, changed_between, passed_with, unknown_because
from services.rmos.domain.feasibility import ENGINE_VERSION
from services.rmos.domain.policy import OnDrift, approval_needed
from services.rmos.domain.run import RunState
from services.rmos.domain.session import Approval, Covered, Living
from services.rmos.domain.summary import request_summary
from services.rmos.handlers.desk import Desk, milliseconds
from services.rmos.minting import Draft


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be cut, where it belongs, and what was decided about it before."""

    run: RunState
    version: int
    opening: RunOpened | None
    session: Living | None
    session_version: int
    spec: RosetteSpec
    spec_blob: BlobRef
    context: CuttingContext
    mode: Mode
    parent: RunArtifact | None
    covered: bool = False
    """The session's approval lets these toolpaths be made: the session's state moves with them."""

    @property
    def approval(self) -> Approval | None:
        """Of this design in this context, whatever has become of the verdict since."""
        if not isinstance(self.session, Covered):
            return None
        approved = self.session.approval
        asked = digest_of(self.spec), digest_of(self.context)
        return approved if (approved.digests.design_sha256, approved.digests.context_sha256) == asked else None

    def rests_on(self, digests: ApprovedDigests) -> str | None:
        """The artifact that the program names: see contracts.gcode_header.ProgramOrigin. The same for every request in
        this run that asks for the same: toolpaths' own artifacts do not count, and of the verdicts the first one."""
        if self.covered and self.approval is not None:
            return self.approval.artifact_id
        return first_verdict(self.run.artifacts, digests)


async def gated(
    desk: Desk, subject: Subject, feasibility: Feasibility, digests: ApprovedDigests, decision: Decision
) -> tuple[Subject, ArtifactStatus, Decision]:
    """Whether the session's approval covers this verdict, and what that means where one is needed."""
    approval = subject.approval
    if approval is not None and approval.digests == digests:
        return replace(subject, covered=True), ArtifactStatus.OK, decision
    if not approval_needed(desk.policy, subject.session is not None):
        return subject, ArtifactStatus.OK, decision
    if approval is None:
        return subject, ArtifactStatus.BLOCKED, _approval_missing(subject, digests, decision)
    accepted = override.accepting_drift(subject.run, digests, approval.digests)
    drift = Drift(
        approval_artifact_id=approval.artifact_id,
        approved_feasibility_sha256=approval.digests.feasibility_sha256,
        feasibility_sha256=digests.feasibility_sha256,
        changed=changed_between(await _approved_verdict(desk, subject), feasibility),
        override_artifact_id=accepted,
    )
    if accepted is None and desk.policy.on_drift is OnDrift.BLOCK:
        return subject, ArtifactStatus.BLOCKED, blocked_by(drift, decision)
    return replace(subject, covered=True), ArtifactStatus.OK, passed_with(drift, decision)


async def _approved_verdict(desk: Desk, subject: Subject) -> Feasibility:
    """What the approval was given on; its run may be another one of the session."""
    assert isinstance(subject.session, Covered)  # only then is there an approval
    design, verdict = subject.session.design, subject.session.verdict
    run = subject.run if design.run_id == subject.run.run_id else (await desk.run(design.run_id))[0]
    feasibility = run.artifact(verdict.artifact_id).feasibility
    assert feasibility is not None  # a session takes over verdicts only
    return feasibility


def _approval_missing(subject: Subject, digests: ApprovedDigests, decision: Decision) -> Decision:
    approved = subject.session.approval.digests if isinstance(subject.session, Covered) else None
    reason = "no approval of exactly this design, tool, material and machine: bind it and have an operator approve it"
    details = {
        **decision.details,
        "error": ErrorCode.APPROVAL_REQUIRED.value,
        "asked": digests.model_dump(mode="json"),
        "approved": approved.model_dump(mode="json") if approved is not None else None,
    }
    return decision.model_copy(update={"block_reason": reason, "details": details})


def not_recomputed(
    subject: Subject, approval: Approval, command: MakeToolpaths, error: RmosError, started: float
) -> Draft:
    """The refusal where the approved verdict cannot be computed again: nobody knows what it would be."""
    drift = Drift(
        approval_artifact_id=approval.artifact_id,
        approved_feasibility_sha256=approval.digests.feasibility_sha256,
        feasibility_sha256=None,
        changed=(),
    )
    return Draft(
        run_id=subject.run.run_id,
        kind=ArtifactKind.TOOLPATHS,
        status=ArtifactStatus.BLOCKED,
        decision=unknown_because(drift, error.message),
        mode=subject.mode,
        context=subject.context,
        engine_version=ENGINE_VERSION,
        compute_ms=milliseconds(time.perf_counter() - started),
        request_summary=request_summary(command.model_dump(mode="json")),
        hashes={
            "design": approval.digests.design_sha256,
            "context": approval.digests.context_sha256,
            "spec": subject.spec_blob.sha256,
        },
        outputs={"spec": subject.spec_blob},
        session_id=subject.run.session_id,
        parent_artifact_id=subject.parent.artifact_id if subject.parent is not None else None,
        meta={"post": command.post},
    )
