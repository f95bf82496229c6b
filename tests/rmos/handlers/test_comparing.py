"""Diff, explanation and summaries of what is on a real record."""

from __future__ import annotations

from decimal import Decimal

from contracts.artifacts import ExplanationStatus
from contracts.comparison import AskDiff, AskExplanation
from contracts.errors import ErrorCode
from contracts.feasibility import CuttingContext
from contracts.rmos import DeleteRun, ListRuns
from tests.rmos.handlers.shop import DORA, GOOD, OTHER, OTTO, RED, SHOP, Shop, by, refused


async def test_two_designs_differ_in_hashes_inputs_results_and_areas(shop: Shop) -> None:
    run_id = await shop.opened_run()
    a, b = await shop.bound(run_id, GOOD), await shop.bound(run_id, OTHER)
    diff = await shop.comparing.diff(AskDiff(of="artifacts", a=a.artifact_id, b=b.artifact_id), by(DORA))
    assert {item.name for item in diff.hashes} == {"design", "feasibility", "spec", "svg"}
    assert diff.geometry is not None
    assert abs(diff.geometry.added_mm2 - Decimal("279.602")) < Decimal("0.5")  # pi (45² - 44²)
    assert diff.geometry.removed_mm2 == 0
    assert '<path id="added"' in diff.geometry.svg
    assert '<path id="removed"' not in diff.geometry.svg
    assert diff == await shop.comparing.diff(AskDiff(of="artifacts", a=a.artifact_id, b=b.artifact_id), by(DORA))


async def test_another_tool_shows_among_the_inputs_and_verdicts_and_not_in_the_areas(shop: Shop) -> None:
    a = await shop.bound(await shop.opened_run(), GOOD)
    b = await shop.bound(await shop.opened_run(SHOP.model_copy(update={"stock_thickness_mm": Decimal("1.25")})), GOOD)
    diff = await shop.comparing.diff(AskDiff(of="runs", a=a.run_id, b=b.run_id), by(DORA))
    assert (diff.a_artifact_id, diff.b_artifact_id) == (a.artifact_id, b.artifact_id)
    inputs = {item.path: (item.a, item.b) for item in diff.inputs}
    assert inputs["context.stock_thickness_mm"] == ("2.8", "1.25")
    results = {item.path: (item.a, item.b) for item in diff.results}
    assert results["verdict.risk_level"] == ("YELLOW", "RED")
    assert {item.name for item in diff.hashes} == {"context", "feasibility"}
    assert diff.geometry is not None
    assert (diff.geometry.added_mm2, diff.geometry.removed_mm2, diff.geometry.changed_mm2) == (0, 0, 0)


async def test_an_artifact_does_not_differ_from_itself(shop: Shop) -> None:
    a = await shop.bound(await shop.opened_run())
    diff = await shop.comparing.diff(AskDiff(of="artifacts", a=a.artifact_id, b=a.artifact_id), by(DORA))
    assert (diff.fields, diff.hashes, diff.inputs, diff.results) == ((), (), (), ())


async def test_runs_without_decisions_have_nothing_to_compare_and_unknown_ones_are_not_found(shop: Shop) -> None:
    empty, bound = await shop.opened_run(), await shop.bound(await shop.opened_run())
    diff = await shop.comparing.diff(AskDiff(of="runs", a=empty, b=bound.run_id), by(DORA))
    assert (diff.a_artifact_id, diff.b_artifact_id, diff.geometry) == (None, bound.artifact_id, None)
    unknown = AskDiff(of="runs", a=empty, b="run_x")
    await refused(shop.comparing.diff(unknown, by(DORA)), ErrorCode.NOT_FOUND)
    await shop.runs.delete_run(DeleteRun(run_id=empty), by(OTTO))
    deleted = AskDiff(of="runs", a=bound.run_id, b=empty)
    await refused(shop.comparing.diff(deleted, by(DORA)), ErrorCode.NOT_FOUND)


async def test_an_explanation_says_what_limits_and_what_to_change_the_same_each_time(shop: Shop) -> None:
    blocked = await shop.bound(await shop.opened_run(), RED)
    asked = AskExplanation(artifact_id=blocked.artifact_id)
    explanation = await shop.comparing.explanation(asked, by(DORA))
    assert explanation == await shop.comparing.explanation(asked, by(DORA))
    assert explanation.text.startswith("# BLOCK (art_studio_candidate): RED")
    assert blocked.feasibility is not None
    for suggestion in blocked.feasibility.suggestions:
        assert suggestion in explanation.text
    for result in blocked.feasibility.results:
        assert f"| {result.calculator} | {result.risk.value} |" in explanation.text
    assert (blocked.explanation_status, blocked.explanation_summary) == (
        ExplanationStatus.READY,
        explanation.summary,
    )
    await refused(shop.comparing.explanation(AskExplanation(artifact_id="artifact_x"), by(DORA)), ErrorCode.NOT_FOUND)


async def test_the_summary_of_a_sessions_runs_is_that_of_their_latest_decisions(shop: Shop) -> None:
    session = await shop.opened_session()
    runs = [await shop.opened_run(CuttingContext(), session.session_id) for _ in range(3)]
    blocked, yellow = await shop.bound(runs[0], RED), await shop.bound(runs[1], GOOD)
    asked = ListRuns(session_id=session.session_id, include_total=True)
    page = await shop.queries.run_summaries(asked, by(DORA))
    assert (page.total, [item.run_id for item in page.items]) == (3, runs[::-1])
    by_run = {item.run_id: item for item in page.items}
    assert (by_run[runs[2]].status, by_run[runs[2]].event_type) == ("OPEN", "rmos.run_opened.v2")
    shown = by_run[runs[0]]
    assert (shown.status, shown.event_type, shown.risk_level) == ("BLOCKED", "rmos.candidate_bound.v1", "RED")
    assert (shown.block_reason, shown.warnings) == (blocked.decision.block_reason, blocked.decision.warnings)
    assert (shown.request_id, shown.compute_ms) == (blocked.request_id, blocked.compute_ms)
    assert shown.explanation_summary == blocked.explanation_summary
    assert by_run[runs[1]].score == yellow.decision.score
    second = await shop.queries.run_summaries(asked.model_copy(update={"offset": 1, "limit": 1}), by(DORA))
    assert [item.run_id for item in second.items] == [runs[1]]
    only_blocked = await shop.queries.run_summaries(asked.model_copy(update={"status": "BLOCKED"}), by(DORA))
    assert [item.run_id for item in only_blocked.items] == [runs[0]]
