"""Sending a folder of run files to the authority, over HTTP and one by one: it alone reads and records them."""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from contracts.canonical import sha256_hex
from services.rmos.audit.verify import Progress
from services.rmos.domain.legacy import UnreadableRunFile, read_run_file
from services.rmos.gateway_access import Gateway

ENDPOINT = "/api/admin/import/legacy-run"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


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


def imported(folder: Path, gateway: Gateway, import_id: str, progress: Progress) -> ImportReport:
    """Every file is sent; one that is refused holds up none of the others. `import_id` names this one import. Raises
    NothingToReach."""
    report = ImportReport()
    for path, file in _run_files(folder, report, progress):
        try:
            data = file.read_bytes()
        except OSError as problem:
            report.failed.append(Failed(path, str(problem)))
            continue
        status, answer = _sent(gateway, import_id, path, data)
        if status == http.client.OK:
            taken = Taken(path, answer["run_id"], answer["artifact_id"], tuple(answer["warnings"]))
            (report.added if answer["added"] else report.known).append(taken)
        else:
            report.failed.append(Failed(path, str(answer.get("message", status)).removeprefix(f"{path}: ")))
    return report


def _sent(gateway: Gateway, import_id: str, path: str, data: bytes) -> tuple[int, dict[str, Any]]:
    """The same file is the same command of one import, however often it is asked; in the next one it is a new command,
    which tells that the file is there already."""
    digest = sha256_hex(data)
    command_id = f"import-{sha256_hex(f'{import_id} {path} {digest}'.encode())[:40]}"
    return gateway.told(ENDPOINT, {"path": path, "sha256": digest, "b64": base64.b64encode(data).decode()}, command_id)


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
