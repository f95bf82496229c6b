"""How well verdicts tell designs apart: `python -m benchmarks.discrimination [designs] [seed]` prints one JSON object.

Exit 1 when a risk level does not occur, when there are fewer than a tenth of the designs as distinct scores, or when
nonsense is neither refused nor RED.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from benchmarks.setup.designs import Question, questions
from contracts.feasibility import Feasibility

DESIGNS, SEED = 2000, 20


def name_of(verdict: Feasibility | None) -> str:
    return "REFUSED" if verdict is None else str(verdict.risk_level)


def report_on(answered: list[tuple[Question, Feasibility | None]]) -> dict[str, Any]:
    """Counts by risk, distinct scores, what limits, and the nonsense that passed (none may)."""
    verdicts = [verdict for _, verdict in answered if verdict is not None]
    by_nonsense: dict[str, Counter[str]] = defaultdict(Counter)
    for question, verdict in answered:
        if question.nonsense is not None:
            by_nonsense[question.nonsense][name_of(verdict)] += 1
    limiting = Counter(
        min((r for r in v.results if r.risk == v.risk_level), key=lambda r: r.score or 0).calculator
        for v in verdicts
        if v.risk_level in {"YELLOW", "RED"} and any(r.risk == v.risk_level for r in v.results)
    )
    return {
        "designs": len(answered),
        "risks": dict(sorted(Counter(name_of(verdict) for _, verdict in answered).items())),
        "distinct_scores": len({verdict.score for verdict in verdicts if verdict.score is not None}),
        "limiting": dict(limiting.most_common()),
        "failed_calculators": sum("calculation failed" in r.summary for v in verdicts for r in v.results),
        "nonsense": {kind: dict(sorted(found.items())) for kind, found in sorted(by_nonsense.items())},
        "nonsense_passed": sum(sum(found.values()) - found["REFUSED"] - found["RED"] for found in by_nonsense.values()),
    }


def discerning(report: dict[str, Any]) -> bool:
    every = {"GREEN", "YELLOW", "RED", "UNKNOWN", "REFUSED"} == set(report["risks"])
    scores: int = report["distinct_scores"]
    return every and scores >= report["designs"] // 10 and not report["nonsense_passed"]


def main(count: int, seed: int) -> dict[str, Any]:
    start = time.perf_counter()
    answered = [(question, question.answer()) for question in questions(count, seed)]
    report = report_on(answered)
    return {"seed": seed, **report, "seconds": round(time.perf_counter() - start, 1), "discerning": discerning(report)}


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:3]]
    found = main(*(numbers + [DESIGNS, SEED][len(numbers) :]))
    print(json.dumps(found, indent=1))
    sys.exit(0 if found["discerning"] else 1)
