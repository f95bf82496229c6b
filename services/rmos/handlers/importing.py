"""Imports: runs that another system recorded, as events that say so."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from contracts.artifacts import ArtifactKind, RunArtifact
from contracts.blobs import BlobRef
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import CommandHadNoEffect, ImportedFile, LogEvent, RunOpened
from contracts.rmos import ImportedRun, ImportRun
from services.rmos.domain import run as run_domain
from services.rmos.domain.legacy import LegacyRun, UnreadableRunFile
from services.rmos.domain.run import RunFold, RunState
from services.rmos.handlers.desk import ADMINS, Desk, artifact_in, require_person
from services.rmos.minting import Draft, Placement

FILE = "legacy_file"
"""Name of the output that is the file itself, whole."""
WARNINGS = "not_taken_over"
"""Name of the decision's detail that says what of the file stands in no field."""


class ImportHandlers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def import_run(self, command: ImportRun, request: RequestContext) -> ImportedRun:
        """The run with the record of what the file says. The same content is imported once, whoever sends it.

        Raises INVALID_REQUEST for a file that cannot be read, ILLEGAL_TRANSITION when the run is on record with other
        content.
        """
        require_person(request, ADMINS, "importing runs")
        read = list[LegacyRun]()

        async def attempt() -> ImportedRun:
            if not read:
                read.append(await self._read(command))
            return await self._import(command, read[0], request)

        done = await self._desk.once(command, request, attempt, lambda recorded: recorded)
        return done if isinstance(done, ImportedRun) else await self._imported(command, done)

    async def _imported(self, command: ImportRun, recorded: Sequence[LogEvent]) -> ImportedRun:
        """What was answered when the command came first, from the record: retention may have let the file go."""
        if not isinstance(recorded[0], CommandHadNoEffect):
            return _shown(artifact_in(recorded), added=True)
        ((stream, version),) = recorded[0].versions.items()
        run = run_domain.fold((await self._desk.log.read_stream(stream))[:version])
        assert isinstance(run, RunState)  # it held the file
        return _shown(_same_content(run, command.file), added=False)

    async def _read(self, command: ImportRun) -> LegacyRun:
        data = await self._desk.blobs.get(command.file)
        try:
            return await self._desk.engine.read_run_file(command.path, data)
        except UnreadableRunFile as problem:
            raise RmosError(ErrorCode.INVALID_REQUEST, f"{command.path}: {problem}", path=command.path) from None

    async def _import(self, command: ImportRun, legacy: LegacyRun, request: RequestContext) -> ImportedRun:
        desk, stream = self._desk, run_domain.stream_of(legacy.run_id)
        there, version = await desk.runs.newest(desk.log, stream)
        if there is not None:
            found = _same_content(there, command.file)
            await desk.record(command, request, {stream: version}, [])
            return _shown(found, added=False)
        opening = RunOpened(
            run_id=legacy.run_id,
            mode=legacy.mode,
            context=legacy.context,
            opened_at_utc=legacy.opened_at_utc,
            imported_from=ImportedFile(path=command.path, sha256=command.file.sha256),
        )
        placement = Placement({stream: 0}, before=[(stream, opening)])
        draft = await self._draft(command, legacy)
        return _shown(await desk.persist(draft, placement, command, request, legacy.opened_at_utc), added=True)

    async def _draft(self, command: ImportRun, legacy: LegacyRun) -> Draft:
        outputs = {FILE: command.file}
        if legacy.gcode is not None:  # not `gcode`: that name is for programs that were simulated here
            outputs["legacy_gcode"] = await self._desk.blobs.put(legacy.gcode, "text/x-gcode")
        return Draft(
            run_id=legacy.run_id,
            kind=ArtifactKind.IMPORTED,
            status=legacy.status,
            decision=legacy.decision.model_copy(update={"details": {WARNINGS: list(legacy.warnings)}}),
            mode=legacy.mode,
            context=legacy.context,
            engine_version="imported",
            compute_ms=Decimal(0),
            hashes={**legacy.hashes, **{name: blob.sha256 for name, blob in outputs.items()}},
            outputs=outputs,
            meta={"legacy": legacy.legacy, "legacy_path": command.path},
        )


def _same_content(run: RunFold, file: BlobRef) -> RunArtifact:
    """The artifact that holds exactly this file. Raises ILLEGAL_TRANSITION when none does."""
    for artifact in run.artifacts if isinstance(run, RunState) else ():
        if artifact.kind is ArtifactKind.IMPORTED and artifact.hashes.get(FILE) == file.sha256:
            return artifact
    raise RmosError(
        ErrorCode.ILLEGAL_TRANSITION,
        f"run {run.run_id} is on record already, with other content or deleted",
        run_id=run.run_id,
    )


def _shown(artifact: RunArtifact, *, added: bool) -> ImportedRun:
    """As it stands on record; what was imported before its warnings were recorded is shown without."""
    warnings = artifact.decision.details.get(WARNINGS, ())
    return ImportedRun.model_validate(
        {"run_id": artifact.run_id, "artifact_id": artifact.artifact_id, "added": added, "warnings": warnings}
    )
