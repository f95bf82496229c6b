"""A shop for tests: the real handlers on a real log, real projections and a real object store. The partners answer at
once with the functions that their services run."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.art import CheckedSvg, CompiledSpec
from contracts.artifacts import ArtifactKind, AttachmentKind, RunArtifact
from contracts.blobs import BlobRef
from contracts.cam import Post, RecomputedToolpaths, ToolpathJob, ToolpathResult
from contracts.canonical import canonical_bytes, sha256_hex
from contracts.comparison import GeometryDiff
from contracts.envelope import Actor, ActorKind, RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, Feasibility, Mode
from contracts.gcode_header import ProgramOrigin
from contracts.rmos import (
    AddAttachments,
    AskSession,
    BindCandidate,
    DecideSession,
    ListArtifacts,
    MakeToolpaths,
    NewAttachment,
    OpenRun,
    OpenSession,
    SetSessionDesign,
)
from contracts.sessions import Session
from contracts.spec import RosetteSpec
from runtime.blobs import BlobStore
from runtime.ids import new_id
from runtime.pool import WorkerPool
from runtime.settings import S3Settings
from runtime.testing import DatabaseAccess, S3Access
from services.art_studio.domain.compiler import COMPILER_VERSION, compile_svg
from services.art_studio.domain.svg_check import check_svg
from services.cam.errors import CamError
from services.cam.generate import generate
from services.rmos.domain.legacy import LegacyRun
from services.rmos.domain.policy import SafetyPolicy
from services.rmos.domain.search import PLAIN
from services.rmos.engine import PooledEngine
from services.rmos.handlers.binding import BindingHandlers
from services.rmos.handlers.comparing import ComparisonHandlers
from services.rmos.handlers.decisions import DecisionHandlers
from services.rmos.handlers.desk import Desk
from services.rmos.handlers.queries import QueryHandlers
from services.rmos.handlers.retention import RetentionHandlers
from services.rmos.handlers.runs import RunHandlers
from services.rmos.handlers.sessions import SessionHandlers
from services.rmos.handlers.toolpaths import ToolpathHandlers
from services.rmos.projections.holdings import ProjectionHoldings
from tests.rmos.projections.given import World, world

DORA = Actor(id="dora", role=Role.DESIGNER)
OTTO = Actor(id="otto", role=Role.OPERATOR)
AUDREY = Actor(id="audrey", role=Role.AUDITOR)
ADA = Actor(id="ada", role=Role.ADMIN)
ROBOT = Actor(id="robot", role=Role.ADMIN, kind=ActorKind.AI)
SHOP = CuttingContext(
    material_id="spruce_sitka", tool_id="flat_1_0", machine_id="shapeoko_4_xxl", stock_thickness_mm=2.8
)
ORIGIN = "rmos.test/shop"
_numbers = itertools.count(1)


def ring(r_inner: object = 45, r_outer: object = 48, depth_mm: object = 1.2) -> RosetteSpec:
    """One channel. 3 mm wide it is YELLOW with a score of 78 in SHOP, 0.6 mm wide RED: the cutter is wider."""
    shape = {"type": "ring", "r_inner": r_inner, "r_outer": r_outer, "depth_mm": depth_mm}
    return RosetteSpec.model_validate({"version": "v1", "canvas_mm": 120, "shapes": [shape]})


GOOD = ring()
OTHER = ring(44, 48)
RED = ring(45, "45.6")


@dataclass
class TestClock:
    """The time that a test says it is."""

    __test__ = False
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.moment

    def pass_days(self, days: int) -> None:
        self.moment += timedelta(days=days)

    def pass_s(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class CompilingArt:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def compile_spec(self, spec: RosetteSpec, _: RequestContext) -> CompiledSpec:
        svg = await self._blobs.put(compile_svg(spec), "image/svg+xml")
        return CompiledSpec(spec=spec, svg=svg, compiler_version=COMPILER_VERSION)

    async def svg_sha256(self, spec: RosetteSpec, _: RequestContext) -> str:
        return sha256_hex(compile_svg(spec))

    async def check_svg(self, blob: BlobRef, _: RequestContext) -> CheckedSvg:
        return check_svg(await self._blobs.get(blob))


@dataclass
class GeneratingCam:
    """CAM's own function. `meanwhile` runs while a program is being made; `failing` is what it answers instead."""

    blobs: BlobStore
    jobs: int = 0
    deadline_ms: int | None = None
    """Of the newest job."""
    meanwhile: Callable[[], Awaitable[None]] | None = None
    failing: RmosError | None = None
    _programs: dict[str, Any] = field(default_factory=dict)

    async def generate(self, job: ToolpathJob, request: RequestContext) -> ToolpathResult:
        self.jobs += 1
        self.deadline_ms = request.deadline_ms
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        if self.failing is not None:
            raise self.failing
        try:
            program = await asyncio.to_thread(generate, job)
        except CamError as error:
            raise RmosError(ErrorCode.TOOLPATHS_ERROR, str(error)) from error
        return ToolpathResult(
            gcode=await self.blobs.put(program.gcode, "text/x-gcode"),
            opplan=await self.blobs.put(program.opplan, "application/json"),
            preview=await self.blobs.put(program.preview_svg, "image/svg+xml"),
            toolpaths_sha256=program.toolpaths_sha256,
            simulation=program.simulation,
            engine_version=program.engine_version,
            post_version=program.post_version,
            compute_ms=1,
        )

    async def recomputed(self, job: ToolpathJob, _: RequestContext) -> RecomputedToolpaths:
        if self.failing is not None:
            raise self.failing
        try:
            program = await asyncio.to_thread(generate, job)
        except CamError as error:
            raise RmosError(ErrorCode.TOOLPATHS_ERROR, str(error)) from error
        return RecomputedToolpaths(
            gcode_sha256=sha256_hex(program.gcode),
            opplan_sha256=sha256_hex(program.opplan),
            preview_sha256=sha256_hex(program.preview_svg),
            toolpaths_sha256=program.toolpaths_sha256,
            engine_version=program.engine_version,
            post_version=program.post_version,
        )


