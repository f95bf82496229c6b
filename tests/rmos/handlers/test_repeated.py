"""The same command again, on a real log: the same outcome, whatever has become of the world in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from contracts.advisories import AdvisoryStatus, ReviewAdvisory
from contracts.artifacts import AttachmentKind
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode
from contracts.feasibility import CuttingContext
from contracts.log import CommandHadNoEffect
from contracts.model import Message
from contracts.rmos import (
    AddAttachments,
    ArchiveSession,
    BindCandidate,
    DeleteRun,
    DeleteSession,
    MakeToolpaths,
    NewAttachment,
    OpenRun,
    PurgeBlobs,
    ReferenceAssets,
    SetSessionContext,
    SetSessionDesign,
)
from services.rmos.handlers.desk import Desk
from tests.rmos.handlers.shop import ADA, DORA, GOOD, OTHER, OTTO, SHOP, Shop, by, keyed, refused

OTHER_TOOL = SHOP.model_copy(update={"tool_id": "flat_3_175"})
Handler = Callable[[Any, RequestContext], Awaitable[Any]]


async def a_document(shop: Shop, content: bytes = b"note") -> NewAttachment:
    blob = await shop.blobs.put(content, "text/plain")
    return NewAttachment(kind=AttachmentKind.DOCUMENT, filename="note.txt", blob=blob)


async def what_was_left(shop: Shop, key: str) -> list[Any]:
    return await shop.world.log.read_stream(f"command-{key}")


# --- commands that change nothing


async def a_context(shop: Shop) -> tuple[Handler, Message, Message]:
    session = await shop.opened_session()
    command = SetSessionContext(session_id=session.session_id, context=SHOP)
    return shop.sessions.set_context, command, command.model_copy(update={"context": OTHER_TOOL})


async def a_design(shop: Shop) -> tuple[Handler, Message, Message]:
    session = await shop.designed_session()
    command = SetSessionDesign(session_id=session.session_id, spec=GOOD)
    return shop.sessions.set_design, command, command.model_copy(update={"spec": OTHER})


async def an_attachment(shop: Shop) -> tuple[Handler, Message, Message]:
    run_id, new, other = await shop.opened_run(), await a_document(shop), await a_document(shop, b"other")
    both = AddAttachments(run_id=run_id, attachments=(new, other))
    await shop.runs.add_attachments(both, by(DORA))
    return shop.runs.add_attachments, *(both.model_copy(update={"attachments": (item,)}) for item in (new, other))


async def a_reference(shop: Shop) -> tuple[Handler, Message, Message]:
    run_id = await shop.opened_run()
    command = ReferenceAssets(run_id=run_id, asset_ids=("asset_a", "asset_b"))
    await shop.runs.reference_assets(command, by(DORA))
    one, other = (command.model_copy(update={"asset_ids": (name,)}) for name in command.asset_ids)
    return shop.runs.reference_assets, one, other


async def a_purge(shop: Shop) -> tuple[Handler, Message, Message]:
    command = PurgeBlobs(older_than_days=30, statuses=("OPEN",), dry_run=False)
    return shop.retention.purge, command, command.model_copy(update={"statuses": ("OK",)})


async def a_dry_run(shop: Shop) -> tuple[Handler, Message, Message]:
    command = PurgeBlobs(older_than_days=30, statuses=("OPEN",))
    return shop.retention.purge, command, command.model_copy(update={"dry_run": False})


ALREADY_SO = [a_context, a_design, an_attachment, a_reference, a_purge, a_dry_run]


@pytest.mark.parametrize("given", ALREADY_SO, ids=lambda given: given.__name__)
async def test_a_key_stands_for_one_command_also_when_that_changed_nothing(shop: Shop, given: Any) -> None:
    handler, command, other = await given(shop)
    before = await shop.position()
    first = await handler(command, keyed(ADA, "key_1"))
    (left,) = await what_was_left(shop, "key_1")
    assert isinstance(left, CommandHadNoEffect)
    assert left.command == type(command).__name__
    assert await shop.position() == before + 1
    assert await handler(command, keyed(ADA, "key_1")) == first
    await refused(handler(other, keyed(ADA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)
    assert await shop.position() == before + 1


@pytest.mark.parametrize("given", ALREADY_SO, ids=lambda given: given.__name__)
async def test_without_a_key_what_changes_nothing_leaves_nothing(shop: Shop, given: Any) -> None:
    handler, command, _ = await given(shop)
    before = await shop.position()
    await handler(command, by(ADA))
    assert await shop.position() == before


async def test_a_repetition_of_what_changed_nothing_undoes_nobody_s_change(shop: Shop) -> None:
    session, _ = await shop.approved_session()
    same = SetSessionContext(session_id=session.session_id, context=SHOP)
    assert (await shop.sessions.set_context(same, keyed(DORA, "key_1"))).session == session
    change = same.model_copy(update={"context": OTHER_TOOL})
    changed = await shop.sessions.set_context(change, by(OTTO))
    assert await shop.sessions.set_context(same, keyed(DORA, "key_1")) == changed
    assert (await shop.session(session.session_id)).context.tool_id == "flat_3_175"


async def test_a_purge_that_found_nothing_finds_nothing_again_by_its_key(shop: Shop) -> None:
    await shop.bound(await shop.opened_run())
    command = PurgeBlobs(older_than_days=30, statuses=("OK",), dry_run=False)
    first = await shop.retention.purge(command, keyed(ADA, "key_1"))
    shop.clock.pass_days(31)
    assert await shop.retention.purge(command, keyed(ADA, "key_1")) == first
    assert len((await shop.retention.purge(command, keyed(ADA, "key_2"))).run_ids) == 1


# --- commands that changed something


async def test_references_are_repeated_by_their_key_and_another_one_under_it_is_refused(shop: Shop) -> None:
    run_id = await shop.opened_run()
    command = ReferenceAssets(run_id=run_id, asset_ids=("asset_a",))
    first = await shop.runs.reference_assets(command, keyed(DORA, "key_1"))
    after = await shop.position()
    assert await shop.runs.reference_assets(command, keyed(DORA, "key_1")) == first
    for other in (("asset_b",), ("asset_a", "asset_a")):
        changed = command.model_copy(update={"asset_ids": other})
        await refused(shop.runs.reference_assets(changed, keyed(DORA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)
    await shop.runs.delete_run(DeleteRun(run_id=run_id), by(OTTO))
    assert await shop.runs.reference_assets(command, keyed(DORA, "key_1")) == first
    assert await shop.position() == after + 1


async def test_an_archiving_is_repeated_by_its_key_and_another_one_under_it_is_refused(shop: Shop) -> None:
    session = await shop.opened_session()
    command = ArchiveSession(session_id=session.session_id, note="delivered")
    first = await shop.sessions.archive(command, keyed(OTTO, "key_1"))
    assert await shop.sessions.archive(command, keyed(OTTO, "key_1")) == first
    other = command.model_copy(update={"note": "lost"})
    await refused(shop.sessions.archive(other, keyed(OTTO, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)
    assert await shop.position() == 2


async def test_an_archiving_that_comes_twice_at_once_is_accepted_twice_and_done_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looks for its own record, finds none yet, and then the session archived."""
    session = await shop.opened_session()
    command = ArchiveSession(session_id=session.session_id)
    load, twin = Desk.session, list[Any]()

    async def load_late(desk: Desk, *asked: Any) -> Any:
        if not twin:
            twin.append(None)
            twin.append(await shop.sessions.archive(command, keyed(OTTO, "key_1")))
        return await load(desk, *asked)

    monkeypatch.setattr(Desk, "session", load_late)
    assert await shop.sessions.archive(command, keyed(OTTO, "key_1")) == twin[1]
    assert await shop.position() == 2


