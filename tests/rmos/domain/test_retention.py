from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contracts.blobs import BlobRef
from contracts.rmos import PurgeBlobs
from services.rmos.domain.retention import Holding, Plan, cutoff, decide, plan
from tests.rmos.domain import given

PURGE: dict[str, Any] = {"older_than_days": 30, "statuses": ("OK", "BLOCKED")}


def blob(character: str) -> BlobRef:
    return BlobRef(sha256=given.digest(character), size=10, content_type="application/json")


def test_content_is_old_when_nothing_has_happened_for_so_many_days() -> None:
    assert cutoff(datetime(2026, 3, 31, tzinfo=UTC), 30) == datetime(2026, 3, 1, tzinfo=UTC)


def test_what_is_kept_elsewhere_stays_and_shared_content_goes_once() -> None:
    old = [Holding("run_2", (blob("a"), blob("b"))), Holding("run_1", (blob("b"), blob("c")))]
    planned = plan(old, frozenset({given.digest("c")}), more=False)
    assert planned == Plan(("run_1", "run_2"), (blob("a"), blob("b")), more=False)


def test_the_event_names_runs_digests_and_policy() -> None:
    planned = plan([Holding("run_1", (blob("a"), blob("b")))], frozenset(), more=True)
    (event,) = decide(PurgeBlobs(**PURGE, dry_run=False), planned, "purge_1")
    assert (event.run_ids, event.digests) == (("run_1",), (given.digest("a"), given.digest("b")))
    assert (event.bytes_freed, event.older_than_days, event.statuses) == (20, 30, ("BLOCKED", "OK"))


def test_a_dry_run_and_a_purge_of_nothing_record_nothing() -> None:
    planned = plan([Holding("run_1", (blob("a"),))], frozenset(), more=False)
    assert decide(PurgeBlobs(**PURGE), planned, "purge_1") == []
    assert decide(PurgeBlobs(**PURGE, dry_run=False), plan([], frozenset(), more=False), "purge_1") == []
