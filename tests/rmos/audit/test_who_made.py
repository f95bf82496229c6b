"""From a G-code file to its record, as an auditor with a read-only login and the public key asks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.artifacts import RunArtifact
from runtime.testing import PostgresAccess
from services.rmos.audit.record_view import RecordView
from services.rmos.domain.checkpoint import SigningKey
from tests.independent_verifier import tlog
from tests.rmos.audit.evidence import VKEY, Evidence, written
from tests.rmos.audit.given import as_superuser


def asked(store: Evidence, path: str, exit_code: int, **options: Any) -> dict[str, Any]:
    result = store.audit("who-made", path, "--json", **options)
    assert result.exit_code == exit_code, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_an_approved_program_leads_to_run_verdict_and_approver(store: Evidence, tmp_path: Path) -> None:
    program = store.program(store.approved)
    answer = asked(store, written(tmp_path, program), 0)
    assert answer["sha256"] == hashlib.sha256(program).hexdigest()
    assert [item["artifact_id"] for item in answer["releases"]] == [store.approved.artifact_id, store.again.artifact_id]
    release = answer["releases"][0]
    assert (release["run_id"], release["session_id"]) == (store.approved.run_id, store.session_id)
    assert release["approval"]["artifact_id"] == store.approval_id
    assert release["approval"]["approved_by"] == {"id": "otto", "role": "operator", "kind": "person"}
    verdict = store.candidate.feasibility
    assert verdict is not None
    assert release["feasibility"] == {
        "artifact_id": store.candidate.artifact_id,
        "position": release["feasibility"]["position"],
        "risk_level": "YELLOW",
        "score": str(verdict.score),
        "feasibility_sha256": verdict.feasibility_sha256,
        "catalog_sha256": verdict.catalog_sha256,
        "engine_version": verdict.engine_version,
    }
    assert " ".join(release["engine_versions"].values()) == store.approved.engine_version
    assert release["engine_versions"]["cam"].startswith("cam-")


def test_the_proof_it_gives_is_right_for_a_verifier_that_shares_no_code(store: Evidence, tmp_path: Path) -> None:
    (release,) = asked(store, written(tmp_path, store.program(store.alone)), 0)["releases"]
    proof = release["proof"]
    assert proof["signed_by"] == VKEY
    hashes = [bytes.fromhex(text) for text in proof["hashes"]]
    leaf = store.leaf(release["position"])
    root = tlog.root_from_path(leaf, proof["leaf_index"], proof["tree_size"], hashes)
    assert root.hex() == proof["root_sha256"]


def test_a_program_of_a_run_without_a_session_names_no_approver(store: Evidence, tmp_path: Path) -> None:
    path = written(tmp_path, store.program(store.alone))
    (release,) = asked(store, path, 0)["releases"]
    assert (release["approval"], release["session_id"], release["override"]) == (None, None, None)
    assert "approved    not asked for" in store.audit("who-made", path).stdout


@pytest.mark.parametrize("at", [0, 400, -2])
def test_one_changed_byte_is_a_file_that_nobody_made(store: Evidence, tmp_path: Path, at: int) -> None:
    program = bytearray(store.program(store.approved))
    program[at] ^= 1
    answer = asked(store, written(tmp_path, bytes(program)), 1)
    assert (answer["known"], answer["releases"]) == (False, [])
    assert answer["findings"][0] == "no program with these bytes was ever released"


def test_a_changed_file_is_told_from_which_program_it_differs_and_where(store: Evidence, tmp_path: Path) -> None:
    lines = store.program(store.approved).split(b"\n")
    lines[40] += b" "
    answer = asked(store, written(tmp_path, b"\n".join(lines)), 1)
    told = [finding for finding in answer["findings"] if store.approved.artifact_id in finding]
    said = (
        f"its header names the run {store.approved.run_id}, whose program {store.approved.artifact_id} "
        f"(SHA-256 {store.approved.hashes['gcode']}) differs from it from line 41 on"
    )
    assert told == [said]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "its header names no run"),
        (b"G0 X1\nM30\n", "its header names no run"),
        (b"(RUN run_never)\nM30\n", "its header names the run run_never, but the log has no run run_never"),
        (b"\xff\xfe(RUN\n", "its header names no run"),
    ],
)
def test_a_foreign_file_is_no_program_of_ours(store: Evidence, tmp_path: Path, content: bytes, said: str) -> None:
    assert asked(store, written(tmp_path, content), 1)["findings"][1:] == [said]


def test_a_run_that_released_nothing_is_said_to_have_released_nothing(store: Evidence, tmp_path: Path) -> None:
    content = f"(RUN {store.blocked.run_id})\nM30\n".encode()
    assert "in which no program was released" in asked(store, written(tmp_path, content), 1)["findings"][1]


def test_without_the_key_that_signed_nothing_is_proved(store: Evidence, tmp_path: Path) -> None:
    other = str(SigningKey("rmos.test/log", bytes(32)).verifier)
    answer = asked(store, written(tmp_path, store.program(store.approved)), 1, vkey=other)
    assert not answer["known"]
    assert "no signature of a known key" in answer["findings"][0]


def test_a_record_that_was_changed_proves_nothing(
    store: Evidence, postgres_server: PostgresAccess, tmp_path: Path
) -> None:
    damaged = store.copied(postgres_server)
    position = store.position_of(store.approved)
    other = "convert_to(replace(convert_from(data, 'UTF8'), '\"otto\"', '\"emma\"'), 'UTF8')"
    as_superuser(damaged.database, f"UPDATE rmos.events SET data = {other} WHERE position = {position}")
    answer = asked(damaged, written(tmp_path, store.program(store.approved)), 1)
    assert f"event {position} is not in the tree that was signed" in answer["findings"][0]


def test_no_store_and_no_file_are_exit_code_2(store: Evidence, tmp_path: Path) -> None:
    assert store.audit("who-made", str(tmp_path / "none.nc")).exit_code == 2
    path = written(tmp_path, b"M30\n")
    assert store.audit("who-made", path, vkey=None).exit_code == 2
    away = replace(store, database=store.unreachable())
    assert away.audit("who-made", path).exit_code == 2


def artifacts(store: Evidence) -> list[RunArtifact]:
    return [store.approved, store.linuxcnc, store.alone]


def test_every_released_program_is_found(store: Evidence, tmp_path: Path) -> None:
    for artifact in artifacts(store):
        answer = asked(store, written(tmp_path, store.program(artifact)), 0)
        assert answer["releases"][0]["artifact_id"] == artifact.artifact_id


def test_a_program_is_found_by_the_run_that_it_names_and_without_that_in_the_whole_log(
    store: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, store.program(store.approved))
    with monkeypatch.context() as patch:
        patch.setattr(RecordView, "saying", None)  # nothing walks over the log
        named = asked(store, path, 0)
    monkeypatch.setattr("services.rmos.audit.who_made.run_named_in", lambda _: "run_of_somebody_else")
    assert asked(store, path, 0) == named


def test_projections_are_neither_needed_nor_believed(
    store: Evidence, postgres_server: PostgresAccess, tmp_path: Path
) -> None:
    path = written(tmp_path, store.program(store.approved))
    bare = store.copied(postgres_server)
    as_superuser(bare.database, "DROP SCHEMA projections CASCADE")
    assert asked(bare, path, 0) == asked(store, path, 0)
