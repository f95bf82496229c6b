"""Over seeded contexts: where a GREEN design exists the search finds one, and where none does it says so.

`benchmarks/search_contexts.py` shows the same over HTTP.
"""

from __future__ import annotations

import pytest

from benchmarks.setup.contexts import admitting, hopeless
from contracts.feasibility import RiskLevel
from contracts.search import AttemptOutcome, ConstraintSearch, SearchBudget, SearchStatus
from services.rmos.domain.search import broken_limits, concluded
from services.rmos.handlers.desk import milliseconds
from tests.rmos.search.given import CATALOG, OfflineDesigner, searched


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
    for seed in range(1, 13):
        asked = ConstraintSearch(context=hopeless(seed), search_budget=SearchBudget(max_attempts=12))
        search = await searched(asked, OfflineDesigner(), seed=seed)
        result = concluded(search.searched, search.time_is_up, milliseconds(1), seed)
        assert result.risk is not RiskLevel.GREEN
        assert result.status in {SearchStatus.BEST_EFFORT, SearchStatus.EXHAUSTED}
        assert (result.status is SearchStatus.EXHAUSTED) == (result.risk in {RiskLevel.RED, RiskLevel.UNKNOWN, None})
        assert len(result.attempts) == 12
        assert all(item.call_id for item in result.attempts if item.outcome is not AttemptOutcome.FAILED)
