from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contracts import subjects
from contracts.artifacts import Attachment
from contracts.blobs import blob_key
from contracts.errors import ErrorCode, RmosError
from contracts.examples import NOW, RUN
from contracts.rmos import AddAttachments, Attachments
from runtime.s3 import s3_client
from tests.gateway.conftest import World
from tests.gateway.test_errors import problem_in

PATH = f"/api/runs/{RUN}/attachments"
CONTENT = b"the bytes of a drawing \x00\xff" * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()
LARGE = bytes(range(256)) * 20_000  # 5 MB: beyond what is kept in memory while it arrives


def recorded(command: AddAttachments) -> Attachments:
    """What rmos answers: the attachments as it recorded them."""
    items = tuple(
        Attachment(
            attachment_id=item.blob.sha256,
            kind=item.kind,
            filename=item.filename,
            content_type=item.blob.content_type,
            size=item.blob.size,
            metadata=item.metadata,
            created_at_utc=NOW,
        )
        for item in command.attachments
    )
    return Attachments(run_id=command.run_id, items=items)


def as_json(content: bytes, **more: Any) -> dict[str, Any]:
    fields = {"kind": "document", "filename": "plan.bin", "content_type": "application/octet-stream"}
    return {"json": {**fields, "b64": base64.b64encode(content).decode(), **more}}


def as_form(content: bytes, **more: Any) -> dict[str, Any]:
    fields = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in more.items()}
    return {
        "data": {"kind": "document", **fields},
        "files": {"file": ("plan.bin", content, "application/octet-stream")},
    }


def stored_keys(world: World) -> list[str]:
    client = s3_client(world.s3.settings(world.bucket))
    return [entry.object_name or "" for entry in client.list_objects(world.bucket, recursive=True)]


@pytest.fixture
def receiving(world: World) -> World:
    world.partner.says(subjects.ADD_ATTACHMENTS, recorded)
    return world


async def uploaded(world: World, upload: dict[str, Any]) -> httpx.Response:
    async with world.client() as client:
        return await client.post(PATH, **upload)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
async def test_an_upload_that_does_not_arrive_in_time_is_the_clients_fault(world: World, content_type: str) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"--x"
        await asyncio.Event().wait()

    async with world.with_limits(upload_s=0.1).client() as client:
        answer = await client.post(PATH, content=stalled(), headers={"Content-Type": content_type})
    problem_in(answer, 504, "DEADLINE_EXCEEDED")
    assert world.partner.asked_of(subjects.ADD_ATTACHMENTS) == []


async def test_a_name_that_no_message_can_carry_is_the_clients_fault(receiving: World) -> None:
    problem_in(await uploaded(receiving, as_json(CONTENT, metadata={"größe": "12"})), 400, "INVALID_REQUEST")


@pytest.mark.parametrize("content", [CONTENT, LARGE, b""], ids=["small", "large", "empty"])
async def test_multipart_and_base64_give_the_same_attachment(receiving: World, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    metadata = {"source": "scanner"}
    answers = [
        await uploaded(receiving, as_json(content, sha256=digest, metadata=metadata)),
        await uploaded(receiving, as_form(content, sha256=f"att-{digest.upper()}", metadata=metadata)),
    ]
    assert [answer.status_code for answer in answers] == [201, 201], answers[1].text
    assert answers[0].json() == answers[1].json()
    assert answers[0].json() == {
        "run_id": RUN,
        "attachment_id": digest,
        "kind": "document",
        "filename": "plan.bin",
        "size": len(content),
        "content_type": "application/octet-stream",
        "metadata": metadata,
        "created_at_utc": NOW,
    }
    assert {answer.headers["Location"] for answer in answers} == {f"{PATH}/{digest}"}
    commands = [asked.body for asked in receiving.partner.asked_of(subjects.ADD_ATTACHMENTS)]
    assert commands[0] == commands[1]
    assert await receiving.gateway.blobs.get(commands[0].attachments[0].blob) == content
    assert stored_keys(receiving) == [blob_key(digest, "application/octet-stream")]


@pytest.mark.parametrize("form", [as_json, as_form])
@pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["small", "large"])
async def test_a_wrong_declared_digest_is_400_with_both_and_nothing_is_stored(
    receiving: World, form: Any, content: bytes
) -> None:
    answer = await uploaded(receiving, form(content, sha256="0" * 64))
    body = problem_in(answer, 400, "DIGEST_MISMATCH")
    assert body["details"] == {
        "declared_sha256": "0" * 64,
        "actual_sha256": hashlib.sha256(content).hexdigest(),
    }
    assert stored_keys(receiving) == []
    assert receiving.partner.asked_of(subjects.ADD_ATTACHMENTS) == []


@pytest.mark.parametrize("form", [as_json, as_form])
async def test_nothing_is_stored_for_a_run_that_is_not_there(receiving: World, form: Any) -> None:
    receiving.partner.says(subjects.RUN, RmosError(ErrorCode.NOT_FOUND, "there is no such run"))
    problem_in(await uploaded(receiving, form(CONTENT)), 404, "NOT_FOUND")
    assert stored_keys(receiving) == []


