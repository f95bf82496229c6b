"""Toolpaths: judge again, gate, have them made, read them back, record. Every valid request leaves one artifact: CAM is
given less time than there is, so that its silence can be recorded too."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from contracts.artifacts import ArtifactKind, ArtifactStatus, Decision, RunArtifact
from contracts.blobs import BlobRef
from contracts.cam import ToolpathResult
from contracts.canonical import digest_of
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import Feasibility, RiskLevel
from contracts.gcode_header import ProgramOrigin
from contracts.log import LogEvent, RunOpened
from contracts.rmos import ArtifactReply, AskArtifact, MakeToolpaths
from contracts.sessions import SessionState
from contracts.spec import RosetteSpec
from services.rmos.domain import override
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.context import merged
from services.rmos.domain.policy import decision_on
from services.rmos.domain.run import RunState
from services.rmos.domain.session_commands import FailToolpaths, RequestToolpaths, StoreToolpaths
from services.rmos.domain.summary import request_summary
from services.rmos.handlers.desk import Desk, artifact_in, milliseconds
from services.rmos.handlers.judging import SessionSteps, parsed_spec, stored_spec
from services.rmos.handlers.toolpath_gate import Subject, gated, not_recomputed
from services.rmos.minting import Draft, Placement
from services.rmos.ports import Queries

TO_RECORD_MS = 2000
"""How long before the caller's deadline CAM must have answered: a program that takes too long is an outcome, and there
must be time to put it on record. Of a shorter deadline, half of what is left."""


@dataclass(slots=True)
class _Made:
    """What this request has had computed so far: deciding anew after a conflict does not compute it again."""

    verdicts: dict[str, Feasibility] = field(default_factory=dict)
    programs: dict[str, ToolpathResult | RmosError] = field(default_factory=dict)


class ToolpathHandlers:
    def __init__(self, desk: Desk, queries: Queries) -> None:
        self._desk = desk
        self._queries = queries

    async def make_toolpaths(self, command: MakeToolpaths, request: RequestContext) -> ArtifactReply:
        """The recorded outcome: released (OK), refused (BLOCKED) or failed (ERROR). One that came after the deadline is
        not recorded."""
        desk, made = self._desk, _Made()
        artifact = await desk.once(command, request, lambda: self._make(command, request, made), artifact_in)
        return await desk.reply_with(artifact)

    async def _make(self, command: MakeToolpaths, request: RequestContext, made: _Made) -> RunArtifact:
        started = time.perf_counter()
        policy = self._desk.policy
        subject = await self._subject(command)
        try:
            feasibility = await self._verdict(subject, made)
        except RmosError as error:
            if subject.approval is None or error.body.retryable:
                raise
            draft = not_recomputed(subject, subject.approval, command, error, started)
            return await self._desk.persist(draft, self._placement(subject, draft.status, None), command, request)
        digests = override.digests_of(feasibility, subject.context)
        overriding = override.covering(subject.run, digests, feasibility.risk_level, policy)
        status, decision = decision_on(feasibility, policy, overriding)
        result: ToolpathResult | None = None
        if status is ArtifactStatus.OK:
            subject, status, decision = await gated(self._desk, subject, feasibility, digests, decision)
        if status is ArtifactStatus.OK:
            if subject.covered:
                subject = await self._asked(subject, command, request)
            try:
                result = await self._program(subject, feasibility, command, request, made)
            except RmosError as error:
                status, decision = ArtifactStatus.ERROR, _failed(decision, error)
        draft = self._draft(subject, command, feasibility, status, decision, result, overriding, started)
        placement = self._placement(subject, status, result)
        return await self._desk.persist(draft, placement, command, request)

    async def _subject(self, command: MakeToolpaths) -> Subject:
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
            opening = RunOpened(
                run_id=desk.new_id("run"), mode=command.mode, context=command.context, opened_at_utc=desk.now()
            )
            opened = run_domain.fold([opening])
            assert isinstance(opened, RunState)  # an opening opens
            run, version = opened, 0
        else:
            run, version = await desk.run(run_id)
        base = parent.context if parent is not None else run.context
        session, session_version = await desk.session(run.session_id) if run.session_id else (None, 0)
        if session is not None and parent is None:
            base = session.about.in_run(run.run_id, base)
        spec, spec_blob = await self._spec(command, parent)
        return Subject(
            run=run,
            version=version,
            opening=opening,
            session=session,
            session_version=session_version,
            spec=spec,
            spec_blob=spec_blob,
            context=merged(base, command.context),
            mode=command.mode,
            parent=parent,
        )

    async def _spec(self, command: MakeToolpaths, parent: RunArtifact | None) -> tuple[RosetteSpec, BlobRef]:
        if parent is None:
            return await stored_spec(self._desk, command.spec, command.design)
        blob = parent.outputs.get("spec")
        if blob is None:
            raise RmosError(
                ErrorCode.INVALID_REQUEST,
                f"artifact {parent.artifact_id} ({parent.kind.value}) holds no design: name a bound candidate",
            )
        return parsed_spec(await self._desk.blobs.get(blob)), blob

    async def _verdict(self, subject: Subject, made: _Made) -> Feasibility:
        asked = {"spec": digest_of(subject.spec), "context": digest_of(subject.context), "mode": subject.mode}
        key = digest_of(asked)
        if key not in made.verdicts:
            made.verdicts[key] = await self._desk.engine.evaluate(subject.spec, subject.context, subject.mode)
        return made.verdicts[key]

    async def _asked(self, subject: Subject, command: MakeToolpaths, request: RequestContext) -> Subject:
        """The session says that toolpaths are being made, before they are. Whoever finds it saying so, asks again."""
        assert subject.session is not None  # an approval covers this
        if session_domain.state_of(subject.session) is SessionState.TOOLPATHS_REQUESTED:
            return subject
        desk = self._desk
        steps = SessionSteps(subject.session).then(RequestToolpaths())
        stream = session_domain.stream_of(subject.session.about.session_id)
        caused = request.caused(desk.new_id("command"))
        await desk.append(command, caused, {stream: subject.session_version}, steps.placed)
        return replace(subject, session=steps.session, session_version=subject.session_version + len(steps.events))

    async def _program(
        self,
        subject: Subject,
        feasibility: Feasibility,
        command: MakeToolpaths,
        request: RequestContext,
        made: _Made,
    ) -> ToolpathResult:
        """CAM's program, read back and hashed. Raises RmosError for every way in which there is none."""
        origin = ProgramOrigin(
            run_id=subject.run.run_id,
            rests_on_artifact_id=subject.rests_on(override.digests_of(feasibility, subject.context)),
            log_origin=self._desk.log_origin,
        )
        job = self._desk.engine.job_for(subject.spec, subject.context, feasibility, command.post, origin)
        key = digest_of(job)
        if key not in made.programs:
            try:
                made.programs[key] = await self._desk.cam.generate(job, self._with_time_to_record(request))
            except RmosError as error:
                made.programs[key] = error
        result = made.programs[key]
        if isinstance(result, RmosError):
            raise result
        if not result.simulation.passed:
            raise RmosError(ErrorCode.TOOLPATHS_ERROR, "the program failed its own simulation")
        for blob in (result.gcode, result.opplan, result.preview):
            await self._desk.blobs.get(blob)
        return result

    def _with_time_to_record(self, request: RequestContext) -> RequestContext:
        left_ms = request.deadline_ms - int(self._desk.clock.now().timestamp() * 1000)
        return request.model_copy(update={"deadline_ms": request.deadline_ms - min(TO_RECORD_MS, left_ms // 2)})

    def _draft(
        self,
        subject: Subject,
        command: MakeToolpaths,
        feasibility: Feasibility,
        status: ArtifactStatus,
        decision: Decision,
        result: ToolpathResult | None,
        overriding: str | None,
        started: float,
    ) -> Draft:
        outputs = {"spec": subject.spec_blob}
        hashes = override.hashes_of(override.digests_of(feasibility, subject.context))
        hashes["spec"] = subject.spec_blob.sha256
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
            override_artifact_id=overriding,
            red_is_allowed=not self._desk.policy.block_on_red,
            meta={"post": command.post},
        )

    def _placement(self, subject: Subject, status: ArtifactStatus, result: ToolpathResult | None) -> Placement:
        run_stream = run_domain.stream_of(subject.run.run_id)
        expected = {run_stream: subject.version}
        before: list[tuple[str, LogEvent]] = [(run_stream, subject.opening)] if subject.opening is not None else []
        session = subject.session
        if session is None:
            return Placement(expected, before)
        # the approval that let this pass, or was missing, must still be the same when it is recorded
        expected[session_domain.stream_of(session.about.session_id)] = subject.session_version
        if status is ArtifactStatus.BLOCKED or not subject.covered:
            return Placement(expected, before)

        def settled(artifact: RunArtifact) -> list[tuple[str, LogEvent]]:
            if result is None:
                return SessionSteps(session).then(FailToolpaths(artifact.artifact_id)).placed
            return SessionSteps(session).then(StoreToolpaths(artifact.artifact_id, result.gcode.sha256)).placed

        return Placement(expected, before, settled)


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
