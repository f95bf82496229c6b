"""The commands that rmos adds to the command line: `rmos audit …`; `rmos store …` stands in cli_store.

Exit codes: 0 sound, 1 something was found, 2 wrong usage or nothing to reach. What needs a driver is imported when a
command runs: the other commands of `rmos` start no slower for these.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.rmos import cli_evidence
from services.rmos.cli_options import (
    FOUND,
    UNREACHABLE,
    AsJson,
    Dsn,
    Home,
    Vkeys,
    reaching,
    say,
    shown_progress,
    write_whole,
)

if TYPE_CHECKING:
    from services.rmos.audit.findings import Report

audit = typer.Typer(name="audit", help="Check that the record is what it was, and prove it.", no_args_is_help=True)


@audit.command()
def verify(
    home: Home = None,
    dsn: Dsn = None,
    vkey: Vkeys = None,
    held: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="A checkpoint that you kept: the log must still extend it."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out projections, public tiles and the blobs' content.")
    ] = False,
    without_bus: Annotated[
        bool, typer.Option("--without-bus", help="Leave out the mark of what was signed and the stream LOG.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hash every event again and hold log, signatures, tiles, blobs, projections and stream against each other."""
    from services.rmos.audit.access import audited, with_its_bus
    from services.rmos.audit.verify import audit as audit_of

    with reaching():
        what = audited(home, dsn, vkey or [], held or [])
        what = replace(what, stream=None) if without_bus else with_its_bus(what)
        with shown_progress(as_json) as progress:
            report = audit_of(what, quick=quick, progress=progress)
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        _print(report)
    if not report.sound:
        raise typer.Exit(FOUND)


@audit.command()
def proof(
    artifact: Annotated[str, typer.Argument(help="Id of an artifact.")],
    home: Home = None,
    out: Annotated[Path | None, typer.Option("--out", help="File for the proof; default: standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """The proof that an artifact stands in the log: entry, hashes and signed checkpoint, checked before it is given.

    Without --out it is JSON in any case; with it, --json says as JSON what was written.
    """
    from services.rmos.audit.access import audited
    from services.rmos.audit.proof_file import ProvesNothing, fetched_proof
    from services.rmos.gateway_access import gateway_of

    with reaching():
        try:
            keys = audited(home, None, [], []).keys
            found = fetched_proof(gateway_of(home, None, "auditor"), artifact, keys)
        except ProvesNothing as problem:
            say(str(problem))
            raise typer.Exit(FOUND) from None
    text = json.dumps(found, indent=2)
    if out is None:
        print(text)
    else:
        write_whole(out, f"{text}\n".encode())
    if out is not None and as_json:
        print(json.dumps({"proof": str(out), "position": found["position"], "tree_size": found["tree_size"]}))
    elif out is not None:
        print(f"event {found['position']}, covered by the checkpoint of {found['tree_size']} events: {out}")


@audit.command("rotate-key")
def rotate_key(home: Home = None) -> None:
    """Make a new signing key; it signs from the next start of the stack on, the old ones stay public."""
    from runtime.embedded.errors import EmbeddedError
    from runtime.embedded.stack_config import rotate_checkpoint_key
    from services.rmos.audit.access import HomeSettings

    try:
        config = rotate_checkpoint_key((home or HomeSettings.read().home).expanduser().resolve())
    except EmbeddedError as error:
        say(str(error))
        raise typer.Exit(UNREACHABLE) from None
    print(f"the next start signs with {config.checkpoint_vkeys[0]}")


audit.command("who-made")(cli_evidence.who_made)
audit.command("export")(cli_evidence.export)
audit.command("check-bundle")(cli_evidence.check_bundle)


def _print(report: Report) -> None:
    for finding in report.findings:
        print(f"{finding.kind.value}: {finding.where}: {finding.what}")
    for note in report.notes:
        print(f"note: {note}")
    for left_out in report.not_checked:
        print(f"not checked: {left_out}")
    checked = ", ".join(f"{amount} {name.replace('_', ' ')}" for name, amount in report.checked.items())
    print(f"{'sound' if report.sound else f'{len(report.findings)} findings'}; checked {checked}")
