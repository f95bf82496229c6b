"""Explanations of a decision: the JSON object of the prompt (verdict and results) told in sentences. The same prompt,
the same words; nothing is said that does not stand there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.ai_gateway.vendors.offline.constraints import split_json

_MEANING = {
    "GREEN": "it is good",
    "YELLOW": "it may be cut with care",
    "RED": "it may not be cut",
    "UNKNOWN": "something needed is not known, so it may not be cut",
    "ERROR": "it could not be judged",
}


def explained(prompt: str) -> str | None:
    """Plain text in paragraphs; None for a prompt that does not hold a verdict with its results."""
    _, objects = split_json(prompt)
    for found in objects:
        verdict, results = found.get("verdict"), found.get("results")
        if isinstance(verdict, dict) and isinstance(results, list):
            return "\n\n".join(_paragraphs(verdict, [item for item in results if isinstance(item, dict)], found))
    return None


def _paragraphs(verdict: dict[str, Any], results: list[dict[str, Any]], found: dict[str, Any]) -> Iterator[str]:
    limits = [item for item in results if item.get("risk") != "GREEN"]
    risk, score = str(verdict.get("risk")), verdict.get("score")
    with_score = "" if score is None else f" with a score of {score} of 100"
    held_back = f" What holds it back most is {_name(limits[0])}." if limits else " Nothing holds it back."
    yield f"The calculations came out {risk}{with_score}: {_MEANING.get(risk, 'see the record')}.{held_back}"
    for item in limits:
        yield " ".join(_sentences(item))
    fine = [_name(item) for item in results if item.get("risk") == "GREEN"]
    if fine:
        yield f"Fine as it is: {', '.join(fine)}."
    if found.get("results_left_out"):
        yield f"{found['results_left_out']} further results are not told here."


def _sentences(item: dict[str, Any]) -> Iterator[str]:
    hard = ", by a hard rule" if item.get("hard_rule_broken") else ""
    yield f"{_name(item).capitalize()} is {item.get('risk')}{hard}: {_sentence(item.get('summary'))}"
    limit = item.get("limited_by")
    if isinstance(limit, dict):
        yield f"The limit is the {_words(limit.get('name'))}: {limit.get('value')} {limit.get('unit')}".rstrip() + "."
    if item.get("missing"):
        yield f"Not known: {', '.join(_words(name) for name in item['missing'])}."
    if item.get("suggestion"):
        yield f"What to change: {_sentence(item['suggestion'])}"


def _name(item: dict[str, Any]) -> str:
    return _words(item.get("calculator", "a calculator without a name"))


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def _sentence(text: object) -> str:
    said = str(text).strip()
    return said if said.endswith((".", "!", "?")) else f"{said}."
