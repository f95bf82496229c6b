from __future__ import annotations

from contracts.comparison import FieldDiff, HashDiff
from contracts.feasibility import CalculatorResult, Quantity, RiskLevel
from services.rmos.domain import diff
from tests.rmos.domain import given


def with_result(value: str, risk: RiskLevel = RiskLevel.GREEN) -> dict[str, object]:
    result = CalculatorResult(
        calculator="depth",
        risk=risk,
        score=50,
        summary="s",
        inputs=(Quantity(name="stock", value=value, unit="mm"),),
        results=(Quantity(name="left", value=value, unit="mm"),),
    )
    return {"feasibility": given.feasibility(risk).model_copy(update={"results": (result,)})}


def test_ids_and_times_do_not_count_as_differences() -> None:
    a = given.artifact()
    b = given.artifact(artifact_id="artifact_2", request_id="request-2", created_at_utc="2026-02-02T00:00:00.000000Z")
    assert diff.fields_of(a, b) == ()


def test_a_differing_leaf_is_named_by_its_path() -> None:
    a, b = given.artifact(meta={"post": "grbl"}), given.artifact(meta={})
    assert FieldDiff(path="meta.post", a="grbl", b=None) in diff.fields_of(a, b)


def test_hashes_that_one_lacks_or_that_differ_are_listed() -> None:
    a = given.artifact(hashes={"design": given.digest("a"), "spec": given.digest("b")})
    b = given.artifact(hashes={"design": given.digest("a"), "spec": given.digest("c"), "gcode": given.digest("d")})
    assert diff.hashes_of(a, b) == (
        HashDiff(name="gcode", a=None, b=given.digest("d")),
        HashDiff(name="spec", a=given.digest("b"), b=given.digest("c")),
    )


def test_inputs_and_results_of_each_calculator_are_told_apart() -> None:
    a, b = given.artifact(**with_result("2.8")), given.artifact(**with_result("1.5"))
    assert diff.inputs_of(a, b) == (FieldDiff(path="depth.stock", a="2.8 mm", b="1.5 mm"),)
    assert diff.results_of(a, b) == (FieldDiff(path="depth.left", a="2.8 mm", b="1.5 mm"),)


def test_a_context_is_an_input_and_a_verdict_a_result() -> None:
    other = given.FULL_CONTEXT.model_copy(update={"tool_id": "flat_0_8"})
    a = given.artifact(**with_result("1"))
    b = given.artifact(RiskLevel.RED, context=other, **with_result("1", RiskLevel.RED))
    assert diff.inputs_of(a, b) == (FieldDiff(path="context.tool_id", a="flat_1_0", b="flat_0_8"),)
    assert FieldDiff(path="verdict.risk_level", a="GREEN", b="RED") in diff.results_of(a, b)


def test_a_decision_without_a_verdict_has_no_results() -> None:
    a, b = given.artifact(verdict=False), given.artifact()
    assert all(item.a is None for item in diff.results_of(a, b))
