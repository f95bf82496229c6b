"""Keeps child processes running: starts them in order, restarts what ends or hangs, stops them in reverse order."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from runtime.embedded.errors import EmbeddedError, ServerStartFailed
from runtime.embedded.process import Command, kill_group, log_tail, spawn, stop

Probe = Callable[[], Awaitable[bool]]
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient the supervisor is.

    The first restart follows at once; each failure doubles the pause up to `longest_pause_s`, which stays far below
    the 10 s within which a killed process has to be back. A process that lived `stable_after_s` starts from the first
    pause again. One that does not answer its probe `max_silent_probes` times in a row is killed and started again.
    """

    first_pause_s: float = 0.1
    longest_pause_s: float = 2.0
    stable_after_s: float = 10.0
    start_timeout_s: float = 120.0
    probe_every_s: float = 3.0
    max_silent_probes: int = 8


@dataclass(frozen=True, slots=True)
class Child:
    """What to keep running. `command` is asked before every start and may prepare files (it runs in a thread);
    `probe` says whether the process answers. `slow_start` is for servers that recover their data first, for as long as
    it takes: killing them in the middle would only begin it again."""

    name: str
    command: Callable[[], Command]
    probe: Probe | None = None
    slow_start: bool = False


@dataclass(slots=True)
class ChildState:
    """`starts` counts all of them; `failures` those in a row that ended before `stable_after_s`."""

    child: Child
    command: Command | None = None
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    failures: int = 0
    ready: bool = False
    last_exit: int | None = None
    keeper: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        return None if self.process is None or self.process.poll() is not None else self.process.pid


class Supervisor:
    """Runs in the event loop of the main thread (see `spawn` for why). `changed` is called whenever a pid changed,
    `say` with one line for a person about every unexpected end."""

    def __init__(self, changed: Callable[[], None], say: Callable[[str], None], timing: Timing | None = None) -> None:
        self._changed = changed
        self._say = say
        self._timing = timing or Timing()
        self._stages: list[list[ChildState]] = []
        self._stopping = False

    @property
    def children(self) -> tuple[ChildState, ...]:
        """In the order of their start."""
        return tuple(state for stage in self._stages for state in stage)

    async def start(self, stage: Sequence[Child], *, wait: bool = True) -> None:
        """Starts these together and keeps them running; with `wait`, returns when each has answered its probe.

        Raises ServerStartFailed when one that is waited for is not ready in time or ends five times before.
        """
        states = [ChildState(child) for child in stage]
        self._stages.append(states)
        for state in states:
            state.keeper = asyncio.create_task(self._keep(state), name=f"keep-{state.child.name}")
        if wait:
            await asyncio.gather(*(self._until_ready(state) for state in states))

    async def stop(self) -> None:
        """Stops everything, the last stage first."""
        self._stopping = True
        for stage in reversed(self._stages):
            await asyncio.gather(*(self._end(state) for state in stage))
        self._stages.clear()

    async def failed(self) -> None:
        """Returns never, or raises what ended a keeper: a defect here must not leave a process without one."""
        keepers = [state.keeper for state in self.children if state.keeper is not None]
        await asyncio.gather(*keepers)

    async def _until_ready(self, state: ChildState, give_up_after: int = 5) -> None:
        deadline = time.monotonic() + self._timing.start_timeout_s
        while not state.ready:
            if state.keeper is not None and state.keeper.done():
                state.keeper.result()
            if state.failures >= give_up_after or time.monotonic() > deadline:
                raise start_failure(state)
            await asyncio.sleep(_POLL_S)

    async def _keep(self, state: ChildState) -> None:
        while not self._stopping:
            started = time.monotonic()
            ending = await self._run_once(state)
            lived_s = time.monotonic() - started
            state.failures = 1 if lived_s >= self._timing.stable_after_s else state.failures + 1
            pause_s = min(self._timing.longest_pause_s, self._timing.first_pause_s * 2 ** min(state.failures - 1, 16))
            self._say(f"{state.child.name} {ending} after {lived_s:.1f} s; starting it again in {pause_s:.1f} s")
            await asyncio.sleep(pause_s)

    async def _run_once(self, state: ChildState) -> str:
        """Starts the process and returns how it ended. What keeps it from starting (a full disk, say) is an ending."""
        try:
            state.command = await asyncio.to_thread(state.child.command)
            state.process = spawn(state.command)
        except (OSError, EmbeddedError) as error:
            return f"could not be started: {error}"
        state.starts += 1
        self._changed()
        await self._watch(state, state.process)
        state.ready = False
        state.last_exit = state.process.wait()
        kill_group(state.process.pid)
        return f"ended with status {state.last_exit}"

    async def _watch(self, state: ChildState, process: subprocess.Popen[bytes]) -> None:
        """Returns when the process has ended. Ends it by SIGKILL when it is not ready in time or stays silent."""
        probing = None if state.child.probe is None else asyncio.create_task(self._probe(state, process))
        state.ready = probing is None
        try:
            while process.poll() is None:
                if probing is not None and probing.done():
                    probing.result()
                await asyncio.sleep(_POLL_S)
        finally:
            if probing is not None:
                probing.cancel()

    async def _probe(self, state: ChildState, process: subprocess.Popen[bytes]) -> None:
        probe, started, silent = state.child.probe, time.monotonic(), 0
        assert probe is not None
        while True:
            answered = await probe()
            state.ready = state.ready or answered
            silent = 0 if answered else silent + 1
            late = not state.ready and time.monotonic() > started + self._timing.start_timeout_s
            too_slow = late and not state.child.slow_start
            if too_slow or (state.ready and silent >= self._timing.max_silent_probes):
                self._say(f"{state.child.name} does not answer; killing it")
                process.kill()
            await asyncio.sleep(self._timing.probe_every_s if state.ready else _POLL_S)

    async def _end(self, state: ChildState) -> None:
        if state.keeper is not None:
            state.keeper.cancel()
            await asyncio.gather(state.keeper, return_exceptions=True)
        if state.process is not None and state.command is not None:
            await asyncio.to_thread(stop, state.process, state.command)


def start_failure(state: ChildState) -> ServerStartFailed:
    """Why this child is not ready, with the end of its log."""
    if state.command is None:
        raise EmbeddedError(f"{state.child.name} could not be started")
    reason = "not ready in time" if state.pid else f"it ended {state.failures} times, last with {state.last_exit}"
    return ServerStartFailed(state.child.name, reason, state.command.log_path, log_tail(state.command.log_path))
