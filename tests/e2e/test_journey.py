from __future__ import annotations

import base64
import hashlib
import io
import json
from typing import Any

import pytest
from minio import Minio

from contracts.blobs import blob_key
from tests.e2e import journey
from tests.e2e.stack import Stack

RING = {"version": "v1", "canvas_mm": 120, "shapes": [{"type": "ring", "r_inner": 45, "r_outer": 48, "depth_mm": 1.5}]}


def object_store(stack: Stack) -> tuple[Minio, str]:
    s3 = stack.state["s3"]
    client = Minio(
        s3["endpoint"].removeprefix("http://"),
        access_key=s3["access_key"],
        secret_key=s3["secret_key"],
        secure=False,
        region=s3.get("region", "us-east-1"),
    )
    return client, s3["bucket"]


async def artifact_ids(client: Any, run_id: str) -> list[str]:
    page = await journey.got(client, f"/api/runs/{run_id}/artifacts")
    return [item["artifact_id"] for item in page["items"]]


async def test_a_prompt_becomes_an_approved_verified_program(stack: Stack) -> None:
    async with stack.client() as client:
        session = await journey.posted(client, "/api/workflow-sessions", {"context": journey.SHOP}, 201)
        session_id = session["session_id"]
        run_id = await journey.opened_run(client, workflow_session_id=session_id)
        variants = (await journey.generated(client, run_id))["variants"]
        assert [variant["status"] for variant in variants] == ["OK"]

        candidate = await journey.bound(client, run_id)
        assert candidate["status"] == "OK"
        early = await client.post("/api/rmos/toolpaths", json={"artifact_id": candidate["artifact_id"]})
        assert early.status_code == 409
        assert early.json()["error"] == "APPROVAL_REQUIRED"

        approval = await journey.posted(
            client, "/api/rmos/workflow/approve", {"session_id": session_id, "note": "good"}
        )
        assert approval["state"] == "approved"
        made = await journey.posted(client, "/api/rmos/toolpaths", {"artifact_id": candidate["artifact_id"]})
        assert made["status"] == "OK"
        assert made["simulation"]["passed"] is True
        gcode = made["outputs"]["gcode_text"].encode()
        assert hashlib.sha256(gcode).hexdigest() == made["hashes"]["gcode"]

        listed = await artifact_ids(client, run_id)
        kinds = {item: (await journey.got(client, f"/api/artifacts/{item}"))["kind"] for item in listed}
        assert sorted(kinds.values()) == ["approval", "art_studio_candidate", "toolpaths", "toolpaths"]
        events = (await journey.got(client, f"/api/runs/{run_id}/events"))["items"]
        own = [event["version"] for event in events if event["stream"] == f"run-{run_id}"]
        assert own == list(range(1, len(own) + 1))
        assert [event["position"] for event in events] == sorted(event["position"] for event in events)
        assert (await journey.got(client, f"/api/workflow-sessions/{session_id}"))["state"] == "toolpaths_ready"
        assert run_id in [run["run_id"] for run in (await journey.got(client, "/api/runs", limit=200))["items"]]


async def test_the_same_candidate_has_one_feasibility_digest_and_in_one_run_one_program(stack: Stack) -> None:
    async with stack.client() as client:
        digests, paths, programs = set(), set(), set()
        for _ in range(2):
            run_id = await journey.opened_run(client)
            await journey.generated(client, run_id)
            candidate = await journey.bound(client, run_id)
            digests.add(candidate["feasibility_sha256"])
            for _ in range(2):
                made = await journey.posted(client, "/api/rmos/toolpaths", {"artifact_id": candidate["artifact_id"]})
                paths.add(made["hashes"]["toolpaths"])
                programs.add((run_id, made["hashes"]["gcode"]))
                assert f"(RUN {run_id})" in made["outputs"]["gcode_text"]
                assert f"(RESTS ON {candidate['artifact_id']})" in made["outputs"]["gcode_text"]
        assert len(digests) == len(paths) == 1
        assert len(programs) == len({gcode for _, gcode in programs}) == 2  # each run's program names its run


async def test_a_later_design_voids_the_approval(stack: Stack) -> None:
    async with stack.client() as client:
        session = await journey.posted(client, "/api/workflow-sessions", {"context": journey.SHOP}, 201)
        run_id = await journey.opened_run(client, workflow_session_id=session["session_id"])
        await journey.generated(client, run_id, seed=1)
        first = await journey.bound(client, run_id)
        await journey.posted(client, "/api/rmos/workflow/approve", {"session_id": session["session_id"]})
        await journey.generated(client, run_id, seed=2, prompt="celtic rosette with eight petals")
        second = await journey.bound(client, run_id)
        assert second["hashes"]["design"] != first["hashes"]["design"]
        refused = await client.post("/api/rmos/toolpaths", json={"artifact_id": first["artifact_id"]})
        assert refused.status_code == 409
        assert refused.json()["error"] == "APPROVAL_REQUIRED"


