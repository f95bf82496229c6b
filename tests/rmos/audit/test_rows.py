"""The quick way to hash rows gives what the plain one gives, for every text a row can hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rmos.audit.rows import LogRow, entry_of_row
from services.rmos.domain.leaf import leaf_of, leaves_of, prefixed_entries

PLAIN = st.text("abcXYZ019_-.:", max_size=30)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30) | st.sampled_from(
    ['"', "\\", "a\nb", "\x7f", "\u2028", "null", "{}", "é"]
)
ACTOR = st.sampled_from(['{"id":"ada","kind":"person","role":"designer"}', '{"id":"Zoë \\"Z\\""}'])


def rows(text: st.SearchStrategy[str], actor: st.SearchStrategy[str]) -> st.SearchStrategy[LogRow]:
    number = st.integers(0, 2**40)
    return st.builds(
        LogRow,
        *(number, text, st.integers(1, 2**31 - 1), text, text, text, actor, text, text, st.integers(0, 99)),
        *(st.binary(min_size=32, max_size=32), st.none() | text, number, st.binary(max_size=50), st.just(bytes(32))),
    )


@pytest.mark.parametrize("row", [rows(PLAIN, ACTOR), rows(TEXT, TEXT), rows(PLAIN, ACTOR) | rows(TEXT, TEXT)])
def test_rows_hash_alike_on_both_ways(row: st.SearchStrategy[LogRow]) -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(row, max_size=5))
    def alike(found: list[LogRow]) -> None:
        assert list(prefixed_entries(found)) == [b"\x00" + entry_of_row(each) for each in found]
        assert leaves_of(found) == [leaf_of(entry_of_row(each)) for each in found]

    alike()


@pytest.mark.parametrize("column", ["stream", "event_id", "type", "recorded_at_utc", "request_id", "command_id"])
@pytest.mark.parametrize(("text", "escaped"), [('a"b', 'a\\"b'), ("a\nb", "a\\nb"), ("a\\b", "a\\\\b")])
def test_a_row_that_spells_out_an_escape_does_not_hash_as_the_row_that_needs_it(
    column: str, text: str, escaped: str
) -> None:
    row = LogRow(1, "s", 1, "e", "t", "u", "{}", "r", "c", 0, bytes(32), None, 7, b"{}", bytes(32))
    assert leaves_of([row._replace(**{column: escaped})]) != leaves_of([row._replace(**{column: text})])
