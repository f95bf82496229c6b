"""Options, exit codes and failures that rmos' commands share.

Exit codes: 0 sound, 1 something was found, 2 wrong usage or nothing to reach.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from services.rmos.audit.verify import Progress

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

    from runtime.s3 import FAILURES
    from services.rmos.audit.access import NothingToReach

    try:
        yield
    except (NothingToReach, psycopg.Error, nats.errors.Error, *FAILURES) as error:
        say(f"nothing was judged: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
        raise typer.Exit(UNREACHABLE) from None


@contextmanager
def shown_progress(silent: bool) -> Iterator[Progress]:
    """A bar for each kind of thing, on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=silent or not console.is_terminal, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def advance(name: str, amount: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.advance(tasks[name], amount)

        yield advance


def write_whole(path: Path, data: bytes) -> None:
    """The file is there with all of the data, or as it was before. What cannot be written ends the command with 2."""
    half: Path | None = None
    try:
        if path.exists() and not path.is_file():  # a pipe or a device takes what is written, and stays
            path.write_bytes(data)
            return
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            half = Path(file.name)
            file.write(data)
        half.chmod(0o666 & ~_umask())
        half.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            if half is not None:
                half.unlink(missing_ok=True)
        say(f"{path} cannot be written: {error.strerror or error}")
        raise typer.Exit(UNREACHABLE) from None


def _umask() -> int:
    """Temporary files are their owner's alone; what people ask for has the rights of any new file."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def say(line: str) -> None:
    print(f"rmos: {line}", file=sys.stderr)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))
