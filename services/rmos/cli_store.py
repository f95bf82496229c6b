"""`rmos store …`: how far everything has come that is derived from the record, and what to do where it is wrong.

Exit codes: 0 sound or done, 1 something was found that stays, 2 wrong usage or nothing to reach.
"""

from __future__ import annotations

import typer

from services.rmos.cli_options import AsJson, Dsn, Home, Vkeys, print_json, reaching

store = typer.Typer(name="store", help="Look after what is derived from the record.", no_args_is_help=True)


@store.command()
def status(home: Home = None, dsn: Dsn = None, vkey: Vkeys = None, as_json: AsJson = False) -> None:
    """How far log, checkpoints, projections and stream have come, and how many blobs there are; changes nothing."""
    from runtime.clock import SystemClock
    from services.rmos.audit.access import audited
    from services.rmos.audit.status import status_of

    with reaching():
        found = status_of(audited(home, dsn, vkey or [], []), SystemClock().now())
    if as_json:
        print_json(found)
    else:
        for name, value in found.items():
            print(f"{name.replace('_', ' '):<28} {value}")