async def test_an_opening_is_repeated_after_its_session_was_deleted(shop: Shop) -> None:
    session = await shop.opened_session()
    command = OpenRun(workflow_session_id=session.session_id, context=CuttingContext(stock_thickness_mm=2))
    first = await shop.runs.open_run(command, keyed(DORA, "key_1"))
    delete = DeleteSession(session_id=session.session_id, cascade=True)
    await shop.sessions.delete(delete, by(OTTO))
    assert await shop.runs.open_run(command, keyed(DORA, "key_1")) == first
    await refused(shop.runs.open_run(command, keyed(DORA, "key_2")), ErrorCode.NOT_FOUND)
    other = command.model_copy(update={"label": "other"})
    await refused(shop.runs.open_run(other, keyed(DORA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
async def test_attachments_are_repeated_after_their_content_and_their_run_went(shop: Shop, known: bool) -> None:
    run_id = await shop.opened_run()
    command = AddAttachments(run_id=run_id, attachments=(await a_document(shop), await a_document(shop, b"more")))
    if known:
        await shop.runs.add_attachments(command, by(OTTO))
    first = await shop.runs.add_attachments(command, keyed(DORA, "key_1"))
    later = command.model_copy(update={"attachments": (await a_document(shop, b"later"),)})
    await shop.runs.add_attachments(later, by(OTTO))
    assert await shop.runs.add_attachments(command, keyed(DORA, "key_1")) == first
    shop.clock.pass_days(31)
    purge = PurgeBlobs(older_than_days=30, statuses=("OPEN",), dry_run=False)
    assert len((await shop.retention.purge(purge, by(ADA))).digests) == 3
    assert await shop.runs.add_attachments(command, keyed(DORA, "key_1")) == first
    await refused(shop.runs.add_attachments(command, keyed(DORA, "key_2")), ErrorCode.BLOB_MISSING)
    await shop.runs.delete_run(DeleteRun(run_id=run_id), by(OTTO))
    assert await shop.runs.add_attachments(command, keyed(DORA, "key_1")) == first


async def test_a_review_is_repeated_as_it_was_after_others_spoke_and_the_run_went(shop: Shop) -> None:
    run_id = await shop.opened_run()
    await shop.runs.reference_assets(ReferenceAssets(run_id=run_id, asset_ids=("asset_a",)), by(DORA))
    review = ReviewAdvisory(run_id=run_id, asset_id="asset_a", rating=4)
    first = await shop.runs.review_advisory(review, keyed(DORA, "key_1"))
    assert (first.status, first.rating) == (AdvisoryStatus.REVIEWED, 4)
    await shop.runs.review_advisory(review.model_copy(update={"rating": 2}), by(OTTO))
    assert await shop.runs.review_advisory(review, keyed(DORA, "key_1")) == first
    await shop.runs.delete_run(DeleteRun(run_id=run_id), by(OTTO))
    assert await shop.runs.review_advisory(review, keyed(DORA, "key_1")) == first


async def test_decisions_are_repeated_after_their_content_went_and_name_what_is_missing(shop: Shop) -> None:
    run_id = await shop.opened_run()
    candidate = await shop.bound(run_id)
    bind = BindCandidate(run_id=run_id, required_kinds=(AttachmentKind.SPEC, AttachmentKind.SVG))
    make = MakeToolpaths(artifact_id=candidate.artifact_id)
    bound = await shop.binding.bind_candidate(bind, keyed(DORA, "key_1"))
    made = await shop.toolpaths.make_toolpaths(make, keyed(OTTO, "key_2"))
    shop.clock.pass_days(31)
    purge = PurgeBlobs(older_than_days=30, statuses=("OK",), dry_run=False)
    assert made.artifact.hashes["gcode"] in (await shop.retention.purge(purge, by(ADA))).digests
    assert await shop.binding.bind_candidate(bind, keyed(DORA, "key_1")) == bound
    again = await shop.toolpaths.make_toolpaths(make, keyed(OTTO, "key_2"))
    assert (again.artifact, again.gcode_text, again.opplan_json) == (made.artifact, None, None)
    assert again.missing_sha256 == made.artifact.hashes["gcode"]


async def test_the_same_references_at_once_are_recorded_once(shop: Shop) -> None:
    run_id = await shop.opened_run()
    command = ReferenceAssets(run_id=run_id, asset_ids=("asset_a",))
    answers = await asyncio.gather(*(shop.runs.reference_assets(command, keyed(DORA, "key_1")) for _ in range(5)))
    assert answers == [command] * 5
    assert await shop.position() == 2
