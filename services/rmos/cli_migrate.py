"""`rmos migrate …`: the schema of the database of the record.

Exit codes: 0 as declared or done, 1 not as declared or refused, 2 wrong usage or nothing to reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from services.rmos.cli_options import FOUND, UNREACHABLE, AsJson, Home, print_json, reaching, say

if TYPE_CHECKING:
    from sqlalchemy import Connection

migrate = typer.Typer(name="migrate", help="The schema of the record's database.", no_args_is_help=True)
OwnerDsn = Annotated[
    str | None,
    typer.Option("--dsn", help="Another database, as the role that owns its tables.", show_default=False),
]


@migrate.command()
def status(home: Home = None, dsn: OwnerDsn = None, as_json: AsJson = False) -> None:
    """Which migrations are applied and which are pending; changes nothing. Exit 1 while some are pending."""
    from services.rmos.schema import status_of

    with _database(home, dsn) as connection:
        found = status_of(connection)
    if as_json:
        print_json(found.as_json())
    else:
        for step in found.steps:
            way_back = "can be undone" if step.lossless else "cannot be undone"
            print(f"{step.revision}  {'applied' if step.applied else 'pending'}  {step.what} ({way_back})")
        if not found.known:
            print(f"the database is at {found.current}, which this version of rmos does not know")
    if found.pending or not found.known:
        raise typer.Exit(FOUND)


@migrate.command()
def up(home: Home = None, dsn: OwnerDsn = None, as_json: AsJson = False) -> None:
    """Apply what is pending, all of it or nothing."""
    from services.rmos.schema import status_of, upgraded

    with _database(home, dsn) as connection:
        before = status_of(connection)
        if not before.known:
            say(f"the database is at {before.current}, which this version of rmos does not know: use the newer one")
            raise typer.Exit(FOUND)
        upgraded(connection)
    applied = [step.revision for step in before.pending]
    if as_json:
        print_json({"applied": applied, "current": before.newest})
    else:
        print(f"applied {', '.join(applied)}" if applied else f"nothing is pending, the schema is at {before.newest}")


@migrate.command()
def verify(home: Home = None, dsn: OwnerDsn = None, as_json: AsJson = False) -> None:
    """Hold tables, guards and rights in the database against what this version of rmos declares; changes nothing."""
    from services.rmos.schema import differences

    with _database(home, dsn) as connection:
        found = differences(connection)
    if as_json:
        print_json({"sound": not found, "differences": [asdict(item) for item in found]})
    else:
        for item in found:
            print(f"{item.where}: {item.what}")
        print("as declared" if not found else f"{len(found)} differences")
    if found:
        raise typer.Exit(FOUND)


@migrate.command()
def rollback(
    to: Annotated[str, typer.Option("--to", help="Revision to go back to, as `status` shows it.")],
    home: Home = None,
    dsn: OwnerDsn = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be undone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Undo migrations, only where nothing is lost by it; the record itself is never dropped. Stop rmos before."""
    from services.rmos.schema import RollbackRefused, rollback_plan, rolled_back

    with _database(home, dsn) as connection:
        try:
            undone = rollback_plan(connection, to) if dry_run else rolled_back(connection, to)
        except RollbackRefused as refusal:
            say(f"refused: {refusal}")
            if as_json:
                print_json({"undone": [], "refused": str(refusal)})
            raise typer.Exit(FOUND) from None
    revisions = [step.revision for step in undone]
    if as_json:
        print_json({"undone": revisions, "refused": None, "dry_run": dry_run})
    else:
        print(f"{'would undo' if dry_run else 'undone'}: {', '.join(revisions) or 'nothing'}")


@contextmanager
def _database(home: Home, dsn: str | None) -> Iterator[Connection]:
    """As the owner; what is away or refuses ends the command with 2."""
    from sqlalchemy.exc import SQLAlchemyError

    from services.rmos.audit.keeper import owner_dsn
    from services.rmos.schema import connected

    with reaching():
        owner = owner_dsn(home, dsn)
    try:
        with connected(owner) as connection:
            yield connection
    except SQLAlchemyError as error:
        say(f"the database refuses or is away: {str(error).splitlines()[0]}")
        raise typer.Exit(UNREACHABLE) from None
