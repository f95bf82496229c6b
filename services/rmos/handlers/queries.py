"""Answers to queries: nothing here changes anything."""

from __future__ import annotations

import time
from collections.abc import Callable

from contracts.artifacts import Attachment, Run
from contracts.canonical import canonical_bytes
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import EvaluateFeasibility, FeasibilityReply
from contracts.params import spec_of
from contracts.rmos import (
    ArtifactReply,
    Artifacts,
    AskArtifact,
    AskAttachment,
    AskCatalog,
    AskRun,
    AskSession,
    Attachments,
    CatalogEntries,
    Events,
    ListArtifacts,
    ListAttachments,
    ListRunEvents,
    ListRuns,
    ListSessions,
    Runs,
    SessionReply,
    Sessions,
    bare_attachment_id,
)
from contracts.spec import RosetteSpec
from services.rmos.domain.catalog import Catalog
from services.rmos.handlers.binding import parsed_spec
from services.rmos.handlers.desk import Desk, milliseconds
from services.rmos.ports import AttachmentIndex, Listings, Queries


class QueryHandlers:
    def __init__(
        self,
        desk: Desk,
        queries: Queries,
        listings: Listings,
        attachments: AttachmentIndex,
        catalog: Callable[[], Catalog],
    ) -> None:
        self._desk = desk
        self._queries = queries
        self._listings = listings
        self._attachments = attachments
        self._catalog = catalog

    async def feasibility(self, query: EvaluateFeasibility, _: RequestContext) -> FeasibilityReply:
        """The verdict on a design; nothing is recorded."""
        started = time.perf_counter()
        spec = await self._spec(query)
        verdict = await self._desk.engine.evaluate(spec, query.context, query.mode)
        return FeasibilityReply(feasibility=verdict, compute_ms=milliseconds(time.perf_counter() - started))

    async def run(self, query: AskRun, _: RequestContext) -> Run:
        return await self._queries.run(query)

    async def artifact(self, query: AskArtifact, _: RequestContext) -> ArtifactReply:
        found = await self._queries.artifact(query)
        return await self._desk.reply_with(found.artifact) if query.with_outputs else found

    async def session(self, query: AskSession, _: RequestContext) -> SessionReply:
        return await self._queries.session(query)

    async def runs(self, query: ListRuns, _: RequestContext) -> Runs:
        return await self._listings.runs(query)

    async def artifacts(self, query: ListArtifacts, _: RequestContext) -> Artifacts:
        return await self._listings.artifacts(query)

    async def run_events(self, query: ListRunEvents, _: RequestContext) -> Events:
        return await self._listings.run_events(query)

    async def sessions(self, query: ListSessions, _: RequestContext) -> Sessions:
        return await self._listings.sessions(query)

    async def attachments(self, query: ListAttachments, _: RequestContext) -> Attachments:
        return await self._attachments.attachments(query)

    async def attachment(self, query: AskAttachment, _: RequestContext) -> Attachment:
        return await self._attachments.attachment(query)

    async def catalog(self, query: AskCatalog, _: RequestContext) -> CatalogEntries:
        """All entries of one kind with the source and standing of each figure."""
        catalog = self._catalog()
        entries = {
            "materials": catalog.materials,
            "tools": catalog.tools,
            "machines": catalog.machines,
        }[query.kind]
        items = [entries[name].model_dump(mode="json") for name in sorted(entries)]
        return CatalogEntries(
            kind=query.kind, catalog_sha256=catalog.sha256, items_json=canonical_bytes(items).decode()
        )

    async def _spec(self, query: EvaluateFeasibility) -> RosetteSpec:
        if query.spec is not None:
            return query.spec
        if query.design is not None:
            return spec_of(query.design)
        if len(query.attachment_ids) != 1:
            raise RmosError(ErrorCode.INVALID_REQUEST, "name exactly one attachment: the spec's")
        content = await self._attachments.content(bare_attachment_id(query.attachment_ids[0]))
        return parsed_spec(await self._desk.blobs.get(content))
