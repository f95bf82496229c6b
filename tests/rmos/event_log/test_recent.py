"""What the leader keeps in memory of the log is what the database has, or it says that it does not know."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.testing import DatabaseAccess
from services.rmos.domain.leaf import entry_of_columns
from services.rmos.event_log import recent
from services.rmos.event_log.reader import LogReader
from services.rmos.event_log.recent import RecentRows
from services.rmos.event_log.stored import Row
from tests.rmos.event_log.given import leading, opened, referenced, request


def row(position: int, size: int = 1) -> Row:
    return (position, *("",) * 12, bytes(size), b"")


async def test_rows_in_memory_are_those_of_the_database(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn) as log, LogReader(database.reader_dsn) as reader:
        opening = [log.append(request(f"open-{n}", f"run-{n}", 0, opened(str(n)))) for n in range(20)]
        await asyncio.gather(*opening)
        await log.append(request("more", "run-3", 1, referenced("3"), referenced("3", "asset_2")))
        assert len(log.recent.after(0, 100) or []) == 22
        rows, prefixed = log.recent.hashed_after(0, 100) or ([], [])
        assert len(rows) == 22
        assert prefixed == [b"\x00" + entry_of_columns(row) for row in rows]
        for position, limit in ((0, 100), (0, 7), (5, 3), (21, 5), (22, 5)):
            assert await log.read_after(position, limit) == await reader.read_after(position, limit)


async def test_what_others_wrote_in_between_is_read_from_the_database(database: DatabaseAccess) -> None:
    async with leading(database.writer_dsn, "first") as first:
        await first.append(request("a", "run-a", 0, opened("a")))
    async with leading(database.writer_dsn, "second") as second:
        await second.append(request("b", "run-b", 0, opened("b")))
        assert second.recent.after(0, 10) is None
        assert [event.stream for event in await second.read_after(0, 10)] == ["run-a", "run-b"]


@given(st.lists(st.integers(1, 8), min_size=1, max_size=20), st.integers(-1, 200), st.integers(1, 50))
def test_it_answers_a_contiguous_piece_or_not_at_all(sizes: list[int], position: int, limit: int) -> None:
    kept, last = RecentRows(), 40
    for size in sizes:
        numbers = range(last + 1, last + size + 1)
        kept.extend([row(number) for number in numbers], [b"%d" % number for number in numbers])
        last += size
    found = kept.after(position, limit)
    hashed = kept.hashed_after(position, limit)
    assert hashed == (None if found is None else (found, [b"%d" % piece[0] for piece in found]))
    if 40 <= position < last:
        assert [piece[0] for piece in found or []] == list(range(position + 1, min(position + limit, last) + 1))
    else:
        assert found is None


def test_after_a_gap_only_the_newer_rows_are_known() -> None:
    kept = RecentRows()
    kept.extend([row(1), row(2)], [b"1", b"2"])
    kept.extend([row(5), row(6)], [b"5", b"6"])
    assert kept.after(0, 9) is None
    assert kept.hashed_after(4, 9) == ([row(5), row(6)], [b"5", b"6"])
    assert [piece[0] for piece in kept.after(4, 9) or []] == [5, 6]


@pytest.mark.parametrize(("rows", "size"), [(3 * recent.MAX_ROWS, 1), (40, recent.MAX_BYTES // 10)])
def test_only_so_much_is_kept(rows: int, size: int) -> None:
    kept = RecentRows()
    content = row(0, size)
    for position in range(1, rows + 1):
        kept.extend([(position, *content[1:])], [b""])
    assert kept.after(0, 1) is None
    assert [piece[0] for piece in kept.after(rows - 1, 1) or []] == [rows]
    assert len(kept._prefixed) == len(kept._rows) <= 2 * recent.MAX_ROWS
    assert sum(len(piece[13]) for piece in kept._rows) <= 2 * recent.MAX_BYTES
