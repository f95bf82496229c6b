"""Which signed leaf each row of a damaged log stands for. Pure: hashes in, findings out.

Rows and signed leaves are walked side by side, so that one row that was inserted, removed or swapped is named as such
and not as a change of everything after it. A row's content is hashed again as if it stood at the signed position: a row
that was only moved still gives the leaf that was signed for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.rmos.audit.findings import Kind, Report

LeafAt = Callable[[int, int], bytes]
"""The leaf hash of the i-th row's content, were it at this position."""


@dataclass(slots=True)
class Alignment:
    """`original[i]` is the signed position of the i-th row, None for a row that nobody signed; `damaged` are the
    signed positions whose event is not there as it was."""

    original: list[int | None] = field(default_factory=list)
    damaged: set[int] = field(default_factory=set)


class _Walk:
    def __init__(self, rows: Sequence[tuple[int, bytes]], signed: Sequence[bytes], leaf_at: LeafAt, report: Report):
        self.rows, self.signed, self.leaf_at, self.report = rows, signed, leaf_at, report
        self.place = {leaf: number for number, leaf in enumerate(signed)}
        self.swapped = self._swapped()
        self.found = Alignment()
        self.leaf = 0

    def run(self) -> Alignment:
        for number, (position, stored) in enumerate(self.rows):
            self._miss_until(self._next_leaf_of(number, position, stored))
            if self._is_foreign(number, position, stored):
                self.found.original.append(None)
            else:
                self._judge(number, position, stored)
                self.leaf += 1
                self.found.original.append(self.leaf)
        self._miss_until(len(self.signed))
        return self.found

    def _next_leaf_of(self, number: int, position: int, stored: bytes) -> int:
        """The signed leaf that this row stands for or stands in the place of: later than the next one where signed
        rows are gone."""
        if self.leaf >= len(self.signed) or position in self.swapped or stored == self.signed[self.leaf]:
            return self.leaf
        later = self.place.get(stored, -1)
        if later > self.leaf:
            return later
        gap = number == 0 or self.rows[number - 1][0] + 1 < position
        return min(position - 1, len(self.signed)) if gap and later < 0 and position - 1 > self.leaf else self.leaf

    def _is_foreign(self, number: int, position: int, stored: bytes) -> bool:
        """Adds the finding when the row was put in between, or far behind the end."""
        if self.leaf < len(self.signed):
            following = self.rows[number + 1][1] if number + 1 < len(self.rows) else None
            foreign = stored != self.signed[self.leaf] and following == self.signed[self.leaf]
            foreign = foreign and position not in self.swapped
            what = "nobody signed it, and the rows after it are moved by one"
        else:
            last = self.rows[number - 1][0] if number else 0
            foreign = position != last + 1
            what = f"it does not continue the log, which ends at {last}"
        if foreign:
            self.report.add(Kind.EVENT_INSERTED, f"event {position}", what)
        return foreign

    def _judge(self, number: int, position: int, stored: bytes) -> None:
        due = self.leaf + 1
        computed = self.leaf_at(number, due)
        signed = self.signed[self.leaf] if self.leaf < len(self.signed) else stored
        if computed == stored == signed:
            return
        if computed == signed:
            self.report.add(Kind.LEAF_CHANGED, f"event {position}", "its stored leaf hash is not the signed one")
            return
        self.found.damaged.add(due)
        other = self.swapped.get(position)
        if other is not None:
            if position < other:
                where = f"events {position} and {other}"
                self.report.add(Kind.EVENTS_SWAPPED, where, "each stands at the other's position")
        elif stored == signed:
            what = "the row is not what its leaf hash was made of"
            self.report.add(Kind.EVENT_CHANGED, f"event {position}", what)
        else:
            what = "another leaf was signed for this position"
            self.report.add(Kind.EVENT_REPLACED, f"event {position}", what, signed_leaf=signed.hex())

    def _miss_until(self, leaf: int) -> None:
        while self.leaf < leaf:
            self.leaf += 1
            self.found.damaged.add(self.leaf)
            self.report.add(Kind.EVENT_MISSING, f"event {self.leaf}", "it was signed and is not in the log")

    def _swapped(self) -> dict[int, int]:
        """Pairs of positions, in both directions, that hold each other's signed leaf."""
        stored = dict(self.rows)
        pairs: dict[int, int] = {}
        for position, leaf in self.rows:
            other = self.place.get(leaf, position - 1) + 1
            if other != position and position <= len(self.signed) and stored.get(other) == self.signed[position - 1]:
                pairs[position] = other
        return pairs


def aligned(rows: Sequence[tuple[int, bytes]], signed: Sequence[bytes], leaf_at: LeafAt, report: Report) -> Alignment:
    """`rows`: position and stored leaf hash, in order of position. Adds a finding for each row that is not what was
    signed; rows after the last signed leaf only have to continue the log."""
    return _Walk(rows, signed, leaf_at, report).run()
