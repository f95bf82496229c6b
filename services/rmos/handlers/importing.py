"""Imports: runs that another system recorded, as events that say so."""

from __future__ import annotations

from decimal import Decimal

from contracts.artifacts import ArtifactKind, RunArtifact
from contracts.blobs import BlobRef
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from contracts.log import ImportedFile, RunOpened
from contracts.rmos import ImportedRun, ImportRun
from services.rmos.domain import run as run_domain
from services.rmos.domain.legacy import LegacyRun, UnreadableRunFile, read_run_file
from services.rmos.domain.run import RunState
from services.rmos.handlers.desk import ADMINS, Desk, command_digest, decided, require_person
from services.rmos.minting import Draft, Placement, validate_and_persist

FILE = "legacy_file"
"""Name of the output that is the file itself, whole."""


class ImportHandlers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def import_run(self, command: ImportRun, request: RequestContext) -> ImportedRun:
        """The run with the record of what the file says. The same content is imported once, whoever sends it.

        Raises INVALID_REQUEST for a file that cannot be read, ILLEGAL_TRANSITION when the run is on record with other
        content.
        """
        require_person(request, ADMINS, "importing runs")
        data = await self._desk.blobs.get(command.file)
        try:
            legacy = read_run_file(command.path, data)
        except UnreadableRunFile as problem:
            raise RmosError(ErrorCode.INVALID_REQUEST, f"{command.path}: {problem}", path=command.path) from None
        return await decided(lambda: self._import(command, legacy, request))

    async def _import(self, command: ImportRun, legacy: LegacyRun, request: RequestContext) -> ImportedRun:
        desk, stream = self._desk, run_domain.stream_of(legacy.run_id)
        there = run_domain.fold(await desk.log.read_stream(stream))
        if there is not None:
            found = _same_content(there, command.file) if isinstance(there, RunState) else None
            if found is None:
                raise RmosError(
                    ErrorCode.ILLEGAL_TRANSITION,
                    f"{command.path}: run {legacy.run_id} is on record already, with other content or deleted",
                    run_id=legacy.run_id,
                )
            return ImportedRun(run_id=legacy.run_id, artifact_id=found, added=False, warnings=tuple(legacy.warnings))
        opening = RunOpened(
            run_id=legacy.run_id,
            mode=legacy.mode,
            context=legacy.context,
            opened_at_utc=legacy.opened_at_utc,
            imported_from=ImportedFile(path=command.path, sha256=command.file.sha256),
        )
        artifact = await self._minted(command, legacy, opening, request)
        return ImportedRun(
            run_id=legacy.run_id, artifact_id=artifact.artifact_id, added=True, warnings=tuple(legacy.warnings)
        )

    async def _minted(
        self, command: ImportRun, legacy: LegacyRun, opening: RunOpened, request: RequestContext
    ) -> RunArtifact:
        stream = run_domain.stream_of(legacy.run_id)
        draft = await self._draft(command, legacy)
        return await validate_and_persist(
            self._desk.log,
            draft,
            Placement({stream: 0}, before=[(stream, opening)]),
            request,
            command_digest(command),
            legacy.opened_at_utc,
            self._desk.new_id,
        )

    async def _draft(self, command: ImportRun, legacy: LegacyRun) -> Draft:
        outputs = {FILE: command.file}
        if legacy.gcode is not None:  # not `gcode`: that name is for programs that were simulated here
            outputs["legacy_gcode"] = await self._desk.blobs.put(legacy.gcode, "text/x-gcode")
        return Draft(
            run_id=legacy.run_id,
            kind=ArtifactKind.IMPORTED,
            status=legacy.status,
            decision=legacy.decision,
            mode=legacy.mode,
            context=legacy.context,
            engine_version="imported",
            compute_ms=Decimal(0),
            hashes={**legacy.hashes, **{name: blob.sha256 for name, blob in outputs.items()}},
            outputs=outputs,
            meta={"legacy": legacy.legacy, "legacy_path": command.path},
        )


def _same_content(run: RunState, file: BlobRef) -> str | None:
    """The artifact that holds exactly this file; None when none does."""
    return next(
        (
            artifact.artifact_id
            for artifact in run.artifacts
            if artifact.kind is ArtifactKind.IMPORTED and artifact.hashes.get(FILE) == file.sha256
        ),
        None,
    )
