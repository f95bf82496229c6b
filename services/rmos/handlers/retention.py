"""Retention: let the content of old runs go, on the record first, then in the object store."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.envelope import RequestContext
from contracts.log import BlobsPurged, LogEvent
from contracts.rmos import PurgeBlobs, Purged
from runtime.clock import utc_text
from services.rmos.domain import retention
from services.rmos.handlers.desk import ADMINS, Desk, require_person
from services.rmos.ports import Holdings


class RetentionHandlers:
    def __init__(self, desk: Desk, holdings: Holdings) -> None:
        self._desk = desk
        self._holdings = holdings

    async def purge(self, command: PurgeBlobs, request: RequestContext) -> Purged:
        """What went, or with `dry_run` would go.

        The event is recorded before anything is deleted, so nothing ever goes without a record; what a crash leaves
        of it goes with the same command sent again. A known gap: content that is attached anew between the look at
        the references and its deletion, by the very digest, is deleted; reading it says BLOB_MISSING, and uploading
        it again heals that.
        """
        require_person(request, ADMINS, "purging content")
        event = await self._desk.once(command, request, lambda: self._recorded(command, request), _purge_in)
        if event is not None:
            await self._let_go(event)
            _, more = await self._holdings.old_runs(self._before(command), command.statuses, 0)
            return Purged(
                purge_id=event.purge_id,
                dry_run=False,
                more=more,
                run_ids=event.run_ids,
                digests=event.digests,
                bytes_freed=event.bytes_freed,
            )
        plan = await self._planned(command) if command.dry_run else retention.NOTHING
        return Purged(
            dry_run=command.dry_run,
            more=plan.more,
            run_ids=plan.run_ids,
            digests=plan.digests,
            bytes_freed=plan.bytes_freed,
        )

    async def _recorded(self, command: PurgeBlobs, request: RequestContext) -> BlobsPurged | None:
        """The event of what is to go; None when nothing is."""
        desk = self._desk
        before = await desk.log.read_stream(retention.STREAM)
        plan = retention.NOTHING if command.dry_run else await self._planned(command)
        events = retention.decide(command, plan, desk.new_id("purge"))
        placed = [(retention.STREAM, event) for event in events]
        await desk.record(command, request, {retention.STREAM: len(before)}, placed)
        return next(iter(events), None)

    async def _planned(self, command: PurgeBlobs) -> retention.Plan:
        old, more = await self._holdings.old_runs(self._before(command), command.statuses, retention.MAX_RUNS)
        digests = sorted({blob.sha256 for holding in old for blob in holding.blobs})
        kept = await self._holdings.referred_to(digests, [holding.run_id for holding in old])
        return retention.plan(old, kept, more)

    async def _let_go(self, event: BlobsPurged) -> None:
        """Deletes what the event names and no kept run refers to by now; what is gone already stays so."""
        kept = await self._holdings.referred_to(event.digests, event.run_ids)
        named = set(event.digests)
        for blob in retention.objects_of(await self._holdings.content_of(event.run_ids), kept):
            if blob.sha256 in named:
                await self._desk.blobs.delete(blob)

    def _before(self, command: PurgeBlobs) -> str:
        return utc_text(retention.cutoff(self._desk.clock.now(), command.older_than_days))


def _purge_in(recorded: Sequence[LogEvent]) -> BlobsPurged | None:
    return next((event for event in recorded if isinstance(event, BlobsPurged)), None)
