"""CPU work outside the event loop: a pool of worker processes that survives the death of a worker."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from contracts.errors import ErrorCode, RmosError

P = ParamSpec("P")
R = TypeVar("R")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _follow_parent() -> None:
    """A worker ends with its service: SIGINT is the service's to handle, SIGKILL when the service dies (Linux)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _noop() -> int:
    return os.getpid()


class WorkerPool:
    """Runs picklable functions in `workers` processes."""

    def __init__(self, workers: int, preload: tuple[str, ...] = ()) -> None:
        """`preload` names modules that every worker imports before its first job."""
        self._workers = max(1, workers)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(preload))
        self._executor = self._fresh()

    def _fresh(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._workers, mp_context=self._context, initializer=_follow_parent)

    async def warm_up(self) -> None:
        """Start every worker now, so that the first caller does not wait for imports."""
        await asyncio.gather(*(self.run(_noop) for _ in range(self._workers)))

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result; its exceptions pass through. A worker that dies is UNAVAILABLE (retryable)."""
        if kwargs:
            raise TypeError("pass positional arguments to a pooled function")
        executor = self._executor
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, function, *args)
        except BrokenProcessPool as error:
            if self._executor is executor:
                self._executor = self._fresh()
                executor.shutdown(wait=False, cancel_futures=True)
            raise RmosError(ErrorCode.UNAVAILABLE, "a worker process died during this job; ask again") from error

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
