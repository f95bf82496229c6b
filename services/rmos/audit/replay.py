"""Answers `query.rmos.replay.v1`: everything that was computed in a run, computed again from its recorded inputs.

Nothing is recorded, stored or published: art_studio and cam answer with digests, the engine judges in a worker. What
cannot be told is told to be so; a service that is away ends the query, because then nothing was found out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

import orjson
from pydantic import ValidationError

from contracts.ai import Provenance
from contracts.artifacts import ArtifactKind, AttachmentKind
from contracts.audit import AskReplay, Replayed, ReplayItem, ReplayOutcome
from contracts.blobs import BlobRef
from contracts.cam import Post, ToolpathJob
from contracts.canonical import digest_of, sha256_hex
from contracts.envelope import RequestContext
from contracts.errors import RETRYABLE, ErrorCode, RmosError
from contracts.feasibility import Feasibility
from contracts.gcode_header import ProgramOrigin
from contracts.spec import RosetteSpec
from services.rmos.audit.attestation import Records, run_record
from services.rmos.audit.run_record import NoRecord, Recorded, RunRecord, is_program
from services.rmos.domain import override
from services.rmos.domain.basis import first_verdict
from services.rmos.domain.drift import changed_between
from services.rmos.ports import Art, Blobs, Cam, Engine

AT_ONCE = 4
"""Computations of one run at a time: its queries come in parallel already."""
_ALL = 2**53
_PROGRAM = ("toolpaths", "gcode", "opplan", "preview")
_NOT_CAPTURED = "prompt and answer were not kept (RMOS_AI_CAPTURE was off)"
Work = Callable[[], Awaitable[list[ReplayItem]]]


class Workshop(Protocol):
    """What a replay computes with: services.rmos.handlers.desk.Desk."""

    @property
    def blobs(self) -> Blobs: ...
    @property
    def art(self) -> Art: ...
    @property
    def cam(self) -> Cam: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def log_origin(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Design:
    """A drawing and the spec it was made from."""

    spec: BlobRef
    svg_sha256: str


class ReplayHandlers:
    def __init__(self, records: Records, workshop: Workshop) -> None:
        self._records = records
        self._workshop = workshop

    async def replay(self, query: AskReplay, request: RequestContext) -> Replayed:
        """Raises NOT_FOUND, UNAVAILABLE or DEADLINE_EXCEEDED."""
        try:
            record = await run_record(self._records, query.run_id, _ALL)
        except NoRecord as problem:
            raise RmosError(ErrorCode.NOT_FOUND, str(problem), run_id=query.run_id) from problem
        slots = asyncio.Semaphore(AT_ONCE)

        async def done(work: Work) -> list[ReplayItem]:
            async with slots:
                return await work()

        found = await asyncio.gather(*(done(work) for work in self._works(record, request)))
        return Replayed(run_id=query.run_id, items=tuple(item for items in found for item in items))

    def _works(self, record: RunRecord, request: RequestContext) -> Iterator[Work]:
        for design in _designs(record):
            yield partial(self._svg, design, request)
        for provenance, spec in _answers(record):
            yield partial(self._answer, provenance, spec)
        for item in record.artifacts:
            if item.artifact.kind is ArtifactKind.IMPORTED:
                yield partial(_imported, item)
            elif item.artifact.feasibility is not None:
                yield partial(self._verdict, item)
            if is_program(item.artifact):
                yield partial(self._program, record, item, request)

    async def _svg(self, design: _Design, request: RequestContext) -> list[ReplayItem]:
        of = f"att-{design.svg_sha256}"
        try:
            spec = await self._spec(design.spec)
        except RmosError as error:
            return [_unknown("svg", of, design.svg_sha256, error)]
        try:
            again = await self._workshop.art.svg_sha256(spec, request)
        except RmosError as error:
            return [_refused("svg", of, design.svg_sha256, error)]
        return [_compared("svg", of, design.svg_sha256, again, ("drawing",))]

    async def _answer(self, provenance: BlobRef, spec: BlobRef) -> list[ReplayItem]:
        """The design that the recorded answer holds, against the one that was attached."""
        of = f"att-{provenance.sha256}"
        try:
            call = Provenance.model_validate_json(await self._workshop.blobs.get(provenance))
            if not call.captured or call.response_sha256 is None:
                return [_untold("ai_answer", of, spec.sha256, _NOT_CAPTURED)]
            kept = BlobRef(sha256=call.response_sha256, size=0, content_type="text/plain")
            design = RosetteSpec.model_validate(orjson.loads(await self._workshop.blobs.get(kept)))
        except RmosError as error:
            return [_unknown("ai_answer", of, spec.sha256, error)]
        except (ValidationError, orjson.JSONDecodeError):
            return [_untold("ai_answer", of, spec.sha256, "the recorded answer is no design by itself")]
        return [_compared("ai_answer", of, spec.sha256, digest_of(design), ("design",))]

    async def _verdict(self, item: Recorded) -> list[ReplayItem]:
        artifact, then = item.artifact, item.artifact.feasibility
        assert then is not None  # only such are asked for
        try:
            spec = await self._spec(artifact.outputs.get("spec"))
            now = await self._workshop.engine.evaluate_by(then.catalog_sha256, spec, artifact.context, artifact.mode)
        except RmosError as error:
            return [_unknown("feasibility", artifact.artifact_id, then.feasibility_sha256, error)]
        changed = changed_between(then, now)
        digests = then.feasibility_sha256, now.feasibility_sha256
        return [_compared("feasibility", artifact.artifact_id, *digests, changed)]

    async def _program(self, record: RunRecord, item: Recorded, request: RequestContext) -> list[ReplayItem]:
        artifact, of = item.artifact, item.artifact.artifact_id
        try:
            job = self._job(record, item, await self._spec(artifact.outputs.get("spec")))
        except RmosError as error:
            return [_unknown(name, of, artifact.hashes[name], error) for name in _PROGRAM]
        try:
            made = await self._workshop.cam.recomputed(job, request)
        except RmosError as error:
            return [_refused(name, of, artifact.hashes[name], error) for name in _PROGRAM]
        now = {name: getattr(made, f"{name}_sha256") for name in _PROGRAM}
        _, engine, post = artifact.engine_version.split(" ")
        versions = (("engine_version", engine, made.engine_version), ("post_version", post, made.post_version))
        changed = tuple(name for name, then, today in versions if then != today) or ("content",)
        return [_compared(name, of, artifact.hashes[name], now[name], changed) for name in _PROGRAM]

    def _job(self, record: RunRecord, item: Recorded, spec: RosetteSpec) -> ToolpathJob:
        """The job as it was given to CAM. Raises INVALID_REQUEST or TOOLPATHS_ERROR when the catalog lacks a part."""
        artifact = item.artifact
        verdict = cast(Feasibility, artifact.feasibility)  # minting lets no program pass without one
        origin = ProgramOrigin(
            run_id=record.run_id, rests_on_artifact_id=_rested_on(record, item), log_origin=self._workshop.log_origin
        )
        post = cast(Post, artifact.meta["post"])
        return self._workshop.engine.job_by(verdict.catalog_sha256, spec, artifact.context, verdict, post, origin)

    async def _spec(self, blob: BlobRef | None) -> RosetteSpec:
        if blob is None:
            raise RmosError(ErrorCode.BLOB_MISSING, "the record holds no design")
        try:
            return RosetteSpec.model_validate(orjson.loads(await self._workshop.blobs.get(blob)))
        except (ValidationError, orjson.JSONDecodeError) as error:
            raise RmosError(ErrorCode.INVALID_SPEC, "the recorded design is none that this version reads") from error


def _designs(record: RunRecord) -> list[_Design]:
    """Every drawing whose spec is known: from the assets that were attached, and from the candidates."""
    groups: list[Sequence[tuple[AttachmentKind, BlobRef]]] = [
        [(item.kind, item.blob) for item in record.attachments if item.metadata.get("asset_id") == asset]
        for asset in dict.fromkeys(item.metadata.get("asset_id") for item in record.attachments)
        if asset is not None
    ]
    groups += [[(part.kind, part.blob) for part in item.artifact.attachments] for item in record.artifacts]
    found = []
    for group in groups:
        parts = dict(group)
        if AttachmentKind.SPEC in parts and AttachmentKind.SVG in parts:
            found.append(_Design(parts[AttachmentKind.SPEC], parts[AttachmentKind.SVG].sha256))
    return list(dict.fromkeys(found))


def _answers(record: RunRecord) -> list[tuple[BlobRef, BlobRef]]:
    """The record of each model call, and the spec that came out of it."""
    specs = {
        item.metadata.get("asset_id"): item.blob for item in record.attachments if item.kind is AttachmentKind.SPEC
    }
    return [
        (item.blob, specs[item.metadata["asset_id"]])
        for item in record.attachments
        if item.kind is AttachmentKind.PROVENANCE and item.metadata.get("asset_id") in specs
    ]


def _rested_on(record: RunRecord, item: Recorded) -> str | None:
    """What the program's header names: see services.rmos.handlers.toolpaths."""
    artifact = item.artifact
    digests = override.digests_of(cast(Feasibility, artifact.feasibility), artifact.context)
    session = record.session_before(item.row.position)
    if session is not None and (session.approval.digests == digests or "drift" in artifact.decision.details):
        return session.approval.artifact_id
    earlier = (found.artifact for found in record.artifacts if found.row.position < item.row.position)
    return first_verdict(earlier, digests)


