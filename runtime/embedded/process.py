"""Starting and stopping one child process: its own session, its log file, and death together with its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_LOG_LIMIT_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Command:
    """How one process is started and stopped.

    `env` is the complete environment: nothing is inherited, so no process sees a neighbour's credentials. `user` is a
    (uid, gid) to change to, for a server that refuses to run as root. `stop_signal` asks for a clean end;
    `parent_death_signal` is what the kernel sends when the parent dies without a word (Linux).
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log_path: Path
    cwd: Path | None = None
    user: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    parent_death_signal: signal.Signals = signal.SIGKILL
    stop_timeout_s: float = field(default=10.0)


def spawn(command: Command) -> subprocess.Popen[bytes]:
    """The started process, leader of its own session, writing to its log file.

    Call it from the main thread: the kernel sends the parent-death signal when the *thread* that forked ends.
    """
    rotate_log(command.log_path)
    user, group = command.user or (None, None)
    with command.log_path.open("ab") as log:
        return subprocess.Popen(
            command.argv,
            env=dict(command.env),
            cwd=command.cwd,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(command.parent_death_signal),  # noqa: PLW1509 - one prctl call, no locks taken
        )


def die_with_parent(death_signal: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A function to call in a freshly forked child (after it changed its user, which clears the setting)."""
    parent = os.getpid()

    def arm() -> None:
        if _LIBC is None:  # macOS has no such call; the next `rmos up` stops what was left over
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # the parent died before the call: its signal will never come
            os._exit(1)

    return arm


def stop(process: subprocess.Popen[bytes], command: Command) -> None:
    """Ends the process: politely, then by SIGKILL; and kills what is left of its session (pool workers)."""
    if process.poll() is None:
        process.send_signal(command.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(command.stop_timeout_s)
    if process.poll() is None:
        process.kill()
        process.wait()
    kill_group(process.pid)


def kill_group(pid: int) -> None:
    """Kills what is left of the session that `pid` led; nothing left is fine."""
    with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        os.killpg(pid, signal.SIGKILL)


def rotate_log(path: Path) -> None:
    """Moves a log above 10 MiB aside (one generation), at a start, when nobody writes to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".1"))


def log_tail(path: Path, since: int = 0) -> str:
    """The end of a log, at most 4000 bytes, nothing before byte `since`; empty when there is no log."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        end = log.seek(0, os.SEEK_END)
        log.seek(max(since if since <= end else 0, end - _TAIL_BYTES))
        return log.read().decode("utf-8", "replace")


def wait_until(condition: Callable[[], bool], timeout_s: float, interval_s: float = 0.02) -> bool:
    """Whether `condition` came true before the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_s)
    return True
