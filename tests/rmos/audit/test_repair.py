"""`rmos store rebuild|orphans|repair`: what is derived is mended, what is not is named, and nothing is ever lost."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from contracts.blobs import blob_key
from contracts.log import BlobsPurged
from contracts.subjects import MIGRATE
from runtime.blobs import BlobStore
from runtime.logs import logger
from runtime.objects import ObjectStore
from runtime.testing import DatabaseAccess, NatsAccess
from services.rmos.audit import repair as repair_module
from services.rmos.audit.keeper import BusAccess, Keeper
from services.rmos.audit.orphans import orphans_of
from services.rmos.audit.repair import repaired
from services.rmos.audit.stream_check import StreamAccess, read_head
from services.rmos.audit.stream_repair import refilled_stream
from services.rmos.audit.verify import Audited, audit
from services.rmos.cli_store import store as store_commands
from services.rmos.domain import retention
from services.rmos.event_log.duties import ended
from services.rmos.event_log.relay import LogRelay
from services.rmos.migrate import migrate_bus
from tests.rmos.audit.given import KEY, VKEY
from tests.rmos.audit.test_detection import Store
from tests.rmos.audit.test_detection import own_store as store  # noqa: F401 - a fixture
from tests.rmos.conftest import bus_settings
from tests.rmos.event_log.given import until
from tests.rmos.event_log.test_relay import connected
from tests.rmos.projections import given as history
from tests.rmos.projections.given import world


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkpointer runs here that could still publish what is missing."""
    monkeypatch.setattr("services.rmos.audit.verify.PATIENCE_S", 0.1)
    monkeypatch.setattr("services.rmos.audit.verify.UNCOVERED_S", 3600.0)


