"""What is on record, computed again: the same here and elsewhere, and where something changed exactly that is named."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from contracts.ai import Provenance
from contracts.artifacts import Attachment, AttachmentKind
from contracts.audit import Replayed, ReplayOutcome
from contracts.blobs import BlobRef
from contracts.canonical import canonical_bytes
from contracts.errors import ErrorCode, RmosError
from runtime.blobs import BlobStore
from runtime.pool import WorkerPool
from runtime.settings import S3Settings
from runtime.testing import PostgresAccess, S3Access
from services.art_studio.domain.compiler import compile_svg
from services.cam.posts import TABLES
from services.rmos.domain.feasibility import engine as feasibility_engine
from services.rmos.domain.feasibility.calculators import shape
from services.rmos.migrate import migrate_tables
from tests.rmos.audit.evidence import Evidence
from tests.rmos.audit.given import as_superuser, s3_settings
from tests.rmos.audit.replaying import HereEngine, elsewhere, replayed
from tests.rmos.handlers.shop import GOOD, GeneratingCam, a_shop, ring

SAME, DRIFT, UNKNOWN = ReplayOutcome.SAME, ReplayOutcome.DRIFT, ReplayOutcome.NOT_REPRODUCIBLE


def run_ids(store: Evidence) -> list[str]:
    return [store.approved.run_id, store.alone.run_id, store.blocked.run_id]


def asked(store: Evidence, *names: str, **more: Any) -> dict[str, Replayed]:
    return replayed(store.database.reader_dsn, store.s3, names or run_ids(store), **more)


def outcomes(found: dict[str, Replayed]) -> Counter[tuple[str, str]]:
    return Counter((item.what, item.outcome.value) for replay in found.values() for item in replay.items)


def drifted(found: dict[str, Replayed]) -> set[tuple[str, str]]:
    return {(item.of, item.what) for replay in found.values() for item in replay.items if item.outcome is DRIFT}


def test_the_same_version_gives_the_same_of_everything(store: Evidence) -> None:
    assert outcomes(asked(store)) == {
        ("svg", "same"): 3,
        ("feasibility", "same"): 7,  # three candidates, four toolpaths
        **{(what, "same"): 4 for what in ("toolpaths", "gcode", "opplan", "preview")},
    }


def test_a_replay_records_and_stores_nothing(store: Evidence) -> None:
    def state() -> tuple[Any, ...]:
        with psycopg.connect(store.database.reader_dsn) as connection:
            row = connection.execute("SELECT count(*), max(position) FROM rmos.events").fetchone()
        assert row is not None
        return tuple(row)

    cam = CountingPuts()
    before = state()
    asked(store, cam=cam)
    assert (state(), cam.jobs) == (before, 0)


class CountingPuts(GeneratingCam):
    """`jobs` counts programs that are made to be kept."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # a replay puts nothing


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
        {"PYTHONHASHSEED": "4711", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "America/St_Johns"},
    ],
    ids=["one", "other"],
)
def test_another_process_with_another_hash_seed_locale_and_time_zone_finds_the_same(
    store: Evidence, environment: dict[str, str]
) -> None:
    assert elsewhere(store.database.reader_dsn, store.s3, run_ids(store), **environment) == asked(store)