class CountingEngine:
    """The real engine; it counts the evaluations, and `meanwhile` runs during the next one of somebody's design."""

    def __init__(self, engine: PooledEngine) -> None:
        self._engine = engine
        self.evaluations = 0
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.today: Callable[[Feasibility], Feasibility] | None = None
        """What another version of the engine would make of a verdict."""
        self.failing: RmosError | None = None

    async def evaluate(self, spec: RosetteSpec, context: CuttingContext, mode: Mode) -> Feasibility:
        self.evaluations += 1
        if self.failing is not None:
            raise self.failing
        verdict = await self._engine.evaluate(spec, context, mode)
        if self.today is not None:
            verdict = self.today(verdict)
        if self.meanwhile is not None and spec is not PLAIN:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return verdict

    async def evaluate_by(
        self, catalog_sha256: str, spec: RosetteSpec, context: CuttingContext, mode: Mode
    ) -> Feasibility:
        if self.failing is not None:
            raise self.failing
        verdict = await self._engine.evaluate_by(catalog_sha256, spec, context, mode)
        return verdict if self.today is None else self.today(verdict)

    def job_by(
        self,
        catalog_sha256: str,
        spec: RosetteSpec,
        context: CuttingContext,
        feasibility: Feasibility,
        post: Post,
        origin: ProgramOrigin,
    ) -> ToolpathJob:
        return self._engine.job_by(catalog_sha256, spec, context, feasibility, post, origin)

    async def compare(self, a: RosetteSpec, b: RosetteSpec) -> GeometryDiff:
        return await self._engine.compare(a, b)

    async def read_run_file(self, path: str, data: bytes) -> LegacyRun:
        return await self._engine.read_run_file(path, data)

    def job_for(
        self,
        spec: RosetteSpec,
        context: CuttingContext,
        feasibility: Feasibility,
        post: Post,
        origin: ProgramOrigin,
    ) -> ToolpathJob:
        return self._engine.job_for(spec, context, feasibility, post, origin)


