"""The `rmos` command. Exit codes: 0 done, 1 no (not ready, failed), 2 wrong usage or nothing to reach."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import entry_points

import typer

from cli.bus import bus
from cli.catalog import catalog
from cli.demo import demo
from cli.down import down
from cli.status import status
from cli.up import up

app = typer.Typer(
    name="rmos",
    help="Rosettes from words to G-code that may be cut: run the system and its main job on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, and those hold credentials
)
app.command()(up)
app.command()(down)
app.command()(status)
app.command()(demo)
app.add_typer(bus, name="bus")
app.add_typer(catalog, name="catalog")
for command in sorted(entry_points(group="rmos.commands"), key=lambda entry: entry.name):
    with suppress(ModuleNotFoundError):  # an installation without that service has not its commands either
        loaded = command.load()
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=command.name)
        else:
            app.command(command.name)(loaded)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
