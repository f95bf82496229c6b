"""Over seeded contexts: where a GREEN design exists the search finds one, and where none does it says so."""

from __future__ import annotations

from contracts.feasibility import RiskLevel
from contracts.search import AttemptOutcome, ConstraintSearch, SearchBudget, SearchStatus
from services.rmos.domain.search import broken_limits, concluded
from services.rmos.handlers.desk import milliseconds
from tests.rmos.search.contexts import admits_green, asked_of
from tests.rmos.search.given import CATALOG, OfflineDesigner, searched

CONTEXTS, NEEDED = 100, 95


async def test_green_is_found_in_95_of_100_contexts_that_admit_it() -> None:
    seed = found = with_more_than_one_round = 0
    for _ in range(CONTEXTS):
        seed += 1
        while not admits_green(asked_of(seed), CATALOG):
            seed += 1
        asked = asked_of(seed)
        search = await searched(ConstraintSearch(context=asked), OfflineDesigner(), seed=seed)
        best = search.searched.best
        green = best is not None and best.feasibility.risk_level is RiskLevel.GREEN
        assert not green or broken_limits(best.design, asked, CATALOG) == []  # type: ignore[union-attr]  # green: there is one
        found += green
        with_more_than_one_round += len(search.searched.attempts) > 4
    assert found >= NEEDED, f"{found} of {CONTEXTS}"
    assert with_more_than_one_round >= 20, "the contexts are too easy to show that the search learns"


async def test_where_the_context_alone_rules_green_out_no_search_claims_success() -> None:
    for seed in range(1, 13):
        # 0.8 mm: no chip load is published; a floor of 0.3 mm under a stated depth is YELLOW or worse by itself
        limits = {"tool_id": "flat_0_8"} if seed % 2 else {"channel_depth_mm": 2, "stock_thickness_mm": "2.3"}
        asked = asked_of(seed).model_validate({**asked_of(seed).model_dump(), **limits})
        search = await searched(
            ConstraintSearch(context=asked, search_budget=SearchBudget(max_attempts=12)), OfflineDesigner(), seed=seed
        )
        result = concluded(search.searched, search.time_is_up, milliseconds(1), seed)
        assert result.risk is not RiskLevel.GREEN
        assert result.status in {SearchStatus.BEST_EFFORT, SearchStatus.EXHAUSTED}
        assert (result.status is SearchStatus.EXHAUSTED) == (result.risk in {RiskLevel.RED, RiskLevel.UNKNOWN, None})
        assert len(result.attempts) == 12
        assert all(item.call_id for item in result.attempts if item.outcome is not AttemptOutcome.FAILED)
