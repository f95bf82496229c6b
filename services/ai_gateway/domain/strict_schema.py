"""A JSON Schema in the form that strict structured output accepts, so that every provider gets the same one.

What changes: oneOf becomes anyOf; discriminators, defaults, titles and lengths of strings go; every property is
required; objects are closed; an optional free-form map (`additionalProperties` with a schema) is left out. A document
that satisfies the result satisfies the original: each change narrows, and answers are checked against the original.
Rules: OpenAI, "Structured model outputs", supported schemas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contracts.canonical import sha256_hex

_KEPT = (
    "type", "enum", "const", "description", "pattern", "format", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
)  # fmt: skip
_DROPPED = frozenset(
    {"title", "default", "examples", "discriminator", "minLength", "maxLength", "uniqueItems", "deprecated", "$schema",
     "$id", "$comment", "readOnly", "writeOnly", "minProperties", "maxProperties"}
)  # fmt: skip
_NUMERIC = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_MAX_DEPTH = 60


class NotStrict(ValueError):
    """The schema cannot be said in strict mode; the message names the place."""


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The normalised schema. Raises NotStrict."""
    result = _node(schema, "$", 0)
    if result.get("type") != "object":
        raise NotStrict("$: the root of an output schema must be an object")
    definitions = schema.get("$defs", {})
    if definitions:
        result["$defs"] = {name: _node(item, f"$.$defs.{name}", 0) for name, item in definitions.items()}
    return result


def schema_sha256(strict: Mapping[str, Any]) -> str:
    """Digest of the normalised schema as sorted JSON. Bounds may be floats here, so this is no canonical profile; the
    spelling of Python's shortest round-trip floats is the same on every platform."""
    return sha256_hex(json.dumps(strict, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())


def _node(schema: object, place: str, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise NotStrict(f"{place}: nested deeper than {_MAX_DEPTH}")
    if not isinstance(schema, Mapping):
        raise NotStrict(f"{place}: a schema object is needed here")
    if "$ref" in schema:
        return _reference(schema, place)
    if "allOf" in schema:
        return _single(schema, place, depth)
    result = {key: schema[key] for key in _KEPT if key in schema}
    known = {*_KEPT, *_DROPPED, "$defs", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf"}
    unknown = sorted(set(schema) - known)
    if unknown:
        raise NotStrict(f"{place}: {', '.join(unknown)} cannot be said in strict mode")
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return _union(result, branches, place, depth)
    if schema.get("type") == "object" or "properties" in schema:
        result.update(_object(schema, place, depth))
    if "items" in schema:
        result["items"] = _node(schema["items"], f"{place}.items", depth + 1)
    return result


def _reference(schema: Mapping[str, Any], place: str) -> dict[str, Any]:
    reference = schema["$ref"]
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        raise NotStrict(f"{place}: only references into $defs of the same schema are followed")
    return {"$ref": reference}


def _single(schema: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
    parts = schema["allOf"]
    if not isinstance(parts, list) or len(parts) != 1:
        raise NotStrict(f"{place}: allOf with several parts cannot be said in strict mode")
    return _node(parts[0], f"{place}.allOf[0]", depth + 1)


def _union(result: dict[str, Any], branches: object, place: str, depth: int) -> dict[str, Any]:
    """Bounds beside the union move into its numeric branches: strict mode takes nothing beside anyOf."""
    if not isinstance(branches, list):
        raise NotStrict(f"{place}: anyOf needs a list")
    bounds = {key: value for key, value in result.items() if key in _NUMERIC}
    nodes = [_node(branch, f"{place}.anyOf[{i}]", depth + 1) for i, branch in enumerate(branches)]
    for node in nodes:
        if node.get("type") in {"number", "integer"}:
            node.update({key: value for key, value in bounds.items() if key not in node})
    union: dict[str, Any] = {"anyOf": nodes}
    if "description" in result:
        union["description"] = result["description"]
    return union


def _object(schema: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = schema.get("required", [])
    for name, item in schema.get("properties", {}).items():
        if _is_map(item):
            if name in required:
                raise NotStrict(f"{place}.{name}: a free-form map cannot be said in strict mode; name its keys")
            continue
        properties[name] = _node(item, f"{place}.{name}", depth + 1)
    if not properties and _is_map(schema):
        raise NotStrict(f"{place}: a free-form map cannot be said in strict mode; name its keys")
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _is_map(schema: object) -> bool:
    if not isinstance(schema, Mapping):
        return False
    extra = schema.get("additionalProperties")
    return (isinstance(extra, Mapping) or extra is True) and not schema.get("properties")
