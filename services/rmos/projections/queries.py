"""services.rmos.ports: Queries, Listings and AttachmentIndex on the projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.artifacts import Attachment, Run, RunArtifact
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from contracts.rmos import (
    AdvisedRunSummaries,
    ArtifactReply,
    Artifacts,
    ArtifactSummary,
    AskArtifact,
    AskAttachment,
    AskRun,
    AskSession,
    Events,
    ListArtifacts,
    ListRunAttachments,
    ListRunEvents,
    ListRuns,
    ListSessions,
    Page,
    RunAttachments,
    Runs,
    SessionReply,
    Sessions,
    bare_attachment_id,
)
from contracts.sessions import Session, SessionState
from services.rmos.domain.session import allowed_in
from services.rmos.event_log.stored import stored_event
from services.rmos.projections.cursors import cursor_for, position_in
from services.rmos.projections.filters import run_filters
from services.rmos.projections.reading import CurrentReader
from services.rmos.projections.summaries import SHOWN, summarised
from services.rmos.projections.tables import ai_explanations, artifacts, attachments, events, run_events, runs, sessions

Rows = Sequence[Row[Any]]
_RUN = [column for column in runs.columns if column is not runs.c.tool_id and column is not runs.c.purged_at_utc]
_SUMMARY = [
    column for column in artifacts.columns if column is not artifacts.c.document and column is not artifacts.c.position
]
_ATTACHMENT = [
    column
    for column in attachments.columns
    if column is not attachments.c.position and column is not attachments.c.run_id
]
_SESSION = [column for column in sessions.columns if column is not sessions.c.position]


class ProjectionQueries:
    """Answers from the tables; each waits first until they hold all that the log held when it was asked."""

    def __init__(self, reader: CurrentReader) -> None:
        self.reader = reader

    async def run(self, query: AskRun) -> Run:
        found = await self._one(select(*_RUN).where(runs.c.run_id == query.run_id))
        if found is None:
            raise _not_found("run", query.run_id)
        return _run(found)

    async def artifact(self, query: AskArtifact) -> ArtifactReply:
        found = await self._one(select(artifacts.c.document).where(artifacts.c.artifact_id == query.artifact_id))
        if found is None:
            raise _not_found("artifact", query.artifact_id)
        return ArtifactReply(artifact=RunArtifact.model_validate(found.document))

    async def session(self, query: AskSession) -> SessionReply:
        found = await self._one(select(*_SESSION).where(sessions.c.session_id == query.session_id))
        if found is None:
            raise _not_found("session", query.session_id)
        return SessionReply(session=_session(found))

    async def runs(self, query: ListRuns) -> Runs:
        conditions = run_filters(query)
        rows, cursor, total = await self._page("runs", runs, _RUN, conditions, query)
        return Runs(items=tuple(map(_run, rows)), next_cursor=cursor, total=total)

    async def run_summaries(self, query: ListRuns) -> AdvisedRunSummaries:
        page = await self.runs(query)
        latest = [run.last_artifact_id for run in page.items if run.last_artifact_id is not None]
        found = (
            select(artifacts.c.artifact_id, *SHOWN)
            .outerjoin(ai_explanations, ai_explanations.c.artifact_id == artifacts.c.artifact_id)
            .where(artifacts.c.artifact_id.in_(latest))
        )
        rows = {row.artifact_id: row for row in (await self._all(found) if latest else ())}
        items = tuple(summarised(run, rows.get(run.last_artifact_id)) for run in page.items)
        return AdvisedRunSummaries(items=items, next_cursor=page.next_cursor, total=page.total)

    async def artifacts(self, query: ListArtifacts) -> Artifacts:
        chosen = [*_SUMMARY, artifacts.c.position]
        of_run = [artifacts.c.run_id == query.run_id]
        rows, cursor, total = await self._page("artifacts", artifacts, chosen, of_run, query)
        if not rows:
            await self.run(AskRun(run_id=query.run_id))
        names = [column.name for column in _SUMMARY]
        items = (ArtifactSummary.model_validate({name: getattr(row, name) for name in names}) for row in rows)
        return Artifacts(items=tuple(items), next_cursor=cursor, total=total)

    async def sessions(self, query: ListSessions) -> Sessions:
        conditions: list[ColumnElement[bool]] = [] if query.include_deleted else [sessions.c.deleted_at_utc.is_(None)]
        if query.state is not None:
            conditions.append(sessions.c.state == query.state.value)
        rows, cursor, total = await self._page(
            "sessions", sessions, [*_SESSION, sessions.c.position], conditions, query
        )
        return Sessions(items=tuple(map(_session, rows)), next_cursor=cursor, total=total)

    async def run_events(self, query: ListRunEvents) -> Events:
        after = position_in("run_events", query.cursor) or 0
        found = (
            select(*events.columns)
            .join(run_events, run_events.c.position == events.c.position)
            .where(run_events.c.run_id == query.run_id, run_events.c.position > after)
            .order_by(run_events.c.position)
            .limit(query.limit + 1)
        )
        rows = await self._all(found)
        if not rows:
            await self.run(AskRun(run_id=query.run_id))
        items = tuple(stored_event(tuple(row)) for row in rows[: query.limit])
        more = len(rows) > query.limit
        return Events(items=items, next_cursor=cursor_for("run_events", items[-1].position) if more else None)

    async def attachments(self, query: ListRunAttachments) -> RunAttachments:
        chosen = [*_ATTACHMENT, attachments.c.position]
        conditions: list[ColumnElement[bool]] = [attachments.c.run_id == query.run_id]
        if query.kind is not None:
            conditions.append(attachments.c.kind == query.kind.value)
        rows, cursor, total = await self._page(
            "attachments", attachments, chosen, conditions, query, newest_first=False
        )
        if not rows:
            await self.run(AskRun(run_id=query.run_id))
        items = tuple(map(_attachment, rows))
        return RunAttachments(run_id=query.run_id, items=items, next_cursor=cursor, total=total)

    async def attachment(self, query: AskAttachment) -> Attachment:
        digest = bare_attachment_id(query.attachment_id)
        found = await self._one(
            select(*_ATTACHMENT)
            .where(attachments.c.run_id == query.run_id, attachments.c.attachment_id == digest)
            .order_by(attachments.c.position.desc())
            .limit(1)
        )
        if found is None:
            raise _not_found(f"attachment of run {query.run_id}", digest)
        return _attachment(found)

    async def content(self, attachment_id: str) -> BlobRef:
        digest = bare_attachment_id(attachment_id)
        found = await self._one(
            select(*_ATTACHMENT).where(attachments.c.attachment_id == digest).order_by(attachments.c.position).limit(1)
        )
        if found is None:
            raise _not_found("attachment", digest)
        return _attachment(found).blob

    async def _page(
        self,
        listing: str,
        table: Table,
        chosen: Sequence[Any],
        conditions: list[ColumnElement[bool]],
        page: Page,
        *,
        newest_first: bool = True,
    ) -> tuple[Rows, str | None, int | None]:
        """Rows, the cursor of the next page, and the number of all rows if it was asked for."""
        place, order = position_in(listing, page.cursor), table.c.position
        after_cursor = [] if place is None else [order < place if newest_first else order > place]
        wanted = (
            select(*chosen)
            .where(*conditions, *after_cursor)
            .order_by(order.desc() if newest_first else order)
            .limit(page.limit + 1)
            .offset(page.offset or 0)
        )

        async def ask(connection: AsyncConnection) -> tuple[Rows, int | None]:
            rows: Rows = (await connection.execute(wanted)).all()
            if not page.include_total:
                return rows, None
            counted = select(func.count()).select_from(table).where(*conditions)
            return rows, (await connection.execute(counted)).scalar_one()

        rows, total = await self.reader.read(ask)
        kept = rows[: page.limit]
        return kept, cursor_for(listing, kept[-1].position) if len(rows) > page.limit else None, total

    async def _all(self, query: Select[Any]) -> Rows:
        async def ask(connection: AsyncConnection) -> Rows:
            rows: Rows = (await connection.execute(query)).all()
            return rows

        return await self.reader.read(ask)

    async def _one(self, query: Select[Any]) -> Row[Any] | None:
        rows = await self._all(query)
        return rows[0] if rows else None


def _run(row: Row[Any]) -> Run:
    return Run.model_validate(dict(row._mapping))


def _attachment(row: Row[Any]) -> Attachment:
    return Attachment.model_validate({name: value for name, value in row._mapping.items() if name != "position"})


def _session(row: Row[Any]) -> Session:
    values = {name: value for name, value in row._mapping.items() if name != "position"}
    values["allowed"] = tuple(action.value for action in allowed_in(SessionState(row.state)))
    return Session.model_validate(values)


def _not_found(what: str, name: str) -> RmosError:
    return RmosError(ErrorCode.NOT_FOUND, f"there is no {what} {name}", id=name)
