"""`rmos demo`: the main job end to end, on a running stack or on one that it starts for itself."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.client import Api, ApiError
from cli.journey import Outcome, Wish, travel, write_files

DEFAULT_PROMPT = "gothic rosette, twelve petals, 110 mm"
START_PATIENCE_S = 120
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the system is and with which keys; designer and operator may be the same key."""

    url: str
    designer_key: str
    operator_key: str


class StackDidNotStart(Exception):
    """The stack that the demo started for itself ended or did not get ready; the message shows its last words."""


def demo(
    prompt: Annotated[str, typer.Argument(help="What the rosette should be.")] = DEFAULT_PROMPT,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("out/demo"),
    home: Annotated[Path, typer.Option(envvar="RMOS_HOME", help="Data of the embedded stack.")] = Path(".rmos"),
    post: Annotated[str, typer.Option(help="Controller: grbl or linuxcnc.")] = "grbl",
    material: Annotated[str, typer.Option(help="Material of the top (catalog id).")] = "spruce_sitka",
    tool: Annotated[str, typer.Option(help="Cutter (catalog id).")] = "flat_1_0",
    machine: Annotated[str, typer.Option(help="Machine (catalog id).")] = "shapeoko_4_xxl",
    stock_thickness_mm: Annotated[float, typer.Option(help="Thickness of the top, mm.")] = 2.8,
    provider: Annotated[str | None, typer.Option(help="AI provider; the system's default otherwise.")] = None,
    seed: Annotated[int | None, typer.Option(help="Variant seed; a fresh one otherwise.")] = None,
    diameter_mm: Annotated[float | None, typer.Option(help="Outer diameter, mm.")] = None,
    url: Annotated[str | None, typer.Option(help="A running system elsewhere.")] = None,
    key: Annotated[str | None, typer.Option(envvar="RMOS_API_KEY", help="Its API key (role admin).")] = None,
) -> None:
    """Design, judge, approve and toolpath one rosette; write drawing, program, plan, provenance and a summary."""
    wish = Wish(prompt, material, tool, machine, stock_thickness_mm, post, provider, seed, diameter_mm)
    try:
        with (
            _access(url, key, home) as access,
            Api(access.url, access.designer_key) as designer,
            Api(access.url, access.operator_key) as operator,
        ):
            outcome = travel(wish, designer, operator, f"demo-{secrets.token_hex(8)}", _say)
            files = write_files(outcome, wish, operator, out)
    except (ApiError, StackDidNotStart, OSError) as error:
        console.print(f"[red]demo failed:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    _finish(outcome, files, out)


def _say(step: str, result: str) -> None:
    console.print(f"[green]✓[/green] {step:<16} {result}", highlight=False, soft_wrap=True)


def _finish(outcome: Outcome, files: list[Path], out: Path) -> None:
    typer.echo(f"{len(files)} files in {out}: {', '.join(path.name for path in files)}")
    if not outcome.toolpaths:
        reason = outcome.bound["decision"]["block_reason"]
        console.print(f"[yellow]blocked, no program was made:[/yellow] {reason}", highlight=False, soft_wrap=True)
        raise typer.Exit(1)


@contextmanager
def _access(url: str | None, key: str | None, home: Path) -> Iterator[Access]:
    if url is not None:
        if not key:
            raise ApiError(0, {"error": "USAGE", "message": "--url needs --key (or RMOS_API_KEY)"})
        yield Access(url, key, key)
        return
    running = _running(home)
    if running is not None:
        _say("stack", f"running at {running.url}")
        yield running
        return
    with _own_stack(home) as access:
        yield access


def _running(home: Path) -> Access | None:
    """Access to the stack of this home, if one runs."""
    state = subprocess.run(
        [sys.executable, "-m", "cli.app", "status", "--home", str(home), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return _access_of(home) if state.returncode == 0 else None


def _access_of(home: Path) -> Access:
    stack = json.loads((home / "stack.json").read_text())
    keys = stack["api_keys"]
    return Access(stack["url"], keys["designer"], keys["operator"])


@contextmanager
def _own_stack(home: Path) -> Iterator[Access]:
    """Start a stack for the time of the demo. Its progress goes to the terminal, its ready line is waited for."""
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cli.app", "up", "--home", str(home)]
    stack = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert stack.stdout is not None
        ready = stack.stdout.readline()
        if not ready:
            stack.wait(timeout=START_PATIENCE_S)
            raise StackDidNotStart(f"the stack did not start; see {home / 'logs'}")
        access = _access_of(home)
        _say("stack", f"started at {access.url}")
        yield access
    finally:
        if stack.poll() is None:
            os.kill(stack.pid, signal.SIGTERM)
            stack.wait(timeout=30)
