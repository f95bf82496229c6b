"""Ids in their published spelling, logs one JSON object a line."""

from __future__ import annotations

import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from runtime.ids import ulid

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_the_specification_s_example_time_is_spelled_as_it_says() -> None:
    assert ulid(1469918176385, bytes(10)).startswith("01ARYZ6S41")  # github.com/ulid/spec, 01ARYZ6S41TSV4RRFFQ69G5FAV


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_id_is_its_number_in_base_32(milliseconds: int, randomness: bytes) -> None:
    text = ulid(milliseconds, randomness)
    number = 0
    for character in text:
        number = number * 32 + CROCKFORD.index(character)
    assert (len(text), number) == (26, (milliseconds << 80) | int.from_bytes(randomness, "big"))


def test_a_log_line_is_one_json_object_with_an_exception_inside_and_whatever_value() -> None:
    program = """
from runtime.logs import configure
log = configure("here")
log.info("said", value=object, number=1)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
log.debug("not said")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    said, failed = (json.loads(line) for line in run.stderr.splitlines())
    assert (said["event"], said["service"], said["level"], said["number"]) == ("said", "here", "info", 1)
    assert "ZeroDivisionError" in failed["exception"]
