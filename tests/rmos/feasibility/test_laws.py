"""Laws that hold for every design and context: physics never improves by asking for more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.catalog import Figure, Tool
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CalculatorResult, CuttingContext, Feasibility, Mode, RiskLevel
from contracts.spec import RadialPetals, Ring, RosetteSpec
from services.rmos.catalog import load_catalog
from services.rmos.domain.catalog import Catalog
from services.rmos.domain.feasibility import evaluate
from tests.rmos.feasibility.truth_table import CHANNELS, SAWN, USUAL, rosette

CATALOG = load_catalog()
GIVEN_FEEDS = {"rpm": 18000, "feed_mm_per_min": 600, "stepdown_mm": "0.5", "stepover_ratio": "0.4"}
hundredths = st.decimals(min_value="0.1", max_value="3", places=2)
woods = st.sampled_from(sorted(key for key, m in CATALOG.materials.items() if m.cutting_coefficient))


def verdict(spec: RosetteSpec = CHANNELS, catalog: Catalog = CATALOG, **changes: Any) -> Feasibility:
    given_values = {key: value for key, value in (USUAL | changes).items() if value is not None}
    return evaluate(spec, CuttingContext(**given_values), catalog)


def result(found: Feasibility, name: str) -> CalculatorResult:
    return next(item for item in found.results if item.calculator == name)


def bend(found: Feasibility) -> Decimal:
    return result(found, "tool_deflection").results[0].value


def with_tool(**figures: str) -> Catalog:
    tool = CATALOG.tools["flat_1_0"]
    changed = tool.model_copy(update={name: _with(tool, name, value) for name, value in figures.items()})
    tools = [changed, *(t for t in CATALOG.tools.values() if t.id != tool.id)]
    return Catalog.of(CATALOG.materials.values(), tools, CATALOG.machines.values())


def _with(tool: Tool, name: str, value: str) -> Figure:
    figure: Figure = getattr(tool, name)
    return figure.model_copy(update={"value": Decimal(value)})


@settings(max_examples=30, deadline=None)
@given(first=woods, second=woods)
def test_denser_wood_never_bends_the_tool_less_at_the_same_feed(first: str, second: str) -> None:
    light, dense = sorted((first, second), key=lambda key: CATALOG.materials[key].density.value)
    assert bend(verdict(material_id=light, **GIVEN_FEEDS)) <= bend(verdict(material_id=dense, **GIVEN_FEEDS))


@settings(max_examples=30, deadline=None)
@given(short=st.integers(3, 60), more=st.integers(0, 40))
def test_a_longer_stickout_never_bends_less(short: int, more: int) -> None:
    assert bend(verdict(stickout_mm=short)) <= bend(verdict(stickout_mm=short + more))


@settings(max_examples=30, deadline=None)
@given(shallow=hundredths, deep=hundredths)
def test_a_deeper_pass_never_bends_less(shallow: Decimal, deep: Decimal) -> None:
    low, high = sorted((shallow, deep))
    feeds = GIVEN_FEEDS | {"stepdown_mm": low}, GIVEN_FEEDS | {"stepdown_mm": high}
    assert bend(verdict(**feeds[0])) <= bend(verdict(**feeds[1]))


@settings(max_examples=20, deadline=None)
@given(depth=st.decimals(min_value="0.2", max_value="1.8", places=2), more=hundredths)
def test_a_deeper_channel_never_bends_less_with_proposed_feeds(depth: Decimal, more: Decimal) -> None:
    shallow, deep = verdict(channel_depth_mm=depth), verdict(channel_depth_mm=depth + more / 10)
    assert bend(shallow) <= bend(deep)
    assert result(shallow, "depth_in_stock").score >= result(deep, "depth_in_stock").score  # type: ignore[operator]


@settings(max_examples=20, deadline=None)
@given(thin=st.decimals(min_value="0.3", max_value="1.5", places=2), more=hundredths)
def test_a_thinner_tool_never_bends_less(thin: Decimal, more: Decimal) -> None:
    small, large = with_tool(diameter=str(thin)), with_tool(diameter=str(thin + more / 2))
    assert bend(verdict(catalog=small, **GIVEN_FEEDS)) >= bend(verdict(catalog=large, **GIVEN_FEEDS))


@settings(max_examples=20, deadline=None)
@given(width=st.decimals(min_value="0.5", max_value="6", places=2), less=st.decimals("0.01", "0.4", places=2))
def test_a_smaller_feature_never_becomes_more_reachable(width: Decimal, less: Decimal) -> None:
    inner = Decimal(45)
    for make in (
        lambda w: Ring(r_inner=inner, r_outer=inner + w),
        lambda w: RadialPetals(r_inner=inner, r_outer=inner + 3 * w, petals=12),
    ):
        wide, narrow = verdict(rosette(make(width))), verdict(rosette(make(width - less)))
        for name in ("feature_size", "reachable_area"):
            assert result(narrow, name).score <= result(wide, name).score + Decimal("0.3")  # type: ignore[operator]


@settings(max_examples=20, deadline=None)
@given(x=st.integers(-80, 80), y=st.integers(-80, 80))
def test_moving_a_design_changes_nothing_but_the_room_it_has(x: int, y: int) -> None:
    def at(cx: int, cy: int) -> Feasibility:
        shapes = (Ring(r_inner=44, r_outer=46, cx=cx, cy=cy), Ring(r_inner=48, r_outer=50, cx=cx, cy=cy))
        return verdict(rosette(*shapes, canvas="400"))

    still, moved = at(0, 0), at(x, y)
    differ = {a.calculator for a, b in zip(still.results, moved.results, strict=True) if a != b}
    assert differ <= {"machine_envelope"}
    assert moved.risk_level is still.risk_level


@pytest.mark.parametrize("name", ["material_id", "tool_id", "machine_id", "stock_thickness_mm", "channel_depth_mm"])
def test_a_missing_input_makes_the_verdict_unknown_and_is_named(name: str) -> None:
    found = verdict(**{name: None})

    assert found.risk_level is RiskLevel.UNKNOWN
    assert found.score is None
    named = [item for item in found.results if name in item.missing]
    assert named
    assert all(name in (item.suggestion or "") for item in named)
    assert name in (found.block_reason or "")


def test_a_tool_without_stickout_needs_one_from_the_client() -> None:
    tool = CATALOG.tools["flat_1_0"].model_copy(update={"stickout": None})
    tools = [tool, *(t for t in CATALOG.tools.values() if t.id != tool.id)]
    bare = Catalog.of(CATALOG.materials.values(), tools, CATALOG.machines.values())

    assert result(verdict(catalog=bare), "tool_deflection").missing == ("stickout_mm",)
    assert verdict(catalog=bare, stickout_mm=15).risk_level is RiskLevel.YELLOW


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "NaN", "-inf", True, -1, 0])
@pytest.mark.parametrize("name", ["stickout_mm", "rpm", "feed_mm_per_min", "stepdown_mm", "stock_thickness_mm"])
def test_what_is_no_positive_number_is_refused(name: str, bad: object) -> None:
    with pytest.raises(ValidationError):
        CuttingContext(**{name: bad})


@pytest.mark.parametrize(
    ("field", "wanted", "near"),
    [("material_id", "spruce_sitca", "spruce_sitka"), ("tool_id", "flat_1", "flat_1_0"),
     ("machine_id", "shapeoko", "shapeoko_4_xxl")],
)  # fmt: skip
def test_an_unknown_id_is_refused_with_near_matches(field: str, wanted: str, near: str) -> None:
    with pytest.raises(RmosError) as refused:
        verdict(**{field: wanted})
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert wanted in refused.value.message
    assert near in refused.value.details["near_matches"]


def test_a_calculator_that_fails_makes_the_verdict_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from services.rmos.domain.feasibility import engine
    from services.rmos.domain.feasibility.composition import ROUTER, Row

    def broken(_: object) -> CalculatorResult:
        raise ZeroDivisionError

    rows = (*ROUTER[:-1], Row("cycle_time", broken, 2, "a planted fault"))
    monkeypatch.setattr(engine, "ROUTER", rows)
    found = verdict()

    assert found.risk_level is RiskLevel.UNKNOWN
    assert "ZeroDivisionError" in result(found, "cycle_time").summary


tiny = st.decimals(min_value="0.000001", max_value="1", places=6)


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(["router", "saw"]),
    given_values=st.dictionaries(
        st.sampled_from(["rpm", "feed_mm_per_min", "stepdown_mm", "stepover_ratio", "stickout_mm",
                         "stock_thickness_mm", "stock_width_mm", "stock_length_mm", "blade_projection_mm",
                         "flange_diameter_mm"]),
        tiny, min_size=1,
    ),
)  # fmt: skip
def test_the_least_positive_figures_are_judged_and_never_pass(mode: Mode, given_values: dict[str, Decimal]) -> None:
    usual, spec = (USUAL, CHANNELS) if mode == "router" else (SAWN, rosette(Ring(r_inner=44, r_outer=47)))
    found = evaluate(spec, CuttingContext(**{**usual, **given_values}), CATALOG, mode)  # type: ignore[arg-type]
    assert [item.summary for item in found.results if "calculation failed" in item.summary] == []
    if given_values.keys() & {"rpm", "feed_mm_per_min"}:
        assert found.risk_level in {RiskLevel.RED, RiskLevel.UNKNOWN}


@pytest.mark.parametrize(("rpm", "feed"), [("10000.0004", "600.04"), ("0.000001", "0.000001"), ("24000", "0.04")])
@pytest.mark.parametrize("mode", ["router", "saw"])
def test_a_clients_speed_and_feed_are_kept_to_the_last_digit(mode: Mode, rpm: str, feed: str) -> None:
    usual = USUAL if mode == "router" else SAWN
    context = CuttingContext(**{**usual, "rpm": rpm, "feed_mm_per_min": feed})
    feeds = evaluate(rosette(Ring(r_inner=44, r_outer=47)), context, CATALOG, mode).feeds
    assert feeds is not None
    assert (feeds.spindle_rev_per_min, feeds.feed_mm_per_min) == (Decimal(rpm), Decimal(feed))
    assert 0 < feeds.ramp_feed_mm_per_min <= feeds.feed_mm_per_min


@pytest.mark.parametrize(("mode", "situate"), [("router", "situation_of"), ("saw", "saw_situation_of")])
def test_a_question_that_cannot_be_laid_out_is_unknown(
    mode: Mode, situate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.rmos.domain.feasibility import engine

    def broken(*_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(engine, situate, broken)
    found = evaluate(CHANNELS, CuttingContext(**USUAL), CATALOG, mode)  # type: ignore[arg-type]

    assert found.risk_level is RiskLevel.UNKNOWN
    assert found.feeds is None
    assert {item.risk for item in found.results} == {RiskLevel.UNKNOWN}
    assert "ZeroDivisionError" in (found.block_reason or "")


def test_estimated_cutting_figures_are_never_green() -> None:
    for tool in ("flat_0_5", "flat_0_8", "flat_1_0", "flat_1_5"):
        assert result(verdict(rosette(Ring(r_inner=40, r_outer=46)), tool_id=tool), "chip_load").risk != "GREEN"
    dense = verdict(rosette(Ring(r_inner=40, r_outer=46)), tool_id="flat_2_0", material_id="ebony_african")
    assert {result(dense, name).risk for name in ("chip_load", "cutting_force", "tool_deflection")} == {"YELLOW"}


FORCES = ("heating", "cutting_force", "tool_deflection", "spindle_power")


def test_what_is_reckoned_with_an_upper_bound_says_so_and_takes_no_less_than_the_densities_between() -> None:
    wide = rosette(Ring(r_inner=40, r_outer=46))
    maple = verdict(wide, tool_id="flat_2_0", material_id="maple_hard")
    for name in FORCES:
        found = result(maple, name)
        assert "at most" in found.summary
        assert any("52.5 N/mm^1.5 is an upper bound for Hard (sugar) maple" in item for item in found.assumptions)
    for wood in ("ash_swamp", "ebony_african"):  # published for this density; extrapolated
        bare = verdict(wide, tool_id="flat_2_0", material_id=wood)
        assert not [name for name in FORCES if "bound" in " ".join(result(bare, name).assumptions)]
    for material in CATALOG.materials.values():
        figure = material.cutting_coefficient
        if figure is not None and figure.is_bound:
            between = Decimal("36.9") + (material.density.value - 500) * (Decimal("52.5") - Decimal("36.9")) / 250
            assert figure.value >= between


def test_given_feeds_are_kept_and_proposed_ones_marked() -> None:
    given_feeds, proposed = verdict(**GIVEN_FEEDS).feeds, verdict().feeds
    assert given_feeds is not None
    assert proposed is not None
    assert (given_feeds.spindle_rev_per_min, given_feeds.feed_mm_per_min) == (18000, 600)
    assert (given_feeds.proposed, proposed.proposed) == (False, True)
    assert verdict(tool_id="ball_1_0").feeds is None


def test_proposed_feeds_stay_inside_what_machine_and_tool_allow() -> None:
    for machine in CATALOG.machines.values():
        for tool in (t for t in CATALOG.tools.values() if t.kind == "flat"):
            feeds = verdict(tool_id=tool.id, machine_id=machine.id).feeds
            assert feeds is not None
            assert feeds.feed_mm_per_min <= machine.max_feed_xy.value
            assert feeds.spindle_rev_per_min <= machine.max_spindle_speed.value
