"""The safety policy: what may be asked of a model.

Two layers. A hard finding stops every call. A soft finding is a warning that travels with a creative call, and stops an
operational one. Nothing here fails open: rules that cannot be read or are empty, and any error while judging, block.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import orjson

from contracts.ai import SafetyCategory, SafetyFinding
from contracts.canonical import sha256_hex
from services.ai_gateway.domain.text_folding import FoldedText, folded

Level = Literal["hard", "soft"]
MIN_RULES = 5
"""A rule file with fewer rules is taken as damaged: an empty policy must not let everything through."""
NO_POLICY = "0" * 64
"""`policy_sha256` where no policy could be loaded."""


class BadRules(Exception):
    """The rule file cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    flag: str
    level: Level
    reason: str
    phrases: tuple[tuple[str, re.Pattern[str]], ...]
    """The longest word of each with its pattern: a text without that word has not the phrase, and is seen to have none
    a hundred times faster than by the pattern."""
    patterns: tuple[re.Pattern[str], ...]
    spelled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    reason: str | None
    findings: tuple[SafetyFinding, ...]


@dataclass(frozen=True, slots=True, eq=False)  # by identity: judged texts are kept for exactly these rules
class SafetyRules:
    version: str
    policy_sha256: str
    rules: tuple[Rule, ...]
    secrets: tuple[tuple[str, re.Pattern[str]], ...]
    card: re.Pattern[str]
    confusables: Mapping[str, str]


def parse_rules(rules_json: bytes, confusables_json: bytes) -> SafetyRules:
    """The policy with its digest over both files' bytes. Raises BadRules."""
    try:
        document: dict[str, Any] = orjson.loads(rules_json)
        confusables: dict[str, str] = orjson.loads(confusables_json)["map"]
        rules = tuple(_rule(entry) for entry in document["rules"])
        secrets = tuple((entry["name"], re.compile(entry["pattern"])) for entry in document["secrets"])
        card = re.compile(document["card_pattern"])
        version = str(document["version"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, re.error) as error:
        raise BadRules(f"the safety rules cannot be read: {type(error).__name__}: {error}") from error
    if len(rules) < MIN_RULES or not secrets or not confusables or all(rule.level == "soft" for rule in rules):
        raise BadRules("the safety rules are empty or incomplete")
    digest = sha256_hex(sha256_hex(rules_json).encode() + sha256_hex(confusables_json).encode())
    return SafetyRules(version, digest, rules, secrets, card, confusables)


def _rule(entry: dict[str, Any]) -> Rule:
    phrases = tuple(_phrase(phrase) for phrase in entry["phrases"])
    patterns = tuple(re.compile(pattern) for pattern in entry["patterns"])
    if entry["level"] not in {"hard", "soft"} or not (phrases or patterns or entry["spelled"]):
        raise ValueError(f"rule {entry.get('flag')!r} has no usable level or nothing to look for")
    return Rule(entry["flag"], entry["level"], entry["reason"], phrases, patterns, tuple(entry["spelled"]))


def _phrase(phrase: str) -> tuple[str, re.Pattern[str]]:
    words = phrase.split()
    return max(words, key=len), re.compile(r"\b" + r"[\W_]+".join(map(re.escape, words)) + r"\b")


def judge(
    rules: SafetyRules | None, texts: Sequence[str], category: SafetyCategory, loaded_secrets: Sequence[str] = ()
) -> Verdict:
    """Whether these texts may go to a model. `loaded_secrets`: keys of this process, which no prompt may hold."""
    if rules is None:
        return _broken("the safety rules could not be loaded")
    try:
        secrets = tuple(loaded_secrets)
        findings = [finding for text in texts for finding in _findings(rules, text, category, secrets)]
    except Exception as error:  # noqa: BLE001 - fail closed: whatever goes wrong while judging, the answer is no
        return _broken(f"the safety policy failed ({type(error).__name__})")
    unique = tuple({finding.flag: finding for finding in findings}.values())
    blocking = [finding for finding in unique if finding.action == "block"]
    reason = "; ".join(finding.reason for finding in blocking) or None
    return Verdict(not blocking, reason, unique)


def _broken(reason: str) -> Verdict:
    return Verdict(False, reason, (SafetyFinding(flag="policy_unavailable", action="block", reason=reason),))


@lru_cache(maxsize=64)
def _findings(
    rules: SafetyRules, text: str, category: SafetyCategory, loaded_secrets: tuple[str, ...]
) -> tuple[SafetyFinding, ...]:
    """Kept for the newest texts: a system prompt comes with every call, and reading one takes milliseconds."""
    reading = folded(text, rules.confusables)
    found = []
    secret = _secret(rules, text, reading, loaded_secrets)
    if secret:
        found.append(SafetyFinding(flag="secret", action="block", reason=f"the text holds a secret ({secret})"))
    for rule in rules.rules:
        if _matches(rule, reading):
            stops = rule.level == "hard" or category is SafetyCategory.OPERATIONAL
            found.append(SafetyFinding(flag=rule.flag, action="block" if stops else "warn", reason=rule.reason))
    return tuple(found)


def _matches(rule: Rule, reading: FoldedText) -> bool:
    for view in reading.views:
        if any(word in view and pattern.search(view) for word, pattern in rule.phrases):
            return True
        if any(pattern.search(view) for pattern in rule.patterns):
            return True
    return any(word in run for word in rule.spelled for run in reading.spelled)


def _secret(rules: SafetyRules, text: str, reading: FoldedText, loaded_secrets: Sequence[str]) -> str | None:
    if any(secret and (secret in text or secret in reading.plain) for secret in loaded_secrets):
        return "a key of this service"
    for name, pattern in rules.secrets:
        if pattern.search(reading.plain):
            return name
    if any(_luhn(match[0]) for match in rules.card.finditer(reading.plain)):
        return "payment_card"
    return None


def _luhn(text: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B); a row of equal digits is no card."""
    digits = [int(character) for character in text if character.isdigit()]
    if len(set(digits)) < 3:
        return False
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0
