"""The pool of worker processes: real processes, no doubles."""

from __future__ import annotations

import asyncio
import multiprocessing
import operator
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ErrorCode, RmosError
from runtime.pool import WorkerPool

LARGE = b"x" * 5_000_000


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(1)
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[WorkerPool]:
    made = WorkerPool(2)
    yield made
    made.close()


def refuse() -> None:
    raise RmosError(ErrorCode.INVALID_SPEC, "the third ring is too wide", ring=3)


def fail_with_a_generator() -> None:
    raise ValueError("text", (number for number in range(3)))


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.005)


def unpicklable() -> Any:
    return (number for number in range(3))


def ended(pid: int) -> bool:
    """Whether the process is gone, or a zombie that its parent has not asked about yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def wait_until_ended(pid: int) -> None:
    while not ended(pid):
        await asyncio.sleep(0.01)


async def test_a_job_runs_in_another_process(pool: WorkerPool) -> None:
    assert await pool.run(operator.add, 2, 3) == 5
    assert await pool.run(os.getpid) != os.getpid()


async def test_jobs_one_after_the_other_are_done_by_the_same_process(pair: WorkerPool) -> None:
    await pair.warm_up()
    assert len({await pair.run(os.getpid) for _ in range(5)}) == 1


async def test_a_warm_pool_has_every_process_running(pair: WorkerPool) -> None:
    before = set(multiprocessing.active_children())
    await pair.warm_up()
    assert len(set(multiprocessing.active_children()) - before) == 2


async def test_large_jobs_and_results_arrive_whole(pool: WorkerPool) -> None:
    assert await pool.run(operator.add, LARGE, b"y") == LARGE + b"y"


async def test_more_jobs_than_processes_are_all_done(pair: WorkerPool) -> None:
    jobs = (pair.run(operator.mul, number, 2) for number in range(50))
    assert await asyncio.gather(*jobs) == [2 * number for number in range(50)]


async def test_jobs_begin_in_the_order_they_were_asked_for(pool: WorkerPool, tmp_path: Path) -> None:
    names = [f"{number:02}" for number in range(10)]
    await asyncio.gather(*(pool.run(append_line, tmp_path / "order", name) for name in names))
    assert (tmp_path / "order").read_text().split() == names


def append_line(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")


async def test_an_error_of_the_job_is_raised_here_with_all_it_says(pool: WorkerPool) -> None:
    with pytest.raises(RmosError) as caught:
        await pool.run(refuse)
    assert (caught.value.code, caught.value.details) == (ErrorCode.INVALID_SPEC, {"ring": 3})


async def test_an_error_names_the_line_in_the_worker(pool: WorkerPool) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        await pool.run(operator.truediv, 1, 0)
    assert "function(*args)" in "".join(caught.value.__notes__)


async def test_an_error_that_cannot_travel_is_told_in_words(pool: WorkerPool) -> None:
    with pytest.raises(RuntimeError, match="fail_with_a_generator"):
        await pool.run(fail_with_a_generator)
    assert await pool.run(operator.add, 2, 3) == 5


async def test_a_result_that_cannot_travel_is_an_error_of_that_job(pool: WorkerPool) -> None:
    with pytest.raises(TypeError, match="cannot pickle 'generator'"):
        await pool.run(unpicklable)
    assert await pool.run(operator.add, 2, 3) == 5


async def test_a_worker_that_dies_costs_its_own_job_only(pair: WorkerPool) -> None:
    lasting = asyncio.create_task(pair.run(time.sleep, 0.3))
    await asyncio.sleep(0)
    with pytest.raises(RmosError) as caught:
        await pair.run(os._exit, 1)
    assert (caught.value.code, caught.value.body.retryable) == (ErrorCode.UNAVAILABLE, True)
    await lasting
    assert await pair.run(operator.add, 2, 3) == 5


async def test_a_worker_that_died_while_nothing_was_to_do_is_replaced_unnoticed(pool: WorkerPool) -> None:
    before = await pool.run(os.getpid)
    os.kill(before, signal.SIGKILL)
    await wait_until_ended(before)
    assert await pool.run(os.getpid) != before


async def test_a_job_nobody_waits_for_any_more_is_ended(pool: WorkerPool) -> None:
    worker = await pool.run(os.getpid)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pool.run(time.sleep, 3600)
    await wait_until_ended(worker)
    assert await pool.run(operator.add, 2, 3) == 5


async def test_a_job_cancelled_before_its_turn_takes_nothing(pool: WorkerPool, tmp_path: Path) -> None:
    first = asyncio.create_task(pool.run(wait_for, tmp_path / "go"))
    second, third = (asyncio.create_task(pool.run(operator.add, number, 3)) for number in (1, 2))
    await asyncio.sleep(0.01)
    second.cancel()
    (tmp_path / "go").touch()
    assert await third == 5
    await first
    assert second.cancelled()


async def test_a_job_cancelled_as_its_turn_comes_gives_the_turn_on(pool: WorkerPool, tmp_path: Path) -> None:
    async def first() -> None:
        await pool.run(wait_for, tmp_path / "go")
        second.cancel()  # it has the turn by now and does not know

    ending = asyncio.create_task(first())
    second, third = (asyncio.create_task(pool.run(operator.add, number, 3)) for number in (1, 2))
    await asyncio.sleep(0.01)
    (tmp_path / "go").touch()
    assert await third == 5
    await ending
    assert second.cancelled()


async def test_a_closing_pool_answers_who_works_waits_and_comes_later(pool: WorkerPool) -> None:
    worker = await pool.run(os.getpid)
    working = asyncio.create_task(pool.run(time.sleep, 3600))
    waiting = asyncio.create_task(pool.run(operator.add, 2, 3))
    await asyncio.sleep(0.01)
    pool.close()
    outcomes = await asyncio.gather(working, waiting, pool.run(operator.add, 2, 3), return_exceptions=True)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == [ErrorCode.UNAVAILABLE] * 3
    await wait_until_ended(worker)


def test_a_pool_serves_one_event_loop_after_another(pair: WorkerPool) -> None:
    async def many() -> list[int]:
        return await asyncio.gather(*(pair.run(operator.mul, number, 2) for number in range(5)))

    assert asyncio.run(many()) == asyncio.run(many())


async def test_named_arguments_are_refused(pool: WorkerPool) -> None:
    with pytest.raises(TypeError, match="positional"):
        await pool.run(int, "7", base=8)
