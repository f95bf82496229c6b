"""Everything an intruder with all rights might do to a real store: found, named, and nothing else is blamed.

The store is made by the system's own parts (log, projector, checkpointer, blobs); the damage is done past every trigger
by a superuser and with the object store's keys; the audit runs as the command does, with a read-only role.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from typer.testing import CliRunner

from contracts.artifacts import Attachment, AttachmentKind
from contracts.blobs import BlobRef, blob_key
from contracts.log import AttachmentAdded
from contracts.subjects import MARKS_STREAM
from runtime.blobs import BlobStore
from runtime.logs import logger
from runtime.objects import ObjectStore
from runtime.settings import S3Settings
from runtime.testing import DatabaseAccess, NatsAccess, PostgresAccess, S3Access
from services.rmos.audit.keeper import BusAccess
from services.rmos.audit.marks import Marks
from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.audit.stream_repair import refilled_stream
from services.rmos.cli import audit
from services.rmos.domain.checkpoint import Checkpoint, SigningKey
from services.rmos.domain.leaf import leaf_of
from services.rmos.domain.tiles import TileEdge
from services.rmos.event_log.duties import ended
from services.rmos.event_log.relay import LogRelay
from services.rmos.migrate import migrate_bus
from tests.rmos.audit.given import KEY, VKEY, as_superuser, checkpointing, forge, public_objects, s3_settings
from tests.rmos.conftest import bus_settings, declared_bus
from tests.rmos.event_log.given import until
from tests.rmos.event_log.test_relay import connected
from tests.rmos.projections import given as history
from tests.rmos.projections.given import NOW, World, world

Named = list[tuple[str, str]]


@dataclass
class Store:
    database: DatabaseAccess
    s3: S3Settings
    bus: NatsAccess
    blobs: list[BlobRef] = field(default_factory=list)
    size: int = 0

    def verify(self, *options: str, bus: bool = True) -> tuple[int, Named, dict[str, Any]]:
        """Exit code, findings as (kind, where), and the whole report of `rmos audit verify`."""
        environment = {
            "RMOS_S3_ENDPOINT": self.s3.endpoint,
            "RMOS_S3_ACCESS_KEY": self.s3.access_key,
            "RMOS_S3_SECRET_KEY": self.s3.secret_key,
            "RMOS_S3_BUCKET": self.s3.bucket,
            "RMOS_S3_REGION": self.s3.region,
        }
        if bus:
            environment |= {
                "RMOS_NATS_URL": self.bus.url,
                "RMOS_NATS_USER": "dashboard",
                "RMOS_NATS_PASSWORD": self.bus.passwords["dashboard"],
            }
        left_out = [] if bus else ["--without-bus"]
        arguments = ["verify", "--dsn", self.database.reader_dsn, "--vkey", VKEY, "--json", *left_out, *options]
        result = CliRunner().invoke(audit, arguments, env=environment, catch_exceptions=False)
        report = json.loads(result.stdout)
        return result.exit_code, [(item["kind"], item["where"]) for item in report["findings"]], report

    def rows(self) -> list[LogRow]:
        columns = ", ".join(LogRow._fields)
        with psycopg.connect(self.database.reader_dsn) as connection:
            found = connection.execute(f"SELECT {columns} FROM rmos.events ORDER BY position")  # type: ignore[arg-type]
            return [LogRow(*row) for row in found]

    def checkpoints(self) -> list[dict[str, Any]]:
        with psycopg.connect(self.database.reader_dsn, row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM rmos.checkpoints ORDER BY tree_size").fetchall()

    def run(self, *statements: str) -> None:
        as_superuser(self.database, *statements)

    async def objects(self, act: Callable[[ObjectStore], Awaitable[None]]) -> None:
        with public_objects(self.s3) as objects:
            await act(objects)


async def attached_content(world: World, blobs: BlobStore, run_id: str, kind: AttachmentKind, data: bytes) -> BlobRef:
    blob = await blobs.put(data, "application/json")
    attachment = Attachment(
        attachment_id=blob.sha256,
        kind=kind,
        filename="a.json",
        content_type=blob.content_type,
        size=blob.size,
        created_at_utc=NOW,
    )
    await world.append((f"run-{run_id}", AttachmentAdded(run_id=run_id, attachment=attachment)))
    return blob


async def some_history(world: World, blobs: BlobStore, store: Store) -> None:
    """Four runs with content, two sessions, decisions of all kinds, checkpoints in between."""
    for number in range(4):
        run_id = f"run_{number}"
        await world.append(history.run_opened(run_id, "session_1" if number == 0 else None))
        content = f"content of {run_id}".encode()
        store.blobs.append(await attached_content(world, blobs, run_id, AttachmentKind.SPEC, content))
    await world.append(history.session_opened("session_1"))
    await world.append(history.bound("run_0", "artifact_0"), *history.judged("session_1", "run_0", "artifact_0"))
    await world.append(history.bound("run_1", "artifact_1"))


async def later_history(world: World) -> None:
    await world.append(history.bound("run_2", "artifact_2"))
    await world.append(history.approved("session_1", "run_0", "artifact_0"))
    await world.append(history.bound("run_3", "artifact_3"))


async def recorded(database: DatabaseAccess, s3_server: S3Access, bus_server: NatsAccess) -> Store:
    """Fourteen events under a first checkpoint, seventeen under the last, everything folded and public, at rest."""
    made = Store(database, s3_settings(s3_server, s3_server.create_bucket()), bus_server)
    blobs = BlobStore(made.s3)
    with public_objects(made.s3) as objects:
        async with (
            world(database.writer_dsn) as history_of,
            checkpointing(database, objects, bus_server, history_of.log) as checkpointer,
            connected(bus_server, "rmos") as client,
        ):
            relay = LogRelay(client, history_of.log, history_of.log.head, logger())
            relaying = asyncio.create_task(relay.run())
            await some_history(history_of, blobs, made)
            await until(lambda: checkpointer.covered.position == 14)
            await later_history(history_of)
            await until(lambda: checkpointer.covered.position == 17)
            await until(lambda: history_of.projector.projected.position == relay.published == 17)
            await ended(relaying)
    blobs.close()
    made.size = 17
    return made


@pytest.fixture(scope="module")
def sound_store(postgres_server: PostgresAccess, migrated: DatabaseAccess, s3_server: S3Access) -> Iterator[Store]:
    """Undamaged, and so when the tests of this module are through with copies of it."""
    with declared_bus() as bus:
        made = asyncio.run(recorded(postgres_server.create_database(like=migrated.name), s3_server, bus))
        yield made
        assert made.verify()[:2] == (0, [])


@pytest.fixture
def store(postgres_server: PostgresAccess, sound_store: Store) -> Store:
    """Its database is this test's own to damage; the bus and the object store are everybody's."""
    return replace(sound_store, database=postgres_server.create_database(like=sound_store.database.name))


@pytest.fixture
async def own_store(database: DatabaseAccess, s3_server: S3Access, bus_server: NatsAccess) -> Store:
    """For damage beside the database: the bus and the object store are this test's own too."""
    return await recorded(database, s3_server, bus_server)


