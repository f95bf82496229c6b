"""`rmos up`: the whole system on this machine, in the foreground."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.options import Home
from cli.settings import home_of, user_environment
from runtime.embedded import stack_state
from runtime.embedded.errors import EmbeddedError, HomeNotWritable, PortInUse, ServerBinaryMissing
from runtime.embedded.process import wait_until
from runtime.embedded.stack import Plan, run_stack

_WAIT_FOR_FIRST_S = 30.0


def up(
    home: Home = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="HTTP port. Default: the last one, else 8080, else a free one."),
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="AI provider that is used when a request names none, such as offline.")
    ] = None,
) -> None:
    """Start everything, print one line with the URL when it is ready, and stay until Ctrl-C or `rmos down`."""
    plan = Plan(home=home_of(home), user_environment=user_environment(), http_port=port, provider=provider)
    try:
        run_stack(plan, _say, lambda url: print(f"RMOS is ready at {url}", flush=True))
    except stack_state.AlreadyRunning:
        wait_until(lambda: stack_state.read_stack_file(plan.home) is not None, _WAIT_FOR_FIRST_S, interval_s=0.1)
        running = stack_state.read_stack_file(plan.home)
        print(f"RMOS is already running at {running.url if running else plan.home}")
    except (PortInUse, HomeNotWritable, ServerBinaryMissing) as error:
        _say(str(error))
        raise typer.Exit(2) from None
    except EmbeddedError as error:
        _say(str(error))
        raise typer.Exit(1) from None


def _say(line: str) -> None:
    print(f"rmos: {line}", file=sys.stderr, flush=True)
