"""`rmos audit who-made`: what stands behind a G-code file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.rmos.cli_options import FOUND, AsJson, Dsn, Home, Vkeys, print_json, reaching

Program = Annotated[Path, typer.Argument(help="A G-code file.", exists=True, dir_okay=False, readable=True)]


def who_made(program: Program, home: Home = None, dsn: Dsn = None, vkey: Vkeys = None, as_json: AsJson = False) -> None:
    """Run, verdict and approver behind a G-code file, found by its SHA-256 and proved by the signed log."""
    from services.rmos.audit.access import audited
    from services.rmos.audit.who_made import who_made as origin_of

    with reaching():
        origin = origin_of(audited(home, dsn, vkey or [], []), program.read_bytes())
    if as_json:
        print_json(origin.as_json())
    else:
        for release in origin.releases:
            print("\n".join(_told(release)))
        for finding in origin.findings:
            print(f"{program}: {finding}")
    if not origin.known:
        raise typer.Exit(FOUND)


def _told(release: dict[str, Any]) -> list[str]:
    verdict, approval, proof = release["feasibility"], release["approval"], release["proof"]
    lines = [
        f"run         {release['run_id']}",
        f"released    {release['released_at_utc']} as {release['artifact_id']}, for {_who(release['asked_by'])}",
        f"feasibility {verdict['risk_level']} {verdict['score']}, {verdict['artifact_id']}",
        f"            {verdict['feasibility_sha256']}",
        f"approved    {_approved(approval)}",
    ]
    if release["override"] is not None:
        override = release["override"]
        by = _who(override["overridden_by"])
        lines.append(f"override    {override['artifact_id']} by {by}: {override['reason']}")
    if release["drift"] is not None:
        drift = release["drift"]
        lines.append(f"drift       {', '.join(drift['changed'])}; {_accepted(drift)}")
    engines = ", ".join(f"{name} {version}" for name, version in release["engine_versions"].items())
    return [
        *lines,
        f"engines     {engines}",
        f"proof       event {release['position']} of {proof['log']}, below its checkpoint of {proof['tree_size']}",
    ]


def _approved(approval: dict[str, Any] | None) -> str:
    if approval is None:
        return "not asked for"
    return f"{approval['approved_at_utc']} as {approval['artifact_id']} by {_who(approval['approved_by'])}"


def _accepted(drift: dict[str, Any]) -> str:
    override = drift["override_artifact_id"]
    return "the shop's policy lets it pass" if override is None else f"accepted by {override}"


def _who(person: dict[str, str]) -> str:
    return f"{person['id']} ({person['role']})"
