"""Run artifacts come into being in one function, and only the authority calls it.

Everywhere else `RunArtifact`, and the events that carry one, may be named as a type only: in an annotation, in
`isinstance`, in a `case` pattern. Whoever cannot name the class in any other place cannot construct, validate or copy
one into existence; what is read back comes through the messages that contain it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from contracts.log import EVENT_TYPES, ArtifactRecorded
from tests.architecture.source import Source, in_package, literal, sources

EVENTS = {ArtifactRecorded.__name__} | {e.__name__ for e in EVENT_TYPES.values() if issubclass(e, ArtifactRecorded)}
GUARDED = {"RunArtifact"} | EVENTS
MINT = "validate_and_persist"
MINTING = "services.rmos.minting"
DEFINING = ("contracts.artifacts", "contracts.log")
WORKSHOP = ("contracts.examples", "contracts.schema")
"""One example of each message and its JSON Schema, for tests and documents; no service may import these."""
READERS: dict[str, str] = {
    "services.rmos.projections.queries": "parses the documents that the fold of the log stored",
    "services.rmos.handlers.desk": "asks the log for what a command recorded, by the class of the event",
}
"""Module -> why it hands such a class to a reader. It may validate what was recorded, never call or extend it."""
TEXTS: dict[str, str] = {"services.gateway.openapi": "the name of a component in the OpenAPI document"}
"""Module -> why it holds a guarded name as a text."""


def violations(source: Source) -> list[str]:
    if source.module in WORKSHOP:
        return []
    found = [f"{source.module}:{node.lineno}: {what}" for node, what in _wrong_uses(source)]
    return sorted(set(found))


def _wrong_uses(source: Source) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    types = {id(node) for node in _type_positions(source)}
    allowed = {id(node) for node in _allowed(source)}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = str(source.dotted(node) or getattr(node, "attr", "")).rsplit(".", 1)[-1]
            if name in GUARDED and id(node) not in types | allowed:
                yield node, f"{name} used as more than a type"
            if name == MINT and not in_package(source.module, ("services.rmos",)):
                yield node, f"{MINT} outside the authority"
            if name == "RECORDED_AS" and source.module != MINTING:
                yield node, "the table of recording events outside the mint"
            if name == "__class__" or (name == "model_construct" and not _of_another_class(source, node)):
                yield node, f"{name} may make an artifact past its validation"
        elif isinstance(node, ast.Constant) and literal(node) in GUARDED | {MINT} and id(node) not in types:
            if source.module in TEXTS:
                continue
            yield node, f"{node.value!r} by its name"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Call | ast.Subscript):
            if (source.dotted(_head(node.func)) or "").rsplit(".", 1)[-1] in {"type", "EVENT_TYPES", "RMOS_EVENTS"}:
                yield node, "a class taken from a value or a table is called"
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from _wrong_imports(source, node)


def _of_another_class(source: Source, node: ast.expr) -> bool:
    """True for `StoredEvent.model_construct`: an imported class, named in place, that carries no artifact."""
    path = source.dotted(node.value) if isinstance(node, ast.Attribute) else None
    return path in source.names.values() and str(path).rsplit(".", 1)[-1] not in GUARDED


def _head(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def _wrong_imports(source: Source, node: ast.ImportFrom | ast.Import) -> Iterator[tuple[ast.stmt, str]]:
    if isinstance(node, ast.Import):
        names = [item.name for item in node.names]
    else:
        names = [f"{source.origin(node)}.{item.name}" for item in node.names]
    for name in names:
        if name.rsplit(".", 1)[-1] == MINT and not in_package(source.module, ("services.rmos",)):
            yield node, f"{MINT} outside the authority"
        if in_package(name, WORKSHOP):
            yield node, "examples outside the tests"
        if name.endswith(".*") and name.rsplit(".", 2)[-2] in {"artifacts", "log"}:
            yield node, "a star brings the guarded classes along unseen"


def _type_positions(source: Source) -> Iterator[ast.AST]:
    roots: list[ast.expr | None] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            roots.append(node.returns)
        elif isinstance(node, ast.MatchClass):
            roots.append(node.cls)
        elif isinstance(node, ast.Call) and source.dotted(node.func) in {"isinstance", "issubclass"}:
            roots += node.args[1:2]
    for root in roots:
        if root is not None:
            yield from ast.walk(root)


def _allowed(source: Source) -> Iterator[ast.AST]:
    """The few uses that are more than a type: definitions, the mint, an event's wire name, the listed readers."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr == "type":
            yield node.value  # CandidateBound.type, the wire name
        if source.module in READERS and isinstance(node, ast.Attribute) and node.attr.startswith("model_validate"):
            yield node.value
        if source.module in READERS and isinstance(node, ast.Call):
            yield from node.args
    if source.module in DEFINING:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                yield from node.bases
            elif isinstance(node, ast.Tuple):
                yield from node.elts
    if source.module == MINTING:
        for statement in source.tree.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Dict):
                yield from statement.value.values
            elif isinstance(statement, ast.AsyncFunctionDef) and statement.name == MINT:
                yield from (node.func for node in ast.walk(statement) if isinstance(node, ast.Call))


def test_nothing_in_the_tree_makes_a_run_artifact_but_the_mint() -> None:
    assert [found for source in sources() for found in violations(source)] == []


