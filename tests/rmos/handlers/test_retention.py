"""Retention on a real log and object store: what goes, what stays, and what the record says of it."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.artifacts import ArtifactStatus, RunArtifact
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from contracts.log import BlobsPurged
from contracts.rmos import AskArtifact, AskRun, PurgeBlobs
from services.rmos.domain import retention
from tests.rmos.handlers.shop import ADA, AUDREY, GOOD, OTTO, RED, ROBOT, Shop, by, refused, ring

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


@pytest.mark.parametrize("actor", [OTTO, AUDREY, ROBOT], ids=["operator", "auditor", "ai"])
async def test_only_an_admin_purges(shop: Shop, actor: Any) -> None:
    await refused(shop.retention.purge(purge(dry_run=True), by(actor)), ErrorCode.FORBIDDEN)
