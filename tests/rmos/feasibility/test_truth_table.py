"""Every argued case gets the argued verdict, from the argued calculator."""

from __future__ import annotations

import pytest

from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import evaluate
from tests.rmos.feasibility.truth_table import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.mode}: {case.argument[:60]}")
def test_a_design_gets_the_verdict_its_argument_asks_for(case: Case) -> None:
    verdict = evaluate(case.spec, case.whole_context, load_catalog(), case.mode)

    assert verdict.risk_level == case.risk, [(r.calculator, r.risk, r.summary) for r in verdict.results]
    if case.limiting is None:
        assert {result.risk for result in verdict.results} == {"GREEN"}
    else:
        limiting = next(result for result in verdict.results if result.calculator == case.limiting)
        assert limiting.risk == case.risk, limiting
        assert limiting.suggestion
    assert (verdict.block_reason is None) == (case.risk in {"GREEN", "YELLOW"})


def test_the_table_has_at_least_sixty_router_and_forty_saw_cases_of_every_risk() -> None:
    for mode, least in (("router", 60), ("saw", 40)):
        cases = [case for case in CASES if case.mode == mode]
        assert len(cases) >= least
        assert {case.risk for case in cases} == {"GREEN", "YELLOW", "RED", "UNKNOWN"}
