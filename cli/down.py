"""`rmos down`: stops the stack of a home cleanly."""

from __future__ import annotations

import os
import signal
import sys

import typer

from cli.options import Home
from cli.settings import home_of
from runtime.embedded import stack_state
from runtime.embedded.process import wait_until

_STOP_TIMEOUT_S = 60.0


def down(home: Home = None) -> None:
    """Stop the running stack and wait until it is gone; nothing running is fine. Data stay."""
    folder = home_of(home)
    # Right after its start a supervisor holds the lock before the lock names it.
    wait_until(lambda: stack_state.supervisor_pid(folder) is not None or not stack_state.is_running(folder), 2.0)
    pid = stack_state.supervisor_pid(folder)
    if pid is None:
        leftovers = stack_state.stop_leftovers(folder)
        print(f"stopped {', '.join(leftovers)}" if leftovers else f"no stack is running in {folder}")
        return
    os.kill(pid, signal.SIGTERM)
    if not stack_state.wait_until_stopped(folder, _STOP_TIMEOUT_S):
        print(
            f"rmos: process {pid} has not stopped after {_STOP_TIMEOUT_S:g} s; see {folder / 'logs'}", file=sys.stderr
        )
        raise typer.Exit(1)
    print(f"stopped the stack in {folder}")
