"""The loop of a search: budgets, duplicates, errors, and that it learns."""

from __future__ import annotations

import time
from decimal import Decimal

import orjson
import pytest

from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import RiskLevel
from contracts.search import AttemptOutcome, ConstraintSearch, SearchBudget, SearchContext, SearchStatus
from runtime.clock import unix_ms
from services.rmos.domain.search import concluded
from services.rmos.handlers.searching import RESERVED_S, Search, SearchLoop
from tests.rmos.domain import given
from tests.rmos.search.given import (
    CATALOG,
    WANTED,
    Backwards,
    Failing,
    Hanging,
    HereEngine,
    OfflineDesigner,
    Repeating,
    Saying,
    searched,
    unseen,
)


def budget(**limits: object) -> SearchBudget:
    return SearchBudget.model_validate(limits)


def status_of(search: Search) -> SearchStatus:
    return concluded(search.searched, search.time_is_up, Decimal(1), search.seed).status


def context(**changes: object) -> SearchContext:
    return SearchContext.model_validate({**WANTED.model_dump(), **changes})


async def test_the_first_green_design_ends_the_search() -> None:
    search = await searched(ConstraintSearch(context=WANTED), OfflineDesigner())
    assert status_of(search) is SearchStatus.SUCCESS
    assert search.searched.best is not None
    assert search.searched.best.feasibility.risk_level is RiskLevel.GREEN
    assert len(search.searched.attempts) < 50


async def test_without_stop_on_first_green_all_attempts_look_for_a_better_one() -> None:
    asked = ConstraintSearch(context=WANTED, search_budget=budget(max_attempts=24, stop_on_first_green=False))
    search = await searched(asked, OfflineDesigner())
    assert len(search.searched.attempts) == 24
    assert status_of(search) is SearchStatus.SUCCESS
    best = search.searched.best
    assert best is not None
    scores = [item.score for item in search.searched.attempts if item.risk is RiskLevel.GREEN and item.score]
    assert best.feasibility.score == max(scores)


async def test_attempts_are_numbered_without_a_gap_and_never_more_than_the_budget() -> None:
    asked = ConstraintSearch(context=context(tool_id="flat_0_8"), search_budget=budget(max_attempts=11))
    designer = OfflineDesigner()
    search = await searched(asked, designer)
    assert [item.number for item in search.searched.attempts] == list(range(1, 12))
    assert len(designer.asked) == 11
    assert status_of(search) is SearchStatus.BEST_EFFORT


async def test_the_same_design_is_judged_once_and_every_repetition_counts_as_an_attempt() -> None:
    engine = HereEngine()
    asked = ConstraintSearch(context=context(tool_id="flat_0_8"), search_budget=budget(max_attempts=12))
    search = await searched(asked, Repeating(), engine)
    outcomes = [item.outcome for item in search.searched.attempts]
    assert len(engine.judged) == 1
    assert outcomes == [AttemptOutcome.SCORED, *[AttemptOutcome.DUPLICATE] * 11]
    assert {item.duplicate_of for item in search.searched.attempts[1:]} == {1}
    assert len({item.call_id for item in search.searched.attempts}) == 12
    assert {item.score for item in search.searched.attempts} == {search.searched.attempts[0].score}


async def test_what_no_design_comes_from_is_on_record_with_its_reason_and_call() -> None:
    asked = ConstraintSearch(context=WANTED, search_budget=budget(max_attempts=5))
    search = await searched(asked, Failing(ErrorCode.AI_REFUSED))
    assert {(item.outcome, item.error) for item in search.searched.attempts} == {
        (AttemptOutcome.FAILED, ErrorCode.AI_REFUSED)
    }
    assert all(item.call_id for item in search.searched.attempts)
    assert status_of(search) is SearchStatus.EXHAUSTED


async def test_a_provider_that_is_not_configured_ends_the_search_at_once_with_that_error() -> None:
    designer = Failing(ErrorCode.AI_NOT_CONFIGURED)
    with pytest.raises(RmosError) as caught:
        await searched(ConstraintSearch(context=WANTED), designer)
    assert caught.value.code is ErrorCode.AI_NOT_CONFIGURED
    assert len(designer.asked) == 4


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("no json", ErrorCode.AI_INVALID_OUTPUT),
        ("[1]", ErrorCode.AI_INVALID_OUTPUT),
        ('{"ring_params": []}', ErrorCode.INVALID_DESIGN),
        (
            '{"ring_params": [{"ring_index": 0, "width_mm": 1e999, "pattern_type": "solid"}]}',
            ErrorCode.AI_INVALID_OUTPUT,
        ),
        ('{"ring_params": [{"ring_index": 0, "width_mm": 90, "pattern_type": "solid"}]}', ErrorCode.INVALID_DESIGN),
        ('{"ring_params": [{"ring_index": 0, "width_mm": 2, "pattern_type": "solid"}]}', ErrorCode.INVALID_DESIGN),
    ],
)
async def test_nonsense_is_refused_with_a_typed_reason_and_never_judged(text: str, error: ErrorCode) -> None:
    engine = HereEngine()
    asked = ConstraintSearch(context=WANTED, search_budget=budget(max_attempts=2))
    search = await searched(asked, Saying(text), engine)
    assert [(item.outcome, item.error) for item in search.searched.attempts] == [(AttemptOutcome.REFUSED, error)] * 2
    assert engine.judged == []


