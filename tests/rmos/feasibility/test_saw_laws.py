"""Laws of the saw for every blade, wood and stock: physics never improves by asking for more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.catalog import Figure, ToolKind
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CalculatorResult, CuttingContext, Feasibility, RiskLevel
from contracts.spec import Ring, RosetteSpec
from services.rmos.catalog import load_catalog
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.feasibility import evaluate
from services.rmos.domain.feasibility.composition import SAW
from tests.rmos.feasibility.truth_table import SAWN, STRIPS, rosette

CATALOG = load_catalog()
FED = {"rpm": 6700, "feed_mm_per_min": 9000}
woods = st.sampled_from(sorted(key for key, m in CATALOG.materials.items() if m.cutting_coefficient))
blades = st.sampled_from(sorted(key for key, t in CATALOG.tools.items() if t.kind is ToolKind.SAW_BLADE))
tenths = st.decimals(min_value=1, max_value=20, places=1)


def verdict(spec: RosetteSpec = STRIPS, catalog: Catalog = CATALOG, **changes: Any) -> Feasibility:
    given_values = {key: value for key, value in (SAWN | changes).items() if value is not None}
    return evaluate(spec, CuttingContext(**given_values), catalog, "saw")


def result(found: Feasibility, name: str) -> CalculatorResult:
    return next(item for item in found.results if item.calculator == name)


def figure(found: Feasibility, calculator: str, name: str) -> Decimal:
    return next(item.value for item in result(found, calculator).results if item.name == name)


def score(found: Feasibility, name: str) -> Decimal:
    value = result(found, name).score
    assert value is not None
    return value


def with_blade(**figures: str) -> Catalog:
    blade = CATALOG.tools["saw_160_1_4_32"]
    changed = {}
    for name, value in figures.items():
        old: Figure = getattr(blade, name)
        changed[name] = old.model_copy(update={"value": Decimal(value)})
    tools = [blade.model_copy(update=changed), *(t for t in CATALOG.tools.values() if t.id != blade.id)]
    return Catalog.of(CATALOG.materials.values(), tools, CATALOG.machines.values())


@settings(max_examples=25, deadline=None)
@given(first=woods, second=woods)
def test_denser_wood_never_takes_less_power_nor_bends_the_blade_less(first: str, second: str) -> None:
    light, dense = sorted((first, second), key=lambda key: CATALOG.materials[key].density.value)
    easy, hard = verdict(material_id=light, **FED), verdict(material_id=dense, **FED)
    assert figure(easy, "sawing_power", "cutting_power") <= figure(hard, "sawing_power", "cutting_power")
    assert figure(easy, "blade_deflection", "deflection") <= figure(hard, "blade_deflection", "deflection")


@settings(max_examples=25, deadline=None)
@given(thin=tenths, more=tenths)
def test_thicker_stock_never_takes_less_power_nor_leaves_more_blade(thin: Decimal, more: Decimal) -> None:
    low, high = (verdict(stock_thickness_mm=t, **FED) for t in (thin, thin + more))
    assert figure(low, "sawing_power", "cutting_power") <= figure(high, "sawing_power", "cutting_power")
    assert score(low, "blade_reach") >= score(high, "blade_reach")


@settings(max_examples=25, deadline=None)
@given(low=tenths, more=tenths)
def test_more_blade_beyond_the_stock_is_never_safer(low: Decimal, more: Decimal) -> None:
    near, far = (verdict(blade_projection_mm=p, **FED) for p in (low, low + more))
    assert score(near, "kickback") >= score(far, "kickback")
    assert score(near, "blade_reach") >= score(far, "blade_reach")


@settings(max_examples=25, deadline=None)
@given(slow=st.integers(3000, 9000), more=st.integers(0, 3000))
def test_faster_never_gets_farther_from_the_critical_speed_or_slower_at_the_rim(slow: int, more: int) -> None:
    low, high = (verdict(rpm=n, feed_mm_per_min=9000) for n in (slow, slow + more))
    for calculator, name in (("blade_dynamics", "speed_over_critical"), ("rim_speed", "rim_speed")):
        assert figure(low, calculator, name) <= figure(high, calculator, name)
    assert figure(low, "bite", "bite") >= figure(high, "bite", "bite")


@settings(max_examples=15, deadline=None)
@given(thin=st.decimals("0.5", "0.9", places=2), more=st.decimals("0.01", "0.4", places=2))
def test_a_thinner_plate_never_runs_stiffer(thin: Decimal, more: Decimal) -> None:
    weak, stiff = (verdict(catalog=with_blade(plate=str(p)), **FED) for p in (thin, thin + more))
    assert figure(weak, "blade_deflection", "deflection") >= figure(stiff, "blade_deflection", "deflection")
    assert figure(weak, "blade_dynamics", "critical_speed") <= figure(stiff, "blade_dynamics", "critical_speed")


@settings(max_examples=10, deadline=None)
@given(small=st.integers(22, 80), more=st.integers(0, 60))
def test_larger_flanges_never_weaken_the_blade(small: int, more: int) -> None:
    weak, stiff = (verdict(flange_diameter_mm=f, **FED) for f in (small, small + more))
    assert figure(weak, "blade_deflection", "deflection") >= figure(stiff, "blade_deflection", "deflection")
    assert figure(weak, "blade_dynamics", "critical_speed") <= figure(stiff, "blade_dynamics", "critical_speed")


@settings(max_examples=20, deadline=None)
@given(width=st.decimals("0.3", "6", places=2), less=st.decimals("0.01", "0.25", places=2))
def test_a_thinner_strip_never_goes_better_with_the_kerf(width: Decimal, less: Decimal) -> None:
    wide, thin = (verdict(rosette(Ring(r_inner=45, r_outer=45 + w))) for w in (width, width - less))
    for name in ("kerf_and_strip", "piece_fragility"):
        assert score(thin, name) <= score(wide, name)


@settings(max_examples=20, deadline=None)
@given(bite=st.decimals("0.001", "0.03", places=3), share=st.decimals("0.1", "1", places=2))
def test_rubbing_more_never_heats_less_nor_is_safer(bite: Decimal, share: Decimal) -> None:
    cutting, rubbing = (
        verdict(rpm=6700, feed_mm_per_min=max(Decimal(1), round(b * 6700 * 32, 1)), blade_projection_mm=8)
        for b in (bite, bite * share)
    )
    for name in ("bite", "kickback", "heating"):
        assert score(rubbing, name) <= score(cutting, name)


@settings(max_examples=15, deadline=None)
@given(x=st.integers(-80, 80), y=st.integers(-80, 80))
def test_where_a_design_lies_changes_nothing_on_the_saw(x: int, y: int) -> None:
    still, moved = (
        verdict(rosette(Ring(r_inner=44, r_outer=46, cx=cx, cy=cy), canvas="400")) for cx, cy in ((0, 0), (x, y))
    )
    assert still.results == moved.results


@settings(max_examples=15, deadline=None)
@given(blade=blades, wood=woods)
def test_every_blade_in_every_wood_is_judged_and_what_is_proposed_stays_within_blade_and_saw(
    blade: str, wood: str
) -> None:
    found = verdict(tool_id=blade, material_id=wood)
    tool, machine = CATALOG.tools[blade], CATALOG.machines[SAWN["machine_id"]]

    assert found.risk_level is not RiskLevel.UNKNOWN, found.block_reason
    assert found.feeds is not None
    assert found.feeds.proposed
    assert found.feeds.feed_mm_per_min <= machine.max_feed_xy.value
    assert found.feeds.spindle_rev_per_min <= min(machine.max_spindle_speed.value, tool.max_speed.value)
    assert score(found, "rim_speed") >= 30


def test_a_saw_result_that_is_reckoned_with_an_upper_bound_says_so() -> None:
    for name in ("sawing_power", "heating", "blade_deflection"):
        maple, ebony = (result(verdict(material_id=wood), name) for wood in ("maple_hard", "ebony_african"))
        assert "at most" in maple.summary
        assert any("is an upper bound for Hard (sugar) maple" in item for item in maple.assumptions)
        assert not any("bound" in item for item in ebony.assumptions)


def test_lengths_written_in_any_notation_give_the_same_verdict() -> None:
    plain = verdict(stock_thickness_mm="3", **FED)
    assert verdict(stock_thickness_mm=3.0, rpm="6700.0", feed_mm_per_min="9000.00") == plain


@pytest.mark.parametrize("name", ["material_id", "tool_id", "machine_id", "stock_thickness_mm", "channel_depth_mm"])
def test_a_missing_input_makes_the_verdict_unknown_and_is_named(name: str) -> None:
    found = verdict(**{name: None})

    assert found.risk_level is RiskLevel.UNKNOWN
    assert found.score is None
    named = [item for item in found.results if name in item.missing]
    assert named
    assert all(name in (item.suggestion or "") for item in named)
    assert name in (found.block_reason or "")


def test_a_blade_without_flanges_and_a_saw_without_its_largest_blade_need_them() -> None:
    blade = CATALOG.tools["saw_160_1_4_32"].model_copy(update={"flange": None})
    saw = CATALOG.machines["cnc_saw_precision"].model_copy(update={"max_blade": None})
    tools = [blade, *(t for t in CATALOG.tools.values() if t.id != blade.id)]
    machines = [saw, *(m for m in CATALOG.machines.values() if m.id != saw.id)]
    bare = Catalog.of(CATALOG.materials.values(), tools, machines)

    found = verdict(catalog=bare)
    assert found.risk_level is RiskLevel.UNKNOWN
    assert result(found, "blade_dynamics").missing == ("flange_diameter_mm",)
    assert result(found, "saw_limits").missing == ("max_blade",)
    assert result(verdict(catalog=bare, flange_diameter_mm=54), "blade_dynamics").risk is RiskLevel.GREEN


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "NaN", True, -1, 0])
@pytest.mark.parametrize("name", ["blade_projection_mm", "flange_diameter_mm"])
def test_what_is_no_positive_number_is_refused(name: str, bad: object) -> None:
    with pytest.raises(ValidationError):
        CuttingContext(**{name: bad})


def test_an_unknown_material_of_a_piece_is_unknown_and_one_of_the_stock_is_refused() -> None:
    found = verdict(rosette(Ring(r_inner=44, r_outer=47, material="unobtainium")))
    assert found.risk_level is RiskLevel.UNKNOWN
    assert "unobtainium" in (found.block_reason or "")
    with pytest.raises(RmosError) as refused:
        verdict(material_id="unobtainium")
    assert refused.value.code is ErrorCode.INVALID_REQUEST


def test_the_hardest_of_the_pieces_materials_counts() -> None:
    ebony = verdict(rosette(Ring(r_inner=44, r_outer=47, material="ebony_african")), **FED)
    plain = verdict(rosette(Ring(r_inner=44, r_outer=47)), **FED)
    assert figure(ebony, "sawing_power", "cutting_power") > figure(plain, "sawing_power", "cutting_power")


def test_every_result_has_its_limiting_value_and_what_is_not_green_a_suggestion_with_a_number() -> None:
    for change in ({"rpm": 3000, "feed_mm_per_min": 400}, {"blade_projection_mm": 30}, {"stock_thickness_mm": 60}):
        for item in verdict(**change).results:
            if item.risk in {RiskLevel.YELLOW, RiskLevel.RED}:
                assert item.limiting is not None, item
                assert item.suggestion, item
                assert any(sign.isdigit() for sign in item.suggestion), item


def test_the_table_names_every_saw_calculator_once_with_a_reason() -> None:
    names = [row.name for row in SAW]
    assert len(set(names)) == len(names)
    assert [item.calculator for item in verdict().results] == names
    assert all(row.weight > 0 and row.reason for row in SAW)
