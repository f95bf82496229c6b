"""What a running stack tells the world: a lock, `stack.json` for clients, `processes.json` for the next start."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.embedded.errors import HomeNotWritable
from runtime.embedded.private_files import write_private
from runtime.embedded.process import kill_group, wait_until
from runtime.embedded.process_identity import start_mark

_LOCK, _STACK, _PROCESSES = "stack.lock", "stack.json", "processes.json"
_POSTGRES_STOP_S = 10.0
_ASKING_S = 0.3  # is_running() holds the lock for a moment, which is not the same as running
_OWNER_ONLY = 0o700
_WITH_CONTENT = ("logs", "nats", "s3")
"""Folders of a home whose files say what was designed and decided; PostgreSQL closes its own."""


class DashboardLogin(BaseModel):
    """A NATS user that may only read LOG; replies to it go below `inbox_prefix`."""

    model_config = ConfigDict(frozen=True)

    user: str
    password: str
    inbox_prefix: str


class OperatorLogin(BaseModel):
    """The NATS user of `rmos bus`: reads DEAD, takes letters out of it and sends them again."""

    model_config = ConfigDict(frozen=True)

    user: str
    password: str


class S3Access(BaseModel):
    """`endpoint` is `host:port`, plain HTTP."""

    model_config = ConfigDict(frozen=True)

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str
    region: str


class StackFile(BaseModel):
    """`stack.json`: how to reach a running stack. `postgres_dsn` belongs to a read-only role."""

    model_config = ConfigDict(frozen=True)

    url: str
    api_keys: dict[str, str]
    nats_url: str
    dashboard: DashboardLogin
    operator: OperatorLogin | None = None
    """None in a file that an older version wrote."""
    postgres_dsn: str
    s3: S3Access
    checkpoint_vkey: str = ""
    """The public key that the log's checkpoints are signed with now."""
    retired_checkpoint_vkeys: tuple[str, ...] = ()
    pids: dict[str, int]


class ProcessRecord(BaseModel):
    """A process we started: with its start mark a pid names it for ever (pids are used again)."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    start_mark: str | None
    starts: int


class AlreadyRunning(Exception):
    """Another process holds this home's lock."""


def make_home(home: Path) -> None:
    """The folder, there and writable; what holds content in it is its owner's alone, and so is a home that is new.

    A folder that somebody else keeps other things in stays as open as it is. Raises HomeNotWritable.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not any(home.iterdir()):
            home.chmod(_OWNER_ONLY)
        for name in _WITH_CONTENT:
            (home / name).mkdir(exist_ok=True)
            (home / name).chmod(_OWNER_ONLY)
        probe = home / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise HomeNotWritable(home, error.strerror or str(error)) from None


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Holds the home's lock, which names this process; the kernel lets go of it however the process ends.

    Raises AlreadyRunning.
    """
    with open(os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as lock:
        if not wait_until(lambda: _try_lock(lock), _ASKING_S):
            raise AlreadyRunning
        lock.truncate()
        lock.write(json.dumps({"pid": os.getpid(), "start_mark": start_mark(os.getpid())}))
        lock.flush()
        try:
            yield
        finally:
            lock.seek(0)
            lock.truncate()


def _try_lock(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_running(home: Path) -> bool:
    """Whether a supervisor holds this home's lock now."""
    try:
        with (home / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def supervisor_pid(home: Path) -> int | None:
    """The process that holds the lock; None when nobody does (or the file does not say, just after a start)."""
    if not is_running(home):
        return None
    with suppress(OSError, ValueError, KeyError):
        holder = json.loads((home / _LOCK).read_bytes())
        if start_mark(holder["pid"]) == holder["start_mark"]:
            return int(holder["pid"])
    return None


def write_stack_file(home: Path, stack: StackFile) -> None:
    write_private(home / _STACK, stack.model_dump_json(indent=2))


def read_stack_file(home: Path) -> StackFile | None:
    """How to reach the stack of this home; None when it never got that far or was stopped."""
    try:
        return StackFile.model_validate_json((home / _STACK).read_bytes())
    except (OSError, ValidationError):
        return None


def write_processes(home: Path, records: list[ProcessRecord]) -> None:
    write_private(home / _PROCESSES, json.dumps([record.model_dump() for record in records], indent=2))


def read_processes(home: Path) -> list[ProcessRecord]:
    try:
        return [ProcessRecord.model_validate(item) for item in json.loads((home / _PROCESSES).read_bytes())]
    except (OSError, ValueError):
        return []


def forget(home: Path) -> None:
    """After a clean stop nothing points at processes that are gone."""
    (home / _STACK).unlink(missing_ok=True)
    (home / _PROCESSES).unlink(missing_ok=True)


def stop_leftovers(home: Path) -> list[str]:
    """Stops what a killed supervisor left behind; the names of what had to be stopped.

    Only a process whose pid *and* start mark are the recorded ones is ours to stop. Postgres gets time for a clean
    shutdown, which Linux has already asked it for when the supervisor died.
    """
    leftovers = [record for record in read_processes(home) if _lives(record)]
    for record in leftovers:
        with suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGINT if record.name == "postgres" else signal.SIGKILL)
    for record in leftovers:
        if not wait_until(lambda record=record: not _lives(record), timeout_s=_POSTGRES_STOP_S):  # type: ignore[misc]
            with suppress(ProcessLookupError):
                os.kill(record.pid, signal.SIGKILL)
        kill_group(record.pid)
    return [record.name for record in leftovers]


def _lives(record: ProcessRecord) -> bool:
    return record.start_mark is not None and start_mark(record.pid) == record.start_mark


def wait_until_stopped(home: Path, timeout_s: float) -> bool:
    """Whether the supervisor let go of the lock in time."""
    return wait_until(lambda: not is_running(home), timeout_s, interval_s=0.1)
