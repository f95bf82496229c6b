"""A second, separate reading of RFC 6962, C2SP tlog-tiles, signed-note and tlog-checkpoint, to check the first with.

Written from the documents alone in the plainest way they allow (recursion, slices, no caches); it imports nothing of
`services`, `runtime` or `contracts`. Ed25519 comes from `cryptography`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Fetch = Callable[[str], bytes]
"""The content at a path below the log's prefix. Raises KeyError when there is none."""


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def mth(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1 over leaf hashes."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n]) for 0 < m <= n."""

    def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
        if m == len(leaves):
            return [] if whole else [mth(leaves)]
        k = 1
        while k * 2 < len(leaves):
            k *= 2
        if m <= k:
            return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
        return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]

    return subproof(m, leaves, True)


def root_from_path(leaf: bytes, index: int, size: int, hashes: list[bytes]) -> bytes:
    """The root that an inclusion proof implies, by walking down the tree as PATH is defined."""
    if size == 1:
        assert not hashes, "the proof is too long"
        return leaf
    k = 1
    while k * 2 < size:
        k *= 2
    assert hashes, "the proof is too short"
    if index < k:
        return hashlib.sha256(b"\x01" + root_from_path(leaf, index, k, hashes[:-1]) + hashes[-1]).digest()
    return hashlib.sha256(b"\x01" + hashes[-1] + root_from_path(leaf, index - k, size - k, hashes[:-1])).digest()


def roots_from_proof(old: int, old_root: bytes, new: int, hashes: list[bytes]) -> tuple[bytes, bytes]:
    """Both roots that a consistency proof implies for 0 < old < new, by walking down as SUBPROOF is defined."""

    def walk(m: int, n: int, whole: bool, left: list[bytes]) -> tuple[bytes, bytes]:
        if m == n:
            if whole:
                assert not left, "the proof is too long"
                return old_root, old_root
            (only,) = left
            return only, only
        k = 1
        while k * 2 < n:
            k *= 2
        *rest, last = left
        if m <= k:
            was, now = walk(m, k, whole, rest)
            return was, hashlib.sha256(b"\x01" + now + last).digest()
        was, now = walk(m - k, n - k, False, rest)
        return hashlib.sha256(b"\x01" + last + was).digest(), hashlib.sha256(b"\x01" + last + now).digest()

    return walk(old, new, True, hashes)


def open_checkpoint(note: bytes, vkey: str) -> tuple[str, int, bytes]:
    """Origin, tree size and root of a checkpoint that this verifier key signed. Raises AssertionError."""
    text, _, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    name, key_id, key = vkey.split("+", 2)
    material = base64.b64decode(key, validate=True)
    assert material[0] == 1, "not an Ed25519 key"
    assert hashlib.sha256(name.encode() + b"\n" + material).digest()[:4].hex() == key_id, "the key's id is wrong"
    for line in signatures.decode().splitlines():
        dash, signer, encoded = line.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        if dash == "—" and signer == name and signature[:4].hex() == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(material[1:]).verify(signature[4:], text)
            except InvalidSignature:
                raise AssertionError("the signature is wrong") from None
            origin, size, root = text.decode().splitlines()[:3]
            assert origin == name, "signed by another log's key"
            return origin, int(size), base64.b64decode(root, validate=True)
    raise AssertionError("no signature of this key")


def read_log(fetch: Fetch, vkey: str) -> tuple[int, bytes, list[bytes]]:
    """Tree size, root and every entry of a log, all checked: the signature, each entry against its tile, each tile
    against the one above it, the whole against the root. Raises AssertionError."""
    _, size, root = open_checkpoint(fetch("checkpoint"), vkey)
    leaves: list[bytes] = []
    entries: list[bytes] = []
    for index in range(-(-size // 256)):
        width = min(256, size - index * 256)
        hashes = fetch(tile_path("0", index, width))
        assert len(hashes) == 32 * width, f"level-0 tile {index} has the wrong length"
        bundle, at = fetch(tile_path("entries", index, width)), 0
        for number in range(width):
            length = int.from_bytes(bundle[at : at + 2], "big")
            entry = bundle[at + 2 : at + 2 + length]
            assert leaf_hash(entry) == hashes[32 * number : 32 * number + 32], f"entry {index * 256 + number}"
            entries.append(entry)
            at += 2 + length
        assert at == len(bundle), f"bundle {index} is too long"
        leaves += [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
    level, below = 1, leaves
    while len(below) >= 256:
        below = [mth(below[at : at + 256]) for at in range(0, len(below) // 256 * 256, 256)]
        for index in range(-(-len(below) // 256)):
            row = below[index * 256 : index * 256 + 256]
            assert fetch(tile_path(str(level), index, len(row))) == b"".join(row), f"level-{level} tile {index}"
        level += 1
    assert mth(leaves) == root, "the tiles are not the signed tree"
    return size, root, entries


def tile_path(level: str, index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*("x" + group for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{name}" + (f".p/{width}" if width < 256 else "")
