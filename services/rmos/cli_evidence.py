"""`rmos audit who-made`, `export` and `check-bundle`: what stands behind a G-code file, and how to show it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.rmos.cli_options import (
    FOUND,
    UNREACHABLE,
    AsJson,
    Dsn,
    Home,
    Url,
    Vkeys,
    print_json,
    reaching,
    say,
    write_whole,
)

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


def export(
    name: Annotated[
        str, typer.Argument(metavar="ARTIFACT|RUN|FILE", help="Id of an artifact or run, or a G-code file.")
    ],
    out: Annotated[Path, typer.Option("--out", help="File for the bundle.")],
    home: Home = None,
    dsn: Dsn = None,
    vkey: Vkeys = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """One zip with everything that shows, offline, what a run decided: events, proofs, content, signed statement."""
    from services.rmos.audit.access import audited
    from services.rmos.audit.bundle_export import NoBundle
    from services.rmos.audit.bundle_export import export as bundle_for
    from services.rmos.gateway_access import attestation, gateway_of

    path = Path(name)
    with reaching():
        gateway = gateway_of(home, url, "auditor")
        what = audited(home, dsn, vkey or [], [])
        try:
            run_id, bundle = bundle_for(
                what,
                path.read_bytes() if path.is_file() else name,
                lambda run_id, up_to: attestation(gateway, run_id, up_to),
            )
        except NoBundle as problem:
            say(str(problem))
            raise typer.Exit(FOUND) from None
    write_whole(out, bundle)
    if as_json:
        print_json({"run_id": run_id, "bundle": str(out), "size": len(bundle)})
    else:
        print(f"run {run_id}: {out} ({len(bundle)} bytes); anybody may check it with `rmos audit check-bundle {out}`")


def check_bundle(
    bundle: Annotated[Path, typer.Argument(help="A bundle.", exists=True, dir_okay=False, readable=True)],
    vkey: Vkeys = None,
    program: Annotated[
        Path | None,
        typer.Option("--program", help="A G-code file that must be the bundle's subject.", exists=True, dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whether a bundle holds together; needs no network, no database and no bus. Without --vkey it trusts the bundle's
    own key, and says so."""
    from services.rmos.audit.bundle_check import check_bundle as checked
    from services.rmos.domain.checkpoint import NotAKey, VerifierKey

    try:
        keys = [VerifierKey.parse(text) for text in vkey or []]
    except NotAKey as problem:
        say(f"--vkey: {problem}")
        raise typer.Exit(UNREACHABLE) from None
    verdict = checked(bundle.read_bytes(), keys, program.read_bytes() if program is not None else None)
    if as_json:
        print_json(verdict.as_json())
    else:
        for flaw in verdict.flaws:
            print(f"{flaw.where}: {flaw.what}")
        for release in (verdict.statement or {}).get("predicate", {}).get("releases", []) if verdict.sound else []:
            print("\n".join(_told(release)))
        by = "given by you" if verdict.keys_were_given else "the bundle's own: compare it with the log's"
        said = "sound" if verdict.sound else "not sound"
        print(f"{said}; trusted {', '.join(map(str, verdict.keys)) or 'no key'}, {by}")
    if not verdict.sound:
        raise typer.Exit(FOUND)


def _told(release: dict[str, Any]) -> list[str]:
    verdict, approval, proof = release["feasibility"], release["approval"], release.get("proof")
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
    lines.append(f"engines     {engines}")
    if proof is not None:
        lines.append(
            f"proof       event {release['position']} of {proof['log']}, of {proof['tree_size']} that are signed"
        )
    return lines


def _approved(approval: dict[str, Any] | None) -> str:
    if approval is None:
        return "not asked for"
    return f"{approval['approved_at_utc']} as {approval['artifact_id']} by {_who(approval['approved_by'])}"


def _accepted(drift: dict[str, Any]) -> str:
    override = drift["override_artifact_id"]
    return "the shop's policy lets it pass" if override is None else f"accepted by {override}"


def _who(person: dict[str, str]) -> str:
    return f"{person['id']} ({person['role']})"
