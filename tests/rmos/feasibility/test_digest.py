"""The verdict's digest: the same for the same question, in any process; another for any other."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

import pytest

from contracts.canonical import Canonical, canonical_bytes, digest_of
from contracts.envelope import result_bytes
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import (
    BatchReply,
    BatchVerdict,
    CuttingContext,
    Feasibility,
    FeasibilityReply,
    batch_reply,
    feasibility_reply,
)
from services.rmos.catalog import load_catalog
from services.rmos.domain.feasibility import ENGINE_VERSION, evaluate, written_verdict
from tests.rmos.feasibility.truth_table import CASES, CHANNELS, USUAL, Case

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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.argument)
def test_a_written_verdict_is_the_canonical_form_of_the_verdict(case: Case) -> None:
    asked = case.spec, case.whole_context, load_catalog(), case.mode
    plain = evaluate(*asked)
    assert written_verdict(*asked).data == canonical_bytes(plain)
    without = plain.model_copy(update={"results": ()})
    assert written_verdict(*asked, with_results=False).data == canonical_bytes(without)


@pytest.mark.parametrize("compute_ms", ["0", "1.5", "12", "120.125"])
def test_a_reply_around_a_written_verdict_is_the_canonical_form_of_the_reply(compute_ms: str) -> None:
    plain, took = verdict(), Decimal(compute_ms)
    reply = FeasibilityReply(feasibility=plain, compute_ms=took)
    assert feasibility_reply(written(plain), took).data == canonical_bytes(reply)


def test_a_batch_around_written_verdicts_is_the_canonical_form_of_the_batch() -> None:
    plain, error = verdict(), RmosError(ErrorCode.INVALID_REQUEST, 'no tool "x"', tool_id="x").body
    batch = BatchReply(
        items=(BatchVerdict(feasibility=plain), BatchVerdict(error=error), BatchVerdict(feasibility=plain)),
        compute_ms=Decimal("3.75"),
    )
    assert batch_reply([written(plain), error, written(plain)], Decimal("3.75")).data == canonical_bytes(batch)


def test_a_written_answer_is_the_same_on_the_bus() -> None:
    plain = verdict()
    assert result_bytes(written(plain)) == result_bytes(plain)
    assert result_bytes(plain) == canonical_bytes({"result": plain.model_dump(mode="json")})


def written(plain: Feasibility) -> Canonical:
    return Canonical(canonical_bytes(plain))
