"""Options, exit codes and failures that rmos' commands share.

Exit codes: 0 sound, 1 something was found, 2 wrong usage or nothing to reach.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

Home = Annotated[
    Path | None, typer.Option("--home", help="Folder of the stack. Default: $RMOS_HOME, else .rmos", show_default=False)
]
Dsn = Annotated[
    str | None,
    typer.Option("--dsn", help="Another database; its object store is named by RMOS_S3_…", show_default=False),
]
Vkeys = Annotated[
    list[str] | None,
    typer.Option("--vkey", help="Public key that you trust, instead of the stack's own.", show_default=False),
]
Url = Annotated[
    str | None,
    typer.Option("--url", help="Another system's address; its key is RMOS_API_KEY.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
FOUND, UNREACHABLE = 1, 2


@contextmanager
def reaching() -> Iterator[None]:
    """What cannot be reached ends the command with 2 and the reason: it says nothing about the record."""
    import nats.errors
    import psycopg

    from runtime.objects import FAILURES
    from services.rmos.audit.access import NothingToReach

    try:
        yield
    except (NothingToReach, psycopg.Error, nats.errors.Error, *FAILURES) as error:
        say(f"nothing was judged: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
        raise typer.Exit(UNREACHABLE) from None


def say(line: str) -> None:
    print(f"rmos: {line}", file=sys.stderr)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))
