"""A real stack as a user starts it: `rmos up`, in a temporary home."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cli.client import Api
from runtime.embedded.ports import free_port


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack and how to get in."""

    home: Path

    @property
    def state(self) -> dict[str, Any]:
        """stack.json as it stands now: pids change when something is restarted."""
        read: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        return read

    @property
    def url(self) -> str:
        return str(self.state["url"])

    def key(self, role: str) -> str:
        return str(self.state["api_keys"][role])

    def pid(self, name: str) -> int:
        return int(self.state["pids"][name])

    def api(self, role: str = "admin") -> Api:
        return Api(self.url, self.key(role))

    def client(self, role: str = "admin", timeout_s: float = 60) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.key(role)}"}
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=timeout_s, limits=limits)


async def wait_for_readiness(
    client: httpx.AsyncClient, stack: Stack, victim: str, old_pid: int, patience_s: float
) -> None:
    """Until the victim has a new pid and the whole system says that it is ready."""
    give_up = time.monotonic() + patience_s
    while time.monotonic() < give_up:
        try:
            if stack.pid(victim) != old_pid and (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError(f"{victim} did not come back")


def start_stack(home: Path) -> subprocess.Popen[str]:
    """`rmos up` on this home; returns once its ready line is printed. Its port is its own: others start meanwhile."""
    command = [
        sys.executable,
        "-m",
        "cli.app",
        "up",
        "--home",
        str(home),
        "--provider",
        "offline",
        "--port",
        str(free_port()),
    ]
    log = (home.parent / f"{home.name}.log").open("w")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    if not process.stdout.readline():
        process.wait(timeout=60)
        raise AssertionError(f"rmos up failed:\n{Path(log.name).read_text()[-4000:]}")
    return process


def stop_stack(process: subprocess.Popen[str]) -> int:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGTERM)
    return process.wait(timeout=60)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A new home; what is left in it must pass the audit, then it is stopped and gone."""
    with tempfile.TemporaryDirectory(prefix="rmos-e2e-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        process = start_stack(home)
        try:
            yield Stack(home)
            audit_what_is_left(home)
        finally:
            status = stop_stack(process)
        assert status == 0


def audit_what_is_left(home: Path) -> None:
    """`rmos audit verify` finds nothing to say against the record."""
    command = [sys.executable, "-m", "cli.app", "audit", "verify", "--home", str(home)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, f"{found.stdout[-4000:]}{found.stderr[-1000:]}"
