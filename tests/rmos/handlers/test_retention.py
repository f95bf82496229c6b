"""Retention on a real log and object store: what goes, what stays, and what the record says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.artifacts import ArtifactStatus, AttachmentKind, RunArtifact
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from contracts.log import BlobsPurged
from contracts.rmos import AddAttachments, AskArtifact, AskRun, NewAttachment, PurgeBlobs, Purged
from services.rmos.domain import retention
from services.rmos.domain import run as run_domain
from services.rmos.handlers.retention import RetentionHandlers
from services.rmos.projections.holdings import ProjectionHoldings
from tests.rmos.handlers.shop import ADA, AUDREY, DORA, GOOD, OTTO, RED, ROBOT, Shop, by, refused, ring

OLD = 30
EVERY = ("OPEN", "OK", "BLOCKED", "ERROR")


def purge(dry_run: bool = False, statuses: tuple[Any, ...] = EVERY) -> PurgeBlobs:
    return PurgeBlobs(older_than_days=OLD, statuses=statuses, dry_run=dry_run)


async def is_there(shop: Shop, blob: BlobRef) -> bool:
    try:
        await shop.blobs.get(blob)
    except RmosError as error:
        if error.code is not ErrorCode.BLOB_MISSING:
            raise
        return False
    return True


async def old_and_new(shop: Shop) -> tuple[RunArtifact, RunArtifact]:
    """A decision of a run that is now old, and one of today about the same design and another one."""
    old = await shop.bound(await shop.opened_run(), RED)
    run_id = await shop.opened_run()
    await shop.bound(run_id, GOOD)
    await shop.world.queries.run(AskRun(run_id=run_id))
    return old, await shop.bound(run_id, GOOD)


async def events(shop: Shop) -> list[Any]:
    return await shop.world.log.read_stream(retention.STREAM)


async def test_a_dry_run_tells_and_touches_nothing(shop: Shop) -> None:
    old = await shop.bound(await shop.opened_run(), RED)
    before = await shop.position()
    shop.clock.pass_days(OLD + 1)
    told = await shop.retention.purge(purge(dry_run=True), by(ADA))
    assert (told.purge_id, told.run_ids) == (None, (old.run_id,))
    assert set(told.digests) == {old.hashes["spec"], old.hashes["svg"]}
    assert told.bytes_freed == sum(item.size for item in old.attachments)
    assert await shop.position() == before
    assert await is_there(shop, old.outputs["spec"])


async def test_old_content_goes_its_event_names_it_and_the_decision_stays_readable(shop: Shop) -> None:
    made = await shop.made(spec=GOOD, context=(await shop.opened_session()).context)
    assert made.status is ArtifactStatus.OK
    shop.clock.pass_days(OLD + 1)
    purged = await shop.retention.purge(purge(), by(ADA, "key_1"))
    assert set(purged.digests) == {blob.sha256 for blob in made.outputs.values()}
    (event,) = await events(shop)
    assert isinstance(event, BlobsPurged)
    assert (event.purge_id, event.digests, event.run_ids) == (purged.purge_id, purged.digests, (made.run_id,))
    assert not any([await is_there(shop, blob) for blob in made.outputs.values()])
    shown = await shop.queries.artifact(AskArtifact(artifact_id=made.artifact_id), by(AUDREY))
    assert (shown.artifact, shown.gcode_text) == (made, None)
    assert shown.missing_sha256 in purged.digests


async def test_what_a_kept_run_refers_to_stays(shop: Shop) -> None:
    old = await shop.bound(await shop.opened_run(), RED)
    same = await shop.bound(await shop.opened_run(), RED)
    assert old.hashes["spec"] == same.hashes["spec"]
    await shop.bound(same.run_id, GOOD)  # its latest decision is OK now, so a purge of BLOCKED ones keeps this run
    shop.clock.pass_days(OLD + 1)
    purged = await shop.retention.purge(purge(statuses=("BLOCKED",)), by(ADA))
    assert (purged.run_ids, purged.digests) == ((old.run_id,), ())
    assert await is_there(shop, old.outputs["spec"])
    later = await shop.retention.purge(purge(statuses=("OK",)), by(ADA))
    assert old.hashes["spec"] in later.digests  # its last keeper is gone
    assert not await is_there(shop, old.outputs["spec"])


async def test_only_old_runs_of_the_named_statuses_are_touched(shop: Shop) -> None:
    blocked = await shop.bound(await shop.opened_run(), RED)
    shop.clock.pass_days(OLD - 1)
    assert (await shop.retention.purge(purge(), by(ADA))).run_ids == ()
    shop.clock.pass_days(2)
    assert (await shop.retention.purge(purge(statuses=("OK", "ERROR")), by(ADA))).run_ids == ()
    assert await events(shop) == []
    assert (await shop.retention.purge(purge(statuses=("BLOCKED",)), by(ADA))).run_ids == (blocked.run_id,)


async def test_a_purged_run_is_not_purged_again_until_something_happens_to_it(shop: Shop) -> None:
    old = await shop.bound(await shop.opened_run(), RED)
    shop.clock.pass_days(OLD + 1)
    await shop.retention.purge(purge(), by(ADA))
    assert (await shop.retention.purge(purge(), by(ADA))).run_ids == ()
    again = await shop.bound(old.run_id, ring(45, "45.7"))
    purged = await shop.retention.purge(purge(), by(ADA))
    assert purged.run_ids == (old.run_id,)
    assert again.hashes["spec"] in purged.digests


async def test_a_purge_that_was_cut_off_is_finished_by_its_key(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await shop.bound(await shop.opened_run(), RED)
    shop.clock.pass_days(OLD + 1)
    outage = RmosError(ErrorCode.UNAVAILABLE, "the object store is away")

    async def away(_: BlobRef) -> None:
        raise outage

    with monkeypatch.context() as broken:
        broken.setattr(shop.blobs, "delete", away)
        await refused(shop.retention.purge(purge(), by(ADA, "key_1")), ErrorCode.UNAVAILABLE)
    assert len(await events(shop)) == 1
    assert await is_there(shop, old.outputs["spec"])
    finished = await shop.retention.purge(purge(), by(ADA, "key_1"))
    assert old.hashes["spec"] in finished.digests
    assert not await is_there(shop, old.outputs["spec"])
    assert len(await events(shop)) == 1
    other = purge(statuses=("OK",))
    await refused(shop.retention.purge(other, by(ADA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)


async def test_content_that_lies_there_as_two_kinds_goes_as_both(shop: Shop) -> None:
    run_id = await shop.opened_run()
    kinds = [await shop.blobs.put(b'{"a": 1}', content_type) for content_type in ("application/json", "text/plain")]
    new = tuple(
        NewAttachment(kind=kind, filename="a", blob=blob)
        for kind, blob in zip((AttachmentKind.DOCUMENT, AttachmentKind.OTHER), kinds, strict=True)
    )
    await shop.runs.add_attachments(AddAttachments(run_id=run_id, attachments=new), by(DORA))
    shop.clock.pass_days(OLD + 1)
    purged = await shop.retention.purge(purge(), by(ADA))
    assert (purged.digests, purged.bytes_freed) == ((kinds[0].sha256,), 2 * len(b'{"a": 1}'))
    assert [await is_there(shop, blob) for blob in kinds] == [False, False]


async def test_what_came_right_after_a_purge_in_the_same_commit_is_not_taken_for_purged(shop: Shop) -> None:
    """All events of a group commit are recorded at the same time."""
    run_id = await shop.opened_run()
    blob = await shop.blobs.put(b"late", "text/plain")
    await shop.world.queries.run(AskRun(run_id=run_id))
    event = BlobsPurged(
        purge_id="purge_1", older_than_days=OLD, statuses=EVERY, run_ids=(run_id,), digests=(), bytes_freed=0
    )
    late = NewAttachment(kind=AttachmentKind.DOCUMENT, filename="late.txt", blob=blob)
    run, _ = await shop.desk.run(run_id)
    (attached,) = run_domain.add_attachments(run, (late,), shop.desk.now())
    await shop.world.append((retention.STREAM, event), (run_domain.stream_of(run_id), attached))
    shop.clock.pass_days(OLD + 1)
    assert (await shop.retention.purge(purge(dry_run=True), by(ADA))).digests == (blob.sha256,)


@dataclass
class HoldingsThatWait:
    """Real ones; `meanwhile` runs before the first answer, and with it the time that the question names passes."""

    holdings: ProjectionHoldings
    meanwhile: Callable[[], Awaitable[str]] | None

    async def old_runs(self, before_utc: str, statuses: Any, limit: int) -> Any:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            before_utc = await meanwhile()
        return await self.holdings.old_runs(before_utc, statuses, limit)

    async def referred_to(self, digests: Any, other_than: Any) -> frozenset[str]:
        return await self.holdings.referred_to(digests, other_than)

    async def content_of(self, run_ids: Any) -> Any:
        return await self.holdings.content_of(run_ids)


async def test_a_purge_that_comes_twice_at_once_deletes_what_is_on_record_and_no_more(shop: Shop) -> None:
    old = await shop.bound(await shop.opened_run(), RED)
    shop.clock.pass_days(OLD + 1)
    first: list[Purged] = []

    async def the_same_and_a_new_run() -> str:
        first.append(await shop.retention.purge(purge(), by(ADA, "key_1")))
        first_of_its_own.append(await shop.bound(await shop.opened_run(), GOOD))
        await shop.world.queries.run(AskRun(run_id=old.run_id))
        return "9999-01-01T00:00:00.000000Z"

    first_of_its_own: list[RunArtifact] = []
    holdings = HoldingsThatWait(ProjectionHoldings(shop.world.reader), the_same_and_a_new_run)
    second = await RetentionHandlers(shop.desk, holdings).purge(purge(), by(ADA, "key_1"))
    assert (second.purge_id, second.digests) == (first[0].purge_id, first[0].digests)
    assert len(await events(shop)) == 1
    assert await is_there(shop, first_of_its_own[0].outputs["spec"])


async def test_a_purge_says_whether_more_waits_and_its_repetition_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MAX_RUNS", 1)
    for spec in (RED, GOOD):
        await shop.bound(await shop.opened_run(), spec)
    shop.clock.pass_days(OLD + 1)
    first = await shop.retention.purge(purge(), by(ADA, "key_1"))
    assert (len(first.run_ids), first.more) == (1, True)
    assert await shop.retention.purge(purge(), by(ADA, "key_1")) == first
    assert (await shop.retention.purge(purge(), by(ADA))).more is False


@pytest.mark.parametrize("actor", [OTTO, AUDREY, ROBOT], ids=["operator", "auditor", "ai"])
async def test_only_an_admin_purges(shop: Shop, actor: Any) -> None:
    await refused(shop.retention.purge(purge(dry_run=True), by(actor)), ErrorCode.FORBIDDEN)
