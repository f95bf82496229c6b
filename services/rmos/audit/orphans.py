"""Objects in the store that nothing on the record speaks of. Found by reading; removed only when somebody says so.

What a digest stands for is not asked: an object is referred to when its digest occurs anywhere in the body of any event
or in the index of the art assets. So content that only a fact of another service names is never an orphan.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runtime.objects import ObjectStore
from services.rmos.audit.content_check import References
from services.rmos.audit.publication import PREFIX
from services.rmos.audit.snapshot import Snapshot, snapshot
from services.rmos.audit.verify import Audited, Progress

GRACE = timedelta(hours=24)
"""Content is stored before the event that names it: what is younger than this may still be spoken of."""
QUARANTINE = "quarantine/"
_BLOB = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/([0-9a-f]{64})\.[a-z0-9]+\Z")
_DIGEST = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Orphan:
    """`why`: `unreferenced`, or `purged` when retention let it go and the deletion did not come through."""

    key: str
    size: int
    stored_at: datetime | None
    why: str

    def is_older_than(self, moment: datetime) -> bool:
        """False also when the server does not say how old it is."""
        return self.stored_at is not None and self.stored_at < moment


@dataclass(slots=True)
class Orphans:
    """`young` are within the grace period; `foreign` are names that no part of the system gives."""

    orphans: list[Orphan] = field(default_factory=list)
    young: list[Orphan] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    checked: int = 0

    @property
    def left(self) -> list[Orphan]:
        """Those that are still there."""
        return [orphan for orphan in self.orphans if orphan.key not in self.removed]

    def as_json(self) -> dict[str, Any]:
        return {
            "sound": not self.left and not self.foreign,
            "orphans": [_shown(orphan) for orphan in self.orphans],
            "within_grace": [_shown(orphan) for orphan in self.young],
            "foreign": self.foreign,
            "quarantined": self.quarantined,
            "removed": self.removed,
            "checked": {"objects": self.checked},
        }


def orphans_of(
    what: Audited,
    now: datetime,
    *,
    grace: timedelta = GRACE,
    remove: bool = False,
    progress: Progress = lambda _, __, ___: None,
) -> Orphans:
    """What nothing refers to, older than the grace period; with `remove` it is gone afterwards.

    A known gap: content that is stored again, by the very digest, between the last look at the log and the removal goes
    with it; reading it says BLOB_MISSING, and uploading it again heals that. Raises as verify.audit.
    """
    store = ObjectStore(what.s3)
    try:
        stored = store.aged("")  # before the log: what comes in between is referred to, never orphaned
        found = _sorted(stored, _Spoken.of(what, progress), now - grace)
        if remove and found.orphans:
            again = _Spoken.of(what, progress)
            found.orphans = [orphan for orphan in found.orphans if again.why(_digest(orphan.key)) is not None]
            asyncio.run(_remove(store, found, progress))
        return found
    finally:
        store.close()


@dataclass(slots=True)
class _Spoken:
    """Every digest that the record names, and what of it was purged."""

    digests: set[str] = field(default_factory=set)
    of_assets: set[str] = field(default_factory=set)
    references: References = field(default_factory=References)

    @classmethod
    def of(cls, what: Audited, progress: Progress) -> _Spoken:
        spoken = cls()
        with snapshot(what.dsn) as view:
            progress("events", 0, view.events())
            for chunk in view.rows():
                for row in chunk:
                    spoken.references.add(row, row.position)
                    spoken.digests.update(match.decode() for match in _DIGEST.findall(row.data))
                progress("events", len(chunk), None)
            spoken.of_assets = _of_assets(view)
        return spoken

    def why(self, sha256: str) -> str | None:
        """Why content of this digest is an orphan; None when it is none."""
        if sha256 in self.of_assets:
            return None
        if sha256 not in self.digests:
            return "unreferenced"
        return "purged" if self.references.may_be_gone(sha256) else None


def _of_assets(view: Snapshot) -> set[str]:
    return {match.decode() for text in view.art_rows() for match in _DIGEST.findall(text.encode())}


def _sorted(stored: list[tuple[str, int, datetime | None]], spoken: _Spoken, oldest: datetime) -> Orphans:
    found = Orphans(checked=len(stored))
    for key, size, stored_at in stored:
        if key.startswith(PREFIX):
            continue
        if key.startswith(QUARANTINE):
            found.quarantined.append(key)
        elif not _BLOB.match(key):
            found.foreign.append(key)
        elif (why := spoken.why(_digest(key))) is not None:
            orphan = Orphan(key, size, stored_at, why)
            (found.orphans if orphan.is_older_than(oldest) else found.young).append(orphan)
    return found


async def _remove(store: ObjectStore, found: Orphans, progress: Progress) -> None:
    progress("orphans", 0, len(found.orphans))
    for orphan in found.orphans:
        await store.remove(orphan.key)
        found.removed.append(orphan.key)
        progress("orphans", 1, None)


def _digest(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _shown(orphan: Orphan) -> dict[str, Any]:
    return asdict(orphan) | {"stored_at": orphan.stored_at.isoformat() if orphan.stored_at is not None else None}
