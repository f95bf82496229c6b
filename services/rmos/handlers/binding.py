"""Binding a candidate: load, re-hash, compile, judge, record ALLOW or BLOCK."""

from __future__ import annotations

import time

from contracts.artifacts import ArtifactKind, Attachment, AttachmentKind, RunArtifact
from contracts.blobs import BlobRef
from contracts.canonical import digest_of
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.rmos import ArtifactReply, BindCandidate
from contracts.spec import RosetteSpec
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.run import RunState
from services.rmos.domain.session import Design
from services.rmos.domain.session_commands import RequestFeasibility, SetDesign
from services.rmos.handlers.desk import Desk, artifact_in, milliseconds
from services.rmos.handlers.judging import Judged, SessionSteps, judgement, parsed_spec, stored
from services.rmos.minting import Placement


class BindingHandlers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def bind_candidate(self, command: BindCandidate, request: RequestContext) -> ArtifactReply:
        """The recorded decision, OK or BLOCKED. Input that is wrong in itself raises and records nothing."""
        desk = self._desk
        artifact = await desk.once(command, request, lambda: self._bind(command, request), artifact_in)
        return await desk.reply_with(artifact)

    async def _bind(self, command: BindCandidate, request: RequestContext) -> RunArtifact:
        started = time.perf_counter()
        desk = self._desk
        run, version = await desk.run(command.run_id)
        chosen = run_domain.chosen_attachments(run, command.attachment_ids, command.required_kinds)
        spec, spec_blob = await self._checked_candidate(chosen, command.strict, request)
        expected = {run_domain.stream_of(run.run_id): version}
        steps: SessionSteps | None = None
        context = run.context
        if run.session_id is not None:
            session, session_version = await desk.session(run.session_id)
            design = candidate_design(run, spec, spec_blob)
            steps = SessionSteps(session).then(SetDesign(design, anew=True)).then(RequestFeasibility())
            context = session_domain.judged_context(session, design)
            expected[session_domain.stream_of(run.session_id)] = session_version
        feasibility = await desk.engine.evaluate(spec, context, run.mode)
        judged = Judged(run, context, spec_blob, feasibility, ArtifactKind.ART_STUDIO_CANDIDATE, chosen)
        draft = judgement(judged, command, desk.policy, milliseconds(time.perf_counter() - started))
        before = steps.placed if steps is not None else ()
        placement = Placement(expected, before, lambda artifact: stored(steps, artifact))
        return await desk.persist(draft, placement, command, request)

    async def _checked_candidate(
        self, chosen: tuple[Attachment, ...], strict: bool, request: RequestContext
    ) -> tuple[RosetteSpec, BlobRef]:
        """The candidate's spec; every chosen blob is read and hashed, and the SVG must be what the spec compiles to."""
        content = {item.attachment_id: await self._desk.blobs.get(item.blob) for item in chosen}
        spec_attachment = _only(chosen, AttachmentKind.SPEC)
        svg_attachment = _only(chosen, AttachmentKind.SVG)
        if spec_attachment is None:
            raise RmosError(ErrorCode.INVALID_REQUEST, "a candidate needs an attachment of kind spec")
        if svg_attachment is None and strict:
            raise RmosError(
                ErrorCode.INVALID_REQUEST,
                "a strict bind needs an attachment of kind svg beside the spec (or strict: false)",
            )
        spec = parsed_spec(content[spec_attachment.attachment_id])
        compiled = await self._desk.art.compile_spec(spec, request)
        if svg_attachment is not None and svg_attachment.attachment_id != compiled.svg.sha256:
            raise RmosError(
                ErrorCode.INVALID_SVG,
                "the SVG is not what the spec compiles to: generate it again from this spec",
                svg_sha256=svg_attachment.attachment_id,
                compiled_sha256=compiled.svg.sha256,
                compiler_version=compiled.compiler_version,
            )
        return spec, spec_attachment.blob


def candidate_design(run: RunState, spec: RosetteSpec, spec_blob: BlobRef) -> Design:
    """The candidate as its session's design."""
    return Design(run.run_id, digest_of(spec), spec_blob, run.context, run.mode)


def _only(chosen: tuple[Attachment, ...], kind: AttachmentKind) -> Attachment | None:
    found = [item for item in chosen if item.kind is kind]
    if len(found) > 1:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"{len(found)} attachments of kind {kind.value}: name exactly one")
    return found[0] if found else None
