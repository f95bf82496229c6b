"""Retention: let the content of old runs go, on the record first, then in the object store."""

from __future__ import annotations

from contracts.envelope import RequestContext
from contracts.log import BlobsPurged
from contracts.rmos import PurgeBlobs, Purged
from runtime.clock import utc_text
from services.rmos.domain import retention
from services.rmos.handlers.desk import ADMINS, Desk, decided, require_person
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
        done = await self._desk.recorded(command, request, BlobsPurged)
        if done is not None:
            return await self._finished(done)
        plan, event = await decided(lambda: self._recorded(command, request))
        if not command.dry_run:
            for blob in plan.blobs:
                await self._desk.blobs.delete(blob)
        return Purged(
            purge_id=event.purge_id if event is not None else None,
            dry_run=command.dry_run,
            more=plan.more,
            run_ids=plan.run_ids,
            digests=tuple(blob.sha256 for blob in plan.blobs),
            bytes_freed=sum(blob.size for blob in plan.blobs),
        )

    async def _recorded(
        self, command: PurgeBlobs, request: RequestContext
    ) -> tuple[retention.Plan, BlobsPurged | None]:
        desk = self._desk
        before = await desk.log.read_stream(retention.STREAM)
        moment = retention.cutoff(desk.clock.now(), command.older_than_days)
        old, more = await self._holdings.old_runs(utc_text(moment), command.statuses, retention.MAX_RUNS)
        digests = sorted({blob.sha256 for holding in old for blob in holding.blobs})
        kept = await self._holdings.referred_to(digests, [holding.run_id for holding in old])
        plan = retention.plan(old, kept, more)
        events = retention.decide(command, plan, desk.new_id("purge"))
        if events:
            placed = [(retention.STREAM, event) for event in events]
            await desk.append(command, request, {retention.STREAM: len(before)}, placed)
        return plan, next(iter(events), None)

    async def _finished(self, done: BlobsPurged) -> Purged:
        """A repeated purge: whatever its first time did not get to goes now, unless a kept run refers to it by now."""
        kept = await self._holdings.referred_to(done.digests, done.run_ids)
        named = {blob.sha256: blob for item in await self._holdings.content_of(done.run_ids) for blob in item.blobs}
        for digest in done.digests:
            if digest not in kept:
                await self._desk.blobs.delete(named[digest])
        return Purged(
            purge_id=done.purge_id,
            dry_run=False,
            run_ids=done.run_ids,
            digests=done.digests,
            bytes_freed=done.bytes_freed,
        )
