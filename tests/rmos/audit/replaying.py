"""Replays of a store, here or in a process of its own: `python -m tests.rmos.audit.replaying` reads the store's address
as JSON from standard input and prints what came out."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.audit import AskReplay, Replayed
from contracts.catalog import Entry
from contracts.feasibility import CuttingContext, Feasibility, Mode
from contracts.spec import RosetteSpec
from runtime.blobs import BlobStore
from runtime.settings import S3Settings
from services.rmos.audit.records import AuditRecords
from services.rmos.audit.replay import ReplayHandlers
from services.rmos.domain.catalog import Catalog
from services.rmos.engine import PooledEngine, _evaluate
from tests.rmos.handlers.shop import AUDREY, ORIGIN, CompilingArt, GeneratingCam, by


class HereEngine(PooledEngine):
    """The engine in this process, so that a test can change a constant under it."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # no pool: nothing here asks it

    async def evaluate_by(
        self, catalog_sha256: str, spec: RosetteSpec, context: CuttingContext, mode: Mode
    ) -> Feasibility:
        return _evaluate(spec, context, mode, self._own_of(catalog_sha256))

    def with_own(self, own: tuple[Entry, ...], catalog: Catalog) -> HereEngine:
        self.use(own, catalog)
        return self


@dataclass
class Bench:
    """What the handler computes with: the functions that the services run, and this store's blobs."""

    blobs: BlobStore
    art: CompilingArt
    cam: GeneratingCam
    engine: HereEngine
    log_origin: str = ORIGIN


def replayed(
    dsn: str, s3: S3Settings, run_ids: Sequence[str], engine: HereEngine | None = None, cam: GeneratingCam | None = None
) -> dict[str, Replayed]:
    async def all_of_them() -> dict[str, Replayed]:
        blobs = BlobStore(s3)
        try:
            bench = Bench(blobs, CompilingArt(blobs), cam or GeneratingCam(blobs), engine or HereEngine())
            async with AuditRecords(dsn) as records:
                handlers = ReplayHandlers(records, bench)
                return {name: await handlers.replay(AskReplay(run_id=name), by(AUDREY)) for name in run_ids}
        finally:
            blobs.close()

    return asyncio.run(all_of_them())


def elsewhere(dsn: str, s3: S3Settings, run_ids: Sequence[str], **environment: str) -> dict[str, Replayed]:
    """The same in another process, with these variables."""
    asked = {"dsn": dsn, "s3": s3.model_dump(by_alias=True), "run_ids": list(run_ids)}
    found = subprocess.run(
        [sys.executable, "-m", "tests.rmos.audit.replaying"],
        input=json.dumps(asked, default=str),
        env={"PATH": os.environ["PATH"], **environment},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    answer: dict[str, Any] = json.loads(found.stdout)
    return {name: Replayed.model_validate(replay) for name, replay in answer.items()}


def main() -> None:
    asked = json.loads(sys.stdin.read())
    found = replayed(asked["dsn"], S3Settings.model_validate(asked["s3"]), asked["run_ids"])
    print(json.dumps({name: replay.model_dump(mode="json") for name, replay in found.items()}))


if __name__ == "__main__":
    main()