@dataclass
class Shop:
    """All handlers, and the shortest ways to what a test needs."""

    world: World
    desk: Desk
    clock: TestClock
    blobs: BlobStore
    cam: GeneratingCam
    engine: CountingEngine

    @property
    def runs(self) -> RunHandlers:
        return RunHandlers(self.desk)

    @property
    def binding(self) -> BindingHandlers:
        return BindingHandlers(self.desk)

    @property
    def sessions(self) -> SessionHandlers:
        return SessionHandlers(self.desk, self.world.queries)

    @property
    def decisions(self) -> DecisionHandlers:
        return DecisionHandlers(self.desk, self.world.queries)

    @property
    def toolpaths(self) -> ToolpathHandlers:
        return ToolpathHandlers(self.desk, self.world.queries)

    @property
    def retention(self) -> RetentionHandlers:
        return RetentionHandlers(self.desk, ProjectionHoldings(self.world.reader))

    @property
    def queries(self) -> QueryHandlers:
        listings = self.world.queries
        return QueryHandlers(self.desk, listings, listings, listings, self.engine._engine.catalog)

    @property
    def comparing(self) -> ComparisonHandlers:
        return ComparisonHandlers(self.desk, self.queries)

    def under(self, **policy: Any) -> Shop:
        """The same shop with another policy."""
        return replace(self, desk=replace(self.desk, policy=replace(self.desk.policy, **policy)))

    async def opened_run(self, context: CuttingContext = SHOP, session_id: str | None = None) -> str:
        command = OpenRun(workflow_session_id=session_id, context=context)
        return (await self.runs.open_run(command, by(DORA))).run_id

    async def opened_session(self, context: CuttingContext = SHOP) -> Session:
        return (await self.sessions.open_session(OpenSession(context=context), by(DORA))).session

    async def attached(self, run_id: str, spec: RosetteSpec) -> None:
        """The candidate as art_studio attaches it: the spec and what it compiles to."""
        blob = await self.blobs.put(canonical_bytes(spec), "application/json")
        svg = await self.blobs.put(compile_svg(spec), "image/svg+xml")
        new = (
            NewAttachment(kind=AttachmentKind.SPEC, filename="spec.json", blob=blob),
            NewAttachment(kind=AttachmentKind.SVG, filename="rosette.svg", blob=svg),
        )
        await self.runs.add_attachments(AddAttachments(run_id=run_id, attachments=new), by(DORA))

    async def bound(self, run_id: str, spec: RosetteSpec = GOOD) -> RunArtifact:
        await self.attached(run_id, spec)
        command = BindCandidate(run_id=run_id, required_kinds=(AttachmentKind.SPEC, AttachmentKind.SVG))
        return (await self.binding.bind_candidate(command, by(DORA))).artifact

    async def designed_session(self, spec: RosetteSpec = GOOD, context: CuttingContext = SHOP) -> Session:
        session = await self.opened_session(context)
        command = SetSessionDesign(session_id=session.session_id, spec=spec)
        return (await self.sessions.set_design(command, by(DORA))).session

    async def approved_session(self, spec: RosetteSpec = GOOD) -> tuple[Session, RunArtifact]:
        """A session whose candidate was bound and approved; and the candidate."""
        session = await self.opened_session()
        candidate = await self.bound(await self.opened_run(CuttingContext(), session.session_id), spec)
        command = DecideSession(session_id=session.session_id)
        return (await self.decisions.approve(command, by(OTTO))).session, candidate

    async def made(self, **command: Any) -> RunArtifact:
        return (await self.toolpaths.make_toolpaths(MakeToolpaths(**command), by(OTTO))).artifact

    async def session(self, session_id: str) -> Session:
        return (await self.world.queries.session(AskSession(session_id=session_id))).session

    async def kinds(self, run_id: str) -> list[ArtifactKind]:
        """Kinds of the run's decisions, oldest first."""
        page = await self.world.queries.artifacts(ListArtifacts(run_id=run_id))
        return [item.kind for item in reversed(page.items)]

    async def position(self) -> int:
        return await self.world.log.last_position()


def by(actor: Actor, command_id: str | None = None) -> RequestContext:
    """A request of this person; without a command id, of its own."""
    name = command_id or f"command_of_test_{next(_numbers)}"
    return RequestContext(command_id=name, request_id=f"request_{name}", actor=actor, deadline_ms=2**52)


def keyed(actor: Actor, key: str) -> RequestContext:
    """A request whose identity its client chose, so that it may send it again."""
    return by(actor, key).model_copy(update={"idempotent": True})


async def refused(answer: Awaitable[Any], code: ErrorCode) -> RmosError:
    with pytest.raises(RmosError) as caught:
        await answer
    assert caught.value.code is code, caught.value.message
    return caught.value


@asynccontextmanager
async def a_shop(
    database: DatabaseAccess, s3: S3Access, pool: WorkerPool, bucket: str | None = None
) -> AsyncIterator[Shop]:
    settings = S3Settings(
        endpoint=s3.endpoint, access_key=s3.access_key, secret_key=s3.secret_key, bucket=bucket or s3.create_bucket()
    )
    blobs = BlobStore(settings)
    try:
        async with world(database.writer_dsn) as there:
            clock, cam, engine = TestClock(), GeneratingCam(blobs), CountingEngine(PooledEngine(pool))
            desk = Desk(there.log, blobs, CompilingArt(blobs), cam, engine, SafetyPolicy(), clock, new_id, ORIGIN)
            yield Shop(there, desk, clock, blobs, cam, engine)
    finally:
        blobs.close()
