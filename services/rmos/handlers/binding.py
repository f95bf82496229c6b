"""Binding a candidate: load, re-hash, compile, judge, record ALLOW or BLOCK."""

from __future__ import annotations

import time

import orjson
from pydantic import ValidationError

from contracts.artifacts import ArtifactKind, Attachment, AttachmentKind, RunArtifact
from contracts.blobs import BlobRef
from contracts.canonical import digest_of
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility
from contracts.log import ApprovedDigests, LogEvent, SessionDesignSet, SessionFeasibilityStored
from contracts.rmos import ArtifactReply, BindCandidate
from contracts.spec import RosetteSpec
from runtime.bus import invalid_request
from services.rmos.domain import run as run_domain
from services.rmos.domain import session as session_domain
from services.rmos.domain.policy import decision_on
from services.rmos.domain.summary import request_summary
from services.rmos.handlers.desk import Desk, decided, milliseconds
from services.rmos.minting import Draft, Placement


class BindingHandlers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def bind_candidate(self, command: BindCandidate, request: RequestContext) -> ArtifactReply:
        """The recorded decision, OK or BLOCKED. Input that is wrong in itself raises and records nothing."""
        artifact = await self._desk.recorded_artifact(command, request)
        if artifact is None:
            artifact = await decided(lambda: self._bind(command, request))
        return await self._desk.reply_with(artifact)

    async def _bind(self, command: BindCandidate, request: RequestContext) -> RunArtifact:
        started = time.perf_counter()
        desk = self._desk
        run, version = await desk.run(command.run_id)
        chosen = run_domain.chosen_attachments(run, command.attachment_ids, command.required_kinds)
        spec, spec_blob = await self._checked_candidate(chosen, command.strict, request)
        feasibility = await desk.engine.evaluate(spec, run.context, run.mode)
        status, decision = decision_on(feasibility, desk.policy)
        expected = {run_domain.stream_of(run.run_id): version}
        before: list[tuple[str, LogEvent]] = []
        if run.session_id is not None:
            session, session_version = await desk.session(run.session_id)
            session_domain.after(session.state, session_domain.Action.SET_DESIGN)
            stream = session_domain.stream_of(run.session_id)
            expected[stream] = session_version
            design_set = SessionDesignSet(
                session_id=run.session_id, run_id=run.run_id, design_sha256=feasibility.design_sha256
            )
            before.append((stream, design_set))

        def stored(artifact: RunArtifact) -> list[tuple[str, LogEvent]]:
            if run.session_id is None:
                return []
            event = SessionFeasibilityStored(
                session_id=run.session_id,
                run_id=run.run_id,
                artifact_id=artifact.artifact_id,
                digests=digests_of(feasibility, run.context),
                risk_level=feasibility.risk_level,
                score=feasibility.score,
            )
            return [(session_domain.stream_of(run.session_id), event)]

        summary = request_summary(command.model_dump(mode="json"))
        draft = Draft(
            run_id=run.run_id,
            kind=ArtifactKind.ART_STUDIO_CANDIDATE,
            status=status,
            decision=decision,
            mode=run.mode,
            context=run.context,
            engine_version=feasibility.engine_version,
            compute_ms=milliseconds(time.perf_counter() - started),
            feasibility=feasibility,
            request_summary=summary,
            hashes={
                "feasibility": feasibility.feasibility_sha256,
                "design": feasibility.design_sha256,
                "spec": spec_blob.sha256,
                **{item.kind.value: item.attachment_id for item in chosen},
            },
            outputs={"spec": spec_blob},
            attachments=chosen,
            advisory_inputs=run.asset_ids,
            session_id=run.session_id,
        )
        placement = Placement(expected, before, stored)
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


def digests_of(feasibility: Feasibility, context: CuttingContext) -> ApprovedDigests:
    """What an approval of this evaluation covers."""
    return ApprovedDigests(
        design_sha256=feasibility.design_sha256,
        feasibility_sha256=feasibility.feasibility_sha256,
        context_sha256=digest_of(context),
    )


def parsed_spec(data: bytes) -> RosetteSpec:
    """The spec in a blob. Raises INVALID_SPEC naming each field that is wrong."""
    try:
        return RosetteSpec.model_validate(orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.INVALID_SPEC, f"the spec is not JSON: {error}") from error
    except ValidationError as error:
        raise invalid_request(error, ErrorCode.INVALID_SPEC) from error


def _only(chosen: tuple[Attachment, ...], kind: AttachmentKind) -> Attachment | None:
    found = [item for item in chosen if item.kind is kind]
    if len(found) > 1:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"{len(found)} attachments of kind {kind.value}: name exactly one")
    return found[0] if found else None
