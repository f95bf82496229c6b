"""Over seeded contexts: where a GREEN design exists the search finds one, and where none does it says so.

`benchmarks/search_contexts.py` shows the same over HTTP.
"""

from __future__ import annotations

import pytest

from benchmarks.setup.contexts import admitting, hopeless
from contracts.feasibility import RiskLevel
from contracts.search import ConstraintSearch, SearchBudget, SearchStatus
from services.rmos.domain.search import broken_limits, concluded
from services.rmos.handlers.desk import milliseconds
from tests.rmos.search.given import CATALOG, OfflineDesigner, searched

HOPELESS_BUDGET = SearchBudget(max_attempts=12, time_limit_seconds=60)


async def found_in(contexts: int) -> tuple[int, int]:
    """In how many of so many contexts GREEN was found, and how many took more than one round."""
    found = more_than_one_round = 0
    for seed, asked in admitting(contexts, CATALOG):
        search = await searched(ConstraintSearch(context=asked), OfflineDesigner(), seed=seed)
        best = search.searched.best
        green = best is not None and best.feasibility.risk_level is RiskLevel.GREEN
        assert not green or broken_limits(best.design, asked, CATALOG) == []  # type: ignore[union-attr]  # green: there is one
        found += green
        more_than_one_round += len(search.searched.attempts) > 4
    return found, more_than_one_round


async def test_green_is_found_in_19_of_20_contexts_that_admit_it() -> None:
    found, more_than_one_round = await found_in(20)
    assert found >= 19
    assert more_than_one_round >= 4, "the contexts are too easy to show that the search learns"


@pytest.mark.slow
async def test_green_is_found_in_95_of_100_contexts_that_admit_it() -> None:
    found, more_than_one_round = await found_in(100)
    assert found >= 95
    assert more_than_one_round >= 20, "the contexts are too easy to show that the search learns"


async def test_where_the_context_alone_rules_green_out_no_search_claims_success() -> None:
    found: set[SearchStatus] = set()
    for seed in range(1, 13):
        asked = ConstraintSearch(context=hopeless(seed), search_budget=HOPELESS_BUDGET)
        search = await searched(asked, OfflineDesigner(), seed=seed)
        result = concluded(search.searched, search.time_is_up, milliseconds(1), seed)
        cuttable = result.risk is RiskLevel.YELLOW
        assert result.status is (SearchStatus.BEST_EFFORT if cuttable else SearchStatus.EXHAUSTED)
        assert (result.risk is None) == (result.best_design is None)
        assert result.risk is not RiskLevel.GREEN
        assert len(result.attempts) == 12
        assert all(item.call_id for item in result.attempts)
        found.add(result.status)
    assert found == {SearchStatus.BEST_EFFORT, SearchStatus.EXHAUSTED}, "the contexts show one way to end only"
