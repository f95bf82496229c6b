"""Every message: closed, frozen, free of floats, and the same after a trip over the wire."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel

import contracts
from contracts.canonical import canonical_bytes
from contracts.examples import examples
from contracts.model import Message, for_people
from contracts.schema import bodies

for module in pkgutil.iter_modules(contracts.__path__):
    importlib.import_module(f"contracts.{module.name}")


def all_messages(root: type[BaseModel] = Message) -> Iterator[type[BaseModel]]:
    for message in root.__subclasses__():
        if message.__module__.startswith("contracts."):
            yield message
            yield from all_messages(message)


MESSAGES = sorted(set(all_messages()), key=lambda message: message.__name__)


def types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from types_in(inner)


def float_fields(message: type[BaseModel]) -> list[str]:
    """Fields that would put a float, or a decimal without its one spelling, on the wire."""
    found = []
    for name, field in message.model_fields.items():
        types = list(types_in(field.annotation))
        bare = Decimal in types and not any("Serializer" in repr(type(item)) for item in _metadata(message, name))
        if float in types or bare:
            found.append(f"{message.__name__}.{name}")
    return found


def _metadata(message: type[BaseModel], name: str) -> list[Any]:
    """Everything annotated on the field, inside unions and containers too."""
    field = message.model_fields[name]
    nested = [item for kind in types_in(field.annotation) for item in getattr(kind, "__metadata__", ())]
    return [*field.metadata, *nested]


def test_there_are_messages_to_look_at() -> None:
    assert {"RosetteSpec", "RunArtifact", "ToolpathJob", "CandidateBound"} <= {message.__name__ for message in MESSAGES}


def test_no_message_has_a_float() -> None:
    assert [found for message in MESSAGES for found in float_fields(message)] == []


def test_a_float_is_caught_wherever_it_hides() -> None:
    class Planted(Message):
        plain: float
        maybe: float | None
        listed: tuple[Annotated[float, "mm"], ...]
        named: dict[str, list[float]]
        bare: Decimal

    assert len(float_fields(Planted)) == 5


def test_every_message_is_frozen_and_closed() -> None:
    loose = [m for m in MESSAGES if not m.model_config.get("frozen") or m.model_config.get("extra") != "forbid"]
    assert loose == []


def test_every_body_has_an_example() -> None:
    assert set(bodies().values()) - examples().keys() == set()


@pytest.mark.parametrize("example", examples().values(), ids=lambda example: type(example).__name__)
def test_an_example_is_the_same_after_a_trip_over_the_wire(example: Message) -> None:
    sent = canonical_bytes(example)
    received = type(example).model_validate(json.loads(sent))
    assert received == example
    assert canonical_bytes(received) == sent


@pytest.mark.parametrize("example", examples().values(), ids=lambda example: type(example).__name__)
def test_what_people_see_reads_back_as_the_same_message(example: Message) -> None:
    shown = json.loads(json.dumps(for_people(example)))
    assert type(example).model_validate(shown) == example


@pytest.mark.parametrize("example", examples().values(), ids=lambda example: type(example).__name__)
def test_an_unknown_field_is_refused(example: Message) -> None:
    with pytest.raises(ValueError, match="surprise"):
        type(example).model_validate(example.model_dump(mode="json") | {"surprise": 1})
