"""What the three embedded servers have in common: prepared files, one command, a readiness probe, start and stop."""

from __future__ import annotations

import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from runtime.embedded.errors import PortInUse, ServerStartFailed
from runtime.embedded.ports import port_is_free
from runtime.embedded.process import Command, log_tail, spawn, stop, wait_until

_RETRY_PAUSE_S = 0.1


class EmbeddedServer(ABC):
    """One server on a loopback port with its data under `home`.

    Start it in a test or a script with start() and stop(); the supervisor uses prepare(), command() and is_ready() and
    owns the process itself. A server that was killed starts again on the same data.
    """

    name: str
    # Log lines after which another try on the same data can succeed, because a killed predecessor still lets go.
    retry_reasons: tuple[str, ...] = ()

    def __init__(self, home: Path, port: int, *, log_path: Path | None = None) -> None:
        self.home = home.resolve()
        self.port = port
        self.log_path = log_path or self.home / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._command: Command | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Makes folders, configuration and first data; safe to repeat. Raises EmbeddedError."""

    @abstractmethod
    def command(self) -> Command:
        """How the server process is started; prepare() must have run."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server answers its own protocol now; never raises, returns within about 2 s."""

    @property
    def pid(self) -> int:
        """The process started by start(). Raises RuntimeError before that."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    def start(self, timeout_s: float = 30.0) -> None:
        """Prepares and starts the server; returns when it is ready. Raises PortInUse, ServerStartFailed."""
        self.prepare()
        self._command = self.command()
        deadline = time.monotonic() + timeout_s
        while (failure := self._try_start(self._command, deadline)) is not None:
            if time.monotonic() > deadline or not any(text in str(failure) for text in self.retry_reasons):
                raise failure
            time.sleep(_RETRY_PAUSE_S)

    def _try_start(self, command: Command, deadline: float) -> ServerStartFailed | None:
        """None when the server is ready; otherwise why not, and no process is left. Raises PortInUse."""
        if not wait_until(lambda: port_is_free(self.port), timeout_s=2.0):
            raise PortInUse(self.port, self.name)
        since = self.log_path.stat().st_size if self.log_path.exists() else 0
        process = self._process = spawn(command)
        wait_until(lambda: process.poll() is not None or self.is_ready(), deadline - time.monotonic())
        if process.poll() is None and self.is_ready():
            return None
        reason = "not ready in time" if process.poll() is None else f"it ended with status {process.poll()}"
        stop(process, command)
        return ServerStartFailed(self.name, reason, self.log_path, log_tail(self.log_path, since))

    def stop(self) -> None:
        """Ends the server cleanly; stopping one that does not run is fine."""
        if self._process is not None and self._command is not None:
            stop(self._process, self._command)
