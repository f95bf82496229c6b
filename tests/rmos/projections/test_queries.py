"""Queries see everything appended before them, filter, and page without losing or repeating anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from contracts.artifacts import ArtifactKind, AttachmentKind
from contracts.errors import ErrorCode, RmosError
from contracts.feasibility import CuttingContext, RiskLevel
from contracts.log import RunOpened
from contracts.rmos import (
    AskArtifact,
    AskAttachment,
    AskRun,
    AskSession,
    ListArtifacts,
    ListRunAttachments,
    ListRunEvents,
    ListRuns,
    ListSessions,
)
from contracts.sessions import SessionState
from runtime.testing import DatabaseAccess
from services.rmos.projections.cursors import cursor_for, position_in
from services.rmos.projections.queries import ProjectionQueries
from services.rmos.projections.reading import CurrentReader
from tests.rmos.projections.given import (
    FULL,
    World,
    artifact,
    attached,
    bound,
    run_opened,
    some_history,
    world,
)


async def refused(question: Any) -> RmosError:
    with pytest.raises(RmosError) as caught:
        await question
    return caught.value


async def ids(live: World, **filters: Any) -> list[str]:
    return [run.run_id for run in (await live.queries.runs(ListRuns(**filters))).items]


async def test_a_run_is_its_opening_and_its_latest_decision(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        (position,) = await live.append(run_opened("1", "session_9"))
        fresh = await live.queries.run(AskRun(run_id="1"))
        assert (fresh.status, fresh.risk_level, fresh.position, fresh.opened_by) == ("OPEN", None, position, "ada")
        assert (fresh.context, fresh.workflow_session_id, fresh.label) == (FULL, "session_9", "label of 1")
        await live.append(attached("1", AttachmentKind.SVG, "a"))
        await live.append(bound("1", "artifact_1", RiskLevel.RED))
        await live.append(bound("1", "artifact_2", RiskLevel.YELLOW))
        decided = await live.queries.run(AskRun(run_id="1"))
        assert (decided.status, decided.risk_level, decided.score) == ("OK", RiskLevel.YELLOW, Decimal("81.5"))
        assert (decided.artifact_count, decided.attachment_count) == (2, 1)
        assert (decided.last_artifact_id, decided.last_kind) == ("artifact_2", ArtifactKind.ART_STUDIO_CANDIDATE)
        assert decided.block_reason is None
        assert decided.created_at_utc == fresh.created_at_utc < decided.updated_at_utc


async def test_what_does_not_exist_is_not_found(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        digest = "a" * 64
        questions = [
            live.queries.run(AskRun(run_id="x")),
            live.queries.artifact(AskArtifact(artifact_id="x")),
            live.queries.session(AskSession(session_id="x")),
            live.queries.artifacts(ListArtifacts(run_id="x")),
            live.queries.attachments(ListRunAttachments(run_id="x")),
            live.queries.attachment(AskAttachment(run_id="x", attachment_id=digest)),
            live.queries.run_events(ListRunEvents(run_id="x")),
            live.queries.content(digest),
        ]
        assert [(await refused(question)).code for question in questions] == [ErrorCode.NOT_FOUND] * 8
        assert (await live.queries.runs(ListRuns(include_total=True))).total == 0


async def test_each_filter_of_the_list_of_runs(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        await some_history(live)
        await live.append(run_opened("other_tool", None, CuttingContext(tool_id="flat_1_0_long")))
        await live.append(run_opened("wild", None, CuttingContext(tool_id="flatx1")))
        every = ["wild", "other_tool", *(f"run_{number}" for number in range(5, -1, -1))]
        assert await ids(live) == every
        assert await ids(live, mode="saw") == ["run_5", "run_3", "run_1"]
        assert await ids(live, status="OPEN") == ["wild", "other_tool", "run_5", "run_4", "run_3"]
        assert await ids(live, status="BLOCKED") == ["run_2", "run_1"]
        assert await ids(live, risk_level=RiskLevel.RED) == ["run_1"]
        assert await ids(live, session_id="session_1") == ["run_0"]
        assert await ids(live, kind=ArtifactKind.ART_STUDIO_CANDIDATE) == ["run_2", "run_1", "run_0"]
        assert await ids(live, kind=ArtifactKind.TOOLPATHS) == ["run_0"]
        assert await ids(live, tool_id="vbit") == ["run_0"]  # of its latest decision
        assert await ids(live, tool_id="flat_") == [name for name in every if name not in {"wild", "run_0"}]
        assert await ids(live, tool_id="flat_1_0_") == ["other_tool"]
        assert await ids(live, kind=ArtifactKind.ART_STUDIO_CANDIDATE, mode="saw", status="BLOCKED") == ["run_1"]
        run_3 = await live.queries.run(AskRun(run_id="run_3"))
        assert (await ids(live, from_utc=run_3.created_at_utc))[-1] == "run_3"
        assert (await ids(live, to_utc=run_3.created_at_utc))[0] == "run_3"
        assert await ids(live, day=run_3.created_at_utc[:10], to_utc=run_3.created_at_utc) == [
            "run_3",
            "run_2",
            "run_1",
            "run_0",
        ]
        assert await ids(live, day="2001-01-01") == []
        page = await live.queries.runs(ListRuns(mode="saw", limit=1, include_total=True))
        assert (page.total, len(page.items)) == (3, 1)
        assert (await live.queries.runs(ListRuns(mode="saw"))).total is None


async def test_paging_visits_every_run_once_while_runs_are_added(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        for number in range(25):
            await live.append(run_opened(f"old_{number}"))
        writing = True

        async def write() -> None:
            number = 0
            while writing:
                await live.append(run_opened(f"new_{number}"))
                number += 1

        writer = asyncio.create_task(write())
        seen: list[str] = []
        page = await live.queries.runs(ListRuns(limit=4))
        while True:
            seen += [run.run_id for run in page.items]
            if page.next_cursor is None:
                break
            page = await live.queries.runs(ListRuns(limit=4, cursor=page.next_cursor))
        writing = False
        await writer
        assert len(seen) == len(set(seen))
        assert [name for name in seen if name.startswith("old_")] == [f"old_{number}" for number in range(24, -1, -1)]


async def test_the_last_page_has_no_cursor_even_when_it_is_full(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        for number in range(4):
            await live.append(run_opened(f"run_{number}"))
        first = await live.queries.runs(ListRuns(limit=2))
        last = await live.queries.runs(ListRuns(limit=2, cursor=first.next_cursor))
        assert [len(first.items), len(last.items), last.next_cursor] == [2, 2, None]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "%%%", "cnVuczo", cursor_for("sessions", 4), "cnVuczotNA", "cnVuczrCsg", cursor_for("runs", 4) + "\n"],
)
async def test_a_cursor_of_no_page_is_refused(cursor: str) -> None:
    with pytest.raises(RmosError) as caught:
        position_in("runs", cursor)
    assert caught.value.code is ErrorCode.INVALID_REQUEST


def test_a_cursor_holds_its_position() -> None:
    assert position_in("runs", cursor_for("runs", 2**53)) == 2**53
    assert position_in("runs", None) is None


async def test_artifacts_of_a_run_newest_first_and_each_as_it_was_recorded(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        await live.append(run_opened("1"))
        for number in range(3):
            await live.append(bound("1", f"artifact_{number}", RiskLevel.RED if number == 1 else RiskLevel.GREEN))
        first = await live.queries.artifacts(ListArtifacts(run_id="1", limit=2, include_total=True))
        assert [item.artifact_id for item in first.items] == ["artifact_2", "artifact_1"]
        assert (first.total, first.items[1].block_reason, first.items[1].status) == (3, "too thin", "BLOCKED")
        last = await live.queries.artifacts(ListArtifacts(run_id="1", limit=2, cursor=first.next_cursor))
        assert ([item.artifact_id for item in last.items], last.next_cursor) == (["artifact_0"], None)
        recorded = artifact("1", "artifact_1", RiskLevel.RED, ArtifactKind.ART_STUDIO_CANDIDATE, "flat_1_0")
        assert (await live.queries.artifact(AskArtifact(artifact_id="artifact_1"))).artifact == recorded


async def pages_of_attachments(live: World, limit: int) -> AsyncIterator[str]:
    cursor = None
    while True:
        page = await live.queries.attachments(ListRunAttachments(run_id="1", cursor=cursor, limit=limit))
        yield "".join(item.attachment_id[0] for item in page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


async def test_attachments_in_order_by_kind_and_by_digest(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        await live.append(run_opened("1"), run_opened("2"))
        await live.append(attached("1", AttachmentKind.SVG, "a"), attached("1", AttachmentKind.SPEC, "b"))
        await live.append(attached("1", AttachmentKind.SVG, "c"), attached("1", AttachmentKind.OTHER, "a"))

        async def kinds(kind: AttachmentKind | None) -> list[str]:
            found = await live.queries.attachments(ListRunAttachments(run_id="1", kind=kind))
            return [f"{item.kind.value}:{item.attachment_id[0]}" for item in found.items]

        assert await kinds(None) == ["svg:a", "spec:b", "svg:c", "other:a"]
        assert await kinds(AttachmentKind.SVG) == ["svg:a", "svg:c"]
        assert await kinds(AttachmentKind.PNG) == []
        assert (await live.queries.attachments(ListRunAttachments(run_id="2"))).items == ()
        for limit, pages in ((1, ["a", "b", "c", "a"]), (3, ["abc", "a"]), (4, ["abca"]), (5, ["abca"])):
            assert [page async for page in pages_of_attachments(live, limit)] == pages
        counted = ListRunAttachments(run_id="1", kind=AttachmentKind.SVG, offset=1, limit=1, include_total=True)
        found = await live.queries.attachments(counted)
        assert ([item.attachment_id[0] for item in found.items], found.total, found.next_cursor) == (["c"], 2, None)
        foreign = ListRunAttachments(run_id="1", cursor=cursor_for("artifacts", 3))
        assert (await refused(live.queries.attachments(foreign))).code is ErrorCode.INVALID_REQUEST
        prefixed = AskAttachment(run_id="1", attachment_id="att-" + "a" * 64)
        newest = await live.queries.attachment(prefixed)
        assert (newest.kind, newest.metadata) == (AttachmentKind.OTHER, {"by": "hand"})
        assert (await live.queries.content("a" * 64)).sha256 == "a" * 64
        elsewhere = AskAttachment(run_id="2", attachment_id="a" * 64)
        assert (await refused(live.queries.attachment(elsewhere))).code is ErrorCode.NOT_FOUND


async def test_a_session_shows_its_design_its_approval_and_what_may_follow(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        await some_history(live)
        done = (await live.queries.session(AskSession(session_id="session_1"))).session
        assert (done.state, done.run_id, done.version) == (SessionState.TOOLPATHS_READY, "run_0", 7)
        assert (done.design_sha256, done.feasibility_sha256) == ("d" * 64, "f" * 64)
        assert (done.approved_by, done.approval_artifact_id) == ("operator", "artifact_0")
        assert (done.toolpaths_artifact_id, done.score) == ("artifact_3", Decimal("81.5"))
        assert "request_toolpaths" in done.allowed
        assert "approve" not in done.allowed
        back = (await live.queries.session(AskSession(session_id="session_2"))).session
        assert (back.state, back.approved_by) == (SessionState.DESIGN_REVISION_REQUIRED, None)
        listed = await live.queries.sessions(ListSessions(include_total=True, limit=1))
        assert ([item.session_id for item in listed.items], listed.total) == (["session_2"], 2)
        rest = await live.queries.sessions(ListSessions(cursor=listed.next_cursor))
        assert [item.session_id for item in rest.items] == ["session_1"]
        by_state = await live.queries.sessions(ListSessions(state=SessionState.TOOLPATHS_READY))
        assert [item.session_id for item in by_state.items] == ["session_1"]


async def test_the_events_of_a_run_include_its_sessions_decisions_and_page_in_order(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        await some_history(live)
        types: list[str] = []
        cursor = None
        while True:
            page = await live.queries.run_events(ListRunEvents(run_id="run_0", limit=3, cursor=cursor))
            types += [event.type for event in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert types == [
            RunOpened.type,
            "rmos.attachment_added.v1",
            "rmos.attachment_added.v1",
            "rmos.candidate_bound.v1",
            "rmos.session_design_set.v1",
            "rmos.session_feasibility_requested.v1",
            "rmos.session_feasibility_stored.v1",
            "rmos.session_approved.v1",
            "rmos.session_toolpaths_requested.v1",
            "rmos.toolpaths_decided.v1",
            "rmos.session_toolpaths_stored.v1",
        ]


async def test_queries_go_on_after_the_database_ended_their_connections(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        await live.append(run_opened("1"))
        await asyncio.gather(*(live.queries.run(AskRun(run_id="1")) for _ in range(8)))
        with psycopg.connect(database.superuser_dsn) as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rmos-projections'"
            )
        answers = await asyncio.gather(*(live.queries.run(AskRun(run_id="1")) for _ in range(8)))
        assert {run.run_id for run in answers} == {"1"}


async def test_a_follower_answers_with_what_the_leader_appended(database: DatabaseAccess) -> None:
    async with world(database.writer_dsn) as live:
        follower = ProjectionQueries(CurrentReader(live.engine))  # knows no projector: it looks at the cursor
        for number in range(20):
            await live.append(run_opened(f"run_{number}"))
            assert (await follower.run(AskRun(run_id=f"run_{number}"))).run_id == f"run_{number}"
