"""Wires rmos: what every process answers, and what only the leader does."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from nats.aio.subscription import Subscription

from contracts import subjects
from contracts.subjects import Conversation
from runtime.blobs import BlobStore
from runtime.bus import Bus, Handler
from runtime.clock import SystemClock
from runtime.ids import new_id
from runtime.logs import Logger
from runtime.objects import ObjectStore
from runtime.pool import WorkerPool
from services.rmos.audit.attestation import AttestationHandlers
from services.rmos.audit.checkpointer import Checkpointer
from services.rmos.audit.marks import Marks
from services.rmos.audit.proofs import ProofHandlers
from services.rmos.audit.publication import PREFIX, Publication
from services.rmos.audit.reconciliation import Reconciliation
from services.rmos.audit.records import AuditRecords
from services.rmos.audit.replay import ReplayHandlers
from services.rmos.audit.verify import Audited
from services.rmos.engine import PooledEngine
from services.rmos.event_log.duties import duties
from services.rmos.event_log.letters import LetterHandler
from services.rmos.event_log.log import PostgresEventLog
from services.rmos.event_log.recorder import FactRecorder
from services.rmos.event_log.relay import LogRelay
from services.rmos.event_log.writer import Term
from services.rmos.handlers.batch import BatchHandlers
from services.rmos.handlers.binding import BindingHandlers
from services.rmos.handlers.catalog import CatalogHandlers
from services.rmos.handlers.comparing import ComparisonHandlers
from services.rmos.handlers.decisions import DecisionHandlers
from services.rmos.handlers.desk import Desk
from services.rmos.handlers.explaining import ExplanationHandlers
from services.rmos.handlers.importing import ImportHandlers
from services.rmos.handlers.queries import QueryHandlers
from services.rmos.handlers.retention import RetentionHandlers
from services.rmos.handlers.runs import RunHandlers
from services.rmos.handlers.search import SearchHandlers
from services.rmos.handlers.sessions import SessionHandlers
from services.rmos.handlers.toolpaths import ToolpathHandlers
from services.rmos.health import HealthHandler
from services.rmos.partners import ArtOverBus, CamOverBus, DesignerOverBus
from services.rmos.projections.database import projection_engine, rebuild_engine
from services.rmos.projections.explanations import ProjectionExplanations
from services.rmos.projections.folds import FOLD_VERSION
from services.rmos.projections.holdings import ProjectionHoldings
from services.rmos.projections.positions import ArtifactPositions
from services.rmos.projections.projector import Projector
from services.rmos.projections.queries import ProjectionQueries
from services.rmos.projections.reading import CurrentReader
from services.rmos.projections.rebuild import Rebuild
from services.rmos.settings import RmosSettings, read_settings

LET_GO_S = 2.0
Answers = tuple[tuple[Conversation, Handler], ...]


async def start(stack: AsyncExitStack, log: Logger) -> None:
    """Queries are answered at once; commands, relay, recorder and projector follow the leadership."""
    settings = read_settings()
    pool = WorkerPool(settings.process.workers, preload=("services.rmos.engine",))
    stack.callback(pool.close)
    await pool.warm_up()
    service = await _built(settings, pool, stack, log)
    for conversation, handler in service.queries:
        await service.bus.serve(conversation, handler)
    keeping = asyncio.create_task(service.catalog.keep_fresh(), name="catalog")
    stack.callback(keeping.cancel)
    await stack.enter_async_context(service.events.standing(service.lead))


class RmosService:
    """One process of the authority."""

    def __init__(
        self,
        bus: Bus,
        events: PostgresEventLog,
        desk: Desk,
        engine: PooledEngine,
        projections: ProjectionQueries,
        projector: Projector,
        rebuild: Rebuild,
        reconciliation: Reconciliation,
        checkpointer: Checkpointer,
        audits: Answers,
        searches: SearchHandlers,
        explanations: ExplanationHandlers,
        log: Logger,
    ) -> None:
        self.bus = bus
        self.events = events
        self._projector = projector
        self._rebuild = rebuild
        self._reconciliation = reconciliation
        self._checkpointer = checkpointer
        self._recorder = FactRecorder(bus.client, events, log)
        self._relay = LogRelay(bus.client, events, events.head, log)
        self._log = log
        runs, binding = RunHandlers(desk), BindingHandlers(desk)
        sessions, toolpaths = SessionHandlers(desk, projections), ToolpathHandlers(desk, projections)
        decisions = DecisionHandlers(desk, projections)
        retention = RetentionHandlers(desk, ProjectionHoldings(projections.reader))
        queries = QueryHandlers(desk, projections, projections, projections, lambda: engine.catalog)
        comparing = ComparisonHandlers(desk, queries)
        batch = BatchHandlers(desk.engine)
        parts = (self._relay, projector, rebuild, checkpointer)
        health = HealthHandler(events, parts, self._details, desk.clock)
        self.catalog, self._searches = CatalogHandlers(desk, engine, log), searches
        self._explanations = explanations
        self._commands: Answers = (
            (subjects.OPEN_RUN, runs.open_run),
            (subjects.ADD_ATTACHMENTS, runs.add_attachments),
            (subjects.REFERENCE_ASSETS, runs.reference_assets),
            (subjects.BIND_CANDIDATE, binding.bind_candidate),
            (subjects.MAKE_TOOLPATHS, toolpaths.make_toolpaths),
            (subjects.OPEN_SESSION, sessions.open_session),
            (subjects.APPROVE, decisions.approve),
            (subjects.REJECT, decisions.reject),
            (subjects.REQUIRE_REVISION, decisions.require_revision),
            (subjects.OVERRIDE_VERDICT, decisions.override),
            (subjects.SET_CONTEXT, sessions.set_context),
            (subjects.SET_DESIGN, sessions.set_design),
            (subjects.EVALUATE_SESSION, sessions.evaluate),
            (subjects.ARCHIVE_SESSION, sessions.archive),
            (subjects.DELETE_SESSION, sessions.delete),
            (subjects.DELETE_RUN, runs.delete_run),
            (subjects.REVIEW_ADVISORY, runs.review_advisory),
            (subjects.PROMOTE_ADVISORY, runs.promote_advisory),
            (subjects.REJECT_ADVISORY, runs.reject_advisory),
            (subjects.PURGE_BLOBS, retention.purge),
            (subjects.IMPORT_RUN, ImportHandlers(desk).import_run),
            (subjects.REDRIVE_DEAD_LETTER, LetterHandler(bus.client, events, log).redrive),
            (subjects.SEARCH_CONSTRAINTS, searches.search),
            (subjects.CANCEL_SEARCH, searches.cancel),
            (subjects.EXPLAIN_ARTIFACT, explanations.explain),
            (subjects.ADD_CATALOG_ENTRY, self.catalog.add_entry),
            (subjects.ADD_CATALOG_ENTRIES, self.catalog.add_entries),
        )
        self.queries: Answers = (
            (subjects.FEASIBILITY, queries.feasibility),
            (subjects.FEASIBILITY_BATCH, batch.feasibility),
            (subjects.SEARCH, searches.status),
            (subjects.RUNS, queries.runs),
            (subjects.RUN, queries.run),
            (subjects.ARTIFACTS, queries.artifacts),
            (subjects.ARTIFACT, queries.artifact),
            (subjects.ATTACHMENTS_V1, queries.attachments_v1),
            (subjects.ATTACHMENTS, queries.attachments),
            (subjects.ATTACHMENT, queries.attachment),
            (subjects.RUN_EVENTS, queries.run_events),
            (subjects.SESSION, queries.session),
            (subjects.SESSIONS, queries.sessions),
            (subjects.RUN_SUMMARIES_V1, queries.run_summaries_v1),
            (subjects.RUN_SUMMARIES, queries.run_summaries),
            (subjects.ADVISORIES, runs.advisories),
            (subjects.DIFF, comparing.diff),
            (subjects.EXPLANATION, comparing.explanation),
            (subjects.AI_EXPLANATION, explanations.explanation),
            (subjects.CATALOG, queries.catalog),
            *audits,
            (subjects.HEALTH["rmos"], health.health),
        )

    @asynccontextmanager
    async def lead(self, term: Term) -> AsyncIterator[None]:
        """Answers commands inside; on the way out no new ones are taken, those begun may still append."""
        taken: list[Subscription] = []
        await self.catalog.refreshed()  # no decision of this term is made by an older catalog
        async with duties(
            self._log,
            relay=self._relay.keep_on,
            recorder=self._recorder.run,
            projector=self._projector.run,
            rebuild=self._rebuild.run,
            reconciliation=self._reconciliation.run,
            checkpointer=partial(self._checkpointer.run, term.epoch),
            searches=self._searches.end_abandoned,
            explanations=self._explanations.end_abandoned,
        ):
            try:
                for conversation, handler in self._commands:
                    taken.append(await self.bus.serve(conversation, handler))
                yield
            finally:
                await self._let_go(taken)

    async def _let_go(self, subscriptions: list[Subscription]) -> None:
        """What is waiting already is answered (UNAVAILABLE, ask again) rather than left without a word. Searches and
        explanations are ended when no new ones can come any more."""
        await self.bus.let_go(subscriptions, LET_GO_S)
        try:
            async with asyncio.timeout(LET_GO_S):
                await asyncio.gather(self._searches.interrupt(), self._explanations.interrupt())
        except TimeoutError:
            self._log.warning("background_work_let_go_late")

    def _details(self) -> dict[str, str]:
        """What people want to know besides."""
        folded = self._rebuild.folded
        rebuilding = {} if folded is None else {"rebuild": f"folded up to position {folded}"}
        return {**rebuilding, **self._reconciliation.details()}


async def _built(settings: RmosSettings, pool: WorkerPool, stack: AsyncExitStack, log: Logger) -> RmosService:
    clock = SystemClock()
    blobs = BlobStore(settings.s3)
    stack.callback(blobs.close)
    bus = await Bus.connect(settings.nats, "rmos", clock, log)
    stack.push_async_callback(bus.close)
    events = PostgresEventLog(settings.postgres.dsn, f"{socket.gethostname()}:{os.getpid()}", clock, log)
    await stack.enter_async_context(events.opened())
    tables, folding = projection_engine(settings.postgres.dsn), projection_engine(settings.postgres.dsn)
    stack.push_async_callback(tables.dispose)
    stack.push_async_callback(folding.dispose)
    engine = PooledEngine(pool)
    # its connections are its own: queries that wait for it must not have the last one
    projector = Projector(folding, events, events.head, log, continue_older=True)
    rebuilding = rebuild_engine(settings.postgres.dsn)
    stack.push_async_callback(rebuilding.dispose)
    rebuild = Rebuild(rebuilding, events, FOLD_VERSION, log)
    reader = CurrentReader(tables, projector.projected)
    desk = Desk(
        log=events,
        blobs=blobs,
        art=ArtOverBus(bus, new_id),
        cam=CamOverBus(bus, new_id),
        engine=engine,
        policy=settings.policy,
        clock=clock,
        new_id=new_id,
        log_origin=settings.checkpoints.origin,
    )
    checkpointer, audits = await _audit(settings, bus, events, reader, desk, stack, log)
    audited = Audited(settings.postgres.dsn, settings.s3, settings.checkpoints.verifier_keys())
    reconciliation = Reconciliation(pool, audited, log)
    projections = ProjectionQueries(reader)
    designer = DesignerOverBus(bus, new_id)
    searches = SearchHandlers(desk, designer, lambda: engine.catalog, events, log)
    explanations = ExplanationHandlers(desk, designer, ProjectionExplanations(reader), log)
    folding_parts = projector, rebuild, reconciliation, checkpointer
    return RmosService(bus, events, desk, engine, projections, *folding_parts, audits, searches, explanations, log)


async def _audit(
    settings: RmosSettings,
    bus: Bus,
    events: PostgresEventLog,
    reader: CurrentReader,
    desk: Desk,
    stack: AsyncExitStack,
    log: Logger,
) -> tuple[Checkpointer, Answers]:
    """What signs the log, and the queries about what is signed."""
    publisher = WorkerPool(1)
    stack.callback(publisher.close)
    objects = ObjectStore(settings.s3, PREFIX, pool=publisher)
    stack.callback(objects.close)
    records = await stack.enter_async_context(AuditRecords(settings.postgres.dsn))
    publication = Publication(objects)
    signer, keys = settings.checkpoints.signing_key(), settings.checkpoints.verifier_keys()
    log.info("checkpoint_key", origin=signer.name, verifier_key=str(keys[0]))
    checkpointer = Checkpointer(
        records,
        publication,
        Marks(bus.client),
        signer,
        keys,
        events.head,
        events.recent,
        desk.now,
        log,
        settings.checkpoints.acceptance(),
    )
    proofs = ProofHandlers(records, publication, keys, ArtifactPositions(reader).of)
    attestations = AttestationHandlers(records, proofs, desk.blobs, signer)
    replays = ReplayHandlers(records, desk)
    return checkpointer, (
        (subjects.CHECKPOINT, proofs.checkpoint),
        (subjects.TILE, proofs.tile),
        (subjects.ARTIFACT_PROOF, proofs.artifact_proof),
        (subjects.CONSISTENCY, proofs.consistency),
        (subjects.CHECKPOINT_KEYS, proofs.keys),
        (subjects.ATTESTATION, attestations.attestation),
        (subjects.REPLAY, replays.replay),
    )
