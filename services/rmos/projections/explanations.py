"""services.rmos.ports.Explanations on the projections."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ai_explanations import AiExplanation
from contracts.artifacts import ExplanationStatus
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from services.rmos.ports import Explained, OpenExplanation
from services.rmos.projections.reading import CurrentReader
from services.rmos.projections.tables import ai_explanations, artifacts, runs

_SHOWN = ("explanation_id", "summary", "text_sha256", "provider", "model", "ai_call_id", "asked_at_utc", "asked_by")


class ProjectionExplanations:
    def __init__(self, reader: CurrentReader) -> None:
        self._reader = reader

    async def of(self, artifact_id: str) -> Explained:
        found = ai_explanations.c
        chosen = [column for column in found if column.name not in {"artifact_id", "run_id", "position"}]
        query = (
            select(artifacts.c.artifact_id, artifacts.c.run_id, runs.c.deleted_at_utc, *chosen)
            .join(runs, runs.c.run_id == artifacts.c.run_id)
            .outerjoin(ai_explanations, found.artifact_id == artifacts.c.artifact_id)
            .where(artifacts.c.artifact_id == artifact_id)
        )

        async def ask(connection: AsyncConnection) -> Row[Any] | None:
            return (await connection.execute(query)).one_or_none()

        row = await self._reader.read(ask)
        if row is None:
            raise RmosError(ErrorCode.NOT_FOUND, f"there is no artifact {artifact_id}", id=artifact_id)
        return Explained(_shown(row), _text(row), row.deleted_at_utc)

    async def open(self) -> list[OpenExplanation]:
        query = (
            select(ai_explanations.c.artifact_id, ai_explanations.c.explanation_id)
            .where(ai_explanations.c.status == ExplanationStatus.PENDING.value)
            .order_by(ai_explanations.c.position)
        )

        async def ask(connection: AsyncConnection) -> list[OpenExplanation]:
            rows = (await connection.execute(query)).all()
            return [OpenExplanation(row.artifact_id, row.explanation_id) for row in rows]

        return await self._reader.read(ask)


def _shown(row: Row[Any]) -> AiExplanation:
    known = {"artifact_id": row.artifact_id, "run_id": row.run_id}
    if row.status is None:
        return AiExplanation.model_validate(known)
    error = None if row.error_code is None else {"code": row.error_code, "message": row.error_message}
    more = {name: getattr(row, name) for name in (*_SHOWN, "status", "answered_at_utc")}
    return AiExplanation.model_validate({**known, **more, "error": error})


def _text(row: Row[Any]) -> BlobRef | None:
    if row.text_sha256 is None:
        return None
    return BlobRef(sha256=row.text_sha256, size=row.text_size, content_type=row.text_content_type)
