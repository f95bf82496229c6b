"""The ring, the filter and the frame: laws without a server."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.canonical import canonical_bytes
from contracts.examples import examples
from contracts.log import CandidateBound, RunOpened
from services.gateway.feed.event import FeedEvent, Filter, feed_event
from services.gateway.feed.ring import Ring


def an_event(position: int, size: int = 10) -> FeedEvent:
    return FeedEvent(position, "rmos.run_opened.v1", frozenset(), frozenset(), b"x" * size)


def positions(events: list[FeedEvent]) -> list[int]:
    return [event.position for event in events]


@given(
    st.integers(0, 1000),
    st.lists(st.integers(0, 40), max_size=30),
    st.integers(1, 50),
    st.integers(1, 2000),
    st.integers(1, 20),
)
@settings(max_examples=150)
def test_a_ring_keeps_the_newest_within_its_bounds_and_nothing_is_skipped(
    head: int, batches: list[int], max_events: int, max_bytes: int, limit: int
) -> None:
    ring = Ring(head, max_events, max_bytes)
    for size in batches:
        ring.append([an_event(ring.head + 1 + step, 50) for step in range(size)])
        held = positions(ring.after(ring.floor, 10_000))
        assert held == list(range(ring.floor + 1, ring.head + 1))
        assert len(held) <= max_events
        assert len(held) * 50 <= max(max_bytes, 50)
    assert ring.head == head + sum(batches)
    position, seen = ring.floor, []
    while page := ring.after(position, limit):
        assert len(page) <= limit
        seen += positions(page)
        position = page[-1].position
    assert seen == list(range(ring.floor + 1, ring.head + 1))


async def test_a_ring_never_hands_out_over_a_gap() -> None:
    ring = Ring(0, 100, 10_000)
    ring.append([an_event(1), an_event(2), an_event(5), an_event(6)])
    assert (ring.floor, ring.head) == (4, 6)
    assert positions(ring.after(4, 10)) == [5, 6]


async def test_a_position_ahead_of_the_log_waits() -> None:
    ring = Ring(3, 100, 10_000)
    ring.append([an_event(4)])
    assert ring.after(9, 10) == []


def test_a_frame_is_one_event_with_its_position_as_id_and_the_record_unchanged() -> None:
    recorded = canonical_bytes(examples()[CandidateBound])
    headers = {"ce-id": "event_1", "ce-time": "t", "x-request-id": "req_1", "x-actor": '{"id":"designer"}'}
    event = feed_event(12, CandidateBound.type, headers, recorded)
    lines = event.frame.decode().split("\n")
    assert lines[0] == "id: 12"
    assert lines[2:] == ["", ""]
    data = lines[1].removeprefix("data: ")
    assert recorded.decode() in data
    shown = orjson.loads(data)
    assert (shown["position"], shown["type"], shown["event_id"]) == (12, "rmos.candidate_bound.v1", "event_1")
    assert shown["actor"] == {"id": "designer"}


def opened(run_id: str, session_id: str | None = None) -> FeedEvent:
    event = examples()[RunOpened].model_copy(update={"run_id": run_id, "workflow_session_id": session_id})
    return feed_event(1, RunOpened.type, {}, canonical_bytes(event))


def of_run(run_id: str) -> FeedEvent:
    return feed_event(2, "rmos.attachment_added.v1", {}, canonical_bytes({"run_id": run_id}))


def test_a_run_filter_finds_the_run_also_inside_an_artifact() -> None:
    bound = feed_event(1, CandidateBound.type, {}, canonical_bytes({"artifact": {"run_id": "r1"}}))
    assert Filter(run_id="r1").wants(bound)
    assert not Filter(run_id="r2").wants(bound)


def test_a_session_filter_follows_the_runs_that_the_session_opens() -> None:
    wanted = Filter(session_id="s1", session_runs={"r0"})
    assert [wanted.wants(event) for event in (of_run("r0"), of_run("r1"))] == [True, False]
    assert wanted.wants(opened("r1", "s1"))
    assert not wanted.wants(opened("r2", "s2"))
    assert [wanted.wants(of_run(run)) for run in ("r1", "r2")] == [True, False]


def test_a_type_filter_is_a_prefix_and_filters_add_up() -> None:
    assert Filter(type_prefix="rmos.").wants(of_run("r1"))
    assert not Filter(type_prefix="ai.").wants(of_run("r1"))
    assert not Filter(type_prefix="rmos.run_", run_id="r1").wants(of_run("r1"))
    assert Filter(type_prefix="rmos.attachment", run_id="r1").wants(of_run("r1"))


def test_a_fact_without_a_run_passes_only_where_no_run_is_asked_for() -> None:
    fact = feed_event(1, "ai.call_completed.v1", {}, canonical_bytes({"call_id": "call_1"}))
    assert Filter().wants(fact)
    assert not Filter(run_id="r1").wants(fact)
    assert not Filter(session_id="s1", session_runs={"r1"}).wants(fact)
