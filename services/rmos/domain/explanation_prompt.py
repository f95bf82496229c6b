"""What a model is told when it explains a decision: the recorded results of the calculators, and nothing else. Pure.

No notes, labels or reasons of persons, so nobody can talk to the model through a run. No digests, and no ids but those
of the catalog: a long row of digits may pass for a payment card's number, which no prompt may hold.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from contracts.ai import GenerateContent, ProviderName, SafetyCategory
from contracts.artifacts import RunArtifact
from contracts.cam import Simulation
from contracts.canonical import sha256_hex
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CalculatorResult, Feasibility, Quantity
from contracts.model import for_people
from services.rmos.domain.explanation import gravest_first

OPERATION = "rmos.explain_artifact"
MAX_OUTPUT_TOKENS = 2_000
ROOM = 18_000
"""Characters of the results in a prompt, which may have 20,000 in all."""

SYSTEM_PROMPT = """You explain to a luthier, in plain words, what calculations found about cutting a rosette.

The JSON object holds all there is to know: the verdict that was decided, and the results of the calculators behind it,
gravest first. GREEN is good, YELLOW may be cut with care, RED may not be cut, UNKNOWN means that something needed is
missing, and may not be cut either. A score goes from 0 to 100.

Say first what the verdict is and what holds it back most; then for each result that is not GREEN what it means at the
bench and what to change, as its suggestion says; then in one sentence what is fine. Use only figures that stand there,
with their units. Do not judge anew, do not promise, do not say that something may be cut against the verdict, and do
not ask questions. At most 400 words of plain text in short paragraphs."""


def model_call(artifact: RunArtifact, provider: ProviderName | None, model: str | None) -> GenerateContent:
    """The call that explains the artifact: the same for the same artifact. Raises INVALID_REQUEST for one that holds no
    calculator's results."""
    verdict = artifact.feasibility
    if verdict is None:
        raise RmosError(
            ErrorCode.INVALID_REQUEST,
            f"artifact {artifact.artifact_id} ({artifact.kind.value}) holds no calculators' results to explain: "
            "name the decision that judged the design",
        )
    return GenerateContent(
        operation=OPERATION,
        category=SafetyCategory.OPERATIONAL,
        output="text",
        prompt=f"Explain these calculations.\n\n{_json(_told(artifact, verdict))}",
        system_prompt=SYSTEM_PROMPT,
        provider=provider,
        model=model,
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )


def prompt_sha256(call: GenerateContent) -> str:
    """As the provenance of the call has it."""
    return sha256_hex(call.prompt.encode())


def _told(artifact: RunArtifact, verdict: Feasibility) -> dict[str, Any]:
    told: dict[str, Any] = {
        "verdict": {
            "kind": artifact.kind.value,
            "status": artifact.status.value,
            "risk": verdict.risk_level.value,
            "score": _plain(verdict.score),
        },
        "mode": artifact.mode,
        "context": for_people(artifact.context, exclude_none=True),
        "feeds": for_people(verdict.feeds) if verdict.feeds is not None else None,
        "simulation": _simulated(artifact.simulation),
    }
    told = {name: value for name, value in told.items() if value is not None}
    results = [_result(result) for result in gravest_first(verdict.results)]
    kept, room = 0, ROOM - len(_json(told))
    while kept < len(results) and (room := room - len(_json(results[kept])) - 1) >= 0:
        kept += 1
    left_out = {"results_left_out": len(results) - kept} if kept < len(results) else {}
    return {**told, "results": results[:kept], **left_out}


def _result(result: CalculatorResult) -> dict[str, Any]:
    said: dict[str, Any] = {
        "calculator": result.calculator,
        "risk": result.risk.value,
        "score": _plain(result.score),
        "hard_rule_broken": result.hard or None,
        "summary": result.summary,
        "limited_by": _quantity(result.limiting),
        "suggestion": result.suggestion,
        "missing": list(result.missing) or None,
        "figures": [_quantity(item) for item in result.results] or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _simulated(simulation: Simulation | None) -> dict[str, Any] | None:
    shown = {"passed", "coverage_of_reachable", "gouge_mm2", "cycle_time_s"}
    return None if simulation is None else for_people(simulation, include=shown)


def _quantity(quantity: Quantity | None) -> dict[str, Any] | None:
    return None if quantity is None else for_people(quantity)


def _plain(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
