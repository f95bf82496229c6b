"""Documents tell the truth: links lead somewhere, commands exist, samples parse, the picture is the compiler's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer.main

from cli.app import program
from contracts.spec import RosetteSpec
from services.art_studio.domain.compiler import compile_svg
from tests.architecture.source import ROOT, sources, tracked_files

PAGES = [path for path in tracked_files() if path.suffix == ".md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(text_of(page)) if kind == language]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    found = []
    for target in (first or second for first, second in LINK.findall(text_of(page))):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        aim = (ROOT / page.parent / path).resolve() if path else ROOT / page
        if not aim.exists() or (anchor and anchor not in anchors(aim.relative_to(ROOT))):
            found.append(f"{page}: {target}")
    return found


def rmos_commands() -> dict[str, set[str]]:
    """Command -> its options."""
    group = typer.main.get_command(program())
    commands = getattr(group, "commands")  # noqa: B009 - click's class differs between versions of typer
    return {name: {o for p in c.params for o in p.opts if o.startswith("--")} for name, c in commands.items()}


def test_there_are_pages_to_look_at() -> None:
    assert {Path("README.md"), Path("docs/architecture.md"), Path("docs/messages.md")} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_json_sample_parses(page: Path) -> None:
    for sample in blocks(page, "json"):
        json.loads(sample)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(Path("Makefile")), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text_of(page), re.MULTILINE))
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_rmos_command_and_option_exists(page: Path) -> None:
    commands = rmos_commands()
    for name, rest in re.findall(
        r"(?:^|[`/ ])rmos (up|down|status|demo|[a-z]+ --)([^`\n]*)", text_of(page), re.MULTILINE
    ):
        assert name in commands, f"{page}: rmos {name}"
        assert set(re.findall(r"--[a-z-]+", rest)) <= commands[name] | {"--help"}, f"{page}: rmos {name}{rest}"


def test_every_command_of_rmos_is_in_the_operating_page() -> None:
    page = text_of(Path("docs/operating.md"))
    assert [name for name in rmos_commands() if f"`rmos {name}" not in page] == []


def test_the_picture_is_what_its_spec_compiles_to() -> None:
    spec = RosetteSpec.model_validate_json(text_of(Path("docs/rosette.json")))
    assert compile_svg(spec) == (ROOT / "docs/rosette.svg").read_bytes()


def test_every_setting_is_documented_and_every_documented_setting_is_read() -> None:
    read = {
        n
        for s in sources()
        if s.module.endswith("settings") or s.module.endswith("migrate")
        for n in _variables(s.text)
    }
    documented = _variables(text_of(Path("docs/operating.md")).split("## Settings")[1].split("\n## ")[0])
    assert documented == read


def test_the_example_environment_names_only_what_is_read() -> None:
    known = {name for source in sources() for name in _variables(source.text)} | _compose_variables()
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text_of(Path(".env.example")), re.MULTILINE))
    assert named - known == set()


def _variables(text: str) -> set[str]:
    return set(re.findall(r"[\"`]((?:RMOS|OPENAI|LOCAL_LLM)_[A-Z0-9_]+)[\"`]", text))


def _compose_variables() -> set[str]:
    return set(re.findall(r"\$\{(\w+):-", text_of(Path("docker-compose.yml"))))


def test_slow_tests_are_run_by_a_job_of_every_night() -> None:
    workflow = text_of(Path(".github/workflows/ci.yml"))
    assert re.search(r"^  schedule:\n    - cron: ", workflow, re.MULTILINE)
    nightly = workflow.split("\n  nightly:\n")[1]
    assert "if: github.event_name == 'schedule'" in nightly
    assert 'run: make test PYTEST_ARGS="-m slow"' in nightly
    assert 'make test PYTEST_ARGS="-m slow"' in text_of(Path("CONTRIBUTING.md"))


def test_decisions_are_numbered_one_after_the_other_and_titled_as_they_are_named() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        assert record.read_text("utf-8").startswith(f"# {record.name[:4]}. ")


def test_a_broken_link_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.docs.test_documents.ROOT", tmp_path)
    (tmp_path / "page.md").write_text("# One\n[a](missing.md) [b](page.md#two) [c](#one) [d](page.md)")
    assert broken_links(Path("page.md")) == ["page.md: missing.md", "page.md: page.md#two"]
