"""The quick way to hash rows gives what the plain one gives, for every text a row can hold."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.rmos.audit.rows import LogRow, entry_of_row, leaves_of
from services.rmos.domain.leaf import leaf_of

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30) | st.sampled_from(
    ['"', "\\", "a\nb", "\x7f", "\u2028", "null", "{}", "é"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, min_size=7, max_size=7), st.none() | TEXT, st.binary(max_size=50), st.integers(0, 2**40))
def test_rows_hash_alike_on_both_ways(texts: list[str], cause: str | None, data: bytes, number: int) -> None:
    stream, event_id, type_, time, actor, request_id, command_id = texts
    row = LogRow(
        *(number, stream, 3, event_id, type_, time, actor, request_id, command_id, 1, bytes(32), cause, number, data),
        bytes(32),
    )
    assert leaves_of([row]) == [leaf_of(entry_of_row(row))]
