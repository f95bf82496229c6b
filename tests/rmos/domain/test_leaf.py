"""The leaf hash: a fixed layout that covers every field and always fits a tlog-tiles entry."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import canonical_bytes
from services.rmos.domain.leaf import entry_of, leaf_of

MAX_TLOG_ENTRY = 65_535
EVENT: dict[str, Any] = {
    "position": 7,
    "stream": "run-run_1",
    "version": 2,
    "event_id": "event_1",
    "event_type": "rmos.run_opened.v1",
    "recorded_at_utc": "2026-01-02T03:04:05.000006Z",
    "actor": '{"id":"ada","kind":"person","role":"designer"}',
    "request_id": "request_1",
    "command_id": "command_1",
    "command_index": 0,
    "command_sha256": "ab" * 32,
    "causation_id": None,
    "writer_epoch": 3,
    "data": b'{"run_id":"run_1"}',
}
OTHER: dict[str, Any] = dict.fromkeys(EVENT, "another") | {
    "position": 8,
    "version": 3,
    "command_index": 1,
    "writer_epoch": 4,
    "data": b'{"run_id":"run_2"}',
}


def test_the_layout_is_this_one_for_ever() -> None:
    entry = entry_of(**EVENT)
    assert entry == (
        b'{"actor":"{\\"id\\":\\"ada\\",\\"kind\\":\\"person\\",\\"role\\":\\"designer\\"}","causation_id":null,'
        b'"command_id":"command_1","command_index":0,"command_sha256":"' + b"ab" * 32 + b'","data_sha256":"'
        b"188abe13d370046b11541e474bd762c8092d6e1cefb396341ffa71be175dc7f7"
        b'","event_id":"event_1","position":7,"recorded_at_utc":"2026-01-02T03:04:05.000006Z","request_id":"request_1",'
        b'"stream":"run-run_1","type":"rmos.run_opened.v1","version":2,"writer_epoch":3}'
    )
    assert leaf_of(entry) == hashlib.sha256(b"\x00" + entry).digest()


def test_the_empty_entry_has_the_leaf_of_rfc_6962() -> None:
    # the published leaf hash of an empty input (certificate-transparency-go, merkletree/merkle_verifier_test.go)
    assert leaf_of(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@pytest.mark.parametrize("field", sorted(EVENT))
def test_a_change_of_any_field_changes_the_leaf(field: str) -> None:
    changed = EVENT | {field: OTHER[field]}
    assert leaf_of(entry_of(**changed)) != leaf_of(entry_of(**EVENT))


@given(
    names=st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", fullmatch=True), min_size=6, max_size=6),
    actor=st.text(max_size=400),
    numbers=st.lists(st.integers(1, 2**53 - 1), min_size=3, max_size=3),
    data=st.binary(max_size=200_000),
)
def test_an_entry_is_canonical_and_small_whatever_the_event(
    names: list[str], actor: str, numbers: list[int], data: bytes
) -> None:
    keys = ("stream", "event_id", "event_type", "request_id", "command_id", "causation_id")
    values = EVENT | dict(zip(keys, names, strict=True)) | {"actor": actor, "data": data}
    values |= dict(zip(("position", "version", "writer_epoch"), numbers, strict=True))
    entry = entry_of(**values)
    document = {name: value for name, value in values.items() if name not in {"data", "event_type"}}
    document |= {"type": values["event_type"], "data_sha256": hashlib.sha256(data).hexdigest()}
    assert entry == canonical_bytes(document)
    assert len(entry) < MAX_TLOG_ENTRY
