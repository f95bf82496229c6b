"""What the former system's run files say, and what cannot be understood of them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.artifacts import ArtifactStatus
from contracts.canonical import canonical_bytes, sha256_hex
from contracts.feasibility import RiskLevel
from services.rmos.domain import legacy
from services.rmos.domain.legacy import MAX_LEGACY_CHARACTERS, LegacyRun, UnreadableRunFile, read_run_file

RUNS = Path(__file__).parent / "runs"


def read(path: str) -> LegacyRun:
    return read_run_file(path, (RUNS / path).read_bytes())


def test_a_whole_file_is_taken_over_field_by_field() -> None:
    run = read("2025-08-19/run_3f2a9c01.json")
    assert (run.run_id, run.opened_at_utc) == ("run_3f2a9c01", "2025-08-19T14:03:22.114235Z")
    assert (run.mode, run.status, run.context.tool_id) == ("router", ArtifactStatus.OK, "upcut_3_175")
    assert (run.decision.risk_level, run.decision.score) == (RiskLevel.YELLOW, Decimal("61.5"))
    assert run.decision.warnings == ("rim speed below range",)
    assert set(run.hashes) == {"recorded_feasibility", "recorded_toolpaths", "recorded_gcode"}
    assert run.gcode is not None
    assert run.hashes["recorded_gcode"] == sha256_hex(run.gcode)
    assert run.warnings == []


def test_what_has_no_field_of_its_own_stays_with_its_numbers_as_they_were_spelled() -> None:
    legacy = json.loads(read("2025-08-19/run_3f2a9c01.json").legacy)
    assert legacy["request_summary"] == {"inner_diameter_mm": "85.0", "outer_diameter_mm": "100.0", "ring_params": 2}
    assert legacy["notes"] == "first good one"
    assert legacy["decision"]["details"] == {"calculators": 5}
    assert legacy["outputs"]["opplan_json"] == {"operations": [{"depth_mm": "1.15", "op": "ring"}]}
    assert "gcode_text" not in legacy["outputs"]
    odd = json.loads(read("2025-08-20/run_error.json").legacy)
    assert (odd["kerf_mm"], odd["counter"], odd["feasibility"]["score"]) == (
        "0.30000000000000004",
        str(2**60),
        "Infinity",
    )


def test_a_blocked_saw_run_keeps_its_reason_and_loses_its_placeholder_digest() -> None:
    run = read("2025-08-19/run_77c0.json")
    assert (run.mode, run.context.tool_id, run.context.material_id) == ("saw", "saw:10_24_3.0", "maple_hard")
    assert (run.status, run.decision.block_reason) == (ArtifactStatus.BLOCKED, "kickback exposure")
    assert (run.hashes, run.warnings) == ({}, ["hashes.feasibility: no digest"])


def test_what_is_taken_otherwise_than_it_stands_is_named() -> None:
    run = read("2025-08-20/run_bind.json")
    assert (run.decision.score, run.context.tool_id) == (Decimal(87), None)
    assert json.loads(run.legacy)["original_tool_id"] == "Upcut 3.175 mm"
    assert [warning.partition(":")[0] for warning in run.warnings] == [
        "created_at_utc",
        "decision.score",
        "tool_id",
        "hashes.gcode",
    ]


def test_a_run_without_a_time_began_on_the_day_of_its_folder() -> None:
    run = read("2025-08-20/run_error.json")
    assert (run.opened_at_utc, run.decision.risk_level) == ("2025-08-20T00:00:00.000000Z", RiskLevel.UNKNOWN)
    assert run.decision.block_reason == "the former system recorded no reason"


@pytest.mark.parametrize(
    "said", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "0999-05-01T12:00:00Z", "1969-12-31T23:59:59Z"]
)
def test_a_time_outside_the_calendar_or_before_there_were_such_runs_is_none(said: str) -> None:
    data = json.dumps({"run_id": "run_1", "status": "OK", "created_at_utc": said}).encode()
    run = read_run_file("2025-08-20/run_1.json", data)
    assert run.opened_at_utc == "2025-08-20T00:00:00.000000Z"
    assert "created_at_utc: no time, the folder's day is taken" in run.warnings
    with pytest.raises(UnreadableRunFile, match="says no time"):
        read_run_file("0999-05-01/run_1.json", data)


def test_an_id_that_is_none_here_is_made_from_the_content() -> None:
    data = (RUNS / "2025-08-20/run_two words.json").read_bytes()
    assert read("2025-08-20/run_two words.json").run_id == f"legacy-{sha256_hex(data)[:24]}"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("run_torn", "not JSON"),
        ("run_status", "none of OK, BLOCKED and ERROR"),
        ("run_latin", "not UTF-8"),
        ("run_list", "no object"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, why: str) -> None:
    with pytest.raises(UnreadableRunFile, match=why):
        read(f"2025-08-20/{name}.json")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"status":"OK","notes":"\\ud800","run_id":"a"}', "lone surrogate"),
        ('{"status":"OK","run_id":"a"}', "no time"),
        ("[" * 100_000, "nested too deeply"),
        ('{"status":"OK"}', "no run_id"),
    ],
)
def test_more_that_cannot_be_read(text: str, why: str) -> None:
    with pytest.raises(UnreadableRunFile, match=why):
        read_run_file("somewhere/not an id.json" if "run_id" in why else "x/a.json", text.encode())


def test_content_that_is_too_long_is_represented_by_its_digest() -> None:
    long = {"run_id": "a", "status": "OK", "trace": ["x" * 1000] * 400, "notes": "short"}
    legacy = json.loads(read_run_file("2025-01-01/a.json", json.dumps(long).encode()).legacy)
    assert (legacy["notes"], set(legacy["trace"])) == ("short", {"characters", "sha256"})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["run_id", "status", "decision", "hashes", "outputs", "mode", "tool_id", "created_at_utc", "meta"]
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES | st.text(max_size=8), VALUES, max_size=8), st.sampled_from(["OK", "BLOCKED", "ERROR"]))
def test_whatever_a_file_holds_it_can_be_recorded_or_it_is_refused(fields: dict[str, object], status: str) -> None:
    data = json.dumps({**fields, "status": status}).encode()
    try:
        run = read_run_file("2025-01-01/run_1.json", data)
    except UnreadableRunFile:
        return
    assert len(run.legacy) <= MAX_LEGACY_CHARACTERS
    canonical_bytes({"decision": run.decision.model_dump(mode="json"), "legacy": run.legacy, "hashes": run.hashes})
    assert "\x00" not in run.legacy


def test_a_file_of_very_many_long_fields_is_not_written_over_and_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too long is measured by a running total: the work grows with the file, not with its square."""
    fields = {f"field_{number}": "x" * 2000 for number in range(500)}
    data = json.dumps({"run_id": "run_1", "created_at_utc": "2025-08-19T14:03:22Z", "status": "OK", **fields}).encode()
    written = list[int]()
    write = legacy._json

    def counted(value: object) -> str:
        text = write(value)
        written.append(len(text))
        return text

    monkeypatch.setattr(legacy, "_json", counted)
    run = read_run_file("2025-08-19/run_1.json", data)
    assert len(run.legacy) <= MAX_LEGACY_CHARACTERS
    assert sum(written) < 4 * len(data)
    kept = json.loads(run.legacy)
    assert kept.keys() == fields.keys()
    long = [name for name, value in kept.items() if value != fields[name]]
    assert all(kept[name]["characters"] == 2002 for name in long)
    one_more = {**kept, long[-1]: fields[long[-1]]}
    assert len(write(one_more)) > MAX_LEGACY_CHARACTERS
