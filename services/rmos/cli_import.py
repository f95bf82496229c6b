"""`rmos import-legacy`: the run files of the system before this one, into the record.

Exit codes: 0 everything is on the record, 1 something could not be read or taken, 2 wrong usage or nothing to reach.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.rmos.cli_options import FOUND, AsJson, Home, Url, print_json, reaching, shown_progress

import_legacy = typer.Typer(
    name="import-legacy",
    help="Take the former system's run files, <dir>/<YYYY-MM-DD>/<run_id>.json, into the record.",
    invoke_without_command=True,
    subcommand_metavar="",
    context_settings={"allow_interspersed_args": True},  # a group would take what follows the folder for a command
)
Folder = Annotated[Path, typer.Argument(help="Folder with a folder for each day.", exists=True, file_okay=False)]


@import_legacy.callback()
def run(
    folder: Folder,
    home: Home = None,
    url: Url = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read the files and tell what they are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Each file becomes a run with one record, marked as imported; what is there already is not added again. A file
    that cannot be read is named with the reason and holds nothing up."""
    from runtime.ids import new_id
    from services.rmos.gateway_access import gateway_of
    from services.rmos.legacy_import import imported, surveyed

    with reaching(), shown_progress(as_json) as progress:
        if dry_run:
            report = surveyed(folder, progress)
        else:
            report = imported(folder, gateway_of(home, url, "admin"), new_id("import"), progress)
    if as_json:
        print_json(report.as_json())
    else:
        for item in report.failed:
            print(f"not taken: {item.path}: {item.reason}")
        for done in (*report.added, *report.known):
            for warning in done.warnings:
                print(f"note: {done.path}: {warning}")
        for path in report.left_out:
            print(f"left out: {path}: no run file")
        what = "readable" if dry_run else "added"
        print(
            f"{len(report.added)} {what}, {len(report.known)} there already, {len(report.failed)} not taken, "
            f"{len(report.left_out)} left out"
        )
    if report.failed:
        raise typer.Exit(FOUND)
