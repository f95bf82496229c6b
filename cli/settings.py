"""What the command line reads from its environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from runtime.settings import Settings


class CliSettings(Settings):
    home: Annotated[Path, Field(alias="RMOS_HOME")] = Path(".rmos")
    """Folder of the embedded stack: data, state, logs."""


class BusSettings(Settings):
    """Access to a bus that this machine's stack does not run; a password on the command line would show in `ps`."""

    url: Annotated[str | None, Field(alias="RMOS_NATS_URL")] = None
    user: Annotated[str | None, Field(alias="RMOS_NATS_USER")] = None
    password: Annotated[str | None, Field(alias="RMOS_NATS_PASSWORD", repr=False)] = None


def home_of(option: Path | None) -> Path:
    """The folder given on the command line, else RMOS_HOME, else `.rmos` where one stands; absolute."""
    return (option or CliSettings.read().home).expanduser().resolve()


def user_environment() -> dict[str, str]:
    """All of it, for `rmos up` to hand on: each process gets its own part (runtime.embedded.environments)."""
    return dict(os.environ)
