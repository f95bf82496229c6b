"""Runs on a real log: content, advice, deletion."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.advisories import AdvisoryStatus, AskAdvisories, PromoteAdvisory, RejectAdvisory, ReviewAdvisory
from contracts.artifacts import AttachmentKind
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode
from contracts.feasibility import CuttingContext
from contracts.rmos import (
    AddAttachments,
    AskArtifact,
    AskAttachment,
    AskRun,
    DeleteRun,
    ListArtifacts,
    ListAttachments,
    ListRunAttachments,
    ListRunEvents,
    ListRuns,
    NewAttachment,
    ReferenceAssets,
)
from contracts.sessions import SessionState
from tests.rmos.handlers.shop import ADA, AUDREY, DORA, OTTO, ROBOT, Shop, by, refused


async def a_document(shop: Shop, content: bytes = b"note") -> NewAttachment:
    blob = await shop.blobs.put(content, "text/plain")
    return NewAttachment(kind=AttachmentKind.DOCUMENT, filename="note.txt", blob=blob)


async def advised(shop: Shop, *asset_ids: str) -> str:
    run_id = await shop.opened_run()
    await shop.runs.reference_assets(ReferenceAssets(run_id=run_id, asset_ids=asset_ids), by(DORA))
    return run_id


async def test_content_is_attached_once_however_often_it_is_sent(shop: Shop) -> None:
    run_id, new = await shop.opened_run(), await a_document(shop)
    command = AddAttachments(run_id=run_id, attachments=(new,))
    first = await shop.runs.add_attachments(command, by(DORA, "key_1"))
    assert await shop.runs.add_attachments(command, by(DORA, "key_1")) == first
    assert await shop.runs.add_attachments(command, by(DORA)) == first
    other = command.model_copy(update={"attachments": (await a_document(shop, b"other"),)})
    await refused(shop.runs.add_attachments(other, by(DORA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)
    assert (await shop.world.queries.run(AskRun(run_id=run_id))).attachment_count == 1


async def test_what_is_attached_at_once_by_many_is_all_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await shop.opened_run()
    new = [await a_document(shop, b"%d" % number) for number in range(6)]
    commands = [AddAttachments(run_id=run_id, attachments=(item,)) for item in new]
    await asyncio.gather(*(shop.runs.add_attachments(command, by(DORA)) for command in commands))
    held = await shop.world.queries.attachments(ListRunAttachments(run_id=run_id))
    assert {item.attachment_id for item in held.items} == {item.blob.sha256 for item in new}
    monkeypatch.setattr("services.rmos.handlers.queries.MAX_LIMIT", 4)  # a gateway of a former version wants no pages
    former = await shop.queries.attachments_v1(ListAttachments(run_id=run_id), by(DORA))
    assert former.items == held.items
    of_kind = ListAttachments(run_id=run_id, kind=AttachmentKind.PNG)
    assert (await shop.queries.attachments_v1(of_kind, by(DORA))).items == ()


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "image/svg+xml", ErrorCode.INVALID_SVG),
        (None, "text/plain", ErrorCode.BLOB_MISSING),
    ],
)
async def test_content_that_is_not_in_order_is_refused_whole(
    shop: Shop, content: bytes | None, content_type: str, code: ErrorCode
) -> None:
    run_id = await shop.opened_run()
    missing = BlobRef(sha256="0" * 64, size=3, content_type=content_type)
    blob = missing if content is None else await shop.blobs.put(content, content_type)
    bad = NewAttachment(kind=AttachmentKind.OTHER, filename="x", blob=blob)
    command = AddAttachments(run_id=run_id, attachments=(await a_document(shop), bad))
    await refused(shop.runs.add_attachments(command, by(DORA)), code)
    assert (await shop.world.queries.attachments(ListRunAttachments(run_id=run_id))).items == ()


async def test_advice_is_reviewed_and_promoted_as_events(shop: Shop) -> None:
    run_id = await advised(shop, "asset_a", "asset_b")
    review = ReviewAdvisory(run_id=run_id, asset_id="asset_a", rating=4, note="fine petals")
    reviewed = await shop.runs.review_advisory(review, by(DORA, "key_1"))
    assert (reviewed.status, reviewed.rating) == (AdvisoryStatus.REVIEWED, 4)
    assert await shop.runs.review_advisory(review, by(DORA, "key_1")) == reviewed
    promoted = await shop.runs.promote_advisory(PromoteAdvisory(run_id=run_id, asset_id="asset_a"), by(OTTO))
    assert (promoted.status, promoted.rating, promoted.allowed) == (AdvisoryStatus.PROMOTED, 4, ())
    listed = await shop.runs.advisories(AskAdvisories(run_id=run_id), by(DORA))
    assert [item.status for item in listed.items] == [AdvisoryStatus.PROMOTED, AdvisoryStatus.NEW]
    only_new = await shop.runs.advisories(AskAdvisories(run_id=run_id, status=AdvisoryStatus.NEW), by(DORA))
    assert [item.asset_id for item in only_new.items] == ["asset_b"]
    events = await shop.world.queries.run_events(ListRunEvents(run_id=run_id))
    assert [event.type for event in events.items][-2:] == ["rmos.advisory_reviewed.v1", "rmos.advisory_promoted.v1"]


async def test_rejected_advice_carries_its_code_and_no_longer_advises(shop: Shop) -> None:
    run_id = await advised(shop, "asset_a", "asset_b")
    reject = RejectAdvisory(run_id=run_id, asset_id="asset_a", code="GEOMETRY_UNSAFE", note="tips too thin")
    rejected = await shop.runs.reject_advisory(reject, by(DORA))
    assert (rejected.status, rejected.code) == (AdvisoryStatus.REJECTED, "GEOMETRY_UNSAFE")
    assert (await shop.bound(run_id)).advisory_inputs == ("asset_b",)
    again = ReviewAdvisory(run_id=run_id, asset_id="asset_a", rating=5)
    await refused(shop.runs.review_advisory(again, by(DORA)), ErrorCode.ILLEGAL_TRANSITION)
    other = ReviewAdvisory(run_id=run_id, asset_id="asset_x", rating=5)
    await refused(shop.runs.review_advisory(other, by(DORA)), ErrorCode.NOT_FOUND)


@pytest.mark.parametrize("actor", [AUDREY, ROBOT], ids=["auditor", "ai"])
async def test_advice_is_for_persons_who_design(shop: Shop, actor: Any) -> None:
    run_id = await advised(shop, "asset_a")
    command = PromoteAdvisory(run_id=run_id, asset_id="asset_a")
    await refused(shop.runs.promote_advisory(command, by(actor)), ErrorCode.FORBIDDEN)


async def test_a_run_with_decisions_is_deleted_only_with_them(shop: Shop) -> None:
    run_id = await shop.opened_run()
    candidate = await shop.bound(run_id)
    await refused(shop.runs.delete_run(DeleteRun(run_id=run_id), by(OTTO)), ErrorCode.ILLEGAL_TRANSITION)
    command = DeleteRun(run_id=run_id, cascade=True, reason="opened by mistake")
    deleted = await shop.runs.delete_run(command, by(OTTO, "key_1"))
    assert await shop.runs.delete_run(command, by(OTTO, "key_1")) == deleted
    await refused(shop.runs.delete_run(command, by(OTTO)), ErrorCode.NOT_FOUND)
    other = command.model_copy(update={"reason": "another one"})
    await refused(shop.runs.delete_run(other, by(OTTO, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)
    for question in (
        shop.queries.artifact(AskArtifact(artifact_id=candidate.artifact_id), by(DORA)),
        shop.queries.artifacts(ListArtifacts(run_id=run_id), by(DORA)),
        shop.queries.run_events(ListRunEvents(run_id=run_id), by(OTTO)),
        shop.queries.attachments(ListRunAttachments(run_id=run_id), by(OTTO)),
        shop.queries.attachments_v1(ListAttachments(run_id=run_id), by(OTTO)),
        shop.queries.attachment(
            AskAttachment(run_id=run_id, attachment_id=candidate.attachments[0].attachment_id), by(DORA)
        ),
    ):
        await refused(question, ErrorCode.NOT_FOUND)
    audited = await shop.queries.artifact(AskArtifact(artifact_id=candidate.artifact_id), by(AUDREY))
    assert audited.artifact == candidate
    events = await shop.queries.run_events(ListRunEvents(run_id=run_id), by(ADA))
    assert events.items[-1].type == "rmos.run_deleted.v1"
    assert (await shop.queries.runs(ListRuns(), by(ADA))).items == ()
    tombstones = (await shop.queries.runs(ListRuns(include_deleted=True), by(AUDREY))).items
    assert [run.run_id for run in tombstones] == [run_id]


async def test_a_deleted_run_takes_no_more_commands(shop: Shop) -> None:
    run_id = await shop.opened_run()
    await shop.runs.delete_run(DeleteRun(run_id=run_id), by(OTTO))
    attach = AddAttachments(run_id=run_id, attachments=(await a_document(shop),))
    error = await refused(shop.runs.add_attachments(attach, by(DORA)), ErrorCode.NOT_FOUND)
    assert "was deleted" in error.message


async def test_a_run_that_a_session_is_under_way_with_is_deleted_only_by_force(shop: Shop) -> None:
    session, candidate = await shop.approved_session()
    with_decisions = DeleteRun(run_id=candidate.run_id, cascade=True)
    await refused(shop.runs.delete_run(with_decisions, by(OTTO)), ErrorCode.ILLEGAL_TRANSITION)
    await shop.runs.delete_run(with_decisions.model_copy(update={"force": True}), by(OTTO))
    left = await shop.session(session.session_id)
    assert (left.state, left.run_id, left.approval_artifact_id) == (SessionState.CONTEXT_READY, None, None)
    await shop.runs.delete_run(DeleteRun(run_id=await shop.opened_run(CuttingContext(), left.session_id)), by(OTTO))


@pytest.mark.parametrize("actor", [DORA, AUDREY, ROBOT], ids=["designer", "auditor", "ai"])
async def test_only_persons_with_the_role_delete(shop: Shop, actor: Any) -> None:
    run_id = await shop.opened_run()
    await refused(shop.runs.delete_run(DeleteRun(run_id=run_id), by(actor)), ErrorCode.FORBIDDEN)