def test_a_changed_constant_names_the_verdicts_that_it_changes_and_no_other(
    store: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How wide a pocket should be: advice that only the refused design, whose channel is too narrow, is given."""
    before = asked(store)
    monkeypatch.setattr(shape, "COMFORT", 1.3)
    found = asked(store)
    changed = [
        (item, old)
        for name in found
        for item, old in zip(found[name].items, before[name].items, strict=True)
        if item != old
    ]
    (item, old), *more = changed
    assert (item.of, more) == (store.blocked.artifact_id, [])
    assert (item.what, item.outcome, old.outcome) == ("feasibility", DRIFT, SAME)
    assert item.recorded_sha256 == old.recorded_sha256 != item.recomputed_sha256
    assert "results.feature_size" in item.changed
    assert "engine_version" not in item.changed


def test_another_engine_version_makes_every_verdict_drift_and_nothing_else(
    store: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feasibility_engine, "ENGINE_VERSION", "feasibility/99.0.0")
    found = asked(store)
    items = [item for replay in found.values() for item in replay.items]
    assert {item.what for item in items if item.outcome is DRIFT} == {"feasibility"}
    assert {item.what for item in items if item.outcome is SAME} == {"svg", "toolpaths", "gcode", "opplan", "preview"}
    assert {item.changed for item in items if item.outcome is DRIFT} == {("engine_version",)}


def test_another_version_of_one_post_makes_its_programs_drift_and_no_other(
    store: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = {**TABLES, "linuxcnc": replace(TABLES["linuxcnc"], version="linuxcnc-99/1")}
    monkeypatch.setattr("services.cam.generate.TABLES", newer)
    monkeypatch.setattr("services.cam.posts.writer.TABLES", newer)
    found = asked(store)
    assert drifted(found) == {(store.linuxcnc.artifact_id, "gcode"), (store.linuxcnc.artifact_id, "opplan")}
    (gcode,) = [item for item in found[store.approved.run_id].items if item.outcome is DRIFT and item.what == "gcode"]
    assert gcode.changed == ("post_version",)
    assert gcode.recorded_sha256 == store.linuxcnc.hashes["gcode"] != gcode.recomputed_sha256


def test_a_program_that_cam_refuses_today_has_drifted(store: Evidence) -> None:
    cam = CountingPuts()
    cam.failing = RmosError(ErrorCode.TOOLPATHS_ERROR, "the spindle does not turn that fast")
    found = asked(store, store.alone.run_id, cam=cam)[store.alone.run_id]
    gcode = next(item for item in found.items if item.what == "gcode")
    assert (gcode.outcome, gcode.recomputed_sha256, gcode.changed) == (DRIFT, None, ("refused",))
    assert "the spindle" in str(gcode.reason)


def test_a_service_that_is_away_says_nothing_about_the_record(store: Evidence) -> None:
    cam = CountingPuts()
    cam.failing = RmosError(ErrorCode.UNAVAILABLE, "cam is away")
    with pytest.raises(RmosError) as caught:
        asked(store, store.alone.run_id, cam=cam)
    assert caught.value.code is ErrorCode.UNAVAILABLE


def test_a_design_that_is_gone_cannot_be_reproduced(store: Evidence) -> None:
    spec = store.blocked.outputs["spec"]
    content = taken(store, spec)
    try:
        found = asked(store, store.blocked.run_id)[store.blocked.run_id]
    finally:
        stored(store, content, spec.content_type)
    assert {(item.what, item.outcome) for item in found.items} == {("svg", UNKNOWN), ("feasibility", UNKNOWN)}
    assert all(spec.sha256 in str(item.reason) for item in found.items)


def test_a_catalog_that_cannot_be_had_again_is_drift_by_its_digest(
    store: Evidence, postgres_server: PostgresAccess
) -> None:
    engine = HereEngine()
    materials = dict(engine.packaged.materials)
    del materials[sorted(set(materials) - {"spruce_sitka"})[0]]
    engine.packaged = engine.catalog = type(engine.packaged).of(
        materials.values(), engine.packaged.tools.values(), engine.packaged.machines.values()
    )
    found = asked(store, store.blocked.run_id, engine=WithCatalog(engine))[store.blocked.run_id]
    verdict = next(item for item in found.items if item.what == "feasibility")
    assert (verdict.outcome, verdict.changed) == (DRIFT, ("catalog_sha256",))


class WithCatalog(HereEngine):
    """Judges by the catalog that another engine says is the packaged one."""

    def __init__(self, other: HereEngine) -> None:
        super().__init__()
        self.packaged = self.catalog = other.packaged

    async def evaluate_by(self, catalog_sha256: str, *asked: Any) -> Any:
        spec, context, mode = asked
        return feasibility_engine.evaluate(spec, context, self.packaged, mode)


def test_a_run_that_nobody_opened_is_not_found(store: Evidence) -> None:
    with pytest.raises(RmosError) as caught:
        asked(store, "run_none")
    assert caught.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize(("captured", "outcome"), [(True, SAME), (False, UNKNOWN)])
def test_a_models_answer_is_replayed_where_it_was_kept(
    store: Evidence, postgres_server: PostgresAccess, captured: bool, outcome: ReplayOutcome
) -> None:
    copy = with_answer(store, postgres_server, captured, canonical_bytes(GOOD))
    found = asked(copy, store.blocked.run_id)[store.blocked.run_id]
    (answer,) = [item for item in found.items if item.what == "ai_answer"]
    assert answer.outcome is outcome
    assert (answer.reason is None) is captured


def test_an_answer_that_gives_another_design_has_drifted(store: Evidence, postgres_server: PostgresAccess) -> None:
    other = GOOD.model_copy(update={"stroke_mm": GOOD.stroke_mm * 2})
    copy = with_answer(store, postgres_server, True, canonical_bytes(other))
    found = asked(copy, store.blocked.run_id)[store.blocked.run_id]
    (answer,) = [item for item in found.items if item.what == "ai_answer"]
    assert (answer.outcome, answer.changed) == (DRIFT, ("design",))


def with_answer(store: Evidence, server: PostgresAccess, captured: bool, text: bytes) -> Evidence:
    """A copy of the store in which the refused run has an asset from a model, which answered with this text."""
    copy = store.copied(server)
    answer = stored(store, text, "text/plain")
    provenance = Provenance.model_validate(PROVENANCE | {"response_sha256": answer.sha256, "captured": captured})
    parts = {
        AttachmentKind.SPEC: stored(store, canonical_bytes(GOOD), "application/json"),
        AttachmentKind.SVG: stored(store, compile_svg(GOOD), "image/svg+xml"),
        AttachmentKind.PROVENANCE: stored(store, canonical_bytes(provenance), "application/json"),
    }
    for number, (kind, blob) in enumerate(parts.items(), start=1):
        attachment = Attachment(
            attachment_id=blob.sha256,
            kind=kind,
            filename=f"asset_1-{kind.value}",
            content_type=blob.content_type,
            size=blob.size,
            metadata={"asset_id": "asset_1"},
            created_at_utc="2026-01-02T03:04:05.000006Z",
        )
        data = canonical_bytes({"run_id": store.blocked.run_id, "attachment": attachment.model_dump(mode="json")})
        as_superuser(
            copy.database,
            f"INSERT INTO rmos.events (position, version, event_id, command_id, data, {COPIED}) "
            f"SELECT (SELECT max(position) FROM rmos.events) + 1, {100 + number}, 'event_ai_{number}', "
            f"'command_ai_{number}', decode('{data.hex()}', 'hex'), {COPIED} FROM rmos.events "
            f"WHERE stream = 'run-{store.blocked.run_id}' AND type = 'rmos.attachment_added.v1' LIMIT 1",
        )
    return copy


COPIED = (
    "stream, type, recorded_at_utc, actor, request_id, command_index, command_sha256, causation_id, writer_epoch, leaf"
)
PROVENANCE: dict[str, Any] = {
    "call_id": "call_1",
    "request_id": "request_1",
    "operation": "art.design",
    "category": "creative",
    "output": "json",
    "created_at_utc": "2026-01-02T03:04:05.000006Z",
    "provider": "offline",
    "allowed": True,
    "policy_sha256": "0" * 64,
    "prompt_sha256": "1" * 64,
    "latency_ms": 1,
    "queue_ms": 0,
    "cost_status": "free",
    "price_table_sha256": "2" * 64,
    "engine_version": "ai-gateway-1",
}


def stored(store: Evidence, content: bytes, content_type: str) -> BlobRef:
    blobs = BlobStore(store.s3)
    try:
        return asyncio.run(blobs.put(content, content_type))
    finally:
        blobs.close()


def taken(store: Evidence, blob: BlobRef) -> bytes:
    """The content, which the object store no longer has afterwards."""

    async def take() -> bytes:
        content = await blobs.get(blob)
        await blobs.delete(blob)
        return content

    blobs = BlobStore(store.s3)
    try:
        return asyncio.run(take())
    finally:
        blobs.close()


def many_runs(server: PostgresAccess, s3: S3Access, count: int) -> tuple[str, S3Settings, list[str]]:
    """A store with so many judged candidates, of ten designs."""
    access = server.create_database()
    migrate_tables(access.owner_dsn)
    bucket = s3.create_bucket()
    pool = WorkerPool(1, preload=("services.rmos.engine",))

    async def made() -> list[str]:
        async with a_shop(access, s3, pool, bucket) as shop:
            runs = []
            for number in range(count):
                runs.append(await shop.opened_run())
                await shop.bound(runs[-1], ring(45, 46 + number % 10))
            return runs

    try:
        return access.reader_dsn, s3_settings(s3, bucket), asyncio.run(made())
    finally:
        pool.close()


@pytest.mark.parametrize("count", [20, pytest.param(1_000, marks=pytest.mark.slow)])
def test_however_many_runs_none_drifts_here_or_elsewhere_and_a_changed_constant_names_the_affected(
    postgres_server: PostgresAccess, s3_server: S3Access, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    dsn, s3, runs = many_runs(postgres_server, s3_server, count)
    here = replayed(dsn, s3, runs)
    assert outcomes(here) == {("svg", "same"): count, ("feasibility", "same"): count}
    assert elsewhere(dsn, s3, runs, PYTHONHASHSEED="7", LC_ALL="C", TZ="Asia/Kathmandu") == here
    monkeypatch.setattr(shape, "COMFORT", 1.3)  # advice that only the narrowest of the ten designs is given
    found = replayed(dsn, s3, runs)
    affected = {name for name, replay in found.items() if any(item.outcome is DRIFT for item in replay.items)}
    assert affected == set(runs[::10])
