"""What a stranger with the public key can check over HTTP, with a verifier that shares no code with the system."""

from __future__ import annotations

import hashlib
import json

import httpx
import pytest

from tests.e2e import journey
from tests.e2e.stack import Stack
from tests.independent_verifier import tlog


async def test_the_whole_log_is_read_and_verified_over_http(stack: Stack) -> None:
    async with stack.client() as client:
        run_id = await journey.opened_run(client)
        await journey.generated(client, run_id)
        bound = await journey.bound(client, run_id)
        await client.get(f"/api/artifacts/{bound['artifact_id']}/proof")  # returns once a checkpoint covers it
    with stack.api("auditor") as api:
        vkey = stack.state["checkpoint_vkey"]
        assert api.get("/api/audit/key")["verifier_keys"] == [vkey]

        def fetch(path: str) -> bytes:
            return api.get_bytes(f"/api/audit/{path}")

        size, root, entries = tlog.read_log(fetch, vkey)
        assert len(entries) == size > 0
        first = api.get("/api/audit/consistency", **{"from": 1, "to": size})
        proof = [bytes.fromhex(text) for text in first["hashes"]]
        old_root = tlog.leaf_hash(entries[0])
        if size > 1:
            assert tlog.roots_from_proof(1, old_root, size, proof) == (old_root, root)


async def test_an_artifact_is_proved_to_stand_in_the_signed_log(stack: Stack) -> None:
    async with stack.client() as client:
        run_id = await journey.opened_run(client)
        await journey.generated(client, run_id)
        artifact = (await journey.bound(client, run_id))["artifact_id"]
        found = (await client.get(f"/api/artifacts/{artifact}/proof")).raise_for_status().json()
    entry = found["entry"].encode()
    assert json.loads(found["data_json"])["artifact"]["artifact_id"] == artifact
    assert json.loads(entry)["data_sha256"] == hashlib.sha256(found["data_json"].encode()).hexdigest()
    hashes = [bytes.fromhex(text) for text in found["hashes"]]
    root = tlog.root_from_path(tlog.leaf_hash(entry), found["leaf_index"], found["tree_size"], hashes)
    _, size, signed = tlog.open_checkpoint(found["checkpoint"].encode(), stack.state["checkpoint_vkey"])
    assert (size, signed) == (found["tree_size"], root)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/audit/tile/0/1", 404),
        ("/api/audit/tile/0/../checkpoint", 404),
        ("/api/audit/tile/63/x999/999", 404),
        ("/api/audit/consistency?from=2&to=1", 400),
        ("/api/audit/consistency?from=0&to=999999999", 400),
        ("/api/audit/checkpoint?size=999999999", 404),
        ("/api/artifacts/artifact_none/proof", 404),
    ],
)
async def test_what_is_not_there_is_said_so(stack: Stack, path: str, status: int) -> None:
    async with stack.client("auditor") as client:
        assert (await client.get(path)).status_code == status


async def test_proofs_need_a_key(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url) as client:
        assert (await client.get("/api/audit/checkpoint")).status_code == 401
