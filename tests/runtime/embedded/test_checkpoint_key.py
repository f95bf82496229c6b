"""The stack's checkpoint keys are the ones that the log's signer makes of the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.embedded.checkpoint_key import new_origin, new_seed, verifier_key
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.stack_config import load_or_create, rotate_checkpoint_key
from services.rmos.domain.checkpoint import SigningKey


def test_a_verifier_key_is_the_signers_own() -> None:
    origin, seed = new_origin(), new_seed()
    assert verifier_key(origin, seed) == str(SigningKey.from_hex(origin, seed).verifier)


def test_key_and_origin_are_made_once_and_kept(tmp_path: Path) -> None:
    made = load_or_create(tmp_path)
    assert len(made.checkpoint_keys) == 1
    again = load_or_create(tmp_path)
    assert (again.log_origin, again.checkpoint_keys) == (made.log_origin, made.checkpoint_keys)


def test_a_home_of_an_earlier_version_gets_its_first_key(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    file = tmp_path / "stack.secrets.json"
    content = json.loads(file.read_text())
    del content["log_origin"], content["checkpoint_keys"]
    file.write_text(json.dumps(content))
    assert len(load_or_create(tmp_path).checkpoint_vkeys) == 1


def test_a_rotation_puts_a_new_key_in_front_and_keeps_the_old_ones_public(tmp_path: Path) -> None:
    old = load_or_create(tmp_path)
    assert rotate_checkpoint_key(tmp_path).checkpoint_vkeys[1:] == old.checkpoint_vkeys
    assert load_or_create(tmp_path).checkpoint_vkeys[1:] == old.checkpoint_vkeys


def test_there_is_nothing_to_rotate_before_the_first_start(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="first start"):
        rotate_checkpoint_key(tmp_path)
