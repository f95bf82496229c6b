"""Signed notes against the published vectors, and what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from services.rmos.domain import checkpoint
from services.rmos.domain.checkpoint import Checkpoint, NotACheckpoint, NotAKey, SigningKey, VerifierKey
from tests.independent_verifier import tlog

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors/signed_note.json").read_text())
PETER, ENOCH = VECTORS["keys"]["PeterNeumann"], VECTORS["keys"]["EnochRoot"]
KEY = SigningKey("example.org/log", bytes(range(32)))
OTHER = SigningKey("example.org/log", bytes(32))
SAYS = Checkpoint("example.org/log", 12, bytes(range(32)))


def test_a_signature_is_the_published_one() -> None:
    key = SigningKey("PeterNeumann", base64.b64decode(PETER["seed_base64"])[1:])
    assert str(key.verifier) == PETER["vkey"]
    assert key.signature_line(VECTORS["text"].encode()) == f"— PeterNeumann {PETER['signature']}\n"


@pytest.mark.parametrize("vector", [PETER, ENOCH])
def test_published_verifier_keys_are_read_and_every_mangling_is_refused(vector: dict[str, str]) -> None:
    text = vector["vkey"]
    assert str(VerifierKey.parse(text)) == text
    for at in range(len(text)):
        for mangled in (text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :], text[:at], text[at + 1 :]):
            with pytest.raises(NotAKey):
                VerifierKey.parse(mangled)


@pytest.mark.parametrize("text", VECTORS["refused_vkeys"])
def test_keys_of_another_length_or_algorithm_are_refused(text: str) -> None:
    with pytest.raises(NotAKey):
        VerifierKey.parse(text)


def test_a_signed_checkpoint_says_what_was_signed_to_both_verifiers() -> None:
    note = SAYS.signed(KEY)
    assert checkpoint.opened(note, [KEY.verifier]) == SAYS
    assert tlog.open_checkpoint(note, str(KEY.verifier)) == (SAYS.origin, SAYS.size, SAYS.root)


def test_every_changed_byte_of_a_checkpoint_is_refused() -> None:
    note = SAYS.signed(KEY)
    for at in range(len(note)):
        changed = bytearray(note)
        changed[at] ^= 1
        with pytest.raises(NotACheckpoint):
            checkpoint.opened(bytes(changed), [KEY.verifier])


def test_signatures_of_unknown_keys_are_ignored_but_one_known_key_must_have_signed() -> None:
    both = SAYS.signed(OTHER, KEY)
    assert checkpoint.opened(both, [KEY.verifier]) == SAYS
    assert checkpoint.opened(both, [OTHER.verifier, KEY.verifier]) == SAYS
    with pytest.raises(NotACheckpoint, match="no signature of a known key"):
        checkpoint.opened(SAYS.signed(OTHER), [KEY.verifier])
    with pytest.raises(NotACheckpoint, match="no signature of a known key"):
        checkpoint.opened(both, [])


def test_a_wrong_signature_of_a_known_key_is_refused_even_beside_a_right_one() -> None:
    lying = Checkpoint(SAYS.origin, 13, SAYS.root)
    mixed = SAYS.signed(KEY) + OTHER.signature_line(lying.text).encode()
    with pytest.raises(NotACheckpoint, match="is wrong"):
        checkpoint.opened(mixed, [KEY.verifier, OTHER.verifier])


def test_a_checkpoint_of_another_log_is_refused() -> None:
    foreign = Checkpoint("example.org/other", 12, bytes(32)).signed(KEY)
    with pytest.raises(NotACheckpoint, match="of the log example"):
        checkpoint.opened(foreign, [KEY.verifier])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "example.org/log\n012\nAAAA\n",
            "example.org/log\n12\n",
            "\n12\n" + "A" * 43 + "=\n",
            "example.org/log\n-1\nAA==\n",
        ),
        *("example.org/log\n12\n" + "A" * 42 + "==\n", "example.org/log\n12\nAAAA\n", "example.org/log\n1e3\nAAAA\n"),
    ],
)
def test_signed_text_that_is_no_tree_head_is_refused(text: str) -> None:
    note = text.encode() + b"\n" + KEY.signature_line(text.encode()).encode()
    with pytest.raises(NotACheckpoint):
        checkpoint.opened(note, [KEY.verifier])


@pytest.mark.parametrize("seed", ["", "00" * 31, "00" * 33, "zz" * 32])
def test_only_32_bytes_are_a_seed(seed: str) -> None:
    with pytest.raises(NotAKey):
        SigningKey.from_hex("example.org/log", seed)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_names_with_spaces_or_plus_signs_are_refused(name: str) -> None:
    with pytest.raises(NotAKey):
        SigningKey(name, bytes(32))


def test_the_seed_is_not_shown() -> None:
    assert "seed" not in repr(KEY)
