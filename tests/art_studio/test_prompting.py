"""The model call of a variant: what it holds, what it depends on, and that its schema means what the contract means."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import services.rmos.catalog
from contracts.art import PromptConstraints, PromptToSvg
from contracts.model import for_people
from contracts.spec import RosetteSpec, Shape
from services.art_studio.domain.model_schema import spec_schema
from services.art_studio.domain.prompting import FAMILIAR_MATERIALS, SYSTEM_PROMPT, model_call
from services.art_studio.domain.seeds import asset_digest, asset_ids, seed_of_variant
from tests.art_studio.specs import EVERYTHING, specs

SEED = st.integers(0, 2**53 - 1)
LIMITED = PromptToSvg(
    prompt='24 petals, "quoted", {braces}',
    count=3,
    diameter_mm="125.5",
    constraints=PromptConstraints(
        inner_diameter_mm=100, max_shapes=7, min_feature_mm="0.8", depth_mm=2, materials=("ebony_african", "holly")
    ),
    style_hints=("art deco", "Jugendstil für Gitarren"),
)


VALIDATOR = jsonschema.Draft202012Validator(spec_schema())


def limits_in(prompt: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(prompt.rpartition("\n\n")[2])
    return found


def test_the_limits_stand_after_the_words_as_one_json_object_of_numbers() -> None:
    call = model_call(LIMITED, 5)
    assert call.prompt.startswith(LIMITED.prompt)
    assert limits_in(call.prompt) == {
        "depth_mm": 2,
        "diameter_mm": 125.5,
        "inner_diameter_mm": 100,
        "materials": ["ebony_african", "holly"],
        "max_shapes": 7,
        "min_feature_mm": 0.8,
        "style_hints": ["art deco", "Jugendstil für Gitarren"],
        "variant": 5,
    }


def test_what_was_not_stated_is_not_in_the_prompt() -> None:
    assert limits_in(model_call(PromptToSvg(prompt="a ring"), 5).prompt) == {"variant": 5}


def test_every_limit_is_explained_to_the_model() -> None:
    for name in (*PromptConstraints.model_fields, "diameter_mm", "style_hints", "variant"):
        assert name in SYSTEM_PROMPT


def test_the_call_depends_on_the_command_and_the_variants_seed_alone() -> None:
    assert model_call(LIMITED, 5) == model_call(LIMITED.model_copy(update={"count": 9, "variant_seed": 77}), 5)
    assert model_call(LIMITED, 5) != model_call(LIMITED, 6)
    assert model_call(LIMITED, 5).variant_seed == 5


@given(SEED)
def test_no_seed_makes_the_prompt_look_as_if_it_held_a_card_number(seed: int) -> None:
    assert re.search(r"\d{5}", model_call(PromptToSvg(prompt="a ring"), seed).prompt) is None


def test_provider_and_model_are_the_callers_choice() -> None:
    call = model_call(LIMITED.model_copy(update={"provider": "local", "model": "m"}), 1)
    assert (call.provider, call.model, call.output, call.schema_name) == ("local", "m", "json", "RosetteSpec")
    assert model_call(LIMITED, 1).provider is None


@given(SEED, st.integers(0, 9))
def test_a_variants_seed_is_a_seed_and_its_own(seed: int, index: int) -> None:
    derived = seed_of_variant(seed, index)
    assert 0 <= derived < 2**53
    assert derived == seed_of_variant(seed, index)
    assert len({seed_of_variant(seed, i) for i in range(10)}) == 10


def test_the_derivation_of_seeds_does_not_change() -> None:
    """Recorded seeds must give the same designs in later versions."""
    assert [seed_of_variant(42, i) for i in range(3)] == SEEDS_OF_42


SEEDS_OF_42 = [3369178606474233, 1411918636809765, 7633800879951074]


def test_an_asset_id_is_the_beginning_of_its_digest() -> None:
    digest = asset_digest("a" * 64, "b" * 64)
    assert asset_ids(digest)[0] == f"asset_{digest[:12]}"
    assert asset_ids(digest)[-1] == f"asset_{digest}"
    assert digest != asset_digest("b" * 64, "a" * 64)


def test_the_schema_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(spec_schema())


@given(specs())
@example(EVERYTHING)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_valid_spec_is_valid_against_the_models_schema(spec: RosetteSpec) -> None:
    VALIDATOR.validate(for_people(spec))


def test_the_schema_names_every_field_of_every_shape_and_no_other() -> None:
    union = get_args(get_args(Shape)[0])
    expected = {cls.model_fields["type"].default: set(cls.model_fields) for cls in union}
    alternatives = spec_schema()["properties"]["shapes"]["items"]["anyOf"]
    assert {a["properties"]["type"]["enum"][0]: set(a["properties"]) for a in alternatives} == expected
    assert set(spec_schema()["properties"]) == set(RosetteSpec.model_fields)


def test_the_schema_requires_what_the_contract_requires() -> None:
    union = {cls.model_fields["type"].default: cls for cls in get_args(get_args(Shape)[0])}
    for alternative in spec_schema()["properties"]["shapes"]["items"]["anyOf"]:
        cls = union[alternative["properties"]["type"]["enum"][0]]
        needed = {name for name, field in cls.model_fields.items() if field.is_required()}
        assert set(alternative["required"]) == {"type", *needed}


def _nodes(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, dict):
        return [schema, *(node for value in schema.values() for node in _nodes(value))]
    return [node for value in schema for node in _nodes(value)] if isinstance(schema, list) else []


def test_the_schema_uses_no_keyword_that_strict_modes_refuse() -> None:
    keywords = {key for node in _nodes(spec_schema()) for key in node}
    assert not keywords & {"oneOf", "default", "discriminator", "$ref", "patternProperties", "allOf", "not"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("petals", 2),
        ("petals", 65),
        ("r_inner", -1),
        ("r_outer", "50"),
        ("cx", 1001),
        ("web_mm", 11),
        ("angle_deg", 361),
    ],
)
def test_the_schema_refuses_what_the_contract_refuses(field: str, value: object) -> None:
    petals = {"type": "radial_petals", "cx": 0, "r_inner": 40, "r_outer": 50, "petals": 24, "web_mm": 1, "angle_deg": 0}
    spec = {"canvas_mm": 120, "shapes": [petals]}
    jsonschema.validate(spec, spec_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**spec, "shapes": [{**petals, field: value}]}, spec_schema())


def test_stated_materials_and_the_most_shapes_bind_the_schema() -> None:
    ring = {"type": "ring", "r_inner": 40, "r_outer": 41, "material": "holly"}
    schema = spec_schema(max_shapes=1, materials=("holly",))
    jsonschema.validate({"canvas_mm": 100, "shapes": [ring]}, schema)
    for shapes in ([{**ring, "material": "koa"}], [ring, ring]):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"canvas_mm": 100, "shapes": shapes}, schema)


def test_the_familiar_materials_are_in_the_workshops_catalog() -> None:
    catalog = Path(services.rmos.catalog.__path__[0]) / "materials.toml"
    known = {entry["id"] for entry in tomllib.loads(catalog.read_text())["material"]}
    assert set(FAMILIAR_MATERIALS) <= known
