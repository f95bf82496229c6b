"""The `rmos` command. Exit codes: 0 done, 1 no (not ready, failed), 2 wrong usage or nothing to reach.

A command's module is imported only when that command is wanted, or all are listed: each start of the program would
otherwise wait for the drivers of all of them.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points

import typer

_OWN = {
    "up": "cli.up:up",
    "down": "cli.down:down",
    "status": "cli.status:status",
    "demo": "cli.demo:demo",
    "bus": "cli.bus:bus",
    "catalog": "cli.catalog:catalog",
}
_SERVICES = "rmos.commands"
"""The entry points by which a service brings commands of its own."""


def program(wanted: str | None = None) -> typer.Typer:
    """The whole command line, or as much of it as the command `wanted` needs."""
    commands = [EntryPoint(name, where, _SERVICES) for name, where in _OWN.items()]
    if wanted not in _OWN:
        commands += sorted(entry_points(group=_SERVICES), key=lambda command: command.name)
    known = {command.name for command in commands}
    app = typer.Typer(
        name="rmos",
        help="Rosettes from words to G-code that may be cut: run the system and its main job on this machine.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # its tracebacks show local variables, and those hold credentials
    )
    app.callback()(_commands)
    for command in commands:
        if wanted not in known or command.name == wanted:
            _add(app, command)
    return app


def _commands() -> None:
    """Keeps a single command a command of its own."""


def _add(app: typer.Typer, command: EntryPoint) -> None:
    try:
        loaded = command.load()
    except ModuleNotFoundError:
        if command.name in _OWN:
            raise
        return  # an installation without that service has not its commands either
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=command.name)
    else:
        app.command(command.name)(loaded)


def main() -> None:
    """The console script."""
    program(next((word for word in sys.argv[1:] if not word.startswith("-")), None))()


if __name__ == "__main__":
    main()
