"""JSON Schemas of everything that travels, generated from the models, and the lock on those that are published.

`python -m contracts.schema write` writes `contracts/schemas/*.json`, the AsyncAPI document and `docs/messages.md`, and
publishes schemas that are new; `check` compares and changes nothing. A published schema never changes: both refuse one
that does. The lock covers what a schema demands, not its descriptions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from pydantic.json_schema import models_json_schema

from contracts.artifacts import RunArtifact
from contracts.asyncapi import asyncapi_document
from contracts.canonical import sha256_hex
from contracts.envelope import SCHEMA_BASE
from contracts.errors import ErrorBody
from contracts.log import EVENT_TYPES
from contracts.message_tables import messages_page
from contracts.model import Message
from contracts.params import RosetteParamSpec
from contracts.spec import RosetteSpec
from contracts.subjects import CONVERSATIONS, FACTS, reply_name

FOLDER = Path(__file__).parent / "schemas"
MESSAGES_PAGE = Path(__file__).parents[1] / "docs" / "messages.md"
LOCK = "published.json"
ASYNCAPI = "asyncapi.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: dict[str, type[Message]] = {
    "rosette_spec.v1": RosetteSpec,
    "rosette_parameters.v1": RosetteParamSpec,
    "run_artifact.v1": RunArtifact,
}
"""Bodies that are stored or uploaded by themselves."""

Schema = dict[str, Any]


class PublishedSchemaChanged(Exception):
    """A schema that others may rely on would change; `names` says which."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"published schemas changed: {', '.join(names)}. A published version never changes: make a .v2 beside it, "
            f"with an upcaster from the .v1, and leave the .v1 as it was"
        )
        self.names = names


def bodies() -> dict[str, type[Message]]:
    """Name on the wire -> body: requests and replies by subject, facts and log events by type, documents."""
    found: dict[str, type[Message]] = {}
    for conversation in CONVERSATIONS:
        found[conversation.subject] = conversation.request
        found[reply_name(conversation)] = conversation.reply
    for facts in FACTS.values():
        found |= {fact.type: fact for fact in facts}  # type: ignore[attr-defined]  # every fact names its wire type
    return found | EVENT_TYPES | DOCUMENTS


@cache
def schemas() -> Mapping[str, Schema]:
    """Name on the wire -> JSON Schema of what a reader accepts. A reply is the envelope of a result or an error."""
    replies = {reply_name(conversation) for conversation in CONVERSATIONS}
    return {name: _named(name, _reply(body) if name in replies else _plain(body)) for name, body in bodies().items()}


def _plain(body: type[Message]) -> Schema:
    return body.model_json_schema(mode="validation")


def _reply(result: type[Message]) -> Schema:
    references, definitions = models_json_schema([(result, "validation"), (ErrorBody, "validation")])
    return {
        "oneOf": [
            _envelope("result", references[result, "validation"]),
            _envelope("error", references[ErrorBody, "validation"]),
        ],
        "$defs": definitions["$defs"],
    }


def _envelope(name: str, body: Mapping[str, Any]) -> Schema:
    return {"type": "object", "properties": {name: body}, "required": [name], "additionalProperties": False}


def _named(name: str, schema: Schema) -> Schema:
    return {"$schema": DIALECT, "$id": f"{SCHEMA_BASE}/{name}.json", **schema, "title": name}


@cache
def files() -> Mapping[str, str]:
    """File name in contracts/schemas -> its text, the lock aside."""
    written = {f"{name}.json": _text(schema) for name, schema in schemas().items()}
    return written | {ASYNCAPI: _text(asyncapi_document())}


def lock_digest(schema: Schema) -> str:
    """SHA-256 of what the schema demands: words for people are left out."""
    return sha256_hex(json.dumps(_demands(schema), sort_keys=True, separators=(",", ":")).encode())


def _demands(node: JsonValue, names: bool = False) -> JsonValue:
    """`names` is True inside a mapping from names to schemas, where `title` is somebody's field."""
    if isinstance(node, list):
        return [_demands(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if names or key not in {"title", "description"}}
    return {key: _demands(value, not names and key in {"properties", "$defs"}) for key, value in kept.items()}


def published(folder: Path = FOLDER) -> dict[str, str]:
    """Name on the wire -> digest of its schema when it was published."""
    path = folder / LOCK
    known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return known


def lock_of(current: Mapping[str, Schema], known: Mapping[str, str]) -> dict[str, str]:
    """The lock with the new names added. Raises PublishedSchemaChanged, also for a published schema that is gone."""
    digests = {name: lock_digest(schema) for name, schema in current.items()}
    changed = sorted(name for name, digest in known.items() if digests.get(name) != digest)
    if changed:
        raise PublishedSchemaChanged(changed)
    return digests


def stale(folder: Path = FOLDER, page: Path = MESSAGES_PAGE) -> list[str]:
    """Generated files that are missing, left over or not what the code says now."""
    wanted = {**files(), LOCK: _text(lock_of(schemas(), published(folder)))}
    present = {path.name: path.read_text("utf-8") for path in folder.glob("*.json")}
    different = {name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)}
    if not page.exists() or page.read_text("utf-8") != messages_page():
        different.add(page.name)
    return sorted(different)


def write(folder: Path = FOLDER, page: Path = MESSAGES_PAGE) -> None:
    """Bring every generated file to what the code says. Raises PublishedSchemaChanged before anything is written."""
    wanted = {**files(), LOCK: _text(lock_of(schemas(), published(folder)))}
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in {path.name for path in folder.glob("*.json")} - wanted.keys():
        (folder / left_over).unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, "utf-8")
    page.write_text(messages_page(), "utf-8")


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """0 done or up to date, 1 stale or a published schema would change, 2 wrong usage."""
    if arguments not in (["write"], ["check"]):
        print("usage: python -m contracts.schema write|check", file=sys.stderr)
        return 2
    try:
        if arguments == ["write"]:
            write()
        different = stale()
    except PublishedSchemaChanged as error:
        print(error, file=sys.stderr)
        return 1
    for name in different:
        print(f"{name} is not what the code says: run `make schemas`", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