async def verified(store: Store, *options: str, bus: bool = True) -> tuple[int, Named]:
    code, named, _ = await asyncio.to_thread(store.verify, *options, bus=bus)
    return code, named


def swapped(store: Store, first: int, second: int) -> None:
    store.run(
        f"UPDATE rmos.events SET position = 1000 WHERE position = {first}",
        f"UPDATE rmos.events SET position = {first} WHERE position = {second}",
        f"UPDATE rmos.events SET position = {second} WHERE position = 1000",
    )


async def test_an_untouched_store_is_sound(store: Store) -> None:
    code, named, report = await asyncio.to_thread(store.verify)
    assert (code, named, report["notes"]) == (0, [], [])
    checked = report["checked"]
    assert (checked["events"], checked["blobs"], checked["tiles"], checked["stream_messages"]) == (17, 4, 2, 17)
    assert checked["checkpoints"] >= 2
    assert checked["projection_rows"] > 20
    code, named, report = await asyncio.to_thread(store.verify, "--quick")
    assert (code, named, report["checked"]["stream_messages"]) == (0, [], 1)


@pytest.mark.parametrize("position", [1, 7, 17])
@pytest.mark.parametrize(
    "change",
    [
        "data = overlay(data placing '\\x58' from 20)",
        "actor = replace(actor, 'operator', 'admin')",
        "recorded_at_utc = overlay(recorded_at_utc placing '1999' from 1)",
        "command_sha256 = sha256('other')",
        "request_id = request_id || 'x'",
        "causation_id = 'somebody'",
        "writer_epoch = writer_epoch + 1",
        "event_id = event_id || 'x'",
        "type = 'rmos.run_opened.v3'",
    ],
)
async def test_one_changed_byte_of_an_event(store: Store, position: int, change: str) -> None:
    before = store.rows()[position - 1]
    store.run(f"UPDATE rmos.events SET {change} WHERE position = {position}")
    if store.rows()[position - 1] == before:
        store.run(f"UPDATE rmos.events SET actor = actor || ' ' WHERE position = {position}")
    assert await verified(store) == (1, [("event_changed", f"event {position}")])
    assert await verified(store, "--quick") == (1, [("event_changed", f"event {position}")])


