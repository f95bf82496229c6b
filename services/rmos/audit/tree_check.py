"""Rows, leaf hashes, checkpoints and tiles against each other: what was signed decides which of them is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from services.rmos.audit.alignment import aligned
from services.rmos.audit.findings import Kind, Report
from services.rmos.audit.publication import cut
from services.rmos.audit.records import RecordedCheckpoint
from services.rmos.audit.rows import LogRow, entry_of_row, log_row
from services.rmos.domain.checkpoint import Checkpoint, NotACheckpoint, VerifierKey, opened
from services.rmos.domain.leaf import LEAF, POSITION, StoredRow, leaf_of, leaves_of
from services.rmos.domain.merkle import HASH_BYTES, HashTree
from services.rmos.domain.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, Tile, entries_in, tiles_of

Read = Callable[[str], bytes | None]
"""The public object at this path; None when there is none."""
Rows = Callable[[], Iterable[list[StoredRow]]]
Tick = Callable[[int], None]


@dataclass(slots=True)
class Judged:
    """What the rest of an audit needs to know about the log: `original` maps a row's number to its signed position
    where it is not simply the next one; events at `damaged` positions say nothing any more."""

    rows: int = 0
    tree: HashTree = field(default_factory=HashTree)
    authentic: bool = True
    """Whether `tree` is the one that was signed."""
    original: list[int | None] | None = None
    damaged: set[int] = field(default_factory=set)
    covered: int = 0

    def position(self, number: int) -> int | None:
        return number + 1 if self.original is None else self.original[number]


def valid_checkpoints(
    recorded: Sequence[RecordedCheckpoint], keys: Sequence[VerifierKey], report: Report
) -> list[Checkpoint]:
    """Those that a known key signed and whose row says the same."""
    found = []
    for row in recorded:
        report.count("checkpoints")
        try:
            says = opened(row.note, keys)
        except NotACheckpoint as error:
            report.add(Kind.CHECKPOINT_INVALID, f"checkpoint {row.size}", str(error))
            continue
        if (says.size, says.root) != (row.size, row.root):
            what = (
                f"its signed note is of {says.size} events" if says.size != row.size else "its root is not its note's"
            )
            report.add(Kind.CHECKPOINT_INVALID, f"checkpoint {row.size}", what)
            continue
        found.append(says)
    return found


def judged_log(rows: Rows, signed: Sequence[Checkpoint], read: Read, report: Report, tick: Tick) -> Judged:
    """Every row hashed again, the tree made again and held against every signature."""
    judged, positions, changed = Judged(), [], []
    for chunk in rows():
        computed = leaves_of(chunk)
        stored = [row[LEAF] for row in chunk]
        judged.tree.extend(b"".join(stored))
        if computed != stored:
            changed += [row[POSITION] for row, leaf in zip(chunk, computed, strict=True) if leaf != row[LEAF]]
        positions += [row[POSITION] for row in chunk]
        tick(len(chunk))
    judged.rows = len(positions)
    judged.covered = max((checkpoint.size for checkpoint in signed), default=0)
    report.count("events", judged.rows)
    if positions == list(range(1, judged.rows + 1)) and not _disagreeing(signed, judged.tree):
        judged.damaged = set(changed)
        for position in changed:
            report.add(Kind.EVENT_CHANGED, f"event {position}", "the row is not what its leaf hash was made of")
        return judged
    return _judged_by_tiles(rows, judged, positions, changed, signed, read, report)


def check_tiles(judged: Judged, size: int, read: Read, report: Report, tick: Tick) -> None:
    """The public tiles of the tree of this size, byte by byte. Only for an authentic tree."""
    for tile in tiles_of(size):
        report.count("tiles")
        content = tile_from(tile, read)
        tick(1)
        if content is None:
            report.add(Kind.TILE_MISSING, f"tlog/{tile.path}", "the checkpoint needs it and it is not in the store")
        elif not _is_tile(tile, content, judged.tree):
            report.add(Kind.TILE_CHANGED, f"tlog/{tile.path}", "it does not hold what was signed")


def _judged_by_tiles(
    rows: Rows,
    judged: Judged,
    positions: list[int],
    changed: list[int],
    signed: Sequence[Checkpoint],
    read: Read,
    report: Report,
) -> Judged:
    """The log's own leaf hashes do not give what was signed: the public tiles may."""
    published = _published(judged.covered, read)
    if published is None or _disagreeing(signed, published):
        return _rewritten(judged, changed, signed, report)
    stored = [bytes(leaf) for leaf in judged.tree.leaves()]
    content = _rows_by_number(rows, stored, published)

    def leaf_at(number: int, position: int) -> bytes:
        row = content.get(number)
        if row is None:  # its stored leaf is the signed one and its content was hashed at this position already
            return stored[number]
        return leaf_of(entry_of_row(row._replace(position=position)))

    found = aligned(list(zip(positions, stored, strict=True)), list(published.leaves()), leaf_at, report)
    judged.original, judged.damaged = found.original, found.damaged
    judged.tree = published
    return judged