def test_the_mint_exists_once_and_constructs_the_artifact_once() -> None:
    mints = [
        (source, node)
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == MINT
    ]
    assert [source.module for source, _ in mints] == [MINTING]
    source, mint = mints[0]
    calls = [node for node in ast.walk(mint) if isinstance(node, ast.Call)]
    assert sum((source.dotted(call.func) or "").endswith(".RunArtifact") for call in calls) == 1


def test_every_listed_reader_still_parses_artifacts() -> None:
    by_name = {source.module: source for source in sources()}
    for module, reason in READERS.items():
        assert reason
        assert any(path.rsplit(".", 1)[-1] in GUARDED for _, path in by_name[module].uses()), module


IMPORT = "from contracts.artifacts import RunArtifact\n"


@pytest.mark.parametrize(
    "text",
    [
        IMPORT + "a = RunArtifact(run_id='run_1')",
        "from contracts.artifacts import RunArtifact as A\na = A()",
        "from contracts.rmos import RunArtifact\na = RunArtifact()",
        "import contracts.artifacts\na = contracts.artifacts.RunArtifact()",
        "from contracts import artifacts as x\na = x.RunArtifact()",
        IMPORT + "a = RunArtifact.model_construct()",
        IMPORT + "a = RunArtifact.model_validate({})",
        IMPORT + "a = RunArtifact.model_validate_json(b'')",
        IMPORT + "from pydantic import TypeAdapter\na = TypeAdapter(RunArtifact)",
        IMPORT + "make = RunArtifact",
        IMPORT + "make = {'artifact': RunArtifact}",
        IMPORT + "from functools import partial\nmake = partial(RunArtifact, run_id='run_1')",
        IMPORT + "class Mine(RunArtifact): ...",
        "from contracts import artifacts\na = getattr(artifacts, 'RunArtifact')()",
        "from contracts import artifacts\na = vars(artifacts)['RunArtifact']()",
        "from contracts.artifacts import *",
        "def f(a):\n    return type(a)(run_id='run_1')",
        "def f(a):\n    return a.__class__(run_id='run_1')",
        "def f(a):\n    return a.model_construct()",
        "from contracts import artifacts\na = artifacts.RunArtifact.model_construct()",
        "from contracts.log import CandidateBound\ne = CandidateBound(artifact=None)",
        "from contracts.log import ToolpathsDecided as T\ne = T.model_validate({})",
        "from contracts.log import EVENT_TYPES\ne = EVENT_TYPES['rmos.candidate_bound.v1'](artifact=None)",
        "from services.rmos.minting import RECORDED_AS\ne = RECORDED_AS['approval'](artifact=None)",
        "from contracts.examples import example_of",
    ],
)
@pytest.mark.parametrize("module", ["services.rmos.handlers.planted", "services.gateway.planted", "runtime.planted"])
def test_making_an_artifact_past_the_mint_is_caught(module: str, text: str) -> None:
    assert violations(Source(module, text)) != []


@pytest.mark.parametrize(
    "text",
    [
        IMPORT + "a = RunArtifact(run_id='run_1')",
        IMPORT + "a = RunArtifact.model_construct()",
        IMPORT + "class Mine(RunArtifact): ...",
        IMPORT + "make = RunArtifact",
    ],
)
@pytest.mark.parametrize("module", READERS)
def test_a_reader_that_makes_one_is_caught(module: str, text: str) -> None:
    assert violations(Source(module, text)) != []


@pytest.mark.parametrize(
    "text",
    [
        "from services.rmos.minting import validate_and_persist",
        "from services.rmos import minting\nminting.validate_and_persist()",
        "from services.rmos import minting\ngetattr(minting, 'validate_and_persist')",
    ],
)
@pytest.mark.parametrize("module", ["services.gateway.planted", "services.art_studio.planted", "cli.planted"])
def test_calling_the_mint_outside_the_authority_is_caught(module: str, text: str) -> None:
    assert violations(Source(module, text)) != []


def test_a_second_construction_beside_the_mint_is_caught() -> None:
    assert violations(Source(MINTING, IMPORT + "def quick():\n    return RunArtifact()")) != []


@pytest.mark.parametrize(
    "text",
    [
        IMPORT + "def f(a: RunArtifact) -> RunArtifact | None: ...",
        IMPORT + "class Reply:\n    artifact: RunArtifact | None = None",
        IMPORT + "def f(a):\n    return isinstance(a, RunArtifact)",
        "from contracts.log import CandidateBound\ndef f(e):\n  match e:\n    case CandidateBound(artifact=a): ...",
        "from contracts.log import CandidateBound\nname = CandidateBound.type",
        "from contracts.log import EVENT_TYPES\ndef f(t, d):\n    return EVENT_TYPES[t].model_validate_json(d)",
        "from contracts.log import StoredEvent\ne = StoredEvent.model_construct(position=1)",
        "from contracts.rmos import ArtifactReply\ndef f(d):\n    return ArtifactReply.model_validate_json(d)",
        "from services.rmos.minting import Draft, validate_and_persist",
    ],
)
def test_naming_an_artifact_as_a_type_and_reading_it_back_is_fine(text: str) -> None:
    assert violations(Source("services.rmos.handlers.planted", text)) == []
