"""Telling whether a pid still is the process we once started: pids are used again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def command_line(pid: int) -> str | None:
    """The command line of a running process, arguments joined by spaces; None when there is none (or a zombie)."""
    if sys.platform == "linux":
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        return raw.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace") or None
    return _ps(pid, "command=")


def start_mark(pid: int) -> str | None:
    """When the process started, in the system's own spelling: with the pid it names one process for ever.

    None when no such process runs. Linux: start in clock ticks after boot, with the boot's id; elsewhere `ps`.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # proc(5): the command name before it may hold spaces
        return None if fields[0] == "Z" else f"{boot}/{fields[19]}"
    return _ps(pid, "lstart=")


def _ps(pid: int, column: str) -> str | None:
    found = subprocess.run(["/bin/ps", "-p", str(pid), "-o", column], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
