"""Answers `query.rmos.attestation.v1`: rmos signs what its own log says about a run, and nothing that it is told.

The private key never leaves the process. Before anything is signed, every event it rests on is proved to stand in the
tree under a signed checkpoint: a row that somebody changed in the database is not attested.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from contracts.audit import AskAttestation, Attestation
from contracts.blobs import BlobRef
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from services.rmos.audit.rows import LogRow
from services.rmos.audit.run_record import NoRecord, RunRecord, record_of, streams_beside
from services.rmos.audit.statement import payload_of
from services.rmos.domain import dsse
from services.rmos.domain import run as run_domain
from services.rmos.domain.checkpoint import SigningKey


class Records(Protocol):
    """services.rmos.audit.records.AuditRecords."""

    async def rows_of(self, streams: Sequence[str], up_to: int) -> list[LogRow]: ...


class Proofs(Protocol):
    """services.rmos.audit.proofs.ProofHandlers."""

    async def require_signed(self, rows: Sequence[LogRow]) -> None: ...


class Blobs(Protocol):
    """runtime.blobs.BlobStore."""

    async def get(self, reference: BlobRef) -> bytes: ...


class AttestationHandlers:
    def __init__(self, records: Records, proofs: Proofs, blobs: Blobs, key: SigningKey) -> None:
        self._records = records
        self._proofs = proofs
        self._blobs = blobs
        self._key = key

    async def attestation(self, query: AskAttestation, _: RequestContext) -> Attestation:
        """The signed statement. Raises NOT_FOUND for a run without decisions, BLOB_CORRUPT for content that changed,
        INTERNAL when the log does not prove an event, UNAVAILABLE when no checkpoint covers them yet."""
        try:
            record = await run_record(self._records, query.run_id, query.up_to_position)
            await self._proofs.require_signed(record.rows)
            payload = payload_of(record, self._key.name, await self._absent(record))
        except NoRecord as problem:
            raise RmosError(ErrorCode.NOT_FOUND, str(problem), run_id=query.run_id) from problem
        return Attestation(envelope_json=dsse.signed(payload, self._key).decode())

    async def _absent(self, record: RunRecord) -> list[str]:
        """The content that is not there; everything that is there is hashed again."""

        async def is_absent(blob: BlobRef) -> bool:
            try:
                await self._blobs.get(blob)
            except RmosError as error:
                if error.code is not ErrorCode.BLOB_MISSING:
                    raise
                return True
            return False

        missing = await asyncio.gather(*map(is_absent, record.blobs))
        return [blob.sha256 for blob, absent in zip(record.blobs, missing, strict=True) if absent]


async def run_record(records: Records, run_id: str, up_to: int) -> RunRecord:
    """The run with its session and searches. Raises NoRecord."""
    own = run_domain.stream_of(run_id)
    beside = streams_beside(run_id, await records.rows_of([own], up_to))
    return record_of(run_id, await records.rows_of([own, *beside], up_to))
