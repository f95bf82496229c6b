"""Constraint searches on a real log, the real engine and a scripted model: every way to begin one and to end one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from contracts.ai import GenerateContent, GeneratedContent
from contracts.artifacts import ArtifactKind
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode
from contracts.log import LogEvent, RunOpened, SearchConcluded, SearchEnded, SearchProgressed, SearchStarted
from contracts.rmos import ArchiveSession, DeleteRun, OpenRun
from contracts.search import (
    AskSearch,
    AttemptOutcome,
    CancelSearch,
    ConstraintSearch,
    SearchAttempt,
    SearchBudget,
    SearchOutcome,
    SearchReply,
)
from runtime.logs import logger
from runtime.testing import DatabaseAccess
from services.rmos.domain import run as run_domain
from services.rmos.domain.search_record import result_in, stream_of
from services.rmos.handlers.search import MAX_LIVE, SearchHandlers
from tests.rmos.event_log.given import until
from tests.rmos.event_log.test_leadership import end_leader
from tests.rmos.handlers.shop import DORA, OTTO, SHOP, Shop, by, refused
from tests.rmos.search.given import CATALOG, WANTED, Failing, Hanging, OfflineDesigner

NEVER_GREEN = WANTED.model_copy(update={"tool_id": "flat_0_8"})
"""No table covers so small a cutter: YELLOW at best, so that every attempt of the budget is made."""


def searches(shop: Shop, designer: OfflineDesigner) -> SearchHandlers:
    return SearchHandlers(shop.desk, designer, lambda: CATALOG, shop.world.log, logger())


def asked(attempts: int = 4, **more: Any) -> ConstraintSearch:
    budget = SearchBudget(max_attempts=attempts, time_limit_seconds=60)
    return ConstraintSearch(**{"context": NEVER_GREEN, "search_budget": budget, "variant_seed": 7, **more})


async def record(shop: Shop, search_id: str) -> list[LogEvent]:
    return await shop.world.log.read_stream(stream_of(search_id))


async def tried(shop: Shop, search_id: str) -> list[SearchAttempt]:
    """The attempts that progress has put on record."""
    events = await record(shop, search_id)
    return [attempt for event in events if isinstance(event, SearchProgressed) for attempt in event.attempts]


async def end(shop: Shop, search_id: str) -> SearchEnded:
    """The one end of the search, which is its last event."""
    *before, last = await record(shop, search_id)
    assert isinstance(last, SearchEnded)
    assert not any(isinstance(event, SearchEnded) for event in before)
    return last


async def hanging_after(shop: Shop, answers: int, **more: Any) -> tuple[SearchHandlers, SearchReply]:
    """A search in the background whose model answers so often and then never again, once those attempts are shown."""
    handlers = searches(shop, Hanging(answers))
    begun = await handlers.search(asked(attempts=20, respond_async=True, **more), by(DORA))

    async def shown() -> bool:
        return len(await tried(shop, begun.search_id)) == answers

    await until(shown)
    return handlers, begun


async def deleted(shop: Shop, run_id: str) -> None:
    await shop.runs.delete_run(DeleteRun(run_id=run_id, cascade=True, force=True), by(OTTO))


# --- accepted


async def test_a_search_is_on_record_with_every_attempt_from_its_first_moment_to_its_end(shop: Shop) -> None:
    found = await searches(shop, OfflineDesigner()).search(asked(attempts=12), by(DORA))
    assert (found.state, found.outcome) == ("ended", SearchOutcome.CONCLUDED)
    assert found.result is not None
    assert [item.number for item in found.result.attempts] == list(range(1, 13))
    events = await record(shop, found.search_id)
    kinds = [SearchStarted, *[SearchProgressed] * 3, SearchEnded]
    assert [type(event) for event in events] == kinds
    assert tuple(await tried(shop, found.search_id)) == found.result.attempts
    in_run = await shop.world.log.read_stream(run_domain.stream_of(found.run_id))
    assert [type(event) for event in in_run] == [RunOpened, SearchConcluded]
    concluded = in_run[1]
    assert isinstance(concluded, SearchConcluded)
    assert concluded.artifact.artifact_id == found.artifact_id
    assert result_in(concluded.artifact) == found.result


async def test_in_a_session_s_run_the_context_is_completed_from_both(shop: Shop) -> None:
    session = await shop.opened_session(SHOP)
    run_id = await shop.opened_run(SHOP.model_copy(update={"tool_id": "flat_0_8"}), session.session_id)
    alone = {"target_inner_diameter_mm": 90, "target_outer_diameter_mm": 120, "channel_depth_mm": "1.5"}
    command = ConstraintSearch.model_validate(
        {"run_id": run_id, "context": alone, "search_budget": {"max_attempts": 2}, "variant_seed": 7}
    )
    found = await searches(shop, OfflineDesigner()).search(command, by(DORA))
    assert (found.run_id, found.session_id) == (run_id, session.session_id)
    started = (await record(shop, found.search_id))[0]
    assert isinstance(started, SearchStarted)
    context = started.search.context
    assert (context.tool_id, context.material_id) == ("flat_0_8", SHOP.material_id)
    assert context.stock_thickness_mm == SHOP.stock_thickness_mm


async def test_in_the_background_the_answer_comes_before_the_model_does(shop: Shop) -> None:
    handlers = searches(shop, Hanging(answers=0))
    begun = await handlers.search(asked(respond_async=True), by(DORA))
    assert (begun.state, begun.outcome, begun.progress) == ("running", None, None)
    await handlers.interrupt()


# --- rejected


async def nowhere(_: Shop) -> dict[str, Any]:
    return {"run_id": "run_that_is_not"}


async def in_no_session(_: Shop) -> dict[str, Any]:
    return {"session_id": "session_that_is_not"}


async def in_a_run_of_the_saw(shop: Shop) -> dict[str, Any]:
    return {"run_id": (await shop.runs.open_run(OpenRun(mode="saw"), by(DORA))).run_id}


async def in_a_run_of_another_session(shop: Shop) -> dict[str, Any]:
    one, other = await shop.opened_session(), await shop.opened_session()
    return {"run_id": await shop.opened_run(SHOP, one.session_id), "session_id": other.session_id}


async def in_a_run_of_no_session(shop: Shop) -> dict[str, Any]:
    return {"run_id": await shop.opened_run(), "session_id": (await shop.opened_session()).session_id}


async def in_an_archived_session(shop: Shop) -> dict[str, Any]:
    session_id = (await shop.opened_session()).session_id
    await shop.sessions.archive(ArchiveSession(session_id=session_id), by(OTTO))
    return {"session_id": session_id}


async def in_a_deleted_run(shop: Shop) -> dict[str, Any]:
    run_id = await shop.opened_run()
    await deleted(shop, run_id)
    return {"run_id": run_id}


async def without_a_machine(_: Shop) -> dict[str, Any]:
    return {"context": NEVER_GREEN.model_copy(update={"machine_id": None})}


async def with_an_unknown_tool(_: Shop) -> dict[str, Any]:
    return {"context": NEVER_GREEN.model_copy(update={"tool_id": "flat_9_9"})}


async def with_a_blade(_: Shop) -> dict[str, Any]:
    return {"context": NEVER_GREEN.model_copy(update={"tool_id": "saw_125_1_2_24"})}


async def with_a_ball_nose(_: Shop) -> dict[str, Any]:
    return {"context": NEVER_GREEN.model_copy(update={"tool_id": "ball_1_0"})}


async def on_a_saw(_: Shop) -> dict[str, Any]:
    return {"context": NEVER_GREEN.model_copy(update={"machine_id": "cnc_saw_precision"})}


async def in_pearl(_: Shop) -> dict[str, Any]:
    return {"context": NEVER_GREEN.model_copy(update={"material_id": "mother_of_pearl"})}


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (nowhere, ErrorCode.NOT_FOUND),
        (in_no_session, ErrorCode.NOT_FOUND),
        (in_a_deleted_run, ErrorCode.NOT_FOUND),
        (in_a_run_of_the_saw, ErrorCode.INVALID_REQUEST),
        (in_a_run_of_another_session, ErrorCode.INVALID_REQUEST),
        (in_a_run_of_no_session, ErrorCode.INVALID_REQUEST),
        (in_an_archived_session, ErrorCode.ILLEGAL_TRANSITION),
        (without_a_machine, ErrorCode.INVALID_REQUEST),
        (with_an_unknown_tool, ErrorCode.INVALID_REQUEST),
        (with_a_blade, ErrorCode.INVALID_REQUEST),
        (with_a_ball_nose, ErrorCode.INVALID_REQUEST),
        (on_a_saw, ErrorCode.INVALID_REQUEST),
        (in_pearl, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_what_may_not_be_searched_is_refused_and_nothing_is_recorded(
    shop: Shop, place: Callable[[Shop], Awaitable[dict[str, Any]]], code: ErrorCode
) -> None:
    designer, there = OfflineDesigner(), await place(shop)
    before = await shop.position()
    await refused(searches(shop, designer).search(asked(**there), by(DORA)), code)
    assert (await shop.position(), designer.asked) == (before, [])


async def full(shop: Shop, first: ConstraintSearch, request: RequestContext) -> tuple[SearchHandlers, SearchReply]:
    """As many searches as may run at a time, this one among them."""
    handlers = searches(shop, Hanging(answers=0))
    begun = await handlers.search(first, request)
    for _ in range(MAX_LIVE - 1):
        await handlers.search(asked(respond_async=True), by(DORA))
    return handlers, begun


async def test_one_search_too_many_is_refused_and_nothing_is_recorded(shop: Shop) -> None:
    handlers, begun = await full(shop, asked(respond_async=True), by(DORA))
    before = await shop.position()
    await refused(handlers.search(asked(), by(DORA)), ErrorCode.RATE_LIMITED)
    assert await shop.position() == before
    await handlers.cancel(CancelSearch(search_id=begun.search_id), by(DORA))
    await handlers.search(asked(respond_async=True), by(DORA))
    await handlers.interrupt()


# --- repeated


async def test_the_same_search_many_times_at_once_is_one(shop: Shop) -> None:
    designer = OfflineDesigner()
    handlers = searches(shop, designer)
    replies = await asyncio.gather(*(handlers.search(asked(), by(DORA, "key_1")) for _ in range(4)))
    assert all(reply == replies[0] for reply in replies)
    assert len(designer.asked) == 4
    assert await handlers.search(asked(), by(DORA, "key_1")) == replies[0]
    assert await shop.kinds(replies[0].run_id) == [ArtifactKind.CONSTRAINT_SEARCH]


async def test_a_repeated_search_is_the_first_one_though_its_session_is_over(shop: Shop) -> None:
    handlers, session = searches(shop, OfflineDesigner()), await shop.opened_session()
    command = asked(session_id=session.session_id)
    first = await handlers.search(command, by(DORA, "key_1"))
    await shop.sessions.archive(ArchiveSession(session_id=session.session_id), by(OTTO))
    assert await handlers.search(command, by(DORA, "key_1")) == first
    await refused(handlers.search(command, by(DORA)), ErrorCode.ILLEGAL_TRANSITION)


async def test_a_repeated_search_is_the_first_one_though_its_run_was_deleted(shop: Shop) -> None:
    handlers = searches(shop, OfflineDesigner())
    command = asked(run_id=await shop.opened_run())
    first = await handlers.search(command, by(DORA, "key_1"))
    await deleted(shop, first.run_id)
    assert await handlers.search(command, by(DORA, "key_1")) == first
    await refused(handlers.search(command, by(DORA)), ErrorCode.NOT_FOUND)
    await refused(handlers.status(AskSearch(search_id=first.search_id), by(DORA)), ErrorCode.NOT_FOUND)


async def test_a_repeated_search_is_the_first_one_though_as_many_run_as_may(shop: Shop) -> None:
    command, request = asked(respond_async=True), by(DORA, "key_1")
    handlers, first = await full(shop, command, request)
    assert await handlers.search(command, request) == first
    await handlers.interrupt()


async def test_a_repeated_search_fails_with_the_first_one_s_error(shop: Shop) -> None:
    designer = Failing(ErrorCode.AI_NOT_CONFIGURED)
    handlers = searches(shop, designer)
    first = await refused(handlers.search(asked(), by(DORA, "key_1")), ErrorCode.AI_NOT_CONFIGURED)
    before = await shop.position()
    again = await refused(handlers.search(asked(), by(DORA, "key_1")), ErrorCode.AI_NOT_CONFIGURED)
    assert again.body == first.body
    assert (await shop.position(), len(designer.asked)) == (before, 2)


# --- mismatch


@pytest.mark.parametrize("over", [False, True], ids=["open", "over"])
async def test_another_search_under_the_same_command_id_is_refused(shop: Shop, over: bool) -> None:
    handlers, session = searches(shop, OfflineDesigner()), await shop.opened_session()
    command = asked(session_id=session.session_id)
    await handlers.search(command, by(DORA, "key_1"))
    if over:
        await shop.sessions.archive(ArchiveSession(session_id=session.session_id), by(OTTO))
    before = await shop.position()
    other = command.model_copy(update={"variant_seed": 8})
    await refused(handlers.search(other, by(DORA, "key_1")), ErrorCode.IDEMPOTENCY_MISMATCH)
    assert await shop.position() == before


# --- cancelled


async def test_a_cancelled_search_keeps_its_attempts_those_under_way_included(shop: Shop) -> None:
    handlers, begun = await hanging_after(shop, answers=4)
    cancelled = await handlers.cancel(CancelSearch(search_id=begun.search_id), by(DORA))
    assert (cancelled.state, cancelled.outcome, cancelled.artifact_id) == ("ended", SearchOutcome.CANCELLED, None)
    attempts = (await end(shop, begun.search_id)).attempts
    assert attempts[:4] == tuple(await tried(shop, begun.search_id))
    assert [(item.number, item.outcome) for item in attempts[4:]] == [
        (number, AttemptOutcome.ABANDONED) for number in range(5, 9)
    ]
    assert await shop.kinds(begun.run_id) == []
    before = await shop.position()
    assert await handlers.cancel(CancelSearch(search_id=begun.search_id), by(OTTO)) == cancelled
    assert await shop.position() == before


async def test_a_concluded_search_is_not_cancelled_any_more(shop: Shop) -> None:
    handlers = searches(shop, OfflineDesigner())
    found = await handlers.search(asked(), by(DORA))
    assert await handlers.cancel(CancelSearch(search_id=found.search_id), by(DORA)) == found


async def test_a_search_that_there_is_not_is_neither_shown_nor_cancelled(shop: Shop) -> None:
    handlers = searches(shop, OfflineDesigner())
    await refused(handlers.status(AskSearch(search_id="search_0"), by(DORA)), ErrorCode.NOT_FOUND)
    await refused(handlers.cancel(CancelSearch(search_id="search_0"), by(DORA)), ErrorCode.NOT_FOUND)


# --- shown


async def test_every_process_shows_how_far_a_search_is(shop: Shop) -> None:
    handlers, begun = await hanging_after(shop, answers=4)
    shown = await searches(shop, OfflineDesigner()).status(AskSearch(search_id=begun.search_id), by(DORA))
    assert (shown.state, shown.outcome, shown.result) == ("running", None, None)
    assert shown.progress is not None
    assert (shown.progress.attempts, shown.progress.risk) == (4, "YELLOW")
    assert await handlers.status(AskSearch(search_id=begun.search_id), by(DORA)) == shown
    await handlers.interrupt()


async def test_a_search_without_an_end_is_shown_as_interrupted_once_its_time_is_long_over(shop: Shop) -> None:
    handlers, begun = await hanging_after(shop, answers=4)
    shop.clock.pass_days(1)
    elsewhere = await searches(shop, OfflineDesigner()).status(AskSearch(search_id=begun.search_id), by(DORA))
    assert (elsewhere.state, elsewhere.outcome) == ("ended", SearchOutcome.INTERRUPTED)
    here = await handlers.status(AskSearch(search_id=begun.search_id), by(DORA))
    assert (here.state, here.outcome) == ("running", None)
    await handlers.interrupt()


# --- failed


async def test_a_search_that_can_never_be_answered_fails_with_its_attempts_on_record(shop: Shop) -> None:
    handlers = searches(shop, Failing(ErrorCode.AI_NOT_CONFIGURED))
    begun = await handlers.search(asked(attempts=20, respond_async=True), by(DORA))

    async def ended() -> bool:
        return (await handlers.status(AskSearch(search_id=begun.search_id), by(DORA))).state == "ended"

    await until(ended)
    shown = await handlers.status(AskSearch(search_id=begun.search_id), by(DORA))
    assert shown.outcome is SearchOutcome.FAILED
    assert shown.error is not None
    assert shown.error.code is ErrorCode.AI_NOT_CONFIGURED
    attempts = (await end(shop, begun.search_id)).attempts
    assert [(item.outcome, item.error) for item in attempts] == [
        (AttemptOutcome.FAILED, ErrorCode.AI_NOT_CONFIGURED)
    ] * 4
    assert all(item.call_id for item in attempts)


class Defective(OfflineDesigner):
    """Answers the first round; the second one meets a defect."""

    async def generate(self, call: GenerateContent, request: RequestContext) -> GeneratedContent:
        if len(self.asked) >= 4:
            raise ZeroDivisionError
        return await super().generate(call, request)


async def test_a_defect_is_the_recorded_end_of_a_search_and_shows_nothing_of_itself(shop: Shop) -> None:
    handlers, run_id = searches(shop, Defective()), await shop.opened_run()
    error = await refused(handlers.search(asked(attempts=20, run_id=run_id), by(DORA)), ErrorCode.INTERNAL)
    assert "ZeroDivisionError" not in error.message
    position = await shop.position()
    last = (await shop.world.log.read_after(position - 1, 1))[0]
    ended = await end(shop, last.stream.removeprefix("search-"))
    assert (ended.outcome, ended.run_id) == (SearchOutcome.FAILED, run_id)
    assert [item.outcome for item in ended.attempts[4:]] == [AttemptOutcome.ABANDONED] * 4


# --- an outcome that cannot be recorded


async def test_a_search_whose_run_is_deleted_meanwhile_ends_as_failed_with_its_attempts(shop: Shop) -> None:
    run_id, handlers = await shop.opened_run(), searches(shop, OfflineDesigner())

    async def delete() -> None:
        await deleted(shop, run_id)

    shop.engine.meanwhile = delete
    begun = await handlers.search(asked(attempts=8, run_id=run_id, respond_async=True), by(DORA))

    async def ended() -> bool:
        return (await handlers.status(AskSearch(search_id=begun.search_id), by(DORA))).state == "ended"

    await until(ended)
    event = await end(shop, begun.search_id)
    assert event.outcome is SearchOutcome.FAILED
    assert event.error is not None
    assert (event.error.code, event.error.details["run_id"]) == (ErrorCode.NOT_FOUND, run_id)
    assert [item.number for item in event.attempts] == list(range(1, 9))


async def test_an_outage_of_the_log_costs_a_search_nothing(shop: Shop, database: DatabaseAccess) -> None:
    """The database ends the leader's session during the first round. Whether that round is recorded late or with the
    end depends on how soon there is a leader again; what was found does not."""
    first = shop.world.log.term
    assert first is not None

    def next_term() -> bool:
        return shop.world.log.term is not None and shop.world.log.term.epoch > first.epoch

    async def outage() -> None:
        await asyncio.to_thread(end_leader, database)
        await until(lambda: shop.world.log.term is None or next_term())

    shop.engine.meanwhile = outage
    found = await searches(shop, OfflineDesigner()).search(asked(), by(DORA))
    assert next_term()
    assert found.outcome is SearchOutcome.CONCLUDED
    assert found.result is not None
    assert [(item.number, item.outcome) for item in found.result.attempts] == [
        (number, AttemptOutcome.SCORED) for number in range(1, 5)
    ]
    assert (await end(shop, found.search_id)).artifact_id == found.artifact_id


# --- ended by another


async def test_the_next_leader_ends_a_dead_one_s_search_with_the_attempts_so_far(shop: Shop) -> None:
    """The first leader's tasks stand still, as those of a process that was killed."""
    dead, begun = await hanging_after(shop, answers=4)
    so_far = tuple(await tried(shop, begun.search_id))
    successor = searches(shop, OfflineDesigner())
    await successor.end_abandoned()
    ended = await end(shop, begun.search_id)
    assert (ended.outcome, ended.attempts) == (SearchOutcome.INTERRUPTED, so_far)
    assert [item.outcome for item in so_far] == [AttemptOutcome.SCORED] * 4
    await dead.interrupt()  # it was only paused, and would end its search now: the first end stays
    assert await end(shop, begun.search_id) == ended
    before = await shop.position()
    await successor.end_abandoned()
    assert await shop.position() == before


async def test_a_dead_leader_s_search_is_ended_with_its_attempts_by_whoever_cancels_it(shop: Shop) -> None:
    dead, begun = await hanging_after(shop, answers=4)
    so_far = tuple(await tried(shop, begun.search_id))
    shown = await searches(shop, OfflineDesigner()).cancel(CancelSearch(search_id=begun.search_id), by(OTTO))
    assert shown.outcome is SearchOutcome.INTERRUPTED
    assert (await end(shop, begun.search_id)).attempts == so_far
    await dead.interrupt()


async def test_a_leader_leaves_its_own_searches_alone(shop: Shop) -> None:
    handlers, begun = await hanging_after(shop, answers=4)
    before = await shop.position()
    await handlers.end_abandoned()
    assert await shop.position() == before
    await handlers.interrupt()
    ended = await end(shop, begun.search_id)
    assert (ended.outcome, len(ended.attempts)) == (SearchOutcome.INTERRUPTED, 8)
