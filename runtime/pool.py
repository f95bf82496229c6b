"""CPU work outside the event loop: worker processes, each asked over a socket of its own (docs/decisions/0011).

No thread stands between the event loop and a worker, so a job costs two wake-ups beside its own time. Job and outcome
are pickles behind their length in eight bytes.
"""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import pickle
import signal
import socket
import struct
import sys
import traceback
from collections import deque
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any, BinaryIO, ParamSpec, TypeVar

from contracts.errors import ErrorCode, RmosError

P = ParamSpec("P")
R = TypeVar("R")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LENGTH = struct.Struct("!Q")
_CHUNK = 256 << 10


class WorkerPool:
    """Runs picklable functions in `workers` processes. They start when there is something to do."""

    def __init__(self, workers: int, preload: tuple[str, ...] = ()) -> None:
        """`preload` names modules that every worker imports before its first job."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(preload))
        self._workers = [_Worker(context) for _ in range(max(1, workers))]
        self._idle = list(self._workers)
        self._waiting: deque[asyncio.Future[_Worker]] = deque()
        self._closed = False

    async def warm_up(self) -> None:
        """Start every worker now, so that the first caller does not wait for imports."""
        taken: list[_Worker] = []
        try:
            for _ in self._workers:
                taken.append(await self._taken())
                await _outcome_of(taken[-1], os.getpid)
        finally:
            for worker in taken:
                self._give_back(worker)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result; its exceptions pass through. A worker that dies is UNAVAILABLE (retryable).

        Jobs begin in the order they were asked for. One whose caller is cancelled is ended with its worker.
        """
        if kwargs:
            raise TypeError("pass positional arguments to a pooled function")
        worker = await self._taken()
        try:
            return await _outcome_of(worker, function, *args)
        finally:
            self._give_back(worker)

    def close(self) -> None:
        """End every process. Who waits for one, or asks from now on, is told UNAVAILABLE."""
        self._closed = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(_stopping())
        for worker in self._workers:
            worker.kill()  # who waits for its answer reads the end of it, and closes the socket
        for worker in self._idle:
            worker.end()

    async def _taken(self) -> _Worker:
        if self._closed:
            raise _stopping()
        if self._idle:
            return self._idle.pop()  # the one that worked last: its caches are warm
        turn: asyncio.Future[_Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back(turn.result())
            raise

    def _give_back(self, worker: _Worker) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return
        self._idle.append(worker)


async def _outcome_of(worker: _Worker, function: Callable[..., R], *args: Any) -> R:
    job = pickle.dumps((function, args), pickle.HIGHEST_PROTOCOL)
    try:
        succeeded, outcome = pickle.loads(await worker.answer(job))  # noqa: S301 - from our own process
    except (OSError, EOFError) as error:
        raise RmosError(ErrorCode.UNAVAILABLE, "a worker process died during this job; ask again") from error
    if not succeeded:
        raise outcome
    result: R = outcome
    return result


def _stopping() -> RmosError:
    return RmosError(ErrorCode.UNAVAILABLE, "this service is stopping; ask again")


class _Worker:
    """One process at a time, started when it is needed and there is none."""

    def __init__(self, context: ForkServerContext) -> None:
        self._context = context
        self._running: tuple[BaseProcess, socket.socket] | None = None

    async def answer(self, job: bytes) -> bytes:
        """The pickled outcome. Raises OSError or EOFError when the process dies; unless it answers, it is ended."""
        loop = asyncio.get_running_loop()
        end = self._ready()
        answered = False
        try:
            await loop.sock_sendall(end, _LENGTH.pack(len(job)) + job)
            received = bytearray()
            while len(received) < _LENGTH.size or len(received) < _LENGTH.size + _LENGTH.unpack_from(received)[0]:
                chunk = await loop.sock_recv(end, _CHUNK)
                if not chunk:
                    raise EOFError
                received += chunk
            answered = True
        finally:
            if not answered:
                self.end()
        return bytes(memoryview(received)[_LENGTH.size :])

    def kill(self) -> None:
        """End the process, if there is one."""
        if self._running is not None and self._running[0].is_alive():
            self._running[0].kill()

    def end(self) -> None:
        """The same, and forget it. Only while nobody reads its answer."""
        self.kill()
        if self._running is not None:
            self._running[1].close()
            self._running = None

    def _ready(self) -> socket.socket:
        """The socket of a living process: one that died since its last job is replaced."""
        if self._running is not None and not _is_open(self._running[1]):
            self.end()
        if self._running is None:
            ours, theirs = socket.socketpair()
            with theirs:
                process = self._context.Process(target=_work, args=(theirs,), daemon=True)
                process.start()
            ours.setblocking(False)
            self._running = process, ours
        return self._running[1]


def _is_open(end: socket.socket) -> bool:
    """Whether the other end is still held. It has nothing to say between jobs."""
    try:
        return bool(end.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _work(asked: socket.socket) -> None:
    """The life of a worker process: until nobody holds the other end."""
    _follow_parent()
    with asked, asked.makefile("rb") as jobs:
        while (job := _next(jobs)) is not None:
            outcome = _outcome(job)
            asked.sendall(_LENGTH.pack(len(outcome)) + outcome)


def _next(jobs: BinaryIO) -> bytes | None:
    length = jobs.read(_LENGTH.size)
    return jobs.read(*_LENGTH.unpack(length)) if len(length) == _LENGTH.size else None


def _outcome(job: bytes) -> bytes:
    """Whether the function returned, and what it returned or raised."""
    try:
        function, args = pickle.loads(job)  # noqa: S301 - from the process that started this one
        return _pickled(True, function(*args))
    except Exception as error:  # noqa: BLE001 - the process edge: raised again in the caller
        return _failure(error)


def _failure(error: Exception) -> bytes:
    told = "".join(traceback.format_exception(error))
    error.add_note(f"in a worker process:\n{told}")
    try:
        return _pickled(False, error)
    except Exception:  # noqa: BLE001 - an exception may hold anything; its text still says what happened
        return _pickled(False, RuntimeError(told))


def _pickled(succeeded: bool, outcome: Any) -> bytes:
    return pickle.dumps((succeeded, outcome), pickle.HIGHEST_PROTOCOL)


def _follow_parent() -> None:
    """A worker ends with its service: SIGINT is the service's to handle, SIGKILL when the service dies (Linux)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
