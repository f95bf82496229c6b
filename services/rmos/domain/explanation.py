"""Why a decision came out as it did, in words: a pure function of the artifact, so it never needs to be stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contracts.artifacts import SUMMARY_LENGTH, ArtifactStatus, RunArtifact
from contracts.feasibility import CalculatorResult, Feasibility, Quantity, RiskLevel
from contracts.model import decimal_text

_VERDICT = {ArtifactStatus.OK: "ALLOW", ArtifactStatus.BLOCKED: "BLOCK", ArtifactStatus.ERROR: "ERROR"}
_GRAVEST_FIRST = (RiskLevel.ERROR, RiskLevel.UNKNOWN, RiskLevel.RED, RiskLevel.YELLOW, RiskLevel.GREEN)


def summary_of(artifact: RunArtifact) -> str:
    """One line of at most 200 characters: the verdict and what matters most."""
    decision = artifact.decision
    score = "no score" if decision.score is None else f"score {decimal_text(decision.score)}"
    head = f"{_VERDICT[artifact.status]} ({artifact.kind.value}): {decision.risk_level.value}, {score}"
    cause = decision.block_reason or next(iter(decision.warnings), None)
    line = head if cause is None else f"{head}; {cause}"
    return line if len(line) <= SUMMARY_LENGTH else line[: SUMMARY_LENGTH - 1] + "…"


def gravest_first(results: Iterable[CalculatorResult]) -> list[CalculatorResult]:
    return sorted(results, key=lambda result: _GRAVEST_FIRST.index(result.risk))


def text_of(artifact: RunArtifact) -> str:
    """Markdown: verdict, what limits it with what to change, every calculator, feeds, simulation, what it rests on."""
    return "\n".join(_lines(artifact)).rstrip() + "\n"


def _lines(artifact: RunArtifact) -> Iterator[str]:
    decision = artifact.decision
    yield f"# {summary_of(artifact)}\n"
    if decision.block_reason:
        yield f"It is blocked because: {decision.block_reason}\n"
    if artifact.override_artifact_id:
        yield f"It passes because the override {artifact.override_artifact_id} covers exactly this evaluation.\n"
    yield from (f"- warning: {warning}" for warning in decision.warnings)
    note = decision.details.get("note") or decision.details.get("reason")
    if isinstance(note, str):
        yield f"\nThe person who decided wrote: {note}\n"
    if artifact.feasibility is not None:
        yield from _verdict(artifact.feasibility)
    if artifact.simulation is not None:
        simulated = artifact.simulation
        yield "\n## Simulation\n"
        yield f"- passed: {'yes' if simulated.passed else 'no'}"
        yield f"- covers {decimal_text(simulated.coverage_of_reachable * 100)} % of what the cutter can reach"
        yield f"- gouges {decimal_text(simulated.gouge_mm2)} mm²"
        yield f"- takes about {decimal_text(simulated.cycle_time_s)} s"
    yield "\n## What it rests on\n"
    yield from (f"- {name}: `{digest}`" for name, digest in sorted(artifact.hashes.items()))
    yield f"- computed by: {artifact.engine_version}"


def _verdict(feasibility: Feasibility) -> Iterator[str]:
    results = gravest_first(feasibility.results)
    limits = [result for result in results if result.risk is not RiskLevel.GREEN]
    if limits:
        yield "\n## What limits it\n"
        for result in limits:
            yield from _limit(result)
    yield "\n## Every calculator\n"
    yield "| calculator | risk | score | finding |"
    yield "|---|---|---|---|"
    for result in results:
        score = "none" if result.score is None else decimal_text(result.score)
        yield f"| {result.calculator} | {result.risk.value} | {score} | {result.summary} |"
    if feasibility.feeds is not None:
        feeds = feasibility.feeds
        yield "\n## Feeds\n"
        yield f"- {decimal_text(feeds.spindle_rev_per_min)} rev/min, {decimal_text(feeds.feed_mm_per_min)} mm/min"
        yield f"- stepdown {decimal_text(feeds.stepdown_mm)} mm, stepover {decimal_text(feeds.stepover_ratio)} d"


def _limit(result: CalculatorResult) -> Iterator[str]:
    hard = ", a hard rule" if result.hard else ""
    yield f"- **{result.calculator}** ({result.risk.value}{hard}): {result.summary}"
    if result.limiting is not None:
        yield f"  - limited by {_quantity(result.limiting)}"
    if result.missing:
        yield f"  - missing: {', '.join(result.missing)}"
    if result.suggestion:
        yield f"  - change: {result.suggestion}"


def _quantity(quantity: Quantity) -> str:
    return f"{quantity.name.replace('_', ' ')} = {decimal_text(quantity.value)} {quantity.unit}".rstrip()
