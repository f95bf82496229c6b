"""The Merkle tree of RFC 6962 section 2.1 over the leaf hashes of the log: roots, proofs, and their verification.

Hashes are 32 bytes of SHA-256. A leaf's index is its event's position minus one. A *node* (level, index) is the root of
the complete subtree over the leaves [index * 2**level, (index + 1) * 2**level); every hash that a root or a proof needs
is either a node or folded from a few of them, so whoever can look nodes up can prove.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""MTH({}): the root of the tree without leaves."""
_NODE_PREFIX = b"\x01"
_PAIR = struct.Struct("64s")
_sha256 = hashlib.sha256

Range = tuple[int, int]
"""Leaves from the first number up to, not including, the second."""
Node = tuple[int, int]
NodeHash = Callable[[int, int], bytes]
"""The hash of the complete subtree (level, index)."""


def node_of(left: bytes, right: bytes) -> bytes:
    return _sha256(_NODE_PREFIX + left + right).digest()


def parents_of(hashes: bytes) -> bytes:
    """The hash over each pair of an even number of hashes, one after the other like these."""
    return b"".join([_sha256(_NODE_PREFIX + both).digest() for (both,) in _PAIR.iter_unpack(hashes)])


def nodes_of(leaves: Range) -> list[Node]:
    """The complete subtrees, left to right, that make up a range which a root or a proof asks for."""
    first, end = leaves
    found = []
    for level in range((end - first).bit_length() - 1, -1, -1):
        if (end - first) >> level & 1:
            found.append((level, first >> level))
            first += 1 << level
    return found


def range_hash(leaves: Range, node: NodeHash) -> bytes:
    """MTH(D[first:end]) of a range as `nodes_of` takes it."""
    return folded([node(level, index) for level, index in nodes_of(leaves)])


def folded(hashes: Sequence[bytes]) -> bytes:
    """The hash over complete subtrees of falling size, left to right; of none, the empty tree's."""
    if not hashes:
        return EMPTY_ROOT
    total = hashes[-1]
    for left in reversed(hashes[:-1]):
        total = node_of(left, total)
    return total


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """MTH over equally large subtrees in order, of which the last may be smaller."""
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        paired = [node_of(left, right) for left, right in zip(row[::2], row[1::2], strict=False)]
        row = [*paired, row[-1]] if len(row) % 2 else paired
    return row[0]


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose hashes prove the leaf at `index` in the tree of `size`, leaf to root (PATH, section 2.1.1).

    Raises ValueError for an index outside the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    first, end = 0, size
    found: list[Range] = []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first = middle
    return found[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The subtrees whose hashes prove that the tree of `new` leaves extends that of `old` (PROOF, section 2.1.2).

    Empty for equal sizes and for the empty tree, which everything extends. Raises ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not extend one of {old}")
    if old in {0, new}:
        return []
    first, end, whole = 0, new, True
    found: list[Range] = []
    while old < end:
        middle = first + _split(end - first)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first, whole = middle, False
    if not whole:
        found.append((first, end))
    return found[::-1]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows this leaf at `index` in the tree with this size and root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, total = index, size - 1, leaf
    for hash_ in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            total = node_of(hash_, total)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            total = node_of(total, hash_)
        place, last = place >> 1, last >> 1
    return last == 0 and total == root


def extends(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the second tree is the first with leaves added (RFC 9162 section 2.1.4.2)."""
    if not 0 <= old <= new or old in (new, 0):
        fits = (old == new and old_root == new_root) or (old == 0 < new and old_root == EMPTY_ROOT)
        return fits and not proof
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first_total = second_total = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first_total, second_total = node_of(hash_, first_total), node_of(hash_, second_total)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            second_total = node_of(second_total, hash_)
        place, last = place >> 1, last >> 1
    return last == 0 and first_total == old_root and second_total == new_root


class CompactRange:
    """The right edge of a growing tree: all it takes to append and to know the root, log2(size) hashes."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        """Roots of the complete subtrees of the size's binary digits, largest first."""

    def append(self, leaf: bytes) -> None:
        carry, digits = leaf, self.size
        while digits & 1:
            carry = node_of(self._peaks.pop(), carry)
            digits >>= 1
        self._peaks.append(carry)
        self.size += 1

    @property
    def root(self) -> bytes:
        return folded(self._peaks)


class HashTree:
    """A whole tree in memory (64 bytes a leaf): root, proofs and nodes at every size up to its own."""

    def __init__(self, leaves: bytes = b"") -> None:
        self._levels: list[bytearray] = [bytearray()]
        self.extend(leaves)

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    def extend(self, leaves: bytes) -> None:
        """Append leaf hashes, one after the other. Raises ValueError when they are not whole."""
        if len(leaves) % HASH_BYTES:
            raise ValueError("a leaf hash has 32 bytes")
        self._levels[0] += leaves
        level, pair = 0, 2 * HASH_BYTES
        while len(self._levels[level]) >= pair:
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            above = self._levels[level + 1]
            start = 2 * len(above)
            row = bytes(self._levels[level][start : len(self._levels[level]) // pair * pair])
            above += parents_of(row)
            level += 1

    def node(self, level: int, index: int) -> bytes:
        """Raises IndexError for a subtree that is not complete."""
        if level >= len(self._levels) or (index + 1) * HASH_BYTES > len(self._levels[level]):
            raise IndexError(f"the tree of {self.size} leaves has no complete subtree ({level}, {index})")
        return bytes(self._levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def leaves(self) -> Iterator[bytes]:
        return (self.node(0, index) for index in range(self.size))

    def root(self, size: int | None = None) -> bytes:
        return range_hash((0, self.size if size is None else size), self.node)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        ranges = inclusion_ranges(index, self.size if size is None else size)
        return [range_hash(leaves, self.node) for leaves in ranges]

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        ranges = consistency_ranges(old, self.size if new is None else new)
        return [range_hash(leaves, self.node) for leaves in ranges]


def _split(size: int) -> int:
    """The largest power of two smaller than the size: where RFC 6962 divides a tree."""
    return 1 << ((size - 1).bit_length() - 1)
