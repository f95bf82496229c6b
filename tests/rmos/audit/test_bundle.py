"""Evidence bundles: made from a real store, checked offline, and every way to tamper with one is named."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from contracts.blobs import BlobRef
from runtime.blobs import BlobStore
from runtime.testing import PostgresAccess
from services.rmos.audit import bundle as form
from services.rmos.audit.access import NothingToReach
from services.rmos.audit.bundle_check import THE_ZIP, check_bundle
from services.rmos.audit.bundle_export import NoBundle
from services.rmos.cli import audit
from services.rmos.domain import dsse
from services.rmos.domain.checkpoint import SigningKey
from tests.independent_verifier import tlog
from tests.rmos.audit.evidence import Evidence, attested, exported, written
from tests.rmos.audit.given import KEY, VKEY, as_superuser

OTHER = SigningKey("rmos.test/log", bytes(32))


@pytest.fixture(scope="module")
def bundle(store: Evidence) -> bytes:
    """Of the run with the approved program."""
    return exported(store, store.program(store.approved))


@pytest.fixture(scope="module")
def small(store: Evidence) -> bytes:
    """Of a run without a session: fewer members, so that more places can be tried."""
    return exported(store, store.alone.run_id)


def named(bundle: bytes, *keys: Any) -> list[str]:
    """The members that the check names."""
    return [flaw.where for flaw in check_bundle(bundle, keys or (KEY.verifier,)).flaws]


def command(bundle: bytes, folder: Path, *options: str) -> Result:
    (folder / "bundle.zip").write_bytes(bundle)
    return CliRunner().invoke(audit, ["check-bundle", str(folder / "bundle.zip"), *options], catch_exceptions=False)


def test_a_bundle_of_a_program_is_sound_and_the_same_bytes_each_time(store: Evidence, bundle: bytes) -> None:
    verdict = check_bundle(bundle, [KEY.verifier], store.program(store.approved))
    assert verdict.flaws == []
    assert exported(store, store.approved.run_id) == bundle
    assert exported(store, store.approved.artifact_id) == bundle
    assert exported(store, store.approval_id) == bundle


def test_the_statement_says_what_was_cut_on_which_verdict_and_who_approved(store: Evidence, bundle: bytes) -> None:
    statement = check_bundle(bundle, [KEY.verifier]).statement
    assert statement is not None
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [
        {"name": f"{artifact.artifact_id}.nc", "digest": {"sha256": artifact.hashes["gcode"]}}
        for artifact in (store.approved, store.linuxcnc)
    ]
    release = statement["predicate"]["releases"][0]
    assert release["approval"]["approved_by"]["id"] == "otto"
    assert release["cutting"]["material_id"] == "spruce_sitka"
    assert release["feasibility"]["catalog_sha256"] == store.approved.feasibility.catalog_sha256  # type: ignore[union-attr]  # released
    assert release["design"]["design_sha256"] == store.approved.hashes["design"]
    kinds = [item["kind"] for item in statement["predicate"]["decisions"]]
    assert kinds == ["art_studio_candidate", "approval", "toolpaths", "toolpaths", "toolpaths"]


def test_a_stranger_checks_it_with_none_of_our_code(store: Evidence, bundle: bytes) -> None:
    """zip, JSON, SHA-256 and Ed25519, and the separate reading of the standards."""
    members = members_of(bundle)
    vkey = members["public-key"].decode().strip()
    _, size, root = tlog.open_checkpoint(members["checkpoint"], vkey)
    for name in members:
        if name.startswith("events/"):
            event = json.loads(members[name])
            entry = event["entry"].encode()
            assert json.loads(entry)["data_sha256"] == hashlib.sha256(event["data"].encode()).hexdigest()
            path = [bytes.fromhex(text) for text in event["hashes"]]
            assert tlog.root_from_path(tlog.leaf_hash(entry), event["position"] - 1, size, path) == root
    envelope = json.loads(members["statement.dsse.json"])
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 " + str(len(kind)).encode() + b" " + kind + b" " + str(len(payload)).encode() + b" " + payload
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(vkey.split("+", 2)[2])[1:])
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
    subjects = [item["digest"]["sha256"] for item in json.loads(payload)["subject"]]
    assert hashlib.sha256(store.program(store.approved)).hexdigest() in subjects


def test_it_is_checked_without_network_database_or_bus(
    bundle: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: Any, **__: Any) -> Any:
        raise AssertionError("check-bundle opened a socket")

    monkeypatch.setattr(socket, "socket", offline)
    monkeypatch.setattr(socket, "create_connection", offline)
    result = command(bundle, tmp_path, "--vkey", VKEY, "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["sound"]) == (0, True)
    assert report["trusted"] == {"keys": [VKEY], "given_by": "you"}


def test_it_says_whose_key_it_trusted(bundle: bytes, tmp_path: Path) -> None:
    result = command(bundle, tmp_path)
    assert result.exit_code == 0
    assert f"trusted {VKEY}, the bundle's own" in result.stdout
    result = command(bundle, tmp_path, "--vkey", str(OTHER.verifier))
    assert result.exit_code == 1
    assert "public-key: " in result.stdout
    assert command(bundle, tmp_path, "--vkey", "no key").exit_code == 2


def test_another_program_is_not_its_subject(store: Evidence, bundle: bytes, tmp_path: Path) -> None:
    own = written(tmp_path, store.program(store.approved))
    assert command(bundle, tmp_path, "--program", own).exit_code == 0
    other = written(tmp_path, store.program(store.alone))
    result = command(bundle, tmp_path, "--program", other)
    assert (result.exit_code, "none of the bundle's subjects" in result.stdout) == (1, True)


def members_of(bundle: bytes) -> dict[str, bytes]:
    return dict(form.unzipped(bundle))


def spread(size: int, count: int = 4) -> list[int]:
    """Places over a member: its ends and what lies between."""
    return sorted({0, size - 1, *(size * part // count for part in range(count))} - {size})


def flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


def changed(bundle: bytes, places: Callable[[int], list[int]]) -> Iterator[tuple[str, bytes]]:
    """The bundle with one byte of one member changed: as it lies in the zip, and zipped anew with a manifest that
    lists the changed member."""
    members = members_of(bundle)
    for name, data in members.items():
        start = bundle.index(data, bundle.index(name.encode()))
        for at in places(len(data)):
            yield name, flipped(bundle, start + at)
            anew = {**members, name: flipped(data, at, 4)}
            if name != form.MANIFEST:
                anew[form.MANIFEST] = form.manifest_of(json.loads(members[form.MANIFEST])["run_id"], anew)
            yield name, form.zipped(anew)


def test_with_any_member_changed_it_says_no_and_names_the_member(bundle: bytes) -> None:
    names = set()
    for name, tampered in changed(bundle, spread):
        assert named(tampered) == [name]
        names.add(name)
    assert names == set(members_of(bundle))
    assert len(names) > 20


def test_with_its_own_key_trusted_a_changed_member_is_named_too(small: bytes) -> None:
    for name, tampered in changed(small, lambda size: spread(size, 2)):
        assert [flaw.where for flaw in check_bundle(tampered).flaws] == [name]


@pytest.mark.slow
def test_with_any_single_byte_of_the_bundle_changed_it_says_no_and_names_the_member(small: bytes) -> None:
    lies_in = {}
    for name, data in members_of(small).items():
        start = small.index(data, small.index(name.encode()))
        lies_in.update(dict.fromkeys(range(start, start + len(data)), name))
    for at in range(len(small)):
        found = named(flipped(small, at))
        assert found == [lies_in[at]] if at in lies_in else found, at


def beside_the_members(bundle: bytes) -> list[int]:
    """The zip's own bytes."""
    content = set()
    for name, data in members_of(bundle).items():
        start = bundle.index(data, bundle.index(name.encode()))
        content.update(range(start, start + len(data)))
    return [at for at in range(len(bundle)) if at not in content]


