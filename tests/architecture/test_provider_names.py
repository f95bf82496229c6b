"""Names of model providers' variables and hosts stay with the one service that holds their keys."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, literal, tracked_files

VARIABLES = re.compile(
    r"(?<![A-Z0-9])(OPENAI|AZURE_OPENAI|ANTHROPIC|CLAUDE|SDXL|LOCAL_LLM|OLLAMA|GEMINI|GOOGLE_AI|MISTRAL|COHERE|GROQ|REPLICATE|"
    r"STABILITY|HF|HUGGINGFACE|TOGETHER|OPENROUTER)_((?:API|IMAGE)_)?(KEY|TOKEN|URL|BASE_URL|BASE|MODEL|ORG|ORG_ID|ORGANIZATION|"
    r"PROJECT|PROJECT_ID|HOST|ENDPOINT|VERSION|SECRET)\b"
)
HOSTS = re.compile(
    r"(?i)\b(api\.openai\.com|api\.anthropic\.com|generativelanguage\.googleapis\.com|api\.mistral\.ai)\b"
)
ALLOWED = (
    "services/ai_gateway/vendors/",
    "services/ai_gateway/settings.py",
    "tests/",
    "docker-compose.yml",
    ".env.example",
    "README.md",
    "CHANGELOG.md",
    "docs/",
)
"""The holder; tests; the files that pass a user's variables through to it; texts for people."""


def violations(path: Path, text: str) -> list[str]:
    if path.as_posix().startswith(ALLOWED):
        return []
    found = {match.group() for pattern in (VARIABLES, HOSTS) for match in pattern.finditer(text)}
    if path.suffix == ".py":
        found |= _glued(text)
    return [f"{path}: {name}" for name in sorted(found)]


def _glued(text: str) -> set[str]:
    """Names put together from constants: "OPENAI" + "_API_KEY", f-strings, "_".join([...])."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        whole = literal(node) if isinstance(node, ast.BinOp | ast.JoinedStr) else _joined(node)
        if whole and (VARIABLES.search(whole) or HOSTS.search(whole)):
            found.add(whole)
    return found


def _joined(node: ast.AST) -> str | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join"):
        return None
    glue = literal(node.func.value)
    if glue is None or not node.args or not isinstance(node.args[0], ast.List | ast.Tuple):
        return None
    parts = [literal(item) for item in node.args[0].elts]
    return None if None in parts else glue.join(part or "" for part in parts)


def test_no_file_outside_the_vendors_names_a_provider_variable_or_host() -> None:
    found = []
    for path in tracked_files():
        try:
            text = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue  # pictures
        found += violations(path, text)
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "key = env['OPENAI_API_KEY']",
        "model = env.get('OPENAI_MODEL')",
        "u = 'OPENAI_BASE_URL'",
        "u = 'ANTHROPIC_API_KEY'",
        "u = 'OPENAI_IMAGE_MODEL'",
        "u = 'RMOS_OPENAI_URL'",
        "u = 'SDXL_API_URL'",
        "u = 'LOCAL_LLM_URL'",
        "u = 'LOCAL_LLM_MODEL'",
        "u = 'OPENAI' + '_API_KEY'",
        "u = f'OPENAI_API_{\"KEY\"}'",
        "u = '_'.join(['OPENAI', 'API', 'KEY'])",
        "# reads OPENAI_API_KEY",
        "u = 'https://api.openai.com/v1'",
    ],
)
@pytest.mark.parametrize("path", ["services/rmos/planted.py", "services/ai_gateway/app.py", "runtime/planted.py"])
def test_a_provider_name_elsewhere_is_caught(path: str, text: str) -> None:
    assert violations(Path(path), text) != []


def test_a_provider_name_in_a_container_or_workflow_file_is_caught() -> None:
    assert violations(Path("deploy/Dockerfile"), "ENV OPENAI_API_KEY=sk-1") != []
    assert violations(Path(".github/workflows/ci.yml"), "env: { ANTHROPIC_API_KEY: x }") != []


@pytest.mark.parametrize("path", ["services/ai_gateway/vendors/openai_sdk.py", "services/ai_gateway/settings.py"])
def test_the_vendor_package_and_its_settings_may_name_them(path: str) -> None:
    assert violations(Path(path), "key = env['OPENAI_API_KEY']") == []
