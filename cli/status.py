"""`rmos status`: what runs, under which process ids, and whether it is ready."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from cli.options import Home
from cli.settings import home_of
from runtime.embedded import stack_state
from runtime.embedded.probes import http_answer
from runtime.embedded.stack import READY_PATH

_READY = 200


def status(
    home: Home = None, as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False
) -> None:
    """Exit 0 when the stack runs and is ready, 1 when not."""
    found = _status_of(home_of(home))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)
    if not found["ready"]:
        raise typer.Exit(1)


def _status_of(home: Path) -> dict[str, Any]:
    """`readyz` is the gateway's own answer, None when it gives none; `restarts` counts since `rmos up`."""
    stack = stack_state.read_stack_file(home)
    if stack is None or not stack_state.is_running(home):
        return {"home": str(home), "running": False, "ready": False, "url": None, "processes": {}, "readyz": None}
    code, body = http_answer(urlsplit(stack.url).port or 80, READY_PATH)
    processes = {
        record.name: {"pid": record.pid, "restarts": record.starts - 1} for record in stack_state.read_processes(home)
    }
    return {
        "home": str(home),
        "running": True,
        "ready": code == _READY,
        "url": stack.url,
        "processes": processes,
        "readyz": _parsed(body) if code is not None else None,
    }


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _print(found: dict[str, Any]) -> None:
    if not found["running"]:
        print(f"no stack is running in {found['home']}")
        return
    print(f"RMOS at {found['url']}: {'ready' if found['ready'] else 'not ready'}")
    for name, process in found["processes"].items():
        restarted = f", restarted {process['restarts']} times" if process["restarts"] else ""
        print(f"  {name:<12} pid {process['pid']}{restarted}")
    if not found["ready"]:
        print(f"  {READY_PATH}: {json.dumps(found['readyz'])}")
