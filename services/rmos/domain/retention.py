"""Retention: which content of old runs may go. Events never go, and neither does what a kept run refers to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.blobs import BlobRef, blob_key
from contracts.log import BlobsPurged
from contracts.rmos import PurgeBlobs

STREAM = "retention"
MAX_RUNS = 500
"""Runs that one purge takes at most: its event must stay far below the size limit of a message."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one old run refers to."""

    run_id: str
    blobs: tuple[BlobRef, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes: each object once, in digest order."""

    run_ids: tuple[str, ...]
    blobs: tuple[BlobRef, ...]
    more: bool

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(blob.sha256 for blob in self.blobs))

    @property
    def bytes_freed(self) -> int:
        return sum(blob.size for blob in self.blobs)


NOTHING = Plan(run_ids=(), blobs=(), more=False)


def cutoff(now: datetime, older_than_days: int) -> datetime:
    """Runs whose last event is before this are old."""
    return now - timedelta(days=older_than_days)


def plan(old: Iterable[Holding], kept: frozenset[str], more: bool) -> Plan:
    """All content of the old runs but what is `kept` because another run refers to it."""
    holdings = tuple(old)
    run_ids = tuple(sorted(holding.run_id for holding in holdings))
    return Plan(run_ids=run_ids, blobs=objects_of(holdings, kept), more=more)


def objects_of(holdings: Iterable[Holding], kept: frozenset[str]) -> tuple[BlobRef, ...]:
    """One reference to each object of these runs whose digest is not `kept`, in the order of their keys. The same
    content lies there once for each kind of it that was uploaded."""
    objects = {
        blob_key(blob.sha256, blob.content_type): blob
        for holding in holdings
        for blob in holding.blobs
        if blob.sha256 not in kept
    }
    return tuple(objects[key] for key in sorted(objects))


def decide(command: PurgeBlobs, planned: Plan, purge_id: str) -> list[BlobsPurged]:
    """Nothing when there are no old runs, or when it is only to be told."""
    if command.dry_run or not planned.run_ids:
        return []
    return [
        BlobsPurged(
            purge_id=purge_id,
            older_than_days=command.older_than_days,
            statuses=tuple(sorted(command.statuses)),
            run_ids=planned.run_ids,
            digests=planned.digests,
            bytes_freed=planned.bytes_freed,
        )
    ]
