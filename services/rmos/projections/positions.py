"""Where in the log an artifact stands."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.errors import ErrorCode, RmosError
from services.rmos.projections.reading import CurrentReader
from services.rmos.projections.tables import artifacts


class ArtifactPositions:
    def __init__(self, reader: CurrentReader) -> None:
        self._reader = reader

    async def of(self, artifact_id: str) -> int:
        """The log position of the event that records the artifact. Raises NOT_FOUND, UNAVAILABLE."""

        async def ask(connection: AsyncConnection) -> int | None:
            query = select(artifacts.c.position).where(artifacts.c.artifact_id == artifact_id)
            return (await connection.execute(query)).scalar_one_or_none()

        position = await self._reader.read(ask)
        if position is None:
            raise RmosError(ErrorCode.NOT_FOUND, f"there is no artifact {artifact_id}", id=artifact_id)
        return position
