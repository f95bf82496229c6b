"""Every argued case gets the argued verdict, from the argued calculator."""

from __future__ import annotations

import math

import pytest

from contracts.feasibility import CuttingContext
from contracts.spec import DotRing
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import evaluate
from tests.rmos.feasibility.truth_table import CASES, USUAL, Case, rosette


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


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.mode}: {case.argument[:60]}")
def test_what_is_not_green_says_what_limits_it_and_what_to_change_with_a_number(case: Case) -> None:
    for result in evaluate(case.spec, case.whole_context, load_catalog(), case.mode).results:
        match result.risk:
            case "GREEN":
                assert result.suggestion is None
            case "UNKNOWN":
                assert result.suggestion
            case _:
                assert result.limiting is not None, result
                assert result.inputs or result.results, result
                assert any(sign.isdigit() for sign in result.suggestion or ""), result


@pytest.mark.parametrize(("radius", "dot_r"), [("48", "1.5"), ("10", "3"), ("6", "5")])
def test_dots_that_collide_are_told_how_many_fit(radius: str, dot_r: str) -> None:
    crowded = rosette(DotRing(r=radius, dot_r=dot_r, count=200), canvas="200")
    verdict = evaluate(crowded, CuttingContext(**USUAL), load_catalog())
    told = next(result for result in verdict.results if result.calculator == "geometry_validity")
    most = int((told.suggestion or "").removeprefix("use at most ").split()[0])
    fits, collides = (2 * float(radius) * math.sin(math.pi / n) >= 2 * float(dot_r) for n in (most, most + 1))
    assert (fits, collides) == (True, False)


def test_the_table_has_at_least_sixty_router_and_forty_saw_cases_of_every_risk() -> None:
    for mode, least in (("router", 60), ("saw", 40)):
        cases = [case for case in CASES if case.mode == mode]
        assert len(cases) >= least
        assert {case.risk for case in cases} == {"GREEN", "YELLOW", "RED", "UNKNOWN"}
