"""Answers that compare and explain what is on the record. Nothing here changes anything."""

from __future__ import annotations

from contracts.artifacts import ExplanationStatus, RunArtifact
from contracts.comparison import AskDiff, AskExplanation, Diff, Explanation, GeometryDiff
from contracts.envelope import RequestContext
from contracts.rmos import AskArtifact, AskRun, ListArtifacts
from services.rmos.domain import diff
from services.rmos.domain.explanation import summary_of, text_of
from services.rmos.handlers.desk import Desk
from services.rmos.handlers.judging import parsed_spec
from services.rmos.handlers.queries import QueryHandlers

_RECENT = 200
"""So many latest decisions of a run are looked through for one that holds a design."""


class ComparisonHandlers:
    def __init__(self, desk: Desk, queries: QueryHandlers) -> None:
        self._desk = desk
        self._queries = queries

    async def explanation(self, query: AskExplanation, request: RequestContext) -> Explanation:
        """Why the decision came out as it did."""
        artifact = await self._artifact(query.artifact_id, request)
        return Explanation(
            artifact_id=artifact.artifact_id,
            status=ExplanationStatus.READY,
            summary=summary_of(artifact),
            text=text_of(artifact),
        )

    async def diff(self, query: AskDiff, request: RequestContext) -> Diff:
        """In what the two differ. Raises NOT_FOUND; BLOB_MISSING when a design is no longer in the object store."""
        if query.of == "artifacts":
            a, b = await self._artifact(query.a, request), await self._artifact(query.b, request)
            return await self._compared(query, a, b)
        left, right = await self._latest(query.a, request), await self._latest(query.b, request)
        return await self._compared(query, left, right)

    async def _compared(self, query: AskDiff, a: RunArtifact | None, b: RunArtifact | None) -> Diff:
        if a is None or b is None:
            return Diff(
                of=query.of,
                a=query.a,
                b=query.b,
                a_artifact_id=a.artifact_id if a is not None else None,
                b_artifact_id=b.artifact_id if b is not None else None,
            )
        return Diff(
            of=query.of,
            a=query.a,
            b=query.b,
            a_artifact_id=a.artifact_id,
            b_artifact_id=b.artifact_id,
            fields=diff.fields_of(a, b),
            hashes=diff.hashes_of(a, b),
            inputs=diff.inputs_of(a, b),
            results=diff.results_of(a, b),
            geometry=await self._geometry(a, b),
        )

    async def _geometry(self, a: RunArtifact, b: RunArtifact) -> GeometryDiff | None:
        if "spec" not in a.outputs or "spec" not in b.outputs:
            return None
        specs = [parsed_spec(await self._desk.blobs.get(item.outputs["spec"])) for item in (a, b)]
        return await self._desk.engine.compare(*specs)

    async def _artifact(self, artifact_id: str, request: RequestContext) -> RunArtifact:
        reply = await self._queries.artifact(AskArtifact(artifact_id=artifact_id, with_outputs=False), request)
        return reply.artifact

    async def _latest(self, run_id: str, request: RequestContext) -> RunArtifact | None:
        """The run's latest decision that holds a design, else its latest; None when there is none yet."""
        await self._queries.run(AskRun(run_id=run_id), request)
        recent = await self._queries.artifacts(ListArtifacts(run_id=run_id, limit=_RECENT), request)
        with_design = [item for item in recent.items if "spec" in item.hashes]
        chosen = next(iter(with_design or recent.items), None)
        return None if chosen is None else await self._artifact(chosen.artifact_id, request)
