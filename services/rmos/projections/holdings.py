"""services.rmos.ports.Holdings on the projections: which runs refer to which content."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Subquery, exists, func, or_, select, union
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.blobs import BlobRef
from contracts.rmos import RunStatus
from services.rmos.domain.retention import STREAM, Holding
from services.rmos.projections.reading import CurrentReader
from services.rmos.projections.tables import ai_explanations, artifacts, attachments, events, run_events, runs

_PURGED_AT = (
    select(func.max(events.c.position))
    .join(run_events, run_events.c.position == events.c.position)
    .where(events.c.stream == STREAM, run_events.c.run_id == runs.c.run_id)
    .correlate(runs)
    .scalar_subquery()
)
"""Position of the run's latest purge. Times do not tell: all events of a group commit have the same."""
_attached, _made = attachments.alias("attached"), artifacts.alias("made")
_explained = ai_explanations.alias("explained")
_UNPURGED = or_(
    runs.c.purged_at_utc.is_(None),
    exists().where(_attached.c.run_id == runs.c.run_id, _attached.c.position > _PURGED_AT),
    exists().where(_made.c.run_id == runs.c.run_id, _made.c.position > _PURGED_AT),
    exists().where(
        _explained.c.run_id == runs.c.run_id,
        _explained.c.text_sha256.is_not(None),
        _explained.c.position > _PURGED_AT,
    ),
)


class ProjectionHoldings:
    def __init__(self, reader: CurrentReader) -> None:
        self._reader = reader

    async def old_runs(self, before_utc: str, statuses: Sequence[RunStatus], limit: int) -> tuple[list[Holding], bool]:
        wanted = (
            select(runs.c.run_id)
            .where(runs.c.updated_at_utc < before_utc, runs.c.status.in_(statuses), _UNPURGED)
            .order_by(runs.c.updated_at_utc, runs.c.run_id)
            .limit(limit + 1)
        )

        async def ask(connection: AsyncConnection) -> list[str]:
            return list((await connection.execute(wanted)).scalars())

        found = await self._reader.read(ask)
        return await self.content_of(found[:limit]), len(found) > limit

    async def referred_to(self, digests: Sequence[str], other_than: Sequence[str]) -> frozenset[str]:
        referring = _references(runs.c.run_id.not_in(other_than), _UNPURGED, digests=digests)

        async def ask(connection: AsyncConnection) -> frozenset[str]:
            return frozenset((await connection.execute(select(referring.c.sha256))).scalars())

        return await self._reader.read(ask) if digests else frozenset()

    async def content_of(self, run_ids: Sequence[str]) -> list[Holding]:
        references = _references(runs.c.run_id.in_(run_ids))

        async def ask(connection: AsyncConnection) -> dict[str, list[BlobRef]]:
            found: dict[str, list[BlobRef]] = {run_id: [] for run_id in run_ids}
            for row in await connection.execute(select(references)):
                blob = BlobRef(sha256=row.sha256, size=row.size, content_type=row.content_type)
                found[row.run_id].append(blob)
            return found

        held = await self._reader.read(ask) if run_ids else {}
        return [Holding(run_id, tuple(blobs)) for run_id, blobs in held.items()]


def _references(*of_runs: ColumnElement[bool], digests: Sequence[str] | None = None) -> Subquery:
    """Run, digest, size and content type of everything these runs refer to: attachments, outputs, and the texts
    of explanations."""
    attached = (
        select(
            runs.c.run_id,
            attachments.c.attachment_id.label("sha256"),
            attachments.c.size.label("size"),
            attachments.c.content_type.label("content_type"),
        )
        .join(attachments, attachments.c.run_id == runs.c.run_id)
        .where(*of_runs)
    )
    output = func.jsonb_each(artifacts.c.document["outputs"]).table_valued("key", "value", joins_implicitly=True)
    value = output.c.value.cast(JSONB)
    made = (
        select(
            runs.c.run_id,
            value["sha256"].astext.label("sha256"),
            value["size"].as_integer().label("size"),
            value["content_type"].astext.label("content_type"),
        )
        .join(artifacts, artifacts.c.run_id == runs.c.run_id)
        .where(*of_runs)
    )
    explained = (
        select(
            runs.c.run_id,
            ai_explanations.c.text_sha256.label("sha256"),
            ai_explanations.c.text_size.label("size"),
            ai_explanations.c.text_content_type.label("content_type"),
        )
        .join(ai_explanations, ai_explanations.c.run_id == runs.c.run_id)
        .where(*of_runs, ai_explanations.c.text_sha256.is_not(None))
    )
    if digests is not None:
        attached = attached.where(attachments.c.attachment_id.in_(digests))
        made = made.where(value["sha256"].astext.in_(digests))
        explained = explained.where(ai_explanations.c.text_sha256.in_(digests))
    return union(attached, made, explained).subquery()
