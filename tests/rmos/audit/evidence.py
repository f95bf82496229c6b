"""A store with released programs in it: made by the real handlers, signed by the real checkpointer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from click.testing import Result
from typer.testing import CliRunner

from contracts.artifacts import RunArtifact
from contracts.audit import AskAttestation
from runtime.blobs import BlobStore
from runtime.pool import WorkerPool
from runtime.settings import S3Settings
from runtime.testing import DatabaseAccess, NatsAccess, PostgresAccess, S3Access, running_nats
from services.rmos.audit.attestation import AttestationHandlers
from services.rmos.audit.bundle_export import export
from services.rmos.audit.proofs import ProofHandlers
from services.rmos.audit.publication import Publication
from services.rmos.audit.records import AuditRecords
from services.rmos.audit.verify import Audited
from services.rmos.cli import audit
from services.rmos.migrate import migrate_bus
from tests.rmos.audit.given import KEY, VKEY, checkpointing, public_objects, s3_settings
from tests.rmos.conftest import bus_settings
from tests.rmos.event_log.given import until
from tests.rmos.handlers.shop import AUDREY, GOOD, RED, Shop, a_shop, by


@dataclass
class Evidence:
    """`approved`: the release of an approved design, asked for twice, as G-code for both controllers; `alone`: of a run
    without a session; `blocked`: a refusal."""

    database: DatabaseAccess
    s3: S3Settings
    session_id: str
    approval_id: str
    candidate: RunArtifact
    approved: RunArtifact
    again: RunArtifact
    linuxcnc: RunArtifact
    alone: RunArtifact
    blocked: RunArtifact
    files: dict[str, bytes]
    size: int

    def program(self, artifact: RunArtifact) -> bytes:
        return self.files[artifact.hashes["gcode"]]

    def audit(self, *arguments: str, vkey: str | None = VKEY) -> Result:
        """`rmos audit …` on this store, as somebody who may only read."""
        dsn = ["--dsn", self.database.reader_dsn, *(["--vkey", vkey] if vkey is not None else [])]
        return CliRunner().invoke(audit, [*arguments, *dsn], env=self.environment(), catch_exceptions=False)

    def leaf(self, position: int) -> bytes:
        """The stored leaf hash."""
        with psycopg.connect(self.database.reader_dsn) as connection:
            row = connection.execute("SELECT leaf FROM rmos.events WHERE position = %s", (position,)).fetchone()
        assert row is not None
        leaf: bytes = row[0]
        return leaf

    def position_of(self, artifact: RunArtifact) -> int:
        with psycopg.connect(self.database.reader_dsn) as connection:
            row = connection.execute(
                "SELECT position FROM projections.artifacts WHERE artifact_id = %s", (artifact.artifact_id,)
            ).fetchone()
        assert row is not None
        return int(row[0])

    def copied(self, server: PostgresAccess) -> Evidence:
        """The same store on a database of its own, to be damaged; the objects are shared."""
        return replace(self, database=server.create_database(like=self.database.name))

    def unreachable(self) -> DatabaseAccess:
        return replace(self.database, reader_dsn="postgresql://nobody@127.0.0.1:1/none")

    def environment(self) -> dict[str, str]:
        return {
            "RMOS_S3_ENDPOINT": self.s3.endpoint,
            "RMOS_S3_ACCESS_KEY": self.s3.access_key,
            "RMOS_S3_SECRET_KEY": self.s3.secret_key,
            "RMOS_S3_BUCKET": self.s3.bucket,
            "RMOS_S3_REGION": self.s3.region,
        }


@contextmanager
def evidence(database: DatabaseAccess, s3: S3Access) -> Iterator[Evidence]:
    pool = WorkerPool(1, preload=("services.rmos.engine",))
    try:
        with running_nats() as bus:
            asyncio.run(migrate_bus(bus_settings(bus, "migrate"), log_is_empty=True))
            made = asyncio.run(_made(database, s3, bus, pool))
        yield made
    finally:
        pool.close()


async def _made(database: DatabaseAccess, s3: S3Access, bus: NatsAccess, pool: WorkerPool) -> Evidence:
    bucket = s3.create_bucket()
    settings = s3_settings(s3, bucket)
    with public_objects(settings) as objects:
        async with (
            a_shop(database, s3, pool, bucket) as shop,
            checkpointing(database, objects, bus, shop.world.log) as checkpointer,
        ):
            found = await _history(shop, database, settings)
            await until(lambda: checkpointer.covered.position == found.size)
    return found


async def _history(shop: Shop, database: DatabaseAccess, settings: S3Settings) -> Evidence:
    session, candidate = await shop.approved_session()
    approved, again = [await shop.made(artifact_id=candidate.artifact_id) for _ in range(2)]
    linuxcnc = await shop.made(artifact_id=candidate.artifact_id, post="linuxcnc")
    bound = await shop.bound(await shop.opened_run(), GOOD)
    alone = await shop.made(artifact_id=bound.artifact_id)
    blocked = await shop.bound(await shop.opened_run(), RED)
    programs = [item.outputs["gcode"] for item in (approved, linuxcnc, alone)]
    approval = (await shop.session(session.session_id)).approval_artifact_id
    assert approval is not None
    return Evidence(
        database=database,
        s3=settings,
        session_id=session.session_id,
        approval_id=approval,
        candidate=candidate,
        approved=approved,
        again=again,
        linuxcnc=linuxcnc,
        alone=alone,
        blocked=blocked,
        files={blob.sha256: await shop.blobs.get(blob) for blob in programs},
        size=await shop.position(),
    )


def written(folder: Path, content: bytes, name: str = "program.nc") -> str:
    """The path of a file with this content."""
    path = folder / name
    path.write_bytes(content)
    return str(path)


def attested(store: Evidence, run_id: str, up_to: int) -> bytes:
    """What rmos signs: its own handler on this store's log, tiles and blobs, with the key of its checkpoints."""

    async def ask() -> bytes:
        blobs = BlobStore(store.s3)
        try:
            with public_objects(store.s3) as objects:
                async with AuditRecords(store.database.reader_dsn) as records:
                    proofs = ProofHandlers(records, Publication(objects), [KEY.verifier], _no_artifact)
                    handlers = AttestationHandlers(records, proofs, blobs, KEY)
                    asked = AskAttestation(run_id=run_id, up_to_position=up_to)
                    return (await handlers.attestation(asked, by(AUDREY))).envelope_json.encode()
        finally:
            blobs.close()

    return asyncio.run(ask())


async def _no_artifact(_: str) -> int:
    raise AssertionError("attestations look for no artifact")


def exported(store: Evidence, name: str | bytes) -> bytes:
    """The bundle as `rmos audit export` makes it; only the way to rmos, HTTP and bus, is left out."""
    what = Audited(store.database.reader_dsn, store.s3, [KEY.verifier])
    return export(what, name, lambda run_id, up_to: attested(store, run_id, up_to))[1]
