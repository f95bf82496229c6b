"""Sending a folder of run files to the authority, over HTTP and one by one: it alone reads and records them."""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contracts.canonical import sha256_hex
from services.rmos.audit.access import NothingToReach, stack_of
from services.rmos.audit.gateway_access import GatewayKey
from services.rmos.audit.verify import Progress
from services.rmos.domain.legacy import UnreadableRunFile, read_run_file

ENDPOINT = "/api/admin/import/legacy-run"
PATIENCE_S = 30.0
"""How long a busy or restarting system is asked again."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_BUSY = frozenset({429, 503, 504})


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is on the record (or, in a survey, can be). `artifact_id` None: it was only read."""

    path: str
    run_id: str
    artifact_id: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that is not on the record, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class ImportReport:
    """`added` now, `known` before, `failed` with the reason; `left_out` are files that are no run files."""

    added: list[Taken] = field(default_factory=list)
    known: list[Taken] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "sound": not self.failed,
            "added": [asdict(item) for item in self.added],
            "known": [asdict(item) for item in self.known],
            "failed": [asdict(item) for item in self.failed],
            "left_out": self.left_out,
        }


@dataclass(frozen=True, slots=True)
class Gate:
    """The gateway, with an admin's key."""

    url: str
    key: str = field(repr=False)

    @classmethod
    def found(cls, home: Path | None, url: str | None) -> Gate:
        """The stack of this home, or another system with RMOS_API_KEY. Raises NothingToReach."""
        if url is None:
            stack = stack_of(home)
            return cls(stack.url, stack.api_keys["admin"])
        key = GatewayKey.read().key
        if not key:
            raise NothingToReach("--url needs an admin's key in RMOS_API_KEY")
        return cls(url, key)

    def send(self, path: str, data: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body. The same file is the same command, so that asking again cannot record it twice. Raises
        NothingToReach when there is no answer, or when the key may not import."""
        digest = sha256_hex(data)
        body = json.dumps({"path": path, "sha256": digest, "b64": base64.b64encode(data).decode()})
        command = f"import-{sha256_hex(f'{path} {digest}'.encode())[:40]}"
        give_up = time.monotonic() + PATIENCE_S
        while True:
            status, answer = self._once(body, command)
            if status not in _BUSY or time.monotonic() > give_up:
                break
            time.sleep(0.3)
        if status in _BUSY or status in {401, 403}:
            raise NothingToReach(f"{self.url}: {answer.get('message', status)}")
        return status, answer

    def _once(self, body: str, command: str) -> tuple[int, dict[str, Any]]:
        address = urlsplit(self.url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=60)
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": command,
        }
        try:
            connection.request("POST", ENDPOINT, body, headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
            return response.status, answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NothingToReach(f"{self.url} does not answer as it should: {type(error).__name__}") from error
        finally:
            connection.close()


def surveyed(folder: Path, progress: Progress) -> ImportReport:
    """What an import would find: nothing is sent anywhere."""
    report = ImportReport()
    for path, file in _run_files(folder, report, progress):
        try:
            run = read_run_file(path, file.read_bytes())
        except (UnreadableRunFile, OSError) as problem:
            report.failed.append(Failed(path, str(problem)))
        else:
            report.added.append(Taken(path, run.run_id, None, tuple(run.warnings)))
    return report


def imported(folder: Path, gate: Gate, progress: Progress) -> ImportReport:
    """Every file is sent; one that is refused holds up none of the others. Raises NothingToReach."""
    report = ImportReport()
    for path, file in _run_files(folder, report, progress):
        try:
            data = file.read_bytes()
        except OSError as problem:
            report.failed.append(Failed(path, str(problem)))
            continue
        status, answer = gate.send(path, data)
        if status == http.client.OK:
            taken = Taken(path, answer["run_id"], answer["artifact_id"], tuple(answer["warnings"]))
            (report.added if answer["added"] else report.known).append(taken)
        else:
            report.failed.append(Failed(path, str(answer.get("message", status)).removeprefix(f"{path}: ")))
    return report


def _run_files(folder: Path, report: ImportReport, progress: Progress) -> Iterator[tuple[str, Path]]:
    """In the order of days and names; everything else in the folder is noted as left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    progress("files", 0, len(files))
    for file in files:
        parts = file.relative_to(folder).parts
        progress("files", 1, None)
        if len(parts) == 2 and _DAY.match(parts[0]) and file.suffix == ".json" and not parts[1].startswith((".", "_")):
            yield "/".join(parts), file
        else:
            report.left_out.append("/".join(parts))
