"""Every argued case gets the argued verdict, from the argued calculator."""

from __future__ import annotations

import pytest

from contracts.feasibility import CuttingContext
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import evaluate
from tests.rmos.feasibility.truth_table import CASES, USUAL, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.argument[:60])
def test_a_design_gets_the_verdict_its_argument_asks_for(case: Case) -> None:
    given = {key: value for key, value in (USUAL | case.context).items() if value is not None}

    verdict = evaluate(case.spec, CuttingContext(**given), load_catalog())

    assert verdict.risk_level == case.risk, [(r.calculator, r.risk, r.summary) for r in verdict.results]
    if case.limiting is None:
        assert {result.risk for result in verdict.results} == {"GREEN"}
    else:
        limiting = next(result for result in verdict.results if result.calculator == case.limiting)
        assert limiting.risk == case.risk, limiting
        assert limiting.suggestion
    assert (verdict.block_reason is None) == (case.risk in {"GREEN", "YELLOW"})


def test_the_table_has_at_least_sixty_cases_of_every_risk() -> None:
    assert len(CASES) >= 60
    assert {case.risk for case in CASES} == {"GREEN", "YELLOW", "RED", "UNKNOWN"}