def run(made: Store, command: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of `rmos store <command>`."""
    environment = {
        "RMOS_S3_ENDPOINT": made.s3.endpoint,
        "RMOS_S3_ACCESS_KEY": made.s3.access_key,
        "RMOS_S3_SECRET_KEY": made.s3.secret_key,
        "RMOS_S3_BUCKET": made.s3.bucket,
        "RMOS_S3_REGION": made.s3.region,
    }
    keys = ["--vkey", VKEY] if command != "rebuild" else []
    dsn = made.database.reader_dsn if command == "orphans" else made.database.writer_dsn
    arguments = [command, "--dsn", dsn, *keys, "--json", *options]
    result = CliRunner().invoke(store_commands, arguments, env=environment, catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


async def ran(made: Store, command: str, *options: str) -> tuple[int, dict[str, Any]]:
    return await asyncio.to_thread(run, made, command, *options)


def kinds(report: dict[str, Any]) -> set[str]:
    return {item["kind"] for item in report["findings"]}


def keeper(made: Store) -> Keeper:
    return Keeper(Audited(made.database.reader_dsn, made.s3, (KEY.verifier,)), made.database.writer_dsn, None)


def events(made: Store) -> list[Any]:
    return made.rows()


async def damaged(made: Store) -> None:
    """Everything derived is wrong in some way."""
    with psycopg.connect(made.database.writer_dsn) as writer:
        writer.execute("UPDATE projections.runs SET label = 'x' WHERE run_id = 'run_1'")
        writer.execute("DELETE FROM projections.artifacts WHERE artifact_id = 'artifact_2'")

    async def act(objects: ObjectStore) -> None:
        await objects.put("tile/0/000.p/17", b"\x00" * 32 * 17, "application/octet-stream")
        await objects.remove("tile/entries/000.p/17")
        await objects.remove("checkpoint")

    await made.objects(act)


async def test_a_sound_store_needs_no_repair(store: Store) -> None:  # noqa: F811 - the fixture
    code, result = await ran(store, "repair")
    assert (code, result["acts"], result["remaining"]) == (0, [], None)


async def test_what_is_derived_is_made_anew_and_the_events_stay(store: Store) -> None:  # noqa: F811
    before = events(store)
    await damaged(store)
    code, told = await ran(store, "repair", "--dry-run")
    assert (code, told["remaining"], len(told["acts"])) == (1, None, 2)
    assert kinds(told["found"]) == {
        *("projection_row_changed", "projection_row_missing"),
        *("tile_changed", "tile_missing", "public_checkpoint_missing"),
    }
    code, result = await ran(store, "repair")
    assert (code, result["sound"], result["remaining"]["findings"]) == (0, True, [])
    assert events(store) == before
    assert (await ran(store, "repair"))[1]["acts"] == []


async def test_nothing_is_derived_from_a_damaged_record(store: Store) -> None:  # noqa: F811
    await damaged(store)
    store.run("UPDATE rmos.events SET data = '{}' WHERE position = 3")
    code, result = await ran(store, "repair")
    assert (code, result["remaining"]) == (1, None)
    assert all("the record itself is damaged" in act["left_out"] for act in result["acts"])
    assert "event_changed" in kinds(result["found"])


async def test_a_changed_blob_is_moved_to_quarantine_and_stays_a_finding(store: Store) -> None:  # noqa: F811
    blob = store.blobs[0]
    key = blob_key(blob.sha256, blob.content_type)
    objects = ObjectStore(store.s3)
    await objects.put(key, b"something else", blob.content_type)
    code, result = await ran(store, "repair")
    assert (code, kinds(result["remaining"])) == (1, {"blob_changed"})
    (moved,) = await objects.names(f"quarantine/{blob.sha256}/")
    assert (await objects.get(moved), await objects.get(key)) == (b"something else", None)
    objects.close()


async def test_content_that_retention_let_go_is_no_finding_but_content_that_came_again_is(
    store: Store,  # noqa: F811
) -> None:
    first, second = store.blobs[:2]
    purged = BlobsPurged(
        purge_id="purge_1",
        older_than_days=1,
        statuses=("OPEN",),
        run_ids=("run_0", "run_1"),
        digests=(first.sha256, second.sha256),
        bytes_freed=1,
    )
    blobs = BlobStore(store.s3)
    async with world(store.database.writer_dsn) as live:
        live.commands = 100
        await live.append((retention.STREAM, purged))
        for blob in (first, second):
            await blobs.delete(blob)
        again = history.attached("run_3", history.AttachmentKind.OTHER, "a")[1].attachment  # type: ignore[attr-defined]
        came = again.model_copy(
            update={"attachment_id": second.sha256, "size": second.size, "content_type": second.content_type}
        )
        await live.append(("run-run_3", history.AttachmentAdded(run_id="run_3", attachment=came)))
        await live.reader.wait_for(live.log.head.position)
    blobs.close()
    for quick in (False, True):
        report = await asyncio.to_thread(audit, keeper(store).audited, quick=quick)
        assert [(item.kind.value, item.details["sha256"]) for item in report.findings] == [
            ("blob_missing", second.sha256)
        ]
        assert report.checked["blobs_purged"] == 1


async def some_orphans(made: Store) -> list[str]:
    blobs, objects = BlobStore(made.s3), ObjectStore(made.s3)
    forgotten = await blobs.put(b"nobody speaks of me", "text/plain")
    await objects.put("notes.txt", b"?", "text/plain")
    await objects.put(f"quarantine/{'0' * 64}/{'1' * 64}", b"?", "application/octet-stream")
    blobs.close()
    objects.close()
    return [blob_key(forgotten.sha256, forgotten.content_type)]


async def test_orphans_are_listed_and_young_ones_are_left_alone(store: Store) -> None:  # noqa: F811
    (forgotten,) = await some_orphans(store)
    code, found = await ran(store, "orphans", "--remove")
    assert (code, found["orphans"], found["removed"]) == (1, [], [])
    assert [item["key"] for item in found["within_grace"]] == [forgotten]
    assert (found["foreign"], len(found["quarantined"])) == (["notes.txt"], 1)


async def test_only_what_nothing_speaks_of_is_removed_and_only_when_told_to(store: Store) -> None:  # noqa: F811
    (forgotten,) = await some_orphans(store)
    what, later = keeper(store).audited, datetime.now(UTC) + timedelta(hours=25)
    listed = await asyncio.to_thread(orphans_of, what, later)
    assert ([item.key for item in listed.orphans], listed.removed) == ([forgotten], [])
    removed = await asyncio.to_thread(lambda: orphans_of(what, later, remove=True))
    assert removed.removed == [forgotten]
    objects = ObjectStore(store.s3)
    left = {name for name in await objects.names("") if not name.startswith("tlog/")}
    objects.close()
    kept = {blob_key(blob.sha256, blob.content_type) for blob in store.blobs}
    assert left == {*kept, "notes.txt", f"quarantine/{'0' * 64}/{'1' * 64}"}
    assert (await asyncio.to_thread(orphans_of, what, later)).orphans == []


async def test_rebuild_replaces_tables_that_were_tampered_with(store: Store) -> None:  # noqa: F811
    store.run("UPDATE projections.runs SET status = 'OK'", "DELETE FROM projections.run_events")
    code, told = await ran(store, "rebuild", "--dry-run")
    assert (code, told["events"], "rebuilt_to" in told) == (0, 17, False)
    assert (await ran(store, "rebuild")) == (0, {**told, "rebuilt_to": 17})
    assert (await asyncio.to_thread(audit, keeper(store).audited, quick=False)).sound


async def test_rebuild_mends_tables_that_are_gone_and_a_cursor_that_ran_ahead(store: Store) -> None:  # noqa: F811
    store.run("UPDATE projections.projection_cursor SET position = 9999")
    assert kinds((await ran(store, "repair", "--dry-run"))[1]["found"]) == {"projection_ahead"}
    assert (await ran(store, "repair"))[0] == 0
    store.run("DROP SCHEMA projections CASCADE")
    assert (await asyncio.to_thread(lambda: repair_module._rebuild(keeper(store), logger(), lambda *_: None))) is None
    assert (await asyncio.to_thread(audit, keeper(store).audited, quick=False)).sound


async def test_a_stream_of_another_log_is_made_anew_when_told_to(
    store: Store,  # noqa: F811
    bus_server: NatsAccess,
) -> None:
    access = BusAccess(bus_settings(bus_server, "rmos"), bus_settings(bus_server, MIGRATE))
    user = "dashboard"
    stream = StreamAccess(bus_server.url, user, bus_server.passwords[user], f"_INBOX.{user}")
    by = Keeper(
        Audited(store.database.reader_dsn, store.s3, (KEY.verifier,), stream), store.database.writer_dsn, access
    )
    assert await refilled_stream(access, by.writer_dsn, logger()) == 17
    async with connected(bus_server, "migrate") as admin, connected(bus_server, "rmos") as client:
        await admin.jetstream().delete_stream("LOG")
        await migrate_bus(access.migrate, log_is_empty=True)
        for _ in range(3):
            await client.jetstream().publish("log.other", b"{}", headers={"ce-id": "foreign"})
    left = await asyncio.to_thread(lambda: repaired(by, logger(), dry_run=False, stream=False))
    assert [item.kind.value for item in left.before.findings] == ["stream_differs"]
    assert "--stream" in str(left.acts[0].left_out)
    done = await asyncio.to_thread(lambda: repaired(by, logger(), dry_run=False, stream=True))
    assert done.sound
    assert (await read_head(stream)).last_sequence == 17


async def test_a_relay_that_stopped_goes_on_once_the_stream_was_mended(
    database: DatabaseAccess, bus_server: NatsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.rmos.event_log.relay.LOOK_AGAIN_S", 0.05)
    async with world(database.writer_dsn) as live, connected(bus_server, "rmos") as client:
        await client.jetstream().publish("log.other", b"{}", headers={"ce-id": "foreign"})
        await live.append(history.run_opened("1"))
        relay = LogRelay(client, live.log, live.log.head, logger())
        keeping = asyncio.create_task(relay.keep_on())
        await until(lambda: relay.failure is not None)
        access = BusAccess(bus_settings(bus_server, "rmos"), bus_settings(bus_server, MIGRATE))
        await refilled_stream(access, database.writer_dsn, logger())
        await until(lambda: relay.failure is None and relay.published == 1)
        await ended(keeping)


class Dead(BaseException):
    """The process died here."""


async def test_death_at_any_write_of_a_repair_leaves_what_the_next_one_finishes(
    store: Store,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Six writes: the rebuild, two tiles and the checkpoint, and the move of a blob (there, then away from here); each
    lost, and each stored."""
    before, blob = events(store), store.blobs[0]
    objects = ObjectStore(store.s3)
    for at, stored in itertools.product(range(1, 7), (False, True)):
        await damaged(store)
        await objects.put(blob_key(blob.sha256, blob.content_type), b"other", blob.content_type)
        with monkeypatch.context() as patched:
            dying_at(at, stored, patched)
            with pytest.raises(Dead):
                await asyncio.to_thread(lambda: repaired(keeper(store), logger(), dry_run=False, stream=False))
        done = await asyncio.to_thread(lambda: repaired(keeper(store), logger(), dry_run=False, stream=False))
        assert [item.kind.value for item in (done.after or done.before).findings] == ["blob_changed"], (at, stored)
        assert [name.split("/")[1] for name in await objects.names("quarantine/")] == [blob.sha256]
        assert events(store) == before
    objects.close()


def dying_at(at: int, stored: bool, patched: pytest.MonkeyPatch) -> None:
    """The process dies at its n-th write: before it (lost), or right after it (stored)."""
    writes = 0

    def dying(target: Any, name: str) -> None:
        whole = getattr(target, name)

        async def act(*arguments: Any) -> Any:
            nonlocal writes
            writes += 1
            if writes == at and not stored:
                raise Dead
            result = await whole(*arguments)
            if writes == at:
                raise Dead
            return result

        patched.setattr(target, name, act)

    dying(ObjectStore, "_put")
    dying(ObjectStore, "remove")
    dying(repair_module, "rebuild_projections")
