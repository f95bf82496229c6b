"""Toolpaths: judge again, gate, have them made, read them back, record. Every valid request leaves one artifact."""

from __future__ import annotations

import time
from dataclasses import dataclass

from contracts.artifacts import ArtifactKind, ArtifactStatus, Decision, RunArtifact
from contracts.blobs import BlobRef
from contracts.cam import ToolpathResult
from contracts.canonical import canonical_bytes
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility, Mode, RiskLevel
from contracts.log import ApprovedDigests, LogEvent, RunOpened, SessionToolpathsStored
from contracts.params import spec_of
from contracts.rmos import ArtifactReply, AskArtifact, MakeToolpaths
from contracts.spec import RosetteSpec
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.policy import approval_needed, decision_on
from services.rmos.domain.run import RunState
from services.rmos.domain.session import SessionFold
from services.rmos.domain.summary import request_summary
from services.rmos.handlers.binding import digests_of, parsed_spec
from services.rmos.handlers.desk import Desk, decided, milliseconds
from services.rmos.minting import Draft, Placement
from services.rmos.ports import Queries


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is to be cut, where it belongs, and what was decided about it before."""

    run: RunState
    version: int
    opening: RunOpened | None
    session: SessionFold | None
    session_version: int
    spec: RosetteSpec
    spec_blob: BlobRef
    context: CuttingContext
    mode: Mode
    parent: RunArtifact | None


class ToolpathHandlers:
    def __init__(self, desk: Desk, queries: Queries) -> None:
        self._desk = desk
        self._queries = queries

    async def make_toolpaths(self, command: MakeToolpaths, request: RequestContext) -> ArtifactReply:
        """The recorded outcome: released (OK), refused (BLOCKED) or failed (ERROR)."""
        artifact = await self._desk.recorded_artifact(command, request)
        if artifact is None:
            artifact = await decided(lambda: self._make(command, request))
        return await self._desk.reply_with(artifact)

    async def _make(self, command: MakeToolpaths, request: RequestContext) -> RunArtifact:
        started = time.perf_counter()
        subject = await self._subject(command)
        feasibility = await self._desk.engine.evaluate(subject.spec, subject.context, subject.mode)
        digests = digests_of(feasibility, subject.context)
        status, decision = decision_on(feasibility, self._desk.policy)
        result: ToolpathResult | None = None
        if status is ArtifactStatus.OK:
            refusal = self._missing_approval(subject, digests, decision)
            if refusal is not None:
                status, decision = ArtifactStatus.BLOCKED, refusal
        if status is ArtifactStatus.OK:
            try:
                result = await self._made(subject, feasibility, command, request)
            except RmosError as error:
                status, decision = ArtifactStatus.ERROR, _failed(decision, error)
        draft = self._draft(subject, command, feasibility, status, decision, result, started)
        placement = self._placement(subject, result)
        return await self._desk.persist(draft, placement, command, request)

    async def _subject(self, command: MakeToolpaths) -> _Subject:
        """Load run, session and design. Raises NOT_FOUND or INVALID_SPEC before anything is recorded."""
        desk = self._desk
        parent: RunArtifact | None = None
        run_id = command.run_id
        if command.artifact_id is not None:
            parent = (
                await self._queries.artifact(AskArtifact(artifact_id=command.artifact_id, with_outputs=False))
            ).artifact
            run_id = run_id or parent.run_id
            if parent.run_id != run_id:
                raise RmosError(ErrorCode.INVALID_REQUEST, f"artifact {parent.artifact_id} is of run {parent.run_id}")
        opening: RunOpened | None = None
        if run_id is None:
            opening = RunOpened(run_id=desk.new_id("run"), mode=command.mode, context=command.context)
            run, version = run_domain.evolve(None, opening), 0
        else:
            run, version = await desk.run(run_id)
        base = parent.context if parent is not None else run.context
        session, session_version = await desk.session(run.session_id) if run.session_id else (None, 0)
        spec, spec_blob = await self._spec(command, parent)
        return _Subject(
            run=run,
            version=version,
            opening=opening,
            session=session,
            session_version=session_version,
            spec=spec,
            spec_blob=spec_blob,
            context=run_domain.merged(base, command.context),
            mode=command.mode,
            parent=parent,
        )

    async def _spec(self, command: MakeToolpaths, parent: RunArtifact | None) -> tuple[RosetteSpec, BlobRef]:
        """The design as a spec whose canonical bytes are in the object store, so that it can be cut again later."""
        if parent is not None:
            blob = parent.outputs.get("spec")
            if blob is None:
                raise RmosError(
                    ErrorCode.INVALID_REQUEST,
                    f"artifact {parent.artifact_id} ({parent.kind.value}) holds no design: name a bound candidate",
                )
            return parsed_spec(await self._desk.blobs.get(blob)), blob
        spec = command.spec if command.spec is not None else spec_of(command.design)  # type: ignore[arg-type]  # the message has exactly one
        return spec, await self._desk.blobs.put(canonical_bytes(spec), "application/json")

    def _missing_approval(self, subject: _Subject, digests: ApprovedDigests, decision: Decision) -> Decision | None:
        if not approval_needed(self._desk.policy, subject.session is not None):
            return None
        approved = subject.session.approved if subject.session is not None else None
        if approved == digests:
            return None
        reason = (
            "no approval of exactly this design, tool, material and machine: bind it and have an operator approve it"
        )
        details = {
            **decision.details,
            "error": ErrorCode.APPROVAL_REQUIRED.value,
            "asked": digests.model_dump(mode="json"),
            "approved": approved.model_dump(mode="json") if approved is not None else None,
        }
        return decision.model_copy(update={"block_reason": reason, "details": details})

    async def _made(
        self, subject: _Subject, feasibility: Feasibility, command: MakeToolpaths, request: RequestContext
    ) -> ToolpathResult:
        """CAM's program, read back and hashed. Raises RmosError for every way in which there is none."""
        job = self._desk.engine.job_for(subject.spec, subject.context, feasibility, command.post)
        result = await self._desk.cam.generate(job, request)
        if not result.simulation.passed:
            raise RmosError(ErrorCode.TOOLPATHS_ERROR, "the program failed its own simulation")
        for blob in (result.gcode, result.opplan, result.preview):
            await self._desk.blobs.get(blob)
        return result

    def _draft(
        self,
        subject: _Subject,
        command: MakeToolpaths,
        feasibility: Feasibility,
        status: ArtifactStatus,
        decision: Decision,
        result: ToolpathResult | None,
        started: float,
    ) -> Draft:
        outputs = {"spec": subject.spec_blob}
        hashes = {
            "feasibility": feasibility.feasibility_sha256,
            "design": feasibility.design_sha256,
            "spec": subject.spec_blob.sha256,
        }
        engines = feasibility.engine_version
        if result is not None:
            outputs |= {"gcode": result.gcode, "opplan": result.opplan, "preview": result.preview}
            hashes |= {name: blob.sha256 for name, blob in outputs.items()}
            hashes["toolpaths"] = result.toolpaths_sha256
            engines = f"{engines} {result.engine_version} {result.post_version}"
        return Draft(
            run_id=subject.run.run_id,
            kind=ArtifactKind.TOOLPATHS,
            status=status,
            decision=decision,
            mode=subject.mode,
            context=subject.context,
            engine_version=engines,
            compute_ms=milliseconds(time.perf_counter() - started),
            feasibility=feasibility,
            request_summary=request_summary(command.model_dump(mode="json")),
            hashes=hashes,
            outputs=outputs,
            simulation=result.simulation if result is not None else None,
            session_id=subject.run.session_id,
            parent_artifact_id=subject.parent.artifact_id if subject.parent is not None else None,
            meta={"post": command.post},
        )

    def _placement(self, subject: _Subject, result: ToolpathResult | None) -> Placement:
        run_stream = run_domain.stream_of(subject.run.run_id)
        expected = {run_stream: subject.version}
        before: list[tuple[str, LogEvent]] = [(run_stream, subject.opening)] if subject.opening is not None else []
        session = subject.session
        if session is None or result is None:
            return Placement(expected, before)
        # the approval that let this pass must still stand when it is recorded
        stream = session_domain.stream_of(session.session_id)
        expected[stream] = subject.session_version
        if (session.state, session_domain.Action.STORE_TOOLPATHS) not in session_domain.TRANSITIONS:
            return Placement(expected, before)

        def stored(artifact: RunArtifact) -> list[tuple[str, LogEvent]]:
            event = SessionToolpathsStored(
                session_id=session.session_id,
                run_id=artifact.run_id,
                artifact_id=artifact.artifact_id,
                gcode_sha256=result.gcode.sha256,
            )
            return [(stream, event)]

        return Placement(expected, before, stored)


def _failed(decision: Decision, error: RmosError) -> Decision:
    return decision.model_copy(
        update={
            "risk_level": RiskLevel.ERROR,
            "block_reason": error.message,
            "details": {
                **decision.details,
                "error": ErrorCode.TOOLPATHS_ERROR.value,
                "cause": error.code.value,
                "retryable": error.body.retryable,
            },
        }
    )
