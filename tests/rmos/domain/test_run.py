from __future__ import annotations

import pytest

from contracts.artifacts import AttachmentKind
from contracts.blobs import BlobRef
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext
from contracts.log import AssetsReferenced, AttachmentAdded
from contracts.rmos import NewAttachment
from services.rmos.domain.run import RunState, add_attachments, chosen_attachments, fold, merged
from tests.rmos.domain import given


def run_with(*attachments: tuple[AttachmentKind, str]) -> RunState:
    events = [AttachmentAdded(run_id="run_1", attachment=given.attachment(*item)) for item in attachments]
    state = fold([given.run_opened(), *events])
    assert state is not None
    return state


def new(kind: AttachmentKind, character: str) -> NewAttachment:
    blob = BlobRef(sha256=given.digest(character), size=3, content_type="application/json")
    return NewAttachment(kind=kind, filename="a.json", blob=blob)


def test_content_that_a_run_has_under_this_kind_is_not_added_again() -> None:
    run = run_with((AttachmentKind.SPEC, "a"))
    events = add_attachments(run, [new(AttachmentKind.SPEC, "a"), new(AttachmentKind.SPEC, "b")], given.NOW)
    assert [event.attachment.attachment_id for event in events] == [given.digest("b")]


def test_the_same_content_twice_in_one_command_is_added_once() -> None:
    events = add_attachments(run_with(), [new(AttachmentKind.SVG, "a"), new(AttachmentKind.SVG, "a")], given.NOW)
    assert len(events) == 1


def test_required_kinds_take_the_newest_of_each() -> None:
    run = run_with((AttachmentKind.SPEC, "a"), (AttachmentKind.SVG, "b"), (AttachmentKind.SPEC, "c"))
    chosen = chosen_attachments(run, (), (AttachmentKind.SPEC, AttachmentKind.SVG))
    assert [item.attachment_id for item in chosen] == [given.digest("c"), given.digest("b")]


def test_a_missing_kind_is_named() -> None:
    with pytest.raises(RmosError) as caught:
        chosen_attachments(run_with(), (), (AttachmentKind.SVG,))
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert caught.value.details["missing_kinds"] == ["svg"]


def test_an_attachment_is_found_by_its_digest_with_or_without_the_prefix() -> None:
    run = run_with((AttachmentKind.SPEC, "a"))
    for text in (given.digest("a"), "att-" + given.digest("a")):
        assert chosen_attachments(run, (text,), ())[0].attachment_id == given.digest("a")


def test_an_unknown_attachment_is_not_found() -> None:
    with pytest.raises(RmosError) as caught:
        chosen_attachments(run_with(), (given.digest("d"),), ())
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_referenced_assets_are_kept_in_order() -> None:
    state = fold([given.run_opened(), AssetsReferenced(run_id="run_1", asset_ids=("asset_b", "asset_a"))])
    assert state is not None
    assert state.asset_ids == ("asset_b", "asset_a")


def test_a_stated_field_replaces_the_runs_and_an_unstated_one_does_not() -> None:
    context = merged(given.FULL_CONTEXT, CuttingContext(tool_id="flat_0_8"))
    assert context.tool_id == "flat_0_8"
    assert context.material_id == given.FULL_CONTEXT.material_id