async def _imported(item: Recorded) -> list[ReplayItem]:
    recorded = sha256_hex(item.row.data)
    reason = "another system decided it, and its inputs are not here"
    return [_untold("feasibility", item.artifact.artifact_id, recorded, reason)]


def _compared(what: str, of: str, then: str, now: str, changed: tuple[str, ...]) -> ReplayItem:
    same = then == now
    outcome = ReplayOutcome.SAME if same else ReplayOutcome.DRIFT
    return _item(what, of, outcome, then, now, () if same else changed)


def _refused(what: str, of: str, then: str, error: RmosError) -> ReplayItem:
    """It was made then, and today it is refused: that is drift. Raises what says nothing about it."""
    _if_told(error)
    return _item(what, of, ReplayOutcome.DRIFT, then, None, ("refused",), error.message)


def _unknown(what: str, of: str, then: str, error: RmosError) -> ReplayItem:
    _if_told(error)
    return _untold(what, of, then, error.message)


def _untold(what: str, of: str, then: str, reason: str) -> ReplayItem:
    return _item(what, of, ReplayOutcome.NOT_REPRODUCIBLE, then, None, (), reason)


def _item(
    what: str,
    of: str,
    outcome: ReplayOutcome,
    then: str,
    now: str | None,
    changed: tuple[str, ...],
    reason: str | None = None,
) -> ReplayItem:
    return ReplayItem.model_validate(
        {
            "what": what,
            "of": of,
            "outcome": outcome,
            "recorded_sha256": then,
            "recomputed_sha256": now,
            "changed": changed,
            "reason": reason,
        }
    )


def _if_told(error: RmosError) -> None:
    """Raises the error again when it is about the system and not about what was asked."""
    if error.code in RETRYABLE or error.code is ErrorCode.INTERNAL:
        raise error
