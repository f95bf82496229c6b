"""Importing on a real log: marked, once, by admins; nothing imported releases anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.artifacts import ArtifactKind, ArtifactStatus
from contracts.blobs import BlobRef
from contracts.envelope import Actor
from contracts.errors import ErrorCode
from contracts.log import ArtifactImported, RunOpened
from contracts.rmos import (
    AskArtifact,
    AskRun,
    BindCandidate,
    DeleteRun,
    ImportedRun,
    ImportRun,
    ListRuns,
    MakeToolpaths,
    OverrideVerdict,
    PurgeBlobs,
)
from services.rmos.domain.legacy import read_run_file
from services.rmos.handlers.importing import ImportHandlers
from tests.rmos.handlers.shop import ADA, DORA, OTTO, ROBOT, SHOP, Shop, by, keyed, refused

RUNS = Path(__file__).parents[1] / "legacy" / "runs"
GOOD = "2025-08-19/run_3f2a9c01.json"


async def stored(shop: Shop, path: str) -> BlobRef:
    return await shop.blobs.put((RUNS / path).read_bytes(), "application/json")


async def imported(shop: Shop, path: str = GOOD) -> ImportedRun:
    command = ImportRun(path=path, file=await stored(shop, path))
    return await ImportHandlers(shop.desk).import_run(command, by(ADA))


async def test_a_file_becomes_a_run_and_a_record_that_say_where_they_come_from(shop: Shop) -> None:
    done = await imported(shop)
    assert (done.run_id, done.added, done.warnings) == ("run_3f2a9c01", True, ())
    opened, recorded = await shop.world.log.read_stream("run-run_3f2a9c01")
    assert isinstance(opened, RunOpened)
    assert isinstance(recorded, ArtifactImported)
    file = await stored(shop, GOOD)
    assert opened.imported_from is not None
    assert (opened.imported_from.path, opened.imported_from.sha256) == (GOOD, file.sha256)
    artifact = recorded.artifact
    assert (artifact.kind, artifact.status) == (ArtifactKind.IMPORTED, ArtifactStatus.OK)
    assert artifact.created_at_utc == opened.opened_at_utc == "2025-08-19T14:03:22.114235Z"
    assert artifact.outputs["legacy_file"] == file
    assert (await shop.blobs.get(artifact.outputs["legacy_gcode"])).startswith(b"G21")
    assert "first good one" in artifact.meta["legacy"]


async def test_an_imported_run_is_found_by_the_day_it_was_opened_on(shop: Shop) -> None:
    await imported(shop)
    listed = await shop.world.queries.runs(ListRuns(day="2025-08-19"))
    assert [run.run_id for run in listed.items] == ["run_3f2a9c01"]
    run = await shop.world.queries.run(AskRun(run_id="run_3f2a9c01"))
    assert (run.status, run.last_kind) == ("OK", ArtifactKind.IMPORTED)


async def test_the_same_file_again_adds_nothing(shop: Shop) -> None:
    first = await imported(shop)
    position = await shop.position()
    again = await imported(shop)
    assert (again.artifact_id, again.added) == (first.artifact_id, False)
    assert await shop.position() == position


async def test_an_import_is_repeated_by_its_key_also_after_its_file_went(shop: Shop) -> None:
    path = "2025-08-20/run_bind.json"
    command, handlers = ImportRun(path=path, file=await stored(shop, path)), ImportHandlers(shop.desk)
    first = await handlers.import_run(command, keyed(ADA, "key_1"))
    assert (first.added, first.warnings) == (True, tuple(read_run_file(path, (RUNS / path).read_bytes()).warnings))
    assert first.warnings
    known = await handlers.import_run(command, keyed(ADA, "key_2"))
    assert known == first.model_copy(update={"added": False})
    position = await shop.position()
    shop.clock.pass_days(36500)
    purge = PurgeBlobs(older_than_days=1, statuses=("OK", "BLOCKED", "ERROR"), dry_run=False)
    assert command.file.sha256 in (await shop.retention.purge(purge, by(ADA))).digests
    assert await handlers.import_run(command, keyed(ADA, "key_1")) == first
    assert await handlers.import_run(command, keyed(ADA, "key_2")) == known
    other = command.model_copy(update={"path": GOOD})
    for key in ("key_1", "key_2"):
        await refused(handlers.import_run(other, keyed(ADA, key)), ErrorCode.IDEMPOTENCY_MISMATCH)
    assert await shop.position() == position + 1


async def test_other_content_for_a_run_that_is_on_record_is_refused(shop: Shop) -> None:
    await imported(shop)
    other = await shop.blobs.put((RUNS / GOOD).read_bytes() + b"\n", "application/json")
    handlers = ImportHandlers(shop.desk)
    command = ImportRun(path=GOOD, file=other)
    error = await refused(handlers.import_run(command, by(ADA)), ErrorCode.ILLEGAL_TRANSITION)
    assert error.details["run_id"] == "run_3f2a9c01"
    await shop.runs.delete_run(DeleteRun(run_id="run_3f2a9c01", cascade=True), by(ADA))
    again = ImportRun(path=GOOD, file=await stored(shop, GOOD))
    await refused(handlers.import_run(again, by(ADA)), ErrorCode.ILLEGAL_TRANSITION)


async def test_a_file_that_cannot_be_read_leaves_nothing_on_the_record(shop: Shop) -> None:
    before = await shop.position()
    command = ImportRun(path="2025-08-20/run_torn.json", file=await stored(shop, "2025-08-20/run_torn.json"))
    error = await refused(ImportHandlers(shop.desk).import_run(command, by(ADA)), ErrorCode.INVALID_REQUEST)
    assert "not JSON" in error.message
    assert await shop.position() == before


@pytest.mark.parametrize("actor", [DORA, OTTO, ROBOT], ids=lambda actor: actor.id)
async def test_only_an_admin_imports(shop: Shop, actor: Actor) -> None:
    command = ImportRun(path=GOOD, file=await stored(shop, GOOD))
    await refused(ImportHandlers(shop.desk).import_run(command, by(actor)), ErrorCode.FORBIDDEN)


async def test_an_imported_ok_releases_nothing(shop: Shop) -> None:
    done = await imported(shop)
    cut = MakeToolpaths(run_id=done.run_id, artifact_id=done.artifact_id, context=SHOP)
    await refused(shop.toolpaths.make_toolpaths(cut, by(OTTO)), ErrorCode.INVALID_REQUEST)
    accept = OverrideVerdict(
        run_id=done.run_id, artifact_id=done.artifact_id, scope="YELLOW", reason="it was fine in those days"
    )
    await refused(shop.decisions.override(accept, by(OTTO)), ErrorCode.INVALID_REQUEST)
    shown = await shop.world.queries.artifact(AskArtifact(artifact_id=done.artifact_id))
    assert (shown.gcode_text, shown.artifact.feasibility) == (None, None)
    bind = BindCandidate(run_id=done.run_id, attachment_ids=(shown.artifact.outputs["legacy_file"].sha256,))
    await refused(shop.binding.bind_candidate(bind, by(OTTO)), ErrorCode.NOT_FOUND)