async def test_a_changed_leaf_hash(store: Store) -> None:
    store.run("UPDATE rmos.events SET leaf = sha256('other') WHERE position = 5")
    assert await verified(store) == (1, [("leaf_changed", "event 5")])


async def test_a_changed_event_with_a_leaf_hash_to_match(store: Store) -> None:
    row = store.rows()[4]
    forged = row._replace(data=row.data.replace(b"router", b"routed") if b"router" in row.data else row.data + b" ")
    leaf = leaf_of(entry_of_row(forged)).hex()
    store.run(f"UPDATE rmos.events SET data = '\\x{forged.data.hex()}', leaf = '\\x{leaf}' WHERE position = 5")
    assert await verified(store) == (1, [("event_replaced", "event 5")])


@pytest.mark.parametrize("position", [1, 9, 17])
async def test_a_deleted_event(store: Store, position: int) -> None:
    store.run(f"DELETE FROM rmos.events WHERE position = {position}")
    assert await verified(store) == (1, [("event_missing", f"event {position}")])


async def test_a_deleted_event_with_all_later_ones_moved_down(store: Store) -> None:
    store.run(
        "DELETE FROM rmos.events WHERE position = 6",
        "UPDATE rmos.events SET position = position + 1000 WHERE position > 6",
        "UPDATE rmos.events SET position = position - 1001 WHERE position > 1000",
    )
    assert await verified(store) == (1, [("event_missing", "event 6")])


@pytest.mark.parametrize(("first", "second"), [(3, 4), (2, 15)])
async def test_two_swapped_events(store: Store, first: int, second: int) -> None:
    swapped(store, first, second)
    assert await verified(store) == (1, [("events_swapped", f"events {first} and {second}")])


def insertion(store: Store, position: int) -> str:
    """A forged event that is consistent in itself."""
    like = store.rows()[0]
    data = like.data.replace(b"run_0", b"run_x")
    forged = like._replace(position=position, stream="run-run_x", event_id="forged", command_id="forged", data=data)
    leaf = leaf_of(entry_of_row(forged)).hex()
    return (
        "INSERT INTO rmos.events SELECT "
        f"{position}, writer_epoch, version, command_index, 'run-run_x', 'forged', type, recorded_at_utc, actor, "
        f"request_id, 'forged', causation_id, command_sha256, '\\x{leaf}', '\\x{data.hex()}' "
        f"FROM rmos.events WHERE event_id = '{like.event_id}'"
    )


async def test_an_event_inserted_between_others(store: Store) -> None:
    store.run(
        "UPDATE rmos.events SET position = position + 1000 WHERE position >= 6",
        "UPDATE rmos.events SET position = position - 999 WHERE position > 1000",
        insertion(store, 6),
    )
    assert await verified(store) == (1, [("event_inserted", "event 6")])


async def test_an_event_inserted_far_behind_the_end(store: Store) -> None:
    store.run(insertion(store, 900))
    assert await verified(store) == (1, [("event_inserted", "event 900")])


async def test_a_recorded_checkpoint_replaced_by_an_older_one(store: Store) -> None:
    first = store.checkpoints()[0]
    assert first["tree_size"] < 17
    store.run(f"UPDATE rmos.checkpoints SET note = '\\x{first['note'].hex()}' WHERE tree_size = 17")
    assert await verified(store) == (1, [("checkpoint_invalid", "checkpoint 17")])


async def test_the_public_checkpoint_replaced_by_an_older_one(own_store: Store) -> None:
    first = own_store.checkpoints()[0]
    await own_store.objects(lambda objects: objects.put("checkpoint", bytes(first["note"]), "text/plain"))
    assert await verified(own_store) == (1, [("public_checkpoint_old", "tlog/checkpoint")])


async def test_a_recorded_checkpoint_deleted(store: Store) -> None:
    store.run("DELETE FROM rmos.checkpoints WHERE tree_size = 17")
    found = [("checkpoint_missing", "checkpoint 17"), ("public_checkpoint_ahead", "tlog/checkpoint")]
    assert await verified(store) == (1, found)


