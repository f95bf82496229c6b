"""Answers to queries: nothing here changes anything."""

from __future__ import annotations

import time
from collections.abc import Callable

from contracts.artifacts import Attachment, Run
from contracts.canonical import Canonical, canonical_bytes
from contracts.envelope import RequestContext, Role
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import EvaluateFeasibility, feasibility_reply
from contracts.params import spec_of
from contracts.rmos import (
    MAX_LIMIT,
    AdvisedRunSummaries,
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
    ListRunAttachments,
    ListRunEvents,
    ListRuns,
    ListSessions,
    RunAttachments,
    Runs,
    RunSummaries,
    RunSummary,
    SessionReply,
    Sessions,
    bare_attachment_id,
)
from contracts.spec import RosetteSpec
from services.rmos.domain.catalog import Catalog
from services.rmos.handlers.desk import AUDITORS, Desk, milliseconds
from services.rmos.handlers.judging import parsed_spec
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

    async def feasibility(self, query: EvaluateFeasibility, _: RequestContext) -> Canonical:
        """The verdict on a design (a FeasibilityReply); nothing is recorded."""
        started = time.perf_counter()
        spec = await self._spec(query)
        verdict = await self._desk.engine.written_verdict(spec, query.context, query.mode)
        return feasibility_reply(verdict, milliseconds(time.perf_counter() - started))

    async def run(self, query: AskRun, request: RequestContext) -> Run:
        run = await self._queries.run(query)
        refuse_tombstone(f"run {run.run_id}", run.deleted_at_utc, request)
        return run

    async def artifact(self, query: AskArtifact, request: RequestContext) -> ArtifactReply:
        found = await self._queries.artifact(query)
        await self._visible(found.artifact.run_id, request)
        return await self._desk.reply_with(found.artifact) if query.with_outputs else found

    async def session(self, query: AskSession, request: RequestContext) -> SessionReply:
        reply = await self._queries.session(query)
        refuse_tombstone(f"session {query.session_id}", reply.session.deleted_at_utc, request)
        return reply

    async def runs(self, query: ListRuns, request: RequestContext) -> Runs:
        _refuse_to_list_tombstones(query.include_deleted, request)
        return await self._listings.runs(query)

    async def run_summaries(self, query: ListRuns, request: RequestContext) -> AdvisedRunSummaries:
        _refuse_to_list_tombstones(query.include_deleted, request)
        return await self._listings.run_summaries(query)

    async def run_summaries_v1(self, query: ListRuns, request: RequestContext) -> RunSummaries:
        """`run_summaries` without what models were asked."""
        page = await self.run_summaries(query, request)
        items = (item.model_dump(include=set(RunSummary.model_fields)) for item in page.items)
        return RunSummaries(
            items=tuple(map(RunSummary.model_validate, items)), next_cursor=page.next_cursor, total=page.total
        )

    async def artifacts(self, query: ListArtifacts, request: RequestContext) -> Artifacts:
        await self._visible(query.run_id, request)
        return await self._listings.artifacts(query)

    async def run_events(self, query: ListRunEvents, request: RequestContext) -> Events:
        await self._visible(query.run_id, request)
        return await self._listings.run_events(query)

    async def sessions(self, query: ListSessions, request: RequestContext) -> Sessions:
        _refuse_to_list_tombstones(query.include_deleted, request)
        return await self._listings.sessions(query)

    async def attachments(self, query: ListRunAttachments, request: RequestContext) -> RunAttachments:
        await self._visible(query.run_id, request)
        return await self._attachments.attachments(query)

    async def attachments_v1(self, query: ListAttachments, request: RequestContext) -> Attachments:
        """All of them at once."""
        await self._visible(query.run_id, request)
        items: list[Attachment] = []
        asked = ListRunAttachments(run_id=query.run_id, kind=query.kind, limit=MAX_LIMIT)
        while True:
            page = await self._attachments.attachments(asked)
            items += page.items
            if page.next_cursor is None:
                return Attachments(run_id=query.run_id, items=tuple(items))
            asked = asked.model_copy(update={"cursor": page.next_cursor})

    async def attachment(self, query: AskAttachment, request: RequestContext) -> Attachment:
        await self._visible(query.run_id, request)
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

    async def _visible(self, run_id: str, request: RequestContext) -> None:
        """Raises NOT_FOUND for a deleted run, to whoever does not audit."""
        if not _audits(request):
            await self.run(AskRun(run_id=run_id), request)


def _audits(request: RequestContext) -> bool:
    return request.actor.role in AUDITORS | {Role.SYSTEM}


def refuse_tombstone(what: str, deleted_at_utc: str | None, request: RequestContext) -> None:
    """Raises NOT_FOUND for what was deleted, to whoever does not audit."""
    if deleted_at_utc is not None and not _audits(request):
        raise RmosError(ErrorCode.NOT_FOUND, f"{what} was deleted: its record is for auditors and admins")


def _refuse_to_list_tombstones(include_deleted: bool, request: RequestContext) -> None:
    if include_deleted and not _audits(request):
        raise RmosError(ErrorCode.FORBIDDEN, "deleted runs and sessions are listed for auditors and admins only")
