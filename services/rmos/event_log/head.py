"""The newest position this process knows of, to wait on: the writer moves it, relay and projector follow."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Head:
    """Never goes back. Waiting is only a wake-up: who must not miss anything also looks into the log now and then."""

    def __init__(self) -> None:
        self.position = 0
        self._moved = asyncio.Event()
        self._waited_for = asyncio.Event()

    def advance(self, position: int) -> None:
        """The log has reached this position."""
        if position > self.position:
            self.position = position
            self._moved.set()
            self._moved = asyncio.Event()

    async def wait_beyond(self, position: int, timeout_s: float) -> bool:
        """Returns when there is something after this position (True), or after the time (False)."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.position <= position:
                    self._waited_for.set()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def pause(self, timeout_s: float) -> None:
        """For whoever moves this head: time for more to come in, cut short as soon as somebody waits for a move."""
        self._waited_for.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._waited_for.wait()
