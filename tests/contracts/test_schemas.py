"""Generated schemas: what is committed is what the code says, and what is published never changes."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contracts import schema as generator
from contracts.asyncapi import asyncapi_document
from contracts.canonical import canonical_bytes
from contracts.envelope import SCHEMA_BASE, error_bytes
from contracts.errors import ErrorBody, ErrorCode
from contracts.examples import examples
from contracts.log import EVENT_TYPES
from contracts.subjects import CONVERSATIONS, FACTS, fact_subject, log_subject, reply_name

BODIES = generator.bodies()
REPLIES = {reply_name(conversation) for conversation in CONVERSATIONS}


def wire(name: str) -> Any:
    """The example as it travels, parsed: a reply is in its envelope."""
    example = examples()[BODIES[name]].model_dump(mode="json")
    return {"result": example} if name in REPLIES else example


def accepts(name: str, body: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(generator.schemas()[name]).is_valid(body))


def test_the_committed_files_are_what_the_code_says() -> None:
    assert generator.stale() == [], "run `make schemas`"


@pytest.mark.parametrize("name", BODIES)
def test_every_schema_is_a_schema_and_accepts_its_example(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(generator.schemas()[name])
    jsonschema.Draft202012Validator(generator.schemas()[name]).validate(wire(name))
    assert generator.schemas()[name]["$id"] == f"{SCHEMA_BASE}/{name}.json"


@pytest.mark.parametrize("name", BODIES)
def test_every_schema_refuses_a_field_nobody_knows(name: str) -> None:
    body = wire(name)
    inner = body["result"] if name in REPLIES else body
    inner["surprise"] = 1
    assert not accepts(name, body)


def test_a_reply_is_a_result_or_an_error_and_nothing_else() -> None:
    name = "cmd.rmos.open_run.v1.reply"
    error = ErrorBody(code=ErrorCode.UNAVAILABLE, message="ask again", retryable=True).model_dump(mode="json")
    assert error_bytes(ErrorBody.model_validate(error)) == canonical_bytes({"error": error})
    assert accepts(name, {"error": error})
    assert not accepts(name, {"error": error, **wire(name)})
    assert not accepts(name, {})
    assert not accepts(name, {"error": error | {"code": "NO_SUCH_CODE"}})


def test_a_changed_published_schema_is_refused_and_told_what_to_do() -> None:
    changed = copy.deepcopy(generator.schemas())
    del changed["rmos.run_opened.v1"]["properties"]["label"]
    with pytest.raises(generator.PublishedSchemaChanged, match=r"rmos\.run_opened\.v1.*make a \.v2"):
        generator.lock_of(changed, generator.published())


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["required"].remove("run_id"),
        lambda s: s["properties"].update(extra={"type": "string"}),
        lambda s: s["properties"]["mode"].update(enum=["router"]),
        lambda s: s.update(additionalProperties=True),
        lambda s: s["$defs"]["CuttingContext"]["properties"].pop("tool_id"),
        lambda s: s["properties"].update(title={"type": "string"}),
    ],
    ids=["required", "added", "narrowed", "opened", "nested", "a field called title"],
)
def test_every_kind_of_change_counts(change: Any) -> None:
    changed = copy.deepcopy(generator.schemas())
    change(changed["rmos.run_opened.v1"])
    with pytest.raises(generator.PublishedSchemaChanged):
        generator.lock_of(changed, generator.published())


def test_a_published_schema_may_not_disappear() -> None:
    fewer = {name: schema for name, schema in generator.schemas().items() if name != "ai.call_completed.v1"}
    with pytest.raises(generator.PublishedSchemaChanged, match=r"ai\.call_completed"):
        generator.lock_of(fewer, generator.published())


def test_better_words_and_new_messages_are_no_change() -> None:
    more = copy.deepcopy(generator.schemas())
    more["rmos.run_opened.v1"]["description"] = "Said better."
    more["rmos.run_opened.v3"] = copy.deepcopy(generator.schemas()["rmos.run_opened.v1"])
    lock = generator.lock_of(more, generator.published())
    assert lock.keys() - generator.published().keys() == {"rmos.run_opened.v3"}


def test_every_schema_is_published() -> None:
    assert generator.published().keys() == generator.schemas().keys()


@pytest.mark.parametrize("name", ["rmos.run_opened.v1.json", generator.ASYNCAPI, "left_over.json", "messages.md"])
def test_a_file_edited_by_hand_is_found(tmp_path: Path, name: str) -> None:
    folder, page = tmp_path / "schemas", tmp_path / "messages.md"
    shutil.copytree(generator.FOLDER, folder)
    shutil.copy(generator.MESSAGES_PAGE, page)
    edited = page if name == page.name else folder / name
    edited.write_text((edited.read_text("utf-8") if edited.exists() else "{}") + " ", "utf-8")
    assert generator.stale(folder, page) == [name]
    generator.write(folder, page)
    assert generator.stale(folder, page) == []


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def found_in(document: dict[str, Any], reference: str) -> Any:
    place: Any = document
    for part in reference.removeprefix("#/").split("/"):
        place = place[part]
    return place


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi_document()
    inner = {reference for reference in references(document) if reference.startswith("#/")}
    outer = {reference for reference in references(document) if not reference.startswith("#/")}
    assert all(found_in(document, reference) for reference in inner)
    assert outer == {f"{name}.json" for name in generator.schemas().keys() - generator.DOCUMENTS.keys()}


def test_the_asyncapi_document_has_every_conversation_with_its_reply() -> None:
    operations = asyncapi_document()["operations"]
    for conversation in CONVERSATIONS:
        operation = operations[conversation.subject]
        assert operation["action"] == "receive"
        assert operation["reply"]["channel"]["$ref"] == f"#/channels/{reply_name(conversation)}"
        assert operation["bindings"]["nats"]["queue"] == conversation.service


def test_the_asyncapi_document_has_every_fact_and_every_log_subject() -> None:
    facts = [fact.type for service in FACTS.values() for fact in service]  # type: ignore[attr-defined]  # ClassVar
    wanted = {fact_subject(name) for name in facts} | {log_subject(name) for name in [*facts, *EVENT_TYPES]}
    operations = asyncapi_document()["operations"]
    assert {name for name, operation in operations.items() if operation["action"] == "send"} == wanted
