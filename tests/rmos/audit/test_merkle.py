"""The tree against the published vectors of RFC 6962 and against a plain recursive reading of it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rmos.domain import merkle
from services.rmos.domain.leaf import leaf_of
from services.rmos.domain.merkle import CompactRange, HashTree
from tests.independent_verifier import tlog

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors/rfc6962.json").read_text())
LEAVES = [leaf_of(bytes.fromhex(text)) for text in VECTORS["leaf_inputs_hex"]]


def leaves_of(size: int) -> list[bytes]:
    return [hashlib.sha256(b"leaf %d" % number).digest() for number in range(size)]


def unbase64(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text) for text in texts]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    growing = CompactRange()
    for leaf in LEAVES[:size]:
        growing.append(leaf)
    wanted = bytes.fromhex(VECTORS["roots_hex"][size])
    assert (growing.root, HashTree(b"".join(LEAVES)).root(size), tlog.mth(LEAVES[:size])) == (wanted,) * 3


@pytest.mark.parametrize("vector", VECTORS["inclusion"])
def test_inclusion_proofs_are_the_published_ones(vector: dict[str, Any]) -> None:
    index, size, proof = vector["leafIdx"], vector["treeSize"], unbase64(vector["proof"])
    leaf, root = unbase64([vector["leafHash"], vector["root"]])
    assert HashTree(b"".join(LEAVES)).inclusion(index, size) == proof
    assert merkle.includes(leaf, index, size, proof, root)


@pytest.mark.parametrize("vector", VECTORS["consistency"])
def test_consistency_proofs_are_the_published_ones(vector: dict[str, Any]) -> None:
    old, new, proof = vector["size1"], vector["size2"], unbase64(vector["proof"])
    old_root, new_root = unbase64([vector["root1"], vector["root2"]])
    assert HashTree(b"".join(LEAVES)).consistency(old, new) == proof
    assert merkle.extends(old, old_root, new, new_root, proof)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 600), st.data())
def test_proofs_are_those_of_the_recursive_definition_and_a_second_verifier_accepts_them(
    size: int, data: st.DataObject
) -> None:
    leaves = leaves_of(size)
    tree, root = HashTree(b"".join(leaves)), tlog.mth(leaves)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert tree.root() == root
    inclusion, consistency = tree.inclusion(index), tree.consistency(old)
    assert inclusion == tlog.path(index, leaves)
    assert consistency == tlog.proof(old, leaves)
    assert merkle.includes(leaves[index], index, size, inclusion, root)
    assert merkle.extends(old, tlog.mth(leaves[:old]), size, root, consistency)
    assert tlog.root_from_path(leaves[index], index, size, inclusion) == root
    if old < size:
        old_root = tlog.mth(leaves[:old])
        assert tlog.roots_from_proof(old, old_root, size, consistency) == (old_root, root)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.data())
def test_a_proof_changed_in_any_hash_length_place_or_size_is_refused(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree, root = HashTree(b"".join(leaves)), tlog.mth(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion(index)
    wrong = [[*proof[:number], bytes(32), *proof[number + 1 :]] for number in range(len(proof))]
    wrong += [[*proof, bytes(32)], [bytes(32), *proof], [*proof, root], *([proof[1:], proof[:-1]] if proof else [])]
    assert not any(merkle.includes(leaves[index], index, size, changed, root) for changed in wrong)
    places = [place for place in (index - 1, index + 1, size, -1) if place != index]
    assert not any(merkle.includes(leaves[index], place, size, proof, root) for place in places)
    assert not merkle.includes(leaves[index], index, size, proof, bytes(32))
    assert not merkle.includes(bytes(32), index, size, proof, root)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 200), st.data())
def test_a_consistency_proof_of_a_rewritten_history_is_refused(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    old = data.draw(st.integers(1, size - 1))
    old_root = tlog.mth(leaves[:old])
    changed = leaves.copy()
    changed[data.draw(st.integers(0, old - 1))] = bytes(32)
    fork = HashTree(b"".join(changed))
    assert not merkle.extends(old, old_root, size, fork.root(), fork.consistency(old))
    proof = HashTree(b"".join(leaves)).consistency(old)
    assert not merkle.extends(old, old_root, size, fork.root(), proof)
    assert not merkle.extends(old, old_root, size, tlog.mth(leaves), [*proof, bytes(32)])
    assert not merkle.extends(old, old_root, size, tlog.mth(leaves), proof[:-1])


def test_the_empty_tree_is_extended_by_everything_and_only_without_hashes() -> None:
    tree = HashTree(b"".join(LEAVES))
    assert merkle.extends(0, merkle.EMPTY_ROOT, 8, tree.root(), [])
    assert not merkle.extends(0, bytes(32), 8, tree.root(), [])
    assert not merkle.extends(0, merkle.EMPTY_ROOT, 8, tree.root(), [bytes(32)])
    assert not merkle.extends(8, tree.root(), 7, tree.root(7), [])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 70), max_size=8))
def test_a_tree_grown_in_pieces_is_the_tree_grown_at_once(pieces: list[int]) -> None:
    leaves = leaves_of(sum(pieces))
    grown, at = HashTree(), 0
    for piece in pieces:
        grown.extend(b"".join(leaves[at : at + piece]))
        at += piece
    whole = HashTree(b"".join(leaves))
    assert [grown.root(size) for size in range(at + 1)] == [whole.root(size) for size in range(at + 1)]
    assert list(grown.leaves()) == leaves