def test_with_the_zips_own_bytes_changed_it_says_no(small: bytes) -> None:
    places = beside_the_members(small)
    for at in places[::11] + places[-22:]:
        assert not check_bundle(flipped(small, at), [KEY.verifier]).sound, at


@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_removed_member_is_named(bundle: bytes, with_manifest: bool) -> None:
    members = members_of(bundle)
    for name in members:
        left = {key: data for key, data in members.items() if key != name}
        if with_manifest and name != form.MANIFEST:
            left[form.MANIFEST] = form.manifest_of(json.loads(members[form.MANIFEST])["run_id"], left)
        assert named(form.zipped(left)) == [name]


@pytest.mark.parametrize("name", ["readme.txt", "blobs/" + "0" * 64 + ".nc", "events/000000000999.json", "../up"])
def test_an_added_member_is_named(bundle: bytes, name: str) -> None:
    assert named(form.zipped({**members_of(bundle), name: b"more"})) == [name]


def test_content_that_is_what_it_says_but_does_not_belong_is_named(store: Evidence, bundle: bytes) -> None:
    foreign = members_of(exported(store, store.alone.run_id))
    for prefix in (form.EVENTS, form.BLOBS):
        new = {name for name in foreign if name.startswith(prefix)} - members_of(bundle).keys()
        name = min(new)
        data = foreign[name]
        assert named(form.zipped({**members_of(bundle), name: data})) == [name]
    replaced = {**members_of(bundle), form.STATEMENT: foreign[form.STATEMENT]}
    assert not check_bundle(form.zipped(replaced), [KEY.verifier]).sound


