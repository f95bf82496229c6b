"""A log with events of two versions: what is stored stays as it was written, what is read has the newest shape."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from contracts.canonical import canonical_bytes, sha256_hex
from contracts.feasibility import CuttingContext
from contracts.log import EVENT_TYPES, FORMER_EVENTS, RMOS_EVENTS, RunOpened, RunOpenedV1
from contracts.rmos import AskRun, ListRunEvents, ListRuns
from contracts.upcasting import UPCASTERS, upcast
from runtime.testing import DatabaseAccess, NatsAccess, S3Access
from services.rmos.audit.rows import entry_of_row, log_row
from services.rmos.audit.snapshot import snapshot
from services.rmos.domain import run as run_domain
from services.rmos.domain.leaf import leaf_of
from tests.independent_verifier import tlog
from tests.rmos.audit.given import checkpointing, public_objects, read_back, s3_settings
from tests.rmos.event_log.given import until
from tests.rmos.event_log.test_relay import assert_same, connected, relaying
from tests.rmos.projections.given import NOW, World, bound, run_opened, world

GOLDEN = Path(__file__).parent / "golden"
OLD = RunOpenedV1(run_id="old", mode="saw", label="before imports", context=CuttingContext(tool_id="flat_1_0"))


async def both_versions(live: World) -> None:
    await live.append(("run-old", OLD))
    await live.append(run_opened("new"))
    await live.append(bound("old", "artifact_old"))


def test_every_former_version_has_a_step_to_one_that_is_known_and_ends_at_the_newest() -> None:
    assert set(UPCASTERS) == {event.type for event in FORMER_EVENTS}
    newest = {event.type for event in RMOS_EVENTS}
    for former in FORMER_EVENTS:
        body = orjson.loads((GOLDEN / f"{former.type}.json").read_bytes())
        event_type, _ = upcast(former.type, body, NOW)
        assert event_type in newest


@pytest.mark.parametrize("former", FORMER_EVENTS, ids=lambda event: event.type)
def test_an_event_as_it_was_once_written_becomes_a_valid_one_of_the_newest_version(former: type) -> None:
    """The files are bytes as logs hold them; they never change."""
    stored = (GOLDEN / f"{former.type}.json").read_bytes()  # type: ignore[attr-defined]  # every event has a type
    assert canonical_bytes(EVENT_TYPES[former.type].model_validate_json(stored)) == stored  # type: ignore[attr-defined]
    event_type, body = upcast(former.type, orjson.loads(stored), NOW)  # type: ignore[attr-defined]
    EVENT_TYPES[event_type].model_validate(body)


def test_a_run_of_the_first_version_began_when_that_was_recorded() -> None:
    event_type, body = upcast(OLD.type, orjson.loads(canonical_bytes(OLD)), NOW)
    assert RunOpened.model_validate(body) == RunOpened(**OLD.model_dump(), opened_at_utc=NOW)
    assert event_type == "rmos.run_opened.v2"


def test_what_is_of_the_newest_version_or_not_ours_passes_through() -> None:
    for event_type in (RunOpened.type, "ai.call_completed.v1"):
        body = {"run_id": "1"}
        assert upcast(event_type, body, NOW) == (event_type, body)


async def test_projections_aggregates_and_queries_see_one_shape(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        await both_versions(live)
        stored = (await live.log.read_stored("run-old"))[0]
        old, new = [await live.queries.run(AskRun(run_id=run_id)) for run_id in ("old", "new")]
        assert (old.created_at_utc, old.mode, old.artifact_count) == (stored.recorded_at_utc, "saw", 1)
        assert (NOW < new.created_at_utc < new.updated_at_utc, old.updated_at_utc > old.created_at_utc) == (True, True)
        assert [run.run_id for run in (await live.queries.runs(ListRuns())).items] == ["new", "old"]
        opened, *_ = events = await live.log.read_stream("run-old")
        assert opened == RunOpened(**OLD.model_dump(), opened_at_utc=stored.recorded_at_utc)
        folded = run_domain.fold(events)
        assert isinstance(folded, run_domain.RunState)
        assert len(folded.artifacts) == 1


async def test_the_stored_bytes_their_leaves_and_their_proofs_stay(
    database: DatabaseAccess, s3_server: S3Access, bus_server: NatsAccess
) -> None:
    store = s3_settings(s3_server, s3_server.create_bucket())
    with public_objects(store) as objects:
        async with (
            world(database.writer_dsn) as live,
            checkpointing(database, objects, bus_server, live.log) as checkpointer,
        ):
            await both_versions(live)
            await until(lambda: checkpointer.covered.position == 3)
            shown = (await live.queries.run_events(ListRunEvents(run_id="old"))).items[0]
    with snapshot(database.reader_dsn) as view:
        (rows,) = list(view.rows())
    assert (rows[0].type, rows[0].data) == ("rmos.run_opened.v1", canonical_bytes(OLD))
    assert (shown.type, shown.data_json.encode(), shown.leaf_sha256) == (rows[0].type, rows[0].data, rows[0].leaf.hex())
    leaves = [tlog.leaf_hash(entry_of_row(log_row(row))) for row in rows]
    assert leaves == [row.leaf for row in rows] == [leaf_of(entry_of_row(row)) for row in rows]
    size, root, entries = read_back(store)
    assert (size, root) == (3, tlog.mth(leaves))
    assert orjson.loads(entries[0])["data_sha256"] == sha256_hex(canonical_bytes(OLD))


async def test_subscribers_get_the_bytes_as_they_are_stored(database: DatabaseAccess, bus_server: NatsAccess) -> None:
    async with (
        world(database.writer_dsn) as live,
        connected(bus_server, "rmos") as client,
        connected(bus_server, "migrate") as admin,
        relaying(client, live.log) as relay,
    ):
        await both_versions(live)
        await until(lambda: relay.published == 3)
        await assert_same(live.log, admin.jetstream())
        message = await admin.jetstream().get_msg("LOG", 1)
        assert (message.subject, message.data) == ("log.rmos.run_opened.v1", canonical_bytes(OLD))
