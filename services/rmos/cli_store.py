"""`rmos store …`: how far everything has come that is derived from the record, and what to do where it is wrong.

Exit codes: 0 sound or done, 1 something was found that stays, 2 wrong usage or nothing to reach.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from services.rmos.cli_options import (
    FOUND,
    UNREACHABLE,
    AsJson,
    Dsn,
    Home,
    Vkeys,
    print_json,
    reaching,
    say,
    shown_progress,
)

store = typer.Typer(name="store", help="Look after what is derived from the record.", no_args_is_help=True)
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]


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


@store.command()
def rebuild(home: Home = None, dsn: Dsn = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Fold the whole log into new tables beside the live projections, then put them in their place. The system goes on
    working. --dsn is that of the role rmos_writer."""
    from runtime.logs import warnings_of
    from services.rmos.audit.keeper import writer_dsn
    from services.rmos.audit.snapshot import snapshot
    from services.rmos.projections.folds import FOLD_VERSION
    from services.rmos.projections.maintenance import rebuild_projections
    from services.rmos.projections.writing import CURSOR

    with reaching(), _databases():
        writer = writer_dsn(home, dsn)
        with snapshot(writer) as view:
            events, cursor = view.events(), view.cursor_of_projections(CURSOR)
        found = {"events": events, "fold_version": FOLD_VERSION, "former_fold_version": cursor[1] if cursor else None}
        if not dry_run:
            with shown_progress(as_json) as progress:
                progress("rebuild", 0, events)
                folded = 0

                def advance(position: int) -> None:
                    nonlocal folded
                    progress("rebuild", position - folded, None)
                    folded = position

                found["rebuilt_to"] = asyncio.run(rebuild_projections(writer, warnings_of("store"), advance))
    if as_json:
        print_json(found)
    elif dry_run:
        print(f"would fold {events} events into new tables (version {FOLD_VERSION}) and put them in place")
    else:
        print(f"the projections hold the log up to position {found['rebuilt_to']}")


@store.command()
def orphans(
    home: Home = None,
    dsn: Dsn = None,
    vkey: Vkeys = None,
    remove: Annotated[bool, typer.Option("--remove", help="Delete them. Without it they are only listed.")] = False,
    older_than_h: Annotated[
        float, typer.Option("--older-than", min=1, help="Grace period in hours: younger content is left alone.")
    ] = 24,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Objects in the store that no event and no asset refers to. --dsn is that of the role rmos_reader."""
    from datetime import timedelta

    from runtime.clock import SystemClock
    from services.rmos.audit.access import audited
    from services.rmos.audit.orphans import orphans_of

    with reaching():
        what, grace = audited(home, dsn, vkey or [], []), timedelta(hours=older_than_h)
        with shown_progress(as_json) as progress:
            now = SystemClock().now()
            found = orphans_of(what, now, grace=grace, remove=remove and not dry_run, progress=progress)
    if as_json:
        print_json(found.as_json())
    else:
        for orphan in found.orphans:
            done = "removed" if orphan.key in found.removed else orphan.why
            print(f"{done}: {orphan.key} ({orphan.size} bytes)")
        for key in found.foreign:
            print(f"foreign: {key}: no part of the system gives such a name")
        print(
            f"{len(found.left)} orphans left, {len(found.removed)} removed, {len(found.young)} within the grace "
            f"period, {len(found.quarantined)} in quarantine; checked {found.checked} objects"
        )
    if found.left or found.foreign:
        raise typer.Exit(FOUND)


@store.command()
def repair(
    home: Home = None,
    dsn: Dsn = None,
    vkey: Vkeys = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Allow making the bus stream LOG anew; its subscribers begin again.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Verify, mend what is derived (projections, tiles, public checkpoint, stream), move changed blobs to quarantine,
    and verify again. Events are never touched, nothing is deleted."""
    from runtime.logs import warnings_of
    from services.rmos.audit.keeper import keeper
    from services.rmos.audit.repair import repaired

    with reaching(), _databases():
        by = keeper(home, dsn, vkey or [])
        with shown_progress(as_json) as progress:
            log = warnings_of("store")
            result = repaired(by, log, dry_run=dry_run, stream=stream, progress=progress)
    if as_json:
        print_json(result.as_json())
    else:
        for finding in result.before.findings:
            print(f"found: {finding.kind.value}: {finding.where}: {finding.what}")
        for act in result.acts:
            told = f"left out, {act.left_out}" if act.left_out else "would be done" if dry_run else "done"
            print(f"{act.what} ({act.findings} findings): {told}")
        for finding in result.after.findings if result.after is not None else ():
            print(f"remains: {finding.kind.value}: {finding.where}: {finding.what}")
        print("sound" if result.sound else "not sound")
    if not result.sound:
        raise typer.Exit(FOUND)


@contextmanager
def _databases() -> Iterator[None]:
    """What a rebuild says in SQLAlchemy's words, and its own refusals."""
    from sqlalchemy.exc import SQLAlchemyError

    from contracts.errors import RmosError
    from services.rmos.audit.regrowth import TreeDisagrees
    from services.rmos.event_log.relay import LogDisagrees
    from services.rmos.projections.changes import FoldBroken
    from services.rmos.projections.rebuild import RebuildUnderWay

    try:
        yield
    except (RebuildUnderWay, FoldBroken, LogDisagrees, TreeDisagrees) as error:
        say(f"nothing was changed: {error}")
        raise typer.Exit(FOUND) from None
    except (SQLAlchemyError, RmosError) as error:
        say(f"the database refuses or is away: {str(error).splitlines()[0]}")
        raise typer.Exit(UNREACHABLE) from None
