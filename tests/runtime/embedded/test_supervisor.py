"""The supervisor with small real processes: restarts, back-off, hung processes, order of stopping, no orphans."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.embedded.errors import EmbeddedError, ServerStartFailed
from runtime.embedded.process import Command, wait_until
from runtime.embedded.process_identity import start_mark
from runtime.embedded.supervisor import Child, Supervisor, Timing

LIVE = "import time\nwhile True: time.sleep(60)"
QUICK = Timing(first_pause_s=0.01, longest_pause_s=0.05, start_timeout_s=20, probe_every_s=0.05, max_silent_probes=3)


def python(tmp_path: Path, name: str, code: str) -> Command:
    return Command(name, (sys.executable, "-c", code), {"PATH": ""}, tmp_path / f"{name}.log", stop_timeout_s=5)


@asynccontextmanager
async def supervising(said: list[str] | None = None) -> AsyncIterator[Supervisor]:
    lines = [] if said is None else said
    supervisor = Supervisor(lambda: None, lines.append, QUICK)
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
    assert condition(), what


async def test_a_child_killed_by_9_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervising(said) as supervisor:
        await supervisor.start([Child("lives", lambda: python(tmp_path, "lives", LIVE))])
        [state] = supervisor.children
        first = state.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: state.pid not in (first, None), "a new process")
        assert state.starts == 2
    assert "lives ended with status -9" in said[0]


async def test_a_child_that_ends_by_itself_with_success_is_started_again(tmp_path: Path) -> None:
    async with supervising() as supervisor:
        await supervisor.start([Child("ends", lambda: python(tmp_path, "ends", "pass"))], wait=False)
        [state] = supervisor.children
        await until(lambda: state.starts >= 3, "three starts")
        assert state.last_exit == 0


async def test_a_start_that_fails_again_and_again_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    child = Child("fails", lambda: python(tmp_path, "fails", "raise SystemExit('no such table')"), never)
    async with supervising() as supervisor:
        with pytest.raises(ServerStartFailed, match="no such table"):
            await supervisor.start([child])


async def test_what_keeps_a_child_from_starting_is_said_and_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    tries: list[int] = []

    def command() -> Command:
        tries.append(1)
        if len(tries) < 3:
            raise EmbeddedError("the disk is full")
        return python(tmp_path, "late", LIVE)

    async with supervising(said) as supervisor:
        await supervisor.start([Child("late", command)])
        assert len(tries) == 3
    assert all("the disk is full" in line for line in said[:2])


async def test_a_child_that_stops_answering_is_killed_and_started_again(tmp_path: Path) -> None:
    answering = True

    async def probe() -> bool:
        return answering

    async with supervising() as supervisor:
        await supervisor.start([Child("hangs", lambda: python(tmp_path, "hangs", LIVE), probe)])
        [state] = supervisor.children
        answering = False
        await until(lambda: state.last_exit == -signal.SIGKILL, "the silent process killed")
        answering = True
        await until(lambda: state.ready and state.starts == 2, "ready again")


@pytest.mark.parametrize(("slow_start", "killed"), [(False, True), (True, False)])
async def test_a_child_that_never_gets_ready_is_killed_unless_it_may_recover_slowly(
    tmp_path: Path, slow_start: bool, killed: bool
) -> None:
    probes: list[int] = []

    async def never() -> bool:
        probes.append(1)
        return False

    supervisor = Supervisor(lambda: None, lambda _: None, Timing(start_timeout_s=0.1, first_pause_s=0.01))
    child = Child("slow", lambda: python(tmp_path, "slow", LIVE), never, slow_start)
    try:
        with pytest.raises(ServerStartFailed, match=r"not ready in time|ended"):
            await supervisor.start([child])
        asked = len(probes)
        await until(lambda: len(probes) > asked + 3, "asked again after the timeout")
        [state] = supervisor.children
        assert (state.starts > 1) is killed
    finally:
        await supervisor.stop()


async def test_stopping_goes_in_reverse_order(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    open({order!r}, 'a').write({name!r} + ' ')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nopen({up!r}, 'w')\n"
        "while True: time.sleep(60)"
    )
    async with supervising() as supervisor:
        for name in ("server", "service", "gateway"):
            up = tmp_path / f"{name}.up"
            text = code.format(order=str(order), name=name, up=str(up))
            await supervisor.start([Child(name, lambda name=name, text=text: python(tmp_path, name, text))])
            await until(up.exists, f"{name} is up")
    assert order.read_text().split() == ["gateway", "service", "server"]


async def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    up = tmp_path / "up"
    code = f"import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen({str(up)!r}, 'w')\ntime.sleep(60)"
    stubborn = Command("stubborn", (sys.executable, "-c", code), {}, tmp_path / "log", stop_timeout_s=0.2)
    async with supervising() as supervisor:
        await supervisor.start([Child("stubborn", lambda: stubborn)])
        await until(up.exists, "it ignores SIGTERM now")
        [state] = supervisor.children
    assert state.pid is None


async def test_workers_of_a_killed_child_do_not_stay(tmp_path: Path) -> None:
    written = tmp_path / "worker"
    code = (
        "import subprocess, sys, time\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {LIVE!r}])\n"
        f"open({str(written)!r} + '.new', 'w').write(str(worker.pid))\n"
        f"import os; os.rename({str(written)!r} + '.new', {str(written)!r})\n"
        "time.sleep(60)"
    )
    async with supervising() as supervisor:
        await supervisor.start([Child("pool", lambda: python(tmp_path, "pool", code))])
        [state] = supervisor.children
        await until(written.exists, "the worker runs")
        worker = int(written.read_text())
        assert start_mark(worker) is not None
        assert state.pid is not None
        os.kill(state.pid, signal.SIGKILL)
        await until(lambda: start_mark(worker) is None, "the worker is gone")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal exists on Linux only")
def test_children_die_with_a_supervisor_killed_by_9(tmp_path: Path) -> None:
    script = f"""
import asyncio, pathlib, sys
from runtime.embedded.process import Command
from runtime.embedded.supervisor import Child, Supervisor
async def main():
    command = Command("c", (sys.executable, "-c", {LIVE!r}), {{}}, pathlib.Path({str(tmp_path / "log")!r}))
    supervisor = Supervisor(lambda: None, print)
    await supervisor.start([Child("c", lambda: command)])
    print(supervisor.children[0].pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        assert start_mark(child) is not None
        supervisor.kill()
    assert wait_until(lambda: start_mark(child) is None, timeout_s=10)
