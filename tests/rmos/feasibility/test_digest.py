"""The verdict's digest: the same for the same question, in any process; another for any other."""

from __future__ import annotations

import os
import subprocess
import sys

from contracts.canonical import digest_of
from contracts.feasibility import CuttingContext, Feasibility
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import ENGINE_VERSION, evaluate
from tests.rmos.feasibility.truth_table import CASES, CHANNELS, USUAL

SCRIPT = """
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import evaluate
from tests.rmos.feasibility.truth_table import CASES
for case in CASES:
    print(evaluate(case.spec, case.whole_context, load_catalog(), case.mode).feasibility_sha256)
"""


def verdict(**changes: object) -> Feasibility:
    return evaluate(CHANNELS, CuttingContext(**(USUAL | changes)), load_catalog())  # type: ignore[arg-type]


def test_every_case_has_the_same_digest_in_processes_with_other_hash_seeds() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(p for p in [os.getcwd(), *sys.path] if p),
                 "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for seed in ("1", "4242")
    ]  # fmt: skip
    assert outputs[0] == outputs[1]
    assert len(set(outputs[0])) == len(CASES)


def test_the_digest_covers_design_context_and_catalog_and_names_the_engine() -> None:
    plain = verdict()
    assert plain.feasibility_sha256 == verdict().feasibility_sha256
    assert plain.design_sha256 == digest_of(CHANNELS)
    assert plain.catalog_sha256 == load_catalog().sha256
    assert plain.engine_version == ENGINE_VERSION
    # nothing in the results depends on the stock's length here, the question does
    assert plain.feasibility_sha256 != verdict(stock_thickness_mm="2.9").feasibility_sha256
    assert plain.feasibility_sha256 != verdict(rpm=24000).feasibility_sha256


def test_a_verdict_survives_the_bus() -> None:
    plain = verdict()
    assert Feasibility.model_validate(plain.model_dump(mode="json")) == plain
