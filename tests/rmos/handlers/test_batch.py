"""Feasibility of many designs: what goes wrong with one is that one's error."""

from __future__ import annotations

from typing import Any

import orjson

from contracts.canonical import Canonical
from contracts.envelope import SYSTEM_ACTOR, RequestContext
from contracts.errors import ErrorCode
from contracts.feasibility import BatchReply, CuttingContext, EvaluateBatch, Mode, RiskLevel
from contracts.spec import RosetteSpec
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import written_verdict
from services.rmos.handlers.batch import BatchHandlers
from tests.rmos.feasibility.truth_table import USUAL

RING = {"canvas_mm": 140, "shapes": [{"type": "ring", "r_inner": 44, "r_outer": 47}]}
ITEMS: list[dict[str, Any]] = [
    {"spec": RING},
    {"spec": RING, "context": {"rpm": 10000, "feed_mm_per_min": 0.04}},
    {"spec": RING, "context": {"tool_id": "nowhere"}},
    {"spec": {**RING, "canvas_mm": 141}},
]


class EngineWithADefect:
    """The engine, but for a canvas of 141 mm."""

    async def written_verdict(
        self, spec: RosetteSpec, context: CuttingContext, mode: Mode, *, with_results: bool = True
    ) -> Canonical:
        if spec.canvas_mm == 141:
            raise ZeroDivisionError
        return written_verdict(spec, context, load_catalog(), mode, with_results=with_results)


async def test_a_feed_that_rubs_an_unknown_tool_and_a_defect_cost_the_other_items_nothing() -> None:
    query = EvaluateBatch(items_json=orjson.dumps(ITEMS).decode(), context=CuttingContext(**USUAL))  # type: ignore[arg-type]
    asked = RequestContext(command_id="one", request_id="req_1", actor=SYSTEM_ACTOR, deadline_ms=0)
    answer = await BatchHandlers(EngineWithADefect()).feasibility(query, asked)  # type: ignore[arg-type]  # the batch asks nothing else of it

    plain, rubbing, nowhere, defect = BatchReply.model_validate(orjson.loads(answer.data)).items
    assert plain.feasibility is not None
    assert plain.feasibility.risk_level is RiskLevel.YELLOW
    assert rubbing.feasibility is not None
    assert rubbing.feasibility.risk_level is RiskLevel.RED
    assert nowhere.error is not None
    assert nowhere.error.code is ErrorCode.INVALID_REQUEST
    assert defect.error is not None
    assert defect.error.code is ErrorCode.INTERNAL
    assert "ZeroDivisionError" not in defect.error.message