async def test_diameters_and_depth_are_those_asked_whatever_the_model_says() -> None:
    ring = {"width_mm": 4, "pattern_type": "solid", "material_id": "holly"}
    said = {
        "inner_diameter_mm": 20,
        "outer_diameter_mm": 400,
        "channel_depth_mm": 0.1,
        "ring_params": [{"ring_index": at, **ring} for at in range(3)],
    }
    search = await searched(ConstraintSearch(context=WANTED), Saying(orjson.dumps(said).decode()))
    best = search.searched.best
    assert best is not None
    assert (best.design.inner_diameter_mm, best.design.outer_diameter_mm) == (Decimal(90), Decimal(120))
    assert best.design.channel_depth_mm == Decimal("1.5")


async def test_later_prompts_say_what_limits_the_best_so_far() -> None:
    designer = OfflineDesigner()
    asked = ConstraintSearch(context=context(tool_id="flat_0_8"), search_budget=budget(max_attempts=8))
    await searched(asked, designer)
    first, later = designer.asked[0].prompt, designer.asked[-1].prompt
    assert '"feedback"' not in first
    told = orjson.loads(later[later.index("{") :])["feedback"]
    assert told["limited_by"]["calculator"]
    assert told["design"]["ring_params"]
    assert "score" in told


async def test_a_hanging_model_costs_the_time_limit_and_not_more() -> None:
    asked = ConstraintSearch(context=context(tool_id="flat_0_8"), search_budget=budget(time_limit_seconds=1))
    search = await searched(asked, Hanging(answers=4))
    assert status_of(search) is SearchStatus.TIMEOUT
    assert search.time_is_up
    outcomes = [item.outcome for item in search.searched.attempts]
    assert outcomes[-1] is AttemptOutcome.ABANDONED
    assert AttemptOutcome.SCORED in outcomes[:4]


async def test_each_call_gets_the_rest_of_the_time_as_its_deadline() -> None:
    designer = OfflineDesigner()
    asked = ConstraintSearch(
        context=context(tool_id="flat_0_8"), search_budget=budget(time_limit_seconds=20, max_attempts=6)
    )
    began_ms = unix_ms()
    await searched(asked, designer)
    reserved_ms = (
        1000 * RESERVED_S
    )  # the gateway gives up so much before the deadline: then, not before, the time is up
    assert all(deadline <= began_ms + 20_000 + reserved_ms for deadline in designer.deadlines_ms)


async def test_the_same_seed_gives_the_same_attempts_and_another_seed_others() -> None:
    asked = ConstraintSearch(context=context(tool_id="flat_0_8"), search_budget=budget(max_attempts=10))
    runs = [await searched(asked, OfflineDesigner(), seed=seed) for seed in (3, 3, 4)]
    digests = [[item.candidate_sha256 for item in run.searched.attempts] for run in runs]
    assert digests[0] == digests[1] != digests[2]


async def test_the_last_third_of_a_second_is_used_too() -> None:
    asked = ConstraintSearch(context=context(tool_id="flat_0_8"), search_budget=budget(time_limit_seconds=1))
    designer = Hanging(answers=0)
    search = Search(asked, 7, given.request(), time.perf_counter() - 0.65)
    await SearchLoop(designer, HereEngine(), lambda: CATALOG, unix_ms).run(search, unseen)
    assert designer.asked
    assert search.time_is_up
    assert status_of(search) is SearchStatus.TIMEOUT


async def test_rounds_grow_only_after_the_first_ones_found_nothing() -> None:
    asked = ConstraintSearch(context=context(tool_id="flat_0_8"), search_budget=budget(max_attempts=30))
    sizes: list[int] = []

    async def counted(search: Search) -> None:
        sizes.append(len(search.searched.attempts) - sum(sizes))

    search = Search(asked, 7, given.request(), time.perf_counter())
    await SearchLoop(OfflineDesigner(), HereEngine(), lambda: CATALOG, unix_ms).run(search, counted)
    assert sizes == [4, 4, 4, 8, 8, 2]


async def test_designs_of_one_round_that_are_alike_are_judged_once_and_in_order() -> None:
    engine = HereEngine()
    asked = ConstraintSearch(context=context(tool_id="flat_0_8"), search_budget=budget(max_attempts=11))
    search = await searched(asked, Backwards(), engine)
    assert len(engine.judged) == 1
    assert search.searched.attempts[0].outcome is AttemptOutcome.SCORED
    assert [item.duplicate_of for item in search.searched.attempts] == [None, *[1] * 10]