def test_an_older_statement_of_the_same_run_does_not_cover_what_came_after(store: Evidence, bundle: bytes) -> None:
    early = attested(store, store.approved.run_id, store.position_of(store.approved))
    tampered = form.zipped({**members_of(bundle), form.STATEMENT: early})
    assert all(name.startswith((form.EVENTS, form.STATEMENT)) for name in named(tampered))
    assert named(tampered)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "tamper",
    [
        lambda data: data + b"\0",
        lambda data: b"#!/bin/sh\n" + data,
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: rezipped(data, comment=b"hello"),
        lambda data: rezipped(data, compression=zipfile.ZIP_DEFLATED),
        lambda data: rezipped(data, date=(2026, 1, 1, 0, 0, 0)),
        lambda data: rezipped(data, reverse=True),
        lambda data: rezipped(data, twice=True),
    ],
    ids=["tail", "head", "cut", "empty", "half", "comment", "deflated", "dated", "order", "twice"],
)
def test_another_zip_of_the_same_members_is_no_bundle(bundle: bytes, tamper: Callable[[bytes], bytes]) -> None:
    assert named(tamper(bundle)) == [THE_ZIP]


def rezipped(
    bundle: bytes,
    comment: bytes = b"",
    compression: int = zipfile.ZIP_STORED,
    date: Any = (1980, 1, 1, 0, 0, 0),
    reverse: bool = False,
    twice: bool = False,
) -> bytes:
    members = list(members_of(bundle).items())
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", compression) as archive:
        for name, data in [*(members[::-1] if reverse else members), *(members[:1] if twice else [])]:
            info = zipfile.ZipInfo(name, date)
            info.create_system, info.external_attr, info.compress_type = 3, 0o100644 << 16, compression
            archive.writestr(info, data)
        archive.comment = comment
    return written.getvalue()


def test_whoever_signs_it_all_himself_is_found_out_by_the_key_you_trust(store: Evidence, bundle: bytes) -> None:
    """A forger can make a bundle that agrees with itself; it does not agree with the log's key."""
    members = members_of(bundle)
    payload = dsse.opened(members[form.STATEMENT], KEY.verifier).replace(b'"otto"', b'"emma"')
    forged = {**members, form.STATEMENT: dsse.signed(payload, OTHER), form.KEY: form.key_member([OTHER.verifier])}
    forged[form.MANIFEST] = form.manifest_of(store.approved.run_id, forged)
    assert form.KEY in named(form.zipped(forged))
    own_key = [flaw.where for flaw in check_bundle(form.zipped(forged)).flaws]
    assert form.CHECKPOINT in own_key
    assert form.STATEMENT in own_key  # the events, which he cannot change, say otherwise