def _rows_by_number(rows: Rows, stored: list[bytes], published: HashTree) -> dict[int, LogRow]:
    """The rows that are not simply what was signed for their position: those must be hashed again."""
    kept: dict[int, LogRow] = {}
    number = 0
    for chunk in rows():
        for row, computed in zip(map(log_row, chunk), leaves_of(chunk), strict=True):
            at_home = row.position <= published.size and published.node(0, row.position - 1) == computed == row.leaf
            if not at_home or row.position != number + 1:
                kept[number] = row
            number += 1
    return kept


def _rewritten(judged: Judged, changed: list[int], signed: Sequence[Checkpoint], report: Report) -> Judged:
    """Neither the log nor the tiles give what was signed: where the two histories part, as far as signatures tell."""
    wrong = _disagreeing(signed, judged.tree)
    if not wrong:  # the tiles are gone, and the log has a gap where no checkpoint reaches
        wrong = [Checkpoint("", judged.rows, b"")]
    first = min(checkpoint.size for checkpoint in wrong)
    agreed = max((c.size for c in signed if c.size < first and c not in wrong), default=0)
    report.add(
        Kind.HISTORY_REWRITTEN,
        f"events {agreed + 1} to {first}",
        f"the checkpoint signed for {first} events is of another history; up to {agreed} they are the same",
        signed_root=wrong[0].root.hex(),
    )
    for position in changed:
        report.add(Kind.EVENT_CHANGED, f"event {position}", "the row is not what its leaf hash was made of")
    judged.authentic = False
    judged.damaged = {*changed, *range(agreed + 1, max(judged.rows, judged.covered) + 1)}
    return judged


def _disagreeing(signed: Sequence[Checkpoint], tree: HashTree) -> list[Checkpoint]:
    return [c for c in signed if c.size > tree.size or tree.root(c.size) != c.root]


def _published(size: int, read: Read) -> HashTree | None:
    """The tree of the public level-0 tiles; None when one of them is missing or has the wrong length."""
    tree = HashTree()
    for tile in tiles_of(size, bundles=False):
        if tile.level == 0:
            content = tile_from(tile, read)
            if content is None or len(content) != tile.width * HASH_BYTES:
                return None
            tree.extend(content)
    return tree


def tile_from(tile: Tile, read: Read) -> bytes | None:
    content = read(tile.path)
    if content is None and tile.is_partial:
        full = read(tile.full.path)
        return None if full is None else cut(tile, full)
    return content


def _is_tile(tile: Tile, content: bytes, tree: HashTree) -> bool:
    first = tile.index * TILE_WIDTH
    if tile.level != ENTRIES:
        height = TILE_HEIGHT * tile.level
        return content == b"".join(tree.node(height, first + number) for number in range(tile.width))
    try:
        entries = entries_in(content)
    except ValueError:
        return False
    return [leaf_of(entry) for entry in entries] == [tree.node(0, first + number) for number in range(tile.width)]
