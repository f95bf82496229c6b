"""What of a program stands in a reply itself, and what is left to be fetched by its digest."""

from __future__ import annotations

import pytest

from contracts.artifacts import INLINE_GCODE_BYTES, INLINE_OPPLAN_BYTES
from tests.rmos.handlers.shop import Shop


@pytest.mark.parametrize(("over", "inline"), [(0, True), (1, False)])
async def test_gcode_and_plan_are_inline_up_to_their_size(shop: Shop, over: int, inline: bool) -> None:
    _, candidate = await shop.approved_session()
    made = await shop.made(artifact_id=candidate.artifact_id)
    gcode = await shop.blobs.put(b"(" * (INLINE_GCODE_BYTES + over), "text/x-gcode")
    opplan = await shop.blobs.put(b"[" * (INLINE_OPPLAN_BYTES + over), "application/json")
    large = made.model_copy(update={"outputs": {**made.outputs, "gcode": gcode, "opplan": opplan}})
    reply = await shop.desk.reply_with(large)
    assert reply.artifact.outputs["opplan"] == opplan
    assert (reply.gcode_text is not None, reply.opplan_json is not None) == (inline, inline)