@pytest.mark.parametrize("payload", [b"{}", b"[]", b"1", b'{"predicate":{}}', b'{"predicate":{"events":[{}]}}'])
def test_a_signed_payload_that_is_no_statement_is_refused(bundle: bytes, payload: bytes) -> None:
    members = {**members_of(bundle), form.STATEMENT: dsse.signed(payload, KEY)}
    assert form.STATEMENT in named(form.zipped(members))


def test_a_run_without_a_program_is_attested_by_its_latest_decision(store: Evidence) -> None:
    statement = check_bundle(exported(store, store.blocked.run_id), [KEY.verifier]).statement
    assert statement is not None
    assert [item["name"] for item in statement["subject"]] == [store.blocked.artifact_id]
    assert statement["predicate"]["releases"] == []


@pytest.mark.parametrize("name", ["run_none", "artifact_none"])
def test_a_name_that_the_log_does_not_have_is_a_name_of_nothing(store: Evidence, name: str) -> None:
    with pytest.raises(NothingToReach, match=f"the log has no run and no artifact {name}"):
        exported(store, name)


def test_a_program_that_nobody_made_makes_no_bundle(store: Evidence) -> None:
    with pytest.raises(NoBundle, match="released in no run"):
        exported(store, b"G0 X0\n")


def test_content_that_retention_let_go_is_named_in_the_signed_statement(
    store: Evidence, postgres_server: PostgresAccess
) -> None:
    run_id = store.blocked.run_id
    blob = store.blocked.attachments[1].blob
    content = removed(store, blob)
    try:
        made = exported(store, run_id)
    finally:
        put_back(store, blob, content)
    verdict = check_bundle(made, [KEY.verifier])
    assert verdict.statement is not None
    assert verdict.statement["predicate"]["absent_blobs"] == [blob.sha256]
    assert named(form.zipped({**members_of(made), form.blob_name(blob): content})) == [form.blob_name(blob)]


def test_a_row_that_was_changed_is_not_attested(store: Evidence, postgres_server: PostgresAccess) -> None:
    damaged = store.copied(postgres_server)
    position = store.position_of(store.alone)
    other = "convert_to(replace(convert_from(data, 'UTF8'), '\"otto\"', '\"emma\"'), 'UTF8')"
    as_superuser(damaged.database, f"UPDATE rmos.events SET data = {other} WHERE position = {position}")
    with pytest.raises(NoBundle, match=f"event {position} is not in the tree that was signed"):
        exported(damaged, store.alone.run_id)
    with pytest.raises(Exception, match=f"position {position} is not in the tree that was signed"):
        attested(damaged, store.alone.run_id, position)


def removed(store: Evidence, blob: BlobRef) -> bytes:
    blobs = BlobStore(store.s3)

    async def take() -> bytes:
        content = await blobs.get(blob)
        await blobs.delete(blob)
        return content

    try:
        return asyncio.run(take())
    finally:
        blobs.close()


def put_back(store: Evidence, blob: BlobRef, content: bytes) -> None:
    blobs = BlobStore(store.s3)
    try:
        asyncio.run(blobs.put(content, blob.content_type))
    finally:
        blobs.close()


@pytest.mark.parametrize("position", [None, True, "1", 1.5, [1], {}])
def test_a_member_whose_position_is_no_integer_is_named(bundle: bytes, position: Any) -> None:
    members = members_of(bundle)
    name = next(name for name in members if name.startswith("events/"))
    event = json.loads(members[name])
    members[name] = json.dumps(event | {"position": position}, sort_keys=True, separators=(",", ":")).encode()
    assert name in named(form.zipped(members))


@pytest.mark.parametrize("payload", [b"no JSON", b"[]", b"null", b"\xff"])
def test_a_signed_payload_that_is_no_statement_is_named(bundle: bytes, payload: bytes) -> None:
    members = members_of(bundle)
    members["statement.dsse.json"] = dsse.signed(payload, KEY)
    assert "statement.dsse.json" in named(form.zipped(members))