@pytest.mark.parametrize(
    "upload",
    [
        as_json(CONTENT, kind="poem"),
        as_json(CONTENT, b64="not base64!"),
        as_json(CONTENT, b64="AAA"),
        as_json(CONTENT, sha256="123"),
        as_json(CONTENT, filename=""),
        as_json(CONTENT, filename="a\nb"),
        as_json(CONTENT, filename="x" * 256),
        as_json(CONTENT, content_type="image"),
        as_json(CONTENT, content_type="text/html\r\nSet-Cookie: a=b"),
        as_json(CONTENT, metadata={"depth": 1.5}),
        as_json(CONTENT, surprise=True),
        {"json": [1]},
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": CONTENT, "headers": {"Content-Type": "application/octet-stream"}},
        {"content": b"no boundary", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        as_form(CONTENT, kind="poem"),
        as_form(CONTENT, metadata="{"),
        as_form(CONTENT, surprise="x"),
        {"data": {"kind": "document"}, "files": {"other": ("a", b"b")}},
        {"data": {"kind": "document", "file": "text, not a file"}, "files": {}},
        {"data": {"kind": "document"}, "files": [("file", ("a", b"b")), ("file", ("c", b"d"))]},
    ],
)
async def test_an_upload_that_is_not_one_is_400_and_nothing_is_stored(receiving: World, upload: dict[str, Any]) -> None:
    problem_in(await uploaded(receiving, upload), 400, "INVALID_REQUEST")
    assert stored_keys(receiving) == []
    assert receiving.partner.asked_of(subjects.ADD_ATTACHMENTS) == []


@pytest.mark.parametrize("form", [as_json, as_form])
async def test_an_upload_over_its_limit_is_413_and_nothing_is_stored(receiving: World, form: Any) -> None:
    narrow = receiving.with_limits(max_json_bytes=3000, max_multipart_bytes=3000)
    problem_in(await uploaded(narrow, form(b"x" * 3000)), 413, "PAYLOAD_TOO_LARGE")
    assert stored_keys(receiving) == []


@pytest.mark.parametrize("form", [as_json, as_form])
@pytest.mark.parametrize("actor", ["designer", {"id": "admin", "kind": "ai"}])
async def test_an_upload_in_somebody_elses_name_is_403_and_nothing_is_stored(
    receiving: World, form: Any, actor: object
) -> None:
    problem_in(await uploaded(receiving, form(CONTENT, actor=actor)), 403, "FORBIDDEN")
    assert stored_keys(receiving) == []


async def test_an_svg_that_rmos_refuses_is_400(receiving: World) -> None:
    receiving.partner.says(subjects.ADD_ATTACHMENTS, RmosError(ErrorCode.INVALID_SVG, "plan.svg is refused: script"))
    problem_in(await uploaded(receiving, as_json(b"<svg/>", kind="svg")), 400, "INVALID_SVG")


async def held(world: World, content: bytes, content_type: str, filename: str) -> str:
    """Content in the object store that rmos knows as an attachment; its id."""
    blob = await world.gateway.blobs.put(content, content_type)
    known = Attachment(
        attachment_id=blob.sha256,
        kind="document",
        filename=filename,
        content_type=content_type,
        size=blob.size,
        created_at_utc=NOW,
    )
    world.partner.says(subjects.ATTACHMENT, known)
    return blob.sha256


async def test_a_download_is_the_bytes_with_type_name_and_digest(world: World) -> None:
    digest = await held(world, CONTENT, "application/pdf", 'plan "Süd"\\.pdf')
    async with world.client() as client:
        answer = await client.get(f"{PATH}/att-{digest}")
        again = await client.get(f"{PATH}/{digest}", headers={"If-None-Match": answer.headers["ETag"]})
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    disposition = answer.headers["Content-Disposition"]
    assert disposition == "attachment; filename=\"plan _S_d__.pdf\"; filename*=UTF-8''plan%20%22S%C3%BCd%22%5C.pdf"
    assert world.partner.last(subjects.ATTACHMENT).body.attachment_id == digest
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(("content_type", "shown"), [("image/svg+xml", "inline"), ("text/html", "attachment")])
async def test_a_download_cannot_act_in_a_browser(world: World, content_type: str, shown: str) -> None:
    digest = await held(world, b"<svg onload='alert(1)'/>", content_type, "a.svg")
    async with world.client() as client:
        answer = await client.get(f"{PATH}/{digest}")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["Content-Disposition"].startswith(shown)


async def test_changed_content_is_not_handed_out(world: World) -> None:
    digest = await held(world, CONTENT, "application/pdf", "plan.pdf")
    changed = b"x" + CONTENT[1:]
    client = s3_client(world.s3.settings(world.bucket))
    client.put_object(world.bucket, blob_key(digest, "application/pdf"), io.BytesIO(changed), len(changed))
    async with world.client() as http:
        answer = await http.get(f"{PATH}/{digest}")
    details = problem_in(answer, 409, "BLOB_CORRUPT")["details"]
    assert details["expected_sha256"] == digest
    assert details["actual_sha256"] == hashlib.sha256(b"x" + CONTENT[1:]).hexdigest()


async def test_the_list_is_filtered_by_kind_and_has_pages(world: World) -> None:
    async with world.client() as client:
        answer = await client.get(PATH, params={"kind": "svg", "limit": 7, "cursor": "abc", "include_total": True})
        twice = await client.get(PATH, params={"cursor": "abc", "offset": 1})
    assert (answer.status_code, twice.status_code) == (200, 400)
    assert answer.json()["next_cursor"] == "12"
    asked = world.partner.last(subjects.ATTACHMENTS).body
    assert (asked.run_id, asked.kind, asked.limit, asked.cursor, asked.include_total) == (RUN, "svg", 7, "abc", True)
