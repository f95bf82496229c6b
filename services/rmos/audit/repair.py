"""Mending what is derived from the record: projections, public tiles, the stream LOG. Events and signatures are never
touched, nothing is ever deleted, and what the record itself says wrong is left to a person.

Each act begins from what is there and may be done again, so dying anywhere in between leaves nothing that the next
repair does not finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from contracts.canonical import sha256_hex
from runtime.logs import Logger
from runtime.objects import ObjectStore
from services.rmos.audit.findings import Finding, Kind, Report
from services.rmos.audit.keeper import Keeper
from services.rmos.audit.publication import PREFIX, Publication
from services.rmos.audit.regrowth import TreeDisagrees
from services.rmos.audit.rows import entry_of_row
from services.rmos.audit.snapshot import snapshot
from services.rmos.audit.stream_repair import refilled_stream
from services.rmos.audit.verify import Progress, audit
from services.rmos.domain.checkpoint import NotACheckpoint, opened
from services.rmos.domain.tiles import Tile, TileEdge
from services.rmos.projections.maintenance import rebuild_projections

PROJECTIONS = frozenset(kind for kind in Kind if kind.value.startswith("projection_"))
PUBLICATION = frozenset(
    {
        Kind.TILE_MISSING,
        Kind.TILE_CHANGED,
        Kind.PUBLIC_CHECKPOINT_MISSING,
        Kind.PUBLIC_CHECKPOINT_INVALID,
        Kind.PUBLIC_CHECKPOINT_OLD,
    }
)
STREAM = frozenset({Kind.STREAM_AHEAD, Kind.STREAM_INCOMPLETE, Kind.STREAM_DIFFERS})
RECORD = frozenset(
    {
        *(Kind.EVENT_CHANGED, Kind.EVENT_REPLACED, Kind.LEAF_CHANGED, Kind.EVENTS_SWAPPED, Kind.EVENT_MISSING),
        *(Kind.EVENT_INSERTED, Kind.VERSION_GAP, Kind.CHECKPOINT_INVALID, Kind.HISTORY_REWRITTEN),
        Kind.CHECKPOINT_MISSING,
    }
)
"""The record itself is damaged: nothing may be derived from it anew, or the evidence would be overwritten."""


@dataclass(frozen=True, slots=True)
class Act:
    """`what` is done about `findings` of them; `left_out` says why it is not, None when it is."""

    what: str
    findings: int
    left_out: str | None = None


@dataclass(slots=True)
class Repair:
    """What was found, what is done about it, and what remains afterwards (None when nothing was done)."""

    before: Report
    acts: list[Act] = field(default_factory=list)
    after: Report | None = None

    @property
    def sound(self) -> bool:
        return (self.after or self.before).sound

    def as_json(self) -> dict[str, Any]:
        return {
            "sound": self.sound,
            "found": self.before.as_json(),
            "acts": [asdict(act) for act in self.acts],
            "remaining": self.after.as_json() if self.after is not None else None,
        }


def repaired(
    keeper: Keeper, log: Logger, *, dry_run: bool, stream: bool, progress: Progress = lambda _, __, ___: None
) -> Repair:
    """Looks, mends, looks again. `dry_run` only tells what would be done; `stream` allows making LOG anew, which ends
    the subscriptions on it. Raises as services.rmos.audit.verify.audit, and as the parts that are repaired."""
    result = Repair(audit(keeper.audited, quick=False, progress=progress))
    found = result.before.findings
    damaged = sum(finding.kind in RECORD for finding in found)
    why_not = f"the record itself is damaged ({damaged} findings): restore it first" if damaged else None

    def act(what: str, kinds: Iterable[Kind], do: Callable[[list[Finding]], None], left_out: str | None) -> None:
        concerned = [finding for finding in found if finding.kind in kinds]
        if concerned:
            result.acts.append(Act(what, len(concerned), left_out))
            if left_out is None and not dry_run:
                do(concerned)

    no_stream = None if stream and keeper.bus is not None else "say --stream: subscribers of LOG have to begin anew"
    if stream and keeper.bus is None:
        no_stream = "the bus is out of reach with --dsn"
    act("rebuild the projections", PROJECTIONS, lambda _: _rebuild(keeper, log, progress), why_not)
    act("publish the tiles and the newest checkpoint", PUBLICATION, lambda _: _publish(keeper), why_not)
    act("move changed blobs to quarantine", {Kind.BLOB_CHANGED}, lambda them: _quarantine(keeper, them), None)
    act("make the stream LOG anew from the log", STREAM, lambda _: _refill(keeper, log, progress), why_not or no_stream)
    if not dry_run and any(act.left_out is None for act in result.acts):
        result.after = audit(keeper.audited, quick=False, progress=progress)
    return result


def _rebuild(keeper: Keeper, log: Logger, progress: Progress) -> None:
    done = 0
    progress("rebuild", 0, None)

    def advance(position: int) -> None:
        nonlocal done
        progress("rebuild", position - done, None)
        done = position

    asyncio.run(rebuild_projections(keeper.writer_dsn, log, advance))


def _publish(keeper: Keeper) -> None:
    store = ObjectStore(keeper.audited.s3, PREFIX)
    try:
        asyncio.run(republished(keeper, store))
    finally:
        store.close()


async def republished(keeper: Keeper, store: ObjectStore) -> None:
    """Every tile below the newest recorded checkpoint holds what the log gives, and that checkpoint or a newer one is
    public: tiles first, as the checkpointer does it. Raises TreeDisagrees."""
    publication = Publication(store)
    with snapshot(keeper.audited.dsn) as view:
        recorded = view.checkpoints()
        if not recorded:
            return
        newest, edge = recorded[-1], TileEdge()
        for chunk in view.rows():
            rows = chunk[: newest.size - edge.size]
            await _put_tiles(publication, edge.extend([row.leaf for row in rows], map(entry_of_row, rows)))
    if edge.root != newest.root:  # the log was changed since it was found sound
        raise TreeDisagrees(f"the first {newest.size} events do not give the root that was signed for them")
    await _put_tiles(publication, edge.partial())
    if _size(await publication.checkpoint(), keeper) < newest.size:
        await publication.put_checkpoint(newest.note)


def _size(note: bytes | None, keeper: Keeper) -> int:
    """Of the public checkpoint; 0 when there is none that can be trusted."""
    try:
        return opened(note, keeper.audited.keys).size if note is not None else 0
    except NotACheckpoint:
        return 0


async def _put_tiles(publication: Publication, tiles: list[tuple[Tile, bytes]]) -> None:
    for tile, content in tiles:
        if await publication.tile(tile) != content:
            await publication.put_tiles([(tile, content)])


def _quarantine(keeper: Keeper, findings: list[Finding]) -> None:
    store = ObjectStore(keeper.audited.s3)
    try:
        for finding in findings:
            asyncio.run(quarantined(store, finding.where.removeprefix("blob "), finding.details["sha256"]))
    finally:
        store.close()


async def quarantined(store: ObjectStore, key: str, sha256: str) -> None:
    """The content that lies under this key and is not what the key says is moved away: first stored there, then removed
    here. Nothing happens when the key holds what it says, or nothing."""
    content = await store.get(key)
    if content is None or (actual := sha256_hex(content)) == sha256:
        return
    await store.put(f"quarantine/{sha256}/{actual}", content, "application/octet-stream")
    await store.remove(key)


def _refill(keeper: Keeper, log: Logger, progress: Progress) -> None:
    assert keeper.bus is not None  # the caller has asked
    progress("stream", 0, None)
    asyncio.run(refilled_stream(keeper.bus, keeper.writer_dsn, log))
