"""A file that is touched while the process' event loop runs: what a container's health check looks at."""

from __future__ import annotations

import asyncio
from pathlib import Path

EVERY_S = 3.0


async def beat(file: Path, every_s: float = EVERY_S) -> None:
    """Touch the file again and again until cancelled. A loop that hangs, or a process that ended, touches no more."""
    while True:
        file.touch()  # noqa: ASYNC240 - it must run in the very loop that it shows alive
        await asyncio.sleep(every_s)
