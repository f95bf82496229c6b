"""What of a request is kept on the record: enough to see what was asked, never a verdict the client brought along."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

MAX_KEYS = 80
MAX_ENTRIES = 200
_CLIENT_VERDICTS = frozenset({"feasibility", "client_feasibility", "feasibility_sha256", "decision", "risk_level"})


def request_summary(body: dict[str, Any]) -> dict[str, JsonValue]:
    """At most 80 top-level keys in name order; a list or map of over 200 entries becomes its type and length."""
    kept = [key for key in sorted(body) if key not in _CLIENT_VERDICTS and body[key] is not None]
    return {key: _shortened(body[key]) for key in kept[:MAX_KEYS]}


def _shortened(value: Any) -> JsonValue:
    if isinstance(value, dict):
        if len(value) > MAX_ENTRIES:
            return {"type": "map", "length": len(value)}
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if len(value) > MAX_ENTRIES:
            return {"type": "list", "length": len(value)}
        return [_shortened(item) for item in value]
    result: JsonValue = value
    return result
