"""In what two decisions differ: fields, hashes, and the feasibility's inputs and results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.artifacts import RunArtifact
from contracts.comparison import FieldDiff, HashDiff
from contracts.feasibility import CalculatorResult

_OF_THE_OCCASION = frozenset(
    {"artifact_id", "run_id", "created_at_utc", "request_id", "compute_ms", "explanation_summary", "actor"}
)
"""Fields in which any two artifacts differ."""
_SHOWN_ELSEWHERE = frozenset({"feasibility", "hashes", "outputs", "context"})
_OF_A_RESULT = ("risk", "score", "hard", "summary", "suggestion", "missing", "assumptions")


def fields_of(a: RunArtifact, b: RunArtifact) -> tuple[FieldDiff, ...]:
    """Every differing leaf of the two records, in path order."""
    left, right = (_flat(_record(artifact)) for artifact in (a, b))
    return _differences(left, right)


def hashes_of(a: RunArtifact, b: RunArtifact) -> tuple[HashDiff, ...]:
    names = sorted(a.hashes.keys() | b.hashes.keys())
    pairs = ((name, a.hashes.get(name), b.hashes.get(name)) for name in names)
    return tuple(HashDiff(name=name, a=left, b=right) for name, left, right in pairs if left != right)


def inputs_of(a: RunArtifact, b: RunArtifact) -> tuple[FieldDiff, ...]:
    """The contexts, and what each calculator was given."""
    return _differences(_inputs(a), _inputs(b))


def results_of(a: RunArtifact, b: RunArtifact) -> tuple[FieldDiff, ...]:
    """The verdicts, and what each calculator found."""
    return _differences(_results(a), _results(b))


def _record(artifact: RunArtifact) -> dict[str, Any]:
    return artifact.model_dump(mode="json", exclude=set(_OF_THE_OCCASION | _SHOWN_ELSEWHERE))


def _inputs(artifact: RunArtifact) -> dict[str, Any]:
    given = _flat({"context": artifact.context.model_dump(mode="json"), "mode": artifact.mode})
    for result in _calculators(artifact):
        given |= {f"{result.calculator}.{item.name}": f"{item.value} {item.unit}".strip() for item in result.inputs}
    return given


def _results(artifact: RunArtifact) -> dict[str, Any]:
    verdict = artifact.feasibility
    if verdict is None:
        return {}
    head = verdict.model_dump(mode="json", include={"risk_level", "score", "block_reason", "feeds", "engine_version"})
    found = _flat({"verdict": head})
    for result in _calculators(artifact):
        dumped = result.model_dump(mode="json")
        found |= {f"{result.calculator}.{name}": dumped[name] for name in _OF_A_RESULT}
        found |= {f"{result.calculator}.{item.name}": f"{item.value} {item.unit}".strip() for item in result.results}
    return found


def _calculators(artifact: RunArtifact) -> tuple[CalculatorResult, ...]:
    return artifact.feasibility.results if artifact.feasibility is not None else ()


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Path -> leaf; empty lists and maps are leaves too."""
    return dict(_leaves(value, path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _differences(left: dict[str, Any], right: dict[str, Any]) -> tuple[FieldDiff, ...]:
    pairs = ((path, left.get(path), right.get(path)) for path in sorted(left.keys() | right.keys()))
    return tuple(FieldDiff(path=path, a=a, b=b) for path, a, b in pairs if a != b)