async def test_a_changed_blob_is_named_with_both_digests_and_nothing_is_minted(stack: Stack) -> None:
    async with stack.client() as client:
        run_id = await journey.opened_run(client)
        await journey.generated(client, run_id, seed=4711)
        items = (await journey.got(client, f"/api/runs/{run_id}/attachments", kind="spec"))["items"]
        digest, content_type = items[0]["attachment_id"], items[0]["content_type"]
        store, bucket = object_store(stack)
        key = blob_key(digest, content_type)
        stored = store.get_object(bucket, key).read()
        content = bytearray(stored)
        content[10] ^= 1

        def replaced(data: bytes) -> None:
            store.remove_object(bucket, key)
            store.put_object(bucket, key, io.BytesIO(data), len(data), content_type=content_type)

        replaced(bytes(content))
        path = f"/api/runs/{run_id}/artifacts/bind-art-studio-candidate"
        for _ in range(2):
            refused = await client.post(path, json={"required_kinds": ["svg", "spec"]})
            assert refused.status_code == 409
            error = refused.json()
            assert error["error"] == "BLOB_CORRUPT"
            assert error["details"]["expected_sha256"] == digest
            assert error["details"]["actual_sha256"] == hashlib.sha256(content).hexdigest()
        assert await artifact_ids(client, run_id) == []
        replaced(stored)  # what the tests leave behind is audited


async def test_a_wrong_declared_digest_is_refused_and_nothing_is_stored(stack: Stack) -> None:
    async with stack.client() as client:
        run_id = await journey.opened_run(client)
        content = b"nothing of this may be stored 8e3a"
        body = {
            "kind": "document",
            "filename": "note.txt",
            "content_type": "text/plain",
            "sha256": "0" * 64,
            "b64": base64.b64encode(content).decode(),
        }
        refused = await client.post(f"/api/runs/{run_id}/attachments", json=body)
        assert refused.status_code == 400
        error = refused.json()
        assert error["error"] == "DIGEST_MISMATCH"
        actual = hashlib.sha256(content).hexdigest()
        assert "0" * 64 in json.dumps(error)
        assert actual in json.dumps(error)
        assert (await journey.got(client, f"/api/runs/{run_id}/attachments"))["items"] == []
        store, bucket = object_store(stack)
        assert [entry.object_name for entry in store.list_objects(bucket, prefix=f"{actual[:2]}/{actual[2:4]}/")] == []


async def test_an_uploaded_spec_with_its_svg_can_be_bound(stack: Stack) -> None:
    async with stack.client() as client:
        run_id = await journey.opened_run(client)
        spec = json.dumps(RING).encode()
        body = {
            "kind": "spec",
            "filename": "spec.json",
            "content_type": "application/json",
            "sha256": "att-" + hashlib.sha256(spec).hexdigest(),
            "b64": base64.b64encode(spec).decode(),
        }
        added = await journey.posted(client, f"/api/runs/{run_id}/attachments", body, 201)
        assert added["attachment_id"] == hashlib.sha256(spec).hexdigest()
        path = f"/api/runs/{run_id}/artifacts/bind-art-studio-candidate"
        strict = await client.post(path, json={"required_kinds": ["spec"]})
        assert strict.status_code == 400
        loose = await journey.posted(client, path, {"required_kinds": ["spec"], "strict": False})
        assert loose["status"] == "OK"


@pytest.mark.parametrize(
    ("change", "context", "risk"),
    [
        ({"r_inner": 45, "r_outer": 45.6}, {}, "RED"),
        ({}, {"stock_thickness_mm": 1.6}, "RED"),
        ({}, {"stock_thickness_mm": None}, "UNKNOWN"),
        ({}, {"tool_id": None}, "UNKNOWN"),
    ],
)
async def test_red_and_unknown_are_refused_with_one_artifact_each(
    stack: Stack, change: dict[str, Any], context: dict[str, Any], risk: str
) -> None:
    spec = {**RING, "shapes": [{**RING["shapes"][0], **change}]}  # type: ignore[dict-item, index]  # a JSON object
    shop = {name: value for name, value in {**journey.SHOP, **context}.items() if value is not None}
    async with stack.client() as client:
        run_id = (await journey.posted(client, "/api/runs", {}, 201))["run_id"]
        refused = await client.post("/api/rmos/toolpaths", json={"run_id": run_id, "spec": spec, "context": shop})
        assert refused.status_code == 409
        body = refused.json()
        assert body["error"] == "SAFETY_BLOCKED"
        assert body["decision"]["risk_level"] == risk
        assert await artifact_ids(client, run_id) == [body["artifact_id"]]
        kept = await journey.got(client, f"/api/artifacts/{body['artifact_id']}")
        assert kept["status"] == "BLOCKED"
        assert "gcode" not in kept["hashes"]


async def test_a_clients_own_verdict_is_ignored_and_not_kept(stack: Stack) -> None:
    spec = {**RING, "shapes": [{**RING["shapes"][0], "r_outer": 45.6}]}  # type: ignore[dict-item, index]  # a JSON object
    async with stack.client() as client:
        body = {"spec": spec, "context": journey.SHOP, "feasibility": {"risk_level": "GREEN", "score": 100}}
        refused = await client.post("/api/rmos/toolpaths", json=body)
        assert refused.status_code == 409
        kept = await journey.got(client, f"/api/artifacts/{refused.json()['artifact_id']}")
        assert "feasibility" not in kept["request_summary"]
        assert kept["decision"]["risk_level"] == "RED"


async def test_three_different_prompts_give_three_different_rosettes_and_one_seed_the_same_bytes(stack: Stack) -> None:
    prompts = [
        "gothic rosette, twelve petals, 110 mm",
        "celtic rope and dots, soundhole 85 mm",
        "minimal art deco rings",
    ]
    async with stack.client() as client:
        seen = {}
        for prompt in [*prompts, prompts[0]]:
            body = {"prompt": prompt, "variant_seed": 5, "provider": "offline"}
            answer = await journey.posted(client, "/api/art/prompt-to-svg", body)
            digest = answer["variants"][0]["variant_sha256"]
            assert seen.setdefault(prompt, digest) == digest
        assert len(set(seen.values())) == 3