async def test_the_public_checkpoint_deleted(own_store: Store) -> None:
    await own_store.objects(lambda objects: objects.remove("checkpoint"))
    assert await verified(own_store) == (1, [("public_checkpoint_missing", "tlog/checkpoint")])


async def test_the_public_checkpoint_signed_by_a_stranger(own_store: Store) -> None:
    newest = own_store.checkpoints()[-1]
    forged = Checkpoint(KEY.name, 17, bytes(newest["root"])).signed(SigningKey(KEY.name, bytes(32)))
    await own_store.objects(lambda objects: objects.put("checkpoint", forged, "text/plain"))
    assert await verified(own_store) == (1, [("public_checkpoint_invalid", "tlog/checkpoint")])


async def rebuilt(store: Store, *, with_key: bool) -> None:
    """Event 5 changed, and leaf hash and every tile made anew to match; with the key, also every checkpoint."""
    row = store.rows()[4]
    forged = row._replace(actor=row.actor.replace("designer", "operator"))
    assert forged != row
    leaf = leaf_of(entry_of_row(forged)).hex()
    store.run(f"UPDATE rmos.events SET actor = '{forged.actor}', leaf = '\\x{leaf}' WHERE position = 5")
    edge = TileEdge()
    notes: dict[int, tuple[bytes, bytes]] = {}
    for found in store.rows():
        edge.extend([found.leaf], [entry_of_row(found)])
        notes[edge.size] = edge.root, Checkpoint(KEY.name, edge.size, edge.root).signed(KEY)

    async def publish(objects: ObjectStore) -> None:
        await objects.put_all([(tile.path, content) for tile, content in edge.partial()], "application/octet-stream")
        if with_key:
            await objects.put("checkpoint", notes[17][1], "text/plain")

    await store.objects(publish)
    if with_key:
        for recorded in store.checkpoints():
            root, note = notes[recorded["tree_size"]]
            store.run(
                f"UPDATE rmos.checkpoints SET root = '\\x{root.hex()}', note = '\\x{note.hex()}' "
                f"WHERE tree_size = {recorded['tree_size']}"
            )


async def restarted(store: Store) -> str:
    """What rmos says about its record when it starts again."""
    with public_objects(store.s3) as objects:
        async with (
            world(store.database.writer_dsn) as history_of,
            checkpointing(store.database, objects, store.bus, history_of.log) as checkpointer,
        ):
            await until(lambda: checkpointer.failure is not None)
            return str(checkpointer.failure)


async def test_a_forged_history_without_any_checkpoint_is_not_signed_anew_and_is_found(own_store: Store) -> None:
    """The signing key is not needed for it, if whoever has it signs what he is given."""
    forge(own_store.database, 1)
    own_store.run("DELETE FROM rmos.checkpoints")

    async def remove(objects: ObjectStore) -> None:
        for name in await objects.names(""):
            await objects.remove(name)

    await own_store.objects(remove)
    assert "the mark on the bus is of 17 events" in await restarted(own_store)
    named = [
        ("checkpoint_missing", "checkpoint 17"),
        ("history_rewritten", "events 1 to 17"),
        ("stream_differs", "stream LOG"),
    ]
    code, found, report = await asyncio.to_thread(own_store.verify)
    assert (code, found) == (1, named)
    assert [item["details"] for item in report["findings"] if item["kind"] == "stream_differs"] == [
        {"first": 1, "last": 1}
    ]
    assert await verified(own_store, "--quick") == (1, named[:2])


async def test_a_partial_rollback_is_not_signed_anew_and_is_found(own_store: Store) -> None:
    (first,) = [row for row in own_store.checkpoints() if row["tree_size"] == 14]
    forge(own_store.database, 16)
    own_store.run("DELETE FROM rmos.checkpoints WHERE tree_size > 14")
    await own_store.objects(lambda objects: objects.put("checkpoint", bytes(first["note"]), "text/plain"))
    assert "the mark on the bus is of 17 events" in await restarted(own_store)
    assert await verified(own_store) == (
        1,
        [("checkpoint_missing", "checkpoint 17"), ("event_replaced", "event 16")],
    )


