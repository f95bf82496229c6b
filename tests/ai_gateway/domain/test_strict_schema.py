"""Strict mode's form of a schema says less than the original, never something else."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.spec import RosetteSpec
from services.ai_gateway.domain.strict_schema import NotStrict, schema_sha256, strict_schema
from services.ai_gateway.vendors.offline.designer import design

SPEC = RosetteSpec.model_json_schema()
FORBIDDEN = {"oneOf", "discriminator", "default", "allOf", "title", "minLength", "maxLength", "maxProperties"}


def nodes(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [node for item in schema for node in nodes(item)]
    if not isinstance(schema, dict):
        return []
    below = [node for key, value in schema.items() if key not in {"properties", "$defs"} for node in nodes(value)]
    named = [node for key in ("properties", "$defs") for value in schema.get(key, {}).values() for node in nodes(value)]
    return [schema, *below, *named]


def test_the_spec_schema_becomes_one_that_strict_mode_takes() -> None:
    for node in nodes(strict_schema(SPEC)):
        assert not FORBIDDEN & set(node)
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
        if "anyOf" in node:
            assert set(node) <= {"anyOf", "description"}


def test_the_optional_map_is_left_out() -> None:
    assert "meta" in SPEC["properties"]
    assert "meta" not in strict_schema(SPEC)["properties"]


@settings(max_examples=30, deadline=None)
@given(
    prompt=st.sampled_from(["gothic 24 petals", "rope", "modern arcs", "hexagon with dots"]), seed=st.integers(0, 99)
)
def test_what_satisfies_the_strict_schema_satisfies_the_original(prompt: str, seed: int) -> None:
    full = RosetteSpec.model_validate(design(prompt, None, seed).spec).model_dump(mode="json", exclude={"meta"})
    jsonschema_rs.validate(strict_schema(SPEC), full)
    jsonschema_rs.validate(SPEC, full)


def test_bounds_beside_a_union_move_into_its_numbers() -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "number"}, {"type": "null"}], "minimum": 3}}}
    strict = strict_schema(schema)
    assert strict["properties"]["a"] == {"anyOf": [{"type": "number", "minimum": 3}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "array", "items": {"type": "string"}}, "root"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map"),
        ({"type": "object", "required": ["m"], "properties": {"m": {"additionalProperties": {}}}}, "map"),
        ({"type": "object", "properties": {"a": {"$ref": "https://example.org/s.json"}}}, "references"),
        ({"type": "object", "properties": {"a": {"$ref": "#/properties/b"}}}, "references"),
        ({"type": "object", "properties": {"a": {"allOf": [{}, {}]}}}, "allOf"),
        ({"type": "object", "properties": {"a": {"prefixItems": []}}}, "prefixItems"),
        ({"type": "object", "properties": {"a": {"not": {}}}}, "not"),
        ({"type": "object", "properties": {"a": 3}}, "schema object"),
    ],
)
def test_what_strict_mode_cannot_say_is_refused_by_name(schema: dict[str, Any], place: str) -> None:
    with pytest.raises(NotStrict, match=place):
        strict_schema(schema)


def test_the_digest_follows_the_meaning_and_not_the_order() -> None:
    a = {"type": "object", "properties": {"x": {"type": "integer", "title": "X"}}}
    b = {"properties": {"x": {"title": "other", "type": "integer"}}, "type": "object"}
    c = {"type": "object", "properties": {"x": {"type": "number"}}}
    assert schema_sha256(strict_schema(a)) == schema_sha256(strict_schema(b)) != schema_sha256(strict_schema(c))
