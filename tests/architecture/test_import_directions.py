"""The import contracts of pyproject.toml hold, and each of them catches what it is there for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from contracts.subjects import SERVICES
from tests.architecture.source import PACKAGES, ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]

PLANTED = [
    ("directions", "contracts.planted", "runtime.clock"),
    ("directions", "contracts.planted", "services.cam.domain"),
    ("directions", "runtime.planted", "services.rmos.ports"),
    ("directions", "runtime.planted", "cli.app"),
    ("directions", "cli.planted", "services.gateway"),
    ("directions", "services.cam.planted", "cli.app"),
    ("independence", "services.gateway.planted", "services.rmos.domain"),
    ("independence", "services.ai_gateway.planted", "services.art_studio"),
    ("independence", "services.art_studio.planted", "services.ai_gateway"),
    ("independence", "services.rmos.planted", "services.cam.domain"),
    ("independence", "services.cam.planted", "services.rmos.domain"),
    ("inside", "services.cam.domain.planted", "services.cam.ports"),
    ("inside", "services.cam.domain.planted", "services.cam.app"),
    ("inside", "services.rmos.domain.planted", "services.rmos.handlers"),
    ("pure-domain", "services.rmos.domain.planted", "runtime.bus"),
    ("pure-domain", "services.rmos.domain.planted", "services.rmos.settings"),
    ("pure-domain", "services.cam.domain.planted", "runtime.blobs"),
    ("handlers", "services.rmos.handlers.planted", "services.rmos.event_log"),
    ("handlers", "services.rmos.handlers.planted", "services.rmos.projections.queries"),
    ("handlers", "services.art_studio.handlers.planted", "services.art_studio.asset_index"),
    ("handlers", "services.ai_gateway.handlers", "services.ai_gateway.vendors"),
    ("adapters", "services.rmos.event_log.planted", "services.rmos.handlers"),
    ("adapters", "services.art_studio.rendering", "services.art_studio.handlers"),
    ("adapters", "services.ai_gateway.vendors.planted", "services.ai_gateway.handlers"),
]
"""Contract, importing module, imported module."""


def lint(root: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    chosen = [argument for name in contracts for argument in ("--contract", name)]
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as main; main()",
            "--no-cache",
            *chosen,
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each contract's report on a copy of the tree with every planted import in it."""
    copy = tmp_path_factory.mktemp("planted")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for _, importer, imported in PLANTED:
        path = copy.joinpath(*importer.split(".")).with_suffix(".py")
        with path.open("a") as file:
            file.write(f"import {imported}\n")
    return {contract["id"]: lint(copy, contract["id"]).stdout for contract in CONTRACTS}


def test_the_contracts_hold() -> None:
    report = lint(ROOT)
    assert report.returncode == 0, report.stdout + report.stderr


@pytest.mark.parametrize(("contract", "importer", "imported"), PLANTED)
def test_a_planted_import_is_caught(reports: dict[str, str], contract: str, importer: str, imported: str) -> None:
    assert f"{importer} -> {imported}" in reports[contract].replace("\n", " ")


def test_every_contract_was_seen_to_catch_something() -> None:
    assert {contract for contract, _, _ in PLANTED} == {contract["id"] for contract in CONTRACTS}


def test_every_module_that_a_contract_names_exists() -> None:
    named = {m for c in CONTRACTS for key in ("source_modules", "forbidden_modules", "modules") for m in c.get(key, [])}
    paths = {name: ROOT.joinpath(*name.split(".")) for name in named if "*" not in name}
    assert [name for name, path in paths.items() if not path.is_dir() and not path.with_suffix(".py").is_file()] == []


def test_the_contracts_name_every_service() -> None:
    named = {f"services.{service}" for service in SERVICES}
    by_id = {contract["id"]: contract for contract in CONTRACTS}
    assert set(by_id["independence"]["modules"]) == named
    assert set(by_id["inside"]["containers"]) == named
    assert {f"services.{path.parent.name}" for path in (ROOT / "services").glob("*/__init__.py")} == named
