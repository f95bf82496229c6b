"""`rmos replay`: is what is on record still what comes out?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.rmos.cli_options import FOUND, UNREACHABLE, AsJson, Home, Url, print_json, reaching, say, shown_progress


def replay(
    run: Annotated[str | None, typer.Argument(help="Id of a run.", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every run there is.")] = False,
    home: Home = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Compute drawings, verdicts, toolpaths and programs again from their recorded inputs and compare the digests.

    Exit code 0: nothing drifted; 1: something did; 2: nothing could be asked. Records nothing.
    """
    from services.rmos.audit.replay_all import all_runs, replayed
    from services.rmos.gateway_access import gateway_of

    if (run is None) != every:
        say("name one run, or say --all")
        raise typer.Exit(UNREACHABLE)
    with reaching():
        gateway = gateway_of(home, url, "auditor")
        run_ids = [run] if run is not None else all_runs(gateway)
        with shown_progress(as_json) as progress:
            report = replayed(gateway, run_ids, lambda done: progress("runs", done, len(run_ids)))
    if as_json:
        print_json(report.as_json())
    else:
        for item in report.told():
            print(_told(item))
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.counts.items())
        print(f"{len(report.runs)} runs: {counts}")
    if report.drifted:
        raise typer.Exit(FOUND)


def _told(item: dict[str, Any]) -> str:
    where = f"{item['outcome']}: {item['what']} of {item['of']} in {item['run_id']}"
    if item["outcome"] != "drift":
        return f"{where}: {item['reason']}"
    why = f"{', '.join(item['changed'])}{': ' + item['reason'] if item['reason'] else ''}"
    return f"{where}: recorded {item['recorded_sha256']}, today {item['recomputed_sha256']}: {why}"