@pytest.mark.parametrize("at_once", [20_000, 5])
async def test_every_message_of_the_stream_is_compared(
    own_store: Store, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("services.rmos.audit.stream_check.RANGE", at_once)
    right = own_store.rows()[4]
    forge(own_store.database, 5)
    access = BusAccess(bus_settings(own_store.bus, "rmos"), bus_settings(own_store.bus, "migrate"))
    assert await refilled_stream(access, own_store.database.writer_dsn, logger()) == 17
    own_store.run(
        f"UPDATE rmos.events SET actor = '{right.actor}', leaf = '\\x{right.leaf.hex()}' WHERE position = 5",
    )
    code, named, report = await asyncio.to_thread(own_store.verify)
    assert (code, named) == (1, [("stream_differs", "stream LOG")])
    assert report["findings"][0]["details"] == {"first": 5, "last": 5}
    assert report["checked"]["stream_messages"] == 17
    assert await verified(own_store, "--quick") == (0, [])


async def test_a_lost_mark(own_store: Store) -> None:
    async with connected(own_store.bus, "migrate") as admin:
        await admin.jetstream().delete_stream(MARKS_STREAM)
    await migrate_bus(bus_settings(own_store.bus, "migrate"), log_is_empty=False)
    assert await verified(own_store) == (1, [("mark_missing", "stream MARKS")])


async def test_an_older_mark_and_one_of_a_stranger(own_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.rmos.audit.verify.PATIENCE_S", 0.1)
    older = bytes(own_store.checkpoints()[0]["note"])
    async with connected(own_store.bus, "rmos") as client:
        marks = Marks(client)
        newest = await marks.newest()
        assert newest is not None
        last = await marks.put(older, after=newest.sequence)
        assert await verified(own_store) == (1, [("mark_old", "stream MARKS")])
        await marks.put(Checkpoint(KEY.name, 17, bytes(32)).signed(SigningKey(KEY.name, bytes(32))), after=last)
        assert await verified(own_store) == (1, [("mark_invalid", "stream MARKS")])


async def test_events_that_nothing_signs_are_found_after_a_while(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(store.database.writer_dsn) as live:
        live.commands = 100
        await live.append(history.run_opened("run_9"))
        await live.reader.wait_for(18)
    monkeypatch.setattr("services.rmos.audit.verify.UNCOVERED_S", 3600.0)
    code, named, report = await asyncio.to_thread(store.verify)
    assert (code, named) == (0, [])
    assert report["notes"] == ["1 events at the end are not covered by a checkpoint yet"]
    monkeypatch.setattr("services.rmos.audit.verify.UNCOVERED_S", 0.0)
    assert await verified(store) == (1, [("events_uncovered", "events from 18")])


async def test_a_system_that_has_recorded_nothing_yet_is_sound(
    database: DatabaseAccess, s3_server: S3Access, bus_server: NatsAccess
) -> None:
    empty = Store(database, s3_settings(s3_server, s3_server.create_bucket()), bus_server)
    code, named, report = await asyncio.to_thread(empty.verify)
    assert (code, named, report["notes"]) == (0, [], [])


async def test_a_tree_rebuilt_after_a_change(own_store: Store) -> None:
    await rebuilt(own_store, with_key=False)
    first = own_store.checkpoints()[0]["tree_size"]
    following = next((row["tree_size"] for row in own_store.checkpoints() if row["tree_size"] >= 5), first)
    before = max((row["tree_size"] for row in own_store.checkpoints() if row["tree_size"] < 5), default=0)
    found = [("history_rewritten", f"events {before + 1} to {following}"), ("stream_differs", "stream LOG")]
    assert await verified(own_store) == (1, found)


async def test_a_fork_signed_with_the_stolen_key_does_not_extend_a_checkpoint_that_somebody_kept(
    own_store: Store, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(own_store.checkpoints()[-1]["note"])
    assert await verified(own_store, "--checkpoint", str(kept)) == (0, [])
    await rebuilt(own_store, with_key=True)
    assert await verified(own_store, bus=False) == (0, [])  # all that is here agrees: others know better
    code, named = await verified(own_store, "--checkpoint", str(kept), bus=False)
    assert (code, [kind for kind, _ in named]) == (1, ["history_rewritten"])
    code, named = await verified(own_store)
    assert (code, [kind for kind, _ in named]) == (1, ["history_rewritten", "stream_differs"])


async def test_a_changed_tile_and_a_missing_bundle(own_store: Store) -> None:
    async def damage(objects: ObjectStore) -> None:
        content = objects.read("tile/0/000.p/17")
        assert content is not None
        await objects.put("tile/0/000.p/17", bytes(32) + content[32:], "application/octet-stream")
        await objects.remove("tile/entries/000.p/17")

    await own_store.objects(damage)
    code, named = await verified(own_store)
    assert (code, sorted(named)) == (
        1,
        [("tile_changed", "tlog/tile/0/000.p/17"), ("tile_missing", "tlog/tile/entries/000.p/17")],
    )


@pytest.mark.parametrize("damage", ["changed", "removed"])
async def test_a_blob_changed_or_removed(own_store: Store, damage: str) -> None:
    key = blob_key(own_store.blobs[2].sha256, own_store.blobs[2].content_type)
    objects = ObjectStore(own_store.s3)
    if damage == "changed":
        await objects.put(key, b"contenT of run_2", "application/json")
        wanted = [("blob_changed", f"blob {key}")]
    else:
        await objects.remove(key)
        wanted = [("blob_missing", f"blob {key}")]
        assert await verified(own_store, "--quick") == (1, wanted)
    assert await verified(own_store) == (1, wanted)
    left = objects.read(key)
    objects.close()
    assert left == (b"contenT of run_2" if damage == "changed" else None)  # an audit changes nothing


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("UPDATE projections.runs SET risk_level = 'RED' WHERE run_id = 'run_3'", ("changed", "runs run_3")),
        ("UPDATE projections.runs SET artifact_count = 9 WHERE run_id = 'run_0'", ("changed", "runs run_0")),
        (
            """UPDATE projections.artifacts SET document = jsonb_set(document, '{status}', '"BLOCKED"')
            WHERE artifact_id = 'artifact_2'""",
            ("changed", "artifacts artifact_2"),
        ),
        ("UPDATE projections.sessions SET approved_by = 'me'", ("changed", "sessions session_1")),
        ("DELETE FROM projections.artifacts WHERE artifact_id = 'artifact_1'", ("missing", "artifacts artifact_1")),
        ("INSERT INTO projections.run_events VALUES ('run_1', 99)", ("extra", "run_events run_1 99")),
    ],
)
async def test_a_changed_projection_row(store: Store, change: str, wanted: tuple[str, str]) -> None:
    store.run(change)
    kind, where = wanted
    assert await verified(store) == (1, [(f"projection_row_{kind}", f"projections.{where}")])


async def test_two_damages_are_both_named(store: Store) -> None:
    store.run(
        "UPDATE rmos.events SET request_id = 'other' WHERE position = 3",
        "UPDATE projections.runs SET label = 'other' WHERE run_id = 'run_3'",
    )
    code, named = await verified(store)
    assert (code, named) == (
        1,
        [("event_changed", "event 3"), ("projection_row_changed", "projections.runs run_3")],
    )


async def test_where_no_bus_is_named_nothing_is_judged_until_somebody_leaves_it_out(store: Store) -> None:
    environment = {"RMOS_S3_ENDPOINT": store.s3.endpoint, "RMOS_S3_ACCESS_KEY": "x", "RMOS_S3_SECRET_KEY": "x"}
    arguments = ["verify", "--dsn", store.database.reader_dsn, "--vkey", VKEY, "--json"]
    refused = await asyncio.to_thread(CliRunner().invoke, audit, arguments, env=environment)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "no bus is named" in refused.stderr
    assert "--without-bus" in refused.stderr


@pytest.mark.parametrize(
    ("bus", "options", "left_out"),
    [
        (True, (), []),
        (False, (), ["the mark of what was signed and the stream LOG, both on the bus"]),
        (
            True,
            ("--quick",),
            ["public tiles", "content of blobs", "projections", "messages of the stream LOG before the last"],
        ),
    ],
)
async def test_a_report_says_what_was_not_checked(
    store: Store, bus: bool, options: tuple[str, ...], left_out: list[str]
) -> None:
    code, found, report = await asyncio.to_thread(store.verify, *options, bus=bus)
    assert (code, found, report["not_checked"]) == (0, [], left_out)


async def test_what_cannot_be_reached_is_exit_code_2(store: Store) -> None:
    arguments = ["verify", "--dsn", "postgresql://nobody@127.0.0.1:1/none", "--vkey", VKEY, "--without-bus"]
    environment = {
        "RMOS_S3_ENDPOINT": store.s3.endpoint,
        "RMOS_S3_ACCESS_KEY": store.s3.access_key,
        "RMOS_S3_SECRET_KEY": store.s3.secret_key,
    }
    result = await asyncio.to_thread(CliRunner().invoke, audit, arguments, env=environment)
    assert result.exit_code == 2
    without_key = await asyncio.to_thread(CliRunner().invoke, audit, arguments[:3], env=environment)
    assert without_key.exit_code == 2
